"""``python -m ganedu`` is the command ``ganedu``."""

from ganedu.cli import app

if __name__ == "__main__":
    app(prog_name="ganedu")
