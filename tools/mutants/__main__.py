"""The command line: `python -m tools.mutants package` and `python -m tools.mutants chapters`."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools.mutants import chapters, package, record
from tools.mutants.places import Mutant

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "mutants"
KINDS = {"package": package, "chapters": chapters}


def arguments(words=None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=sys.modules["tools.mutants"].__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    of_package = kinds.add_parser("package", help="break modules of ganedu, and run the unit tests that concern them")
    of_package.add_argument(
        "--module", action="append", default=[], dest="chosen", help="file or folder; may be repeated"
    )
    of_chapters = kinds.add_parser("chapters", help="break code cells of chapters, and run the chapters")
    of_chapters.add_argument("chosen", nargs="*", help="chapters, by name or its beginning; all if none is given")
    for each in (of_package, of_chapters):
        each.add_argument("--seed", type=int, default=1, help="of the sample (default 1)")
        each.add_argument("--sample", type=int, default=150, help="how many mutants (default 150)")
        only = each.add_mutually_exclusive_group()
        only.add_argument("--id", action="append", default=[], help="only this mutant, sampled or not; may be repeated")
        only.add_argument("--again", action="store_true", help="only what the stored result of this seed did not catch")
        each.add_argument("--list", action="store_true", help="print the sampled mutants and run nothing")
        each.add_argument("--store", action="store_true", help=f"keep the result in {FOLDER.relative_to(ROOT)}")
    return parser.parse_args(words)


def main(words=None) -> int:
    """Run the mutants that were asked for; returns the number that nothing caught."""
    asked = arguments(words)
    kind, path = KINDS[asked.kind], FOLDER / record.file_name(asked.kind, asked.seed)
    earlier = record.read(path) if asked.again else None
    if asked.again and earlier is None:
        raise SystemExit(f"{asked.kind}, seed {asked.seed}: no result is stored yet; run it with --store first")
    every = kind.candidates(ROOT, asked.chosen)
    found = to_run(asked, every, earlier)
    if asked.list:
        print(*found, sep="\n")
        return 0
    known = record.equivalent(FOLDER / "equivalent.yml")
    rows = [record.row(mutant, "equivalent", known[mutant.id]) for mutant in found if mutant.id in known]
    for mutant, verdict, noticed in kind.verdicts([m for m in found if m.id not in known], ROOT):
        print(f"{verdict:8} {mutant}   [{noticed}]", flush=True)
        rows.append(record.row(mutant, verdict, noticed))
    result = {"name": asked.kind, "seed": asked.seed, "sample": len(rows), "of": len(every), "mutants": rows}
    print("\n" + record.table(result))
    if asked.store:
        store(result, path, earlier)
    counts = Counter(entry["verdict"] for entry in rows)
    return len(rows) - counts["equivalent"] - sum(counts[verdict] for verdict in record.CAUGHT[asked.kind])


def to_run(asked: argparse.Namespace, every: list[Mutant], earlier: dict | None) -> list[Mutant]:
    """The mutants that were asked for: a sample, those named, or what an earlier result did not catch."""
    if not (asked.id or asked.again):
        return KINDS[asked.kind].chosen(every, asked.sample, asked.seed)
    named = set(asked.id) or {entry["id"] for entry in record.uncaught(earlier)}
    found = [mutant for mutant in every if mutant.id in named]
    if missing := named - {mutant.id for mutant in found}:
        raise SystemExit(f"no mutant {', '.join(sorted(missing))} there: has the line changed?")
    return found


def store(result: dict, path: Path, earlier: dict | None) -> None:
    """Keep a result with its provenance; what was run again stands beside the earlier result, which stays as it was."""
    from benchmarks.record import provenance  # which imports the package: not before it was broken
    from ganedu.training.run_folder import write_json

    result["provenance"] = provenance(f"python -m tools.mutants {' '.join(sys.argv[1:])}")
    write_json(path, earlier | {"again": result} if earlier else result)
    print(f"stored in {path}")


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
