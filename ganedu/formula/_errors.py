"""What is wrong with a formula, and where."""


class FormulaError(ValueError):
    """A formula that cannot be read or evaluated; the message names the place in the LaTeX.

    Taught in {ref}`formula`.
    """

    def __init__(self, problem: str, latex: str = "", start: int = 0, end: int | None = None):
        self.problem = problem
        place = latex[start:end].strip()
        around = latex[max(0, start - 25) : start].split("\n")[-1].lstrip()
        where = f" at column {start + 1}, `{_short(place)}`" if place else (" at the end" if latex else "")
        after = f", after `{_short(around, tail=True)}`" if around.strip() else ""
        super().__init__(f"{problem}{where}{after}")


def _short(text: str, length: int = 40, tail: bool = False) -> str:
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    return "..." + text[-length:] if tail else text[:length] + "..."
