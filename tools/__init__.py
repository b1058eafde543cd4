"""What builds the book and runs the coursework; not part of the package `ganedu`."""
