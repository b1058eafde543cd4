"""What is measured on a GPU, all of it by one command: `python -m benchmarks.gpu OUT`."""
