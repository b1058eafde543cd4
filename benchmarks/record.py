"""Results as JSON, with where they come from."""

import json
import platform
from datetime import datetime, timezone
from pathlib import Path

import torch

from ganedu.training import run_folder

FOLDER = Path(__file__).parent / "results"


def write(found: dict, *, command: str, folder: Path = FOLDER) -> Path:
    """Write a result with its provenance, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['name']}.json"
    run_folder.write_json(path, {**found, "provenance": provenance(command)})
    return path


def read(folder: Path = FOLDER) -> dict[str, dict]:
    """All results, by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def provenance(command: str) -> dict:
    """Versions, processor, threads, commit, date: as a run has it, with what a speed depends on besides."""
    common = run_folder.provenance(device=torch.device("cpu"), seed=0, processes=1, sessions=[])
    kept = {key: common[key] for key in ("ganedu", "commit", "python", "packages", "platform", "threads")}
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return {**kept, "processor": processor(), "device": "cpu", "date": date, "command": command}


def processor() -> str:
    """The name of the processor, with its instructions for small floats, if the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(reversed([[part.strip() for part in line.partition(":")[::2]] for line in lines]))
    name = facts.get("model name") or platform.machine()
    fast = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if flag in facts.get("flags", "").split()]
    return f"{name} (family {facts['cpu family']}, {', '.join(fast)})" if fast else name
