"""The command line: `python -m tools.mutants package` and `python -m tools.mutants chapters`."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools.mutants import chapters, package, record

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "mutants"


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
        each.add_argument("--id", action="append", default=[], help="only this mutant, sampled or not; may be repeated")
        each.add_argument("--list", action="store_true", help="print the sampled mutants and run nothing")
        each.add_argument("--store", action="store_true", help=f"keep the result in {FOLDER.relative_to(ROOT)}")
    return parser.parse_args(words)


def main(words=None) -> int:
    """Run the mutants that were asked for; returns the number that nothing caught."""
    asked = arguments(words)
    kind = {"package": package, "chapters": chapters}[asked.kind]
    known = record.equivalent(FOLDER / "equivalent.yml")
    every = kind.candidates(ROOT, asked.chosen)
    found = kind.chosen(every, asked.sample, asked.seed) if not asked.id else [m for m in every if m.id in asked.id]
    if missing := set(asked.id) - {mutant.id for mutant in found}:
        raise SystemExit(f"no mutant {', '.join(sorted(missing))} there: has the line changed?")
    if asked.list:
        print(*found, sep="\n")
        return 0
    rows = [record.row(mutant, "equivalent", known[mutant.id]) for mutant in found if mutant.id in known]
    for mutant, verdict, noticed in kind.verdicts([m for m in found if m.id not in known], ROOT):
        print(f"{verdict:8} {mutant}   [{noticed}]", flush=True)
        rows.append(record.row(mutant, verdict, noticed))
    result = {"name": asked.kind, "seed": asked.seed, "sample": len(rows), "of": len(every), "mutants": rows}
    print("\n" + record.table(result))
    if asked.store:
        store(result)
    counts = Counter(entry["verdict"] for entry in rows)
    return len(rows) - counts["equivalent"] - sum(counts[verdict] for verdict in record.CAUGHT[asked.kind])


def store(result: dict) -> None:
    """Keep a result with its provenance."""
    from benchmarks import record as benchmark  # which imports the package: not before it was broken

    command = f"python -m tools.mutants {' '.join(word for word in sys.argv[1:])}"
    print(f"stored in {benchmark.write(result, command=command, folder=FOLDER)}")


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
