"""What a run shows while it runs: a bar on a terminal and in a notebook, a line now and then elsewhere.

Taught in {ref}`training`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

LINES = 10  # of a whole run, where there is no terminal


def seconds_to_text(seconds: float) -> str:
    """A duration as 1:02:03 or 4:05; what is not known is "?".

    Taught in {ref}`training`.
    """
    return tqdm.format_interval(seconds) if 0 <= seconds < float("inf") else "?"


class Progress:
    """Speed, time left and the last metrics of a run, on stderr.

    Taught in {ref}`training`.
    """

    def __init__(self, *, step: int, steps: int, shown: bool):
        interactive = sys.stderr.isatty() or _in_notebook()
        self.bar = tqdm(total=steps, initial=step, unit="step", disable=not (shown and interactive), dynamic_ncols=True)
        self.lines = shown and not interactive
        self.steps, self.first = steps, step
        self.every = max(1, steps // LINES)
        self.next_line = step + self.every

    def advance(self) -> None:
        """Count one step."""
        with self._shown_if_possible():
            self.bar.update()

    def show(self, step: int, metrics: dict[str, float], seconds: float) -> None:
        """Show metrics that have just been read; `seconds`: since the session began."""
        numbers = " ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        with self._shown_if_possible():
            self.bar.set_postfix_str(numbers, refresh=False)
            if self.lines and (step >= self.next_line or step == self.steps):
                speed = (step - self.first) / max(seconds, 1e-9)
                left = seconds_to_text((self.steps - step) / speed) if speed else "?"
                line = f"step {step}/{self.steps}  {numbers}  {speed:.1f} steps/s, {left} left"
                print(line, file=sys.stderr, flush=True)
                self.next_line = step + self.every

    def close(self) -> None:
        """Leave the bar as it is."""
        with self._shown_if_possible():
            self.bar.close()

    @contextmanager
    def _shown_if_possible(self) -> Iterator[None]:
        """Where nobody reads stderr any more (`2>&1 | head`, a closed terminal) the run goes on in silence."""
        try:
            yield
        except OSError:
            self.bar.disable, self.lines = True, False


def _in_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None
