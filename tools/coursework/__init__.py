"""The course as coursework: a student edition of every chapter, and grades for what comes back.

nbgrader blanks the solutions. Grading is ours: a submission is a program, so its answers run behind a wall (`walls`),
where they are asked for values (`answering`); the tests run outside of it (`judge`, `asking`), and what passes between
the two is plain data (`wire`). Described for people in {ref}`coursework`.
"""


class CourseworkError(Exception):
    """The command cannot be carried out; the message says why and what to do."""
