"""The formulas that the book prints, as functions: LaTeX is parsed and evaluated with values for its symbols.

Taught in {ref}`formula`.
"""

from ganedu.formula._errors import FormulaError
from ganedu.formula._evaluate import Of
from ganedu.formula._matrices import Matrix, matrix, vector
from ganedu.formula._misprints import Misprint, misprints
from ganedu.formula._read import Formula, Link, number, printed, read, value

__all__ = [
    "Formula",
    "FormulaError",
    "Link",
    "Matrix",
    "Misprint",
    "Of",
    "matrix",
    "misprints",
    "number",
    "printed",
    "read",
    "value",
    "vector",
]
