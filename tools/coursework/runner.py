"""The child process of `sandbox`: executes one notebook, cell by cell, and reports each cell as soon as it has run.

Reads an order (JSON) from standard input and writes one JSON line a cell to standard output.
"""

import json
import os
import resource
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from tools.coursework import guard

RECOVERY_SECONDS = 5  # what an interrupted kernel gets to come back
MAX_FILE = 2**28  # bytes
MAX_TEXT, MAX_PICTURE, MAX_OUTPUTS = 20_000, 2_000_000, 100  # characters of an output, outputs of a cell
SHOWN = {"text/plain": MAX_TEXT, "image/png": MAX_PICTURE}  # no HTML of a student in a teacher's browser


def main():
    """Execute the notebook that was ordered; the first line says that the kernel is ready."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a kernel inherits standard output, and it is not to write reports
    order = json.load(sys.stdin)
    _limit(resource.RLIMIT_DATA, order["memory"])
    _limit(resource.RLIMIT_FSIZE, MAX_FILE)
    notebook = nbformat.from_dict(order["notebook"])
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        allow_errors=True,
        timeout_func=lambda cell: order["seconds"] if "nbgrader" in cell.metadata else None,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "TimeLimit", "evalue": f"stopped after {order['seconds']:g} seconds"},
        raise_on_iopub_timeout=True,
        iopub_timeout=RECOVERY_SECONDS,
        on_cell_executed=_record_timeout,
        shutdown_kernel="immediate",
        extra_arguments=[f"--IPKernelApp.extra_extensions={guard.__name__}", "--HistoryManager.hist_file=:memory:"],
    )
    with client.setup_kernel():
        _say(report, ready=_is_guarded(client))
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                alive = _execute(client, cell, index)
                _say(report, index=index, outputs=_trimmed(cell.outputs), execution_count=cell.execution_count)
                if not alive:
                    break


def _limit(kind: int, amount: int):
    hard = resource.getrlimit(kind)[1]
    amount = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
    resource.setrlimit(kind, (amount, amount))


def _say(report, **message):
    report.write(json.dumps(message) + "\n")
    report.flush()


def _is_guarded(client: NotebookClient) -> bool:
    """Whether the kernel runs, with the guard in it."""
    cell = new_code_cell(f"assert '{guard.RULES}' not in __import__('os').environ")
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return not cell.outputs


def _execute(client: NotebookClient, cell: NotebookNode, index: int) -> bool:
    """Run a cell; what stops it goes into its outputs. Returns whether the kernel can go on."""
    try:
        client.execute_cell(cell, index)
    except CellTimeoutError:  # interrupted, but it did not stop
        cell.outputs.insert(0, error_output(**client.error_on_timeout))
    except DeadKernelError:
        cell.outputs.insert(0, error_output("KernelDied", "this cell ended the Python process it ran in"))
    else:
        return True
    return False


def _record_timeout(cell: NotebookNode, execute_reply: dict, **_):
    """nbclient's way to tell that it interrupted a cell: a reply that it made up."""
    reply = execute_reply["content"]
    if reply.get("ename") == "TimeLimit" and "traceback" not in reply:
        cell.outputs.insert(0, error_output("TimeLimit", reply["evalue"]))


def error_output(ename: str, evalue: str) -> NotebookNode:
    """The output of a cell that could not do what it should."""
    return new_output("error", ename=ename, evalue=evalue, traceback=[f"{ename}: {evalue}"])


def _trimmed(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs of a bearable size, rebuilt so that they are what they claim to be. No error is lost."""
    rebuilt = [_rebuilt(output) for output in outputs]
    return rebuilt[:MAX_OUTPUTS] + [output for output in rebuilt[MAX_OUTPUTS:] if output.output_type == "error"][:1]


def _rebuilt(output: NotebookNode) -> NotebookNode:
    match output.output_type:
        case "stream":
            return new_output("stream", name="stderr" if output.name == "stderr" else "stdout", text=_text(output.text))
        case "error":
            lines = [_text(line) for line in output.traceback[-MAX_OUTPUTS:]]
            return new_output("error", ename=_text(output.ename), evalue=_text(output.evalue), traceback=lines)
        case _:  # a result becomes a display: nbgrader would take a number for points
            data = {kind: output.data[kind] for kind in SHOWN if kind in output.data}
            data = {kind: _text(value, MAX_PICTURE) for kind, value in data.items() if len(str(value)) <= SHOWN[kind]}
            return new_output("display_data", data=data)


def _text(value, limit: int = MAX_TEXT) -> str:
    """A string that can be written to a file, whatever the kernel sent."""
    return str(value)[:limit].encode("utf-8", "replace").decode("utf-8")


if __name__ == "__main__":
    main()
