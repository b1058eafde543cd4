"""Our training steps against the steps that people copy: `make bench`, or `python -m benchmarks NAME`.

One file a recipe with its `plain_step` and a `contest()`; `measure` takes turns between the contestants in one process.
The results are files of JSON in `benchmarks/results`, from which the book's page on performance is made.
"""
