"""Loaded into the kernel of a graded notebook, before the submission: it closes the doors that are easy to close.

It is no prison. Python code that sets out to break it can; see "What is not defended" in {ref}`coursework`.
"""

import importlib
import json
import os
import sys
from functools import partial

RULES = "COURSEWORK_RULES"  # the environment variable with the arguments of `install`, as JSON
PRISTINE = ("builtins", "math", "numpy", "torch", "torch.autograd", "torch.linalg", "ganedu")
FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.kill", "socket.connect")
CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def load_ipython_extension(shell):
    """Called by the kernel at its start. The variable is gone once the guard stands: that is how one can tell."""
    install(shell, **json.loads(os.environ[RULES]))
    del os.environ[RULES]


def install(shell, imports: str, scratch: str, hidden: list[str], readable: list[str]):
    """Undo, after every cell, what a submission did to the course's tools; watch its files, processes and network.

    imports: the import statements of the chapter, whose names the tests rely on.
    scratch: the one folder it may write to; hidden: folders it may not read, but for those in `readable`.
    """
    exec(imports, shell.user_ns)
    names = [*map(importlib.import_module, PRISTINE), *(sys.modules[name] for name in _course_modules())]
    saved = [(owner, _functions(owner)) for owner in (*names, sys.modules["torch"].Tensor)]
    modules = {name: sys.modules[name] for name in (*PRISTINE, *_course_modules())}
    transformers = {name: list(getattr(shell, name)) for name in ("ast_transformers", "input_transformers_post")}

    def restore(_result):
        sys.modules.update(modules)
        for owner, functions in saved:
            _put_back(owner, functions)
        for name, value in transformers.items():
            getattr(shell, name)[:] = value
        exec(imports, shell.user_ns)

    shell.events.register("post_run_cell", restore)
    sys.addaudithook(partial(_watch, scratch, hidden, readable))


def _course_modules() -> list[str]:
    return [name for name in sys.modules if name.startswith("ganedu.")]


def _functions(owner) -> dict:
    return {name: value for name, value in vars(owner).items() if callable(value)}


def _put_back(owner, functions: dict):
    """Give a module or a class its own functions back; one added to a class could hide an inherited one, so it goes."""
    for name, value in functions.items():
        if vars(owner).get(name) is not value:
            setattr(owner, name, value)
    if isinstance(owner, type):
        for name in _functions(owner).keys() - functions.keys():
            delattr(owner, name)


def _watch(scratch: str, hidden: list[str], readable: list[str], event: str, arguments: tuple):
    """An audit hook: raises PermissionError for what a submission has no business with."""
    if event == "open" and isinstance(arguments[0], str | bytes):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        mode, flags = arguments[1], arguments[2] or 0
        writes = bool(set(mode) & set("wax+")) if mode else bool(flags & WRITING)
        if writes and not _below(path, [scratch, "/dev"]):
            raise PermissionError(f"while it is graded, a notebook writes to its own folder only, not to {path}")
        if _below(path, hidden) and not _below(path, [scratch, *readable]):
            raise PermissionError(f"while it is graded, a notebook cannot read {path}")
    elif event in CHANGES:
        for path in arguments[: 2 if event in ("os.rename", "os.link", "os.symlink") else 1]:
            if not _below(os.path.realpath(os.fsdecode(path)), [scratch]):
                raise PermissionError(f"while it is graded, a notebook cannot change {path}")
    elif event.startswith(FORBIDDEN):
        raise PermissionError(f"while it is graded, a notebook cannot start programs or connect to others ({event})")


def _below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)
