"""Companion package of the course: the formulas of the chapters as short, tested functions.

Import the modules you need, ``from ganedu import checks, losses``; nothing is loaded before.
"""

__version__ = "0.1.0"
