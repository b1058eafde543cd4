"""A run as one page: what it was asked, what it learned, what it made, and how to go on.

`run_report.write(run)` makes RUN/report.html. Nothing here trains, and the page needs neither a network nor a script.
Taught in {ref}`training`.
"""
