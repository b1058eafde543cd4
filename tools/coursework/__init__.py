"""The course as coursework: a student edition of every chapter, and grades for what comes back.

nbgrader blanks the solutions, restores the test cells, keeps the grades and writes the annotated pages. What is
added here: hostile or broken submissions are taken apart before (`submissions`), and executed in a process of their
own, under limits (`sandbox`, `runner`, `guard`). Described for people in {ref}`coursework`.
"""
