"""Mutants: small breaks made by machine, one at a time, to learn what the checks and the tests do not see.

`python -m tools.mutants package` breaks the package and runs the unit tests that concern the broken module;
`python -m tools.mutants chapters` breaks the code cells of chapters and runs them.
How to read the results: `book/appendix/mutants.md`.
"""
