"""What can go wrong in a run, apart from a wrong argument.

Taught in {ref}`training`.
"""


class TrainingError(RuntimeError):
    """A run cannot start or go on; the message is one sentence that names the place and the remedy.

    Taught in {ref}`training`.
    """


class Interrupted(TrainingError):
    """The run was stopped by Ctrl-C or SIGTERM, after it had been saved.

    Taught in {ref}`training`.
    """
