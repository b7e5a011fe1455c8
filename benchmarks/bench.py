"""Print one table of figures, each beside its yardstick measured in the same run.

python benchmarks/bench.py [--runs N] [--only NAME] [--write | --check]

A figure is the median of alternating runs, with minimum and maximum; a ratio is the median over
its yardstick's. Ratios travel between machines, the rest does not. --write writes the table into
docs/development/speed.md and the ratios into benchmarks/ratios.json; --check compares with those,
and exits with 1 if one has grown by more than half in two measurements.
"""

import argparse
import json
import platform
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import accounts
import conversion
import documentation
import evaluation
import plans
import starting
from rows import HEADER, Row

PAGE = Path(__file__).parent.parent / "docs" / "development" / "speed.md"
RATIOS = Path(__file__).parent / "ratios.json"
MARKS = re.compile("(<!-- BEGIN bench -->\n).*(<!-- END bench -->)", re.DOTALL)
PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "starting": starting.measure,
    "evaluation": evaluation.measure,
    "conversion": conversion.measure,
    "accounts": accounts.measure,
    "plans": plans.measure,
    "documentation": documentation.measure,
}
# A ratio may grow by so much: two runs on one machine differ by up to a third.
ROOM = 1.5


def main() -> int:
    """Measure, print the table, and write or compare it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=9, help="runs of each figure")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    parser.add_argument("--write", action="store_true", help="write the page and the ratios")
    parser.add_argument("--check", action="store_true", help="compare with the stored ratios")
    options = parser.parse_args()
    if options.write and (options.only or options.check):
        parser.error("--write needs the whole table, and compares nothing")
    names = [options.only] if options.only else list(PARTS)
    print(HEADER)
    rows = {name: measured(name, options.runs) for name in names}
    note = (
        f"Median (minimum to maximum) of {options.runs} runs in turns, times are processor time, "
        f"Python {platform.python_version()}, {platform.machine()}."
    )
    print(f"\n{note}")
    if options.write:
        write(rows, note)
    return check(rows, json.loads(RATIOS.read_text()), options.runs) if options.check else 0


def measured(part: str, runs: int) -> list[Row]:
    """Return the rows of a part, each printed as soon as it is measured."""
    rows = []
    for row in PARTS[part](runs):
        print(row, flush=True)
        rows.append(row)
    return rows


def ratios(part: str, rows: list[Row]) -> dict[str, float]:
    """Return the ratio of each row by a name that stays when sizes change."""
    names = (
        re.sub(r"\b\d[\d.,]*\b", "N", f"{part}: {row.name} beside {row.yardstick}") for row in rows
    )
    counts: Counter[str] = Counter()
    by_name = {}
    for name, row in zip(names, rows, strict=True):
        counts[name] += 1
        by_name[f"{name} ({counts[name]})" if counts[name] > 1 else name] = round(row.ratio, 3)
    return by_name


def write(rows: dict[str, list[Row]], note: str) -> None:
    """Write the page and the ratios."""
    lines = [HEADER, *(str(row) for part in rows.values() for row in part), "", note, ""]
    page = PAGE.read_text()
    PAGE.write_text(MARKS.sub(lambda m: m[1] + "\n".join(lines) + m[2], page))
    stored = {name: ratio for part in rows for name, ratio in ratios(part, rows[part]).items()}
    RATIOS.write_text(json.dumps(stored, indent=1) + "\n")


def check(rows: dict[str, list[Row]], stored: dict[str, float], runs: int) -> int:
    """Return 1 if a ratio has grown too much, also when its part is measured again."""
    slower = {}
    for part, of_part in rows.items():
        again = of_part if not grown(ratios(part, of_part), stored) else measured(part, runs)
        both = grown(ratios(part, of_part), stored).keys() & grown(ratios(part, again), stored)
        slower.update({name: ratios(part, again)[name] for name in sorted(both)})
        for name in sorted(ratios(part, of_part).keys() - stored):
            print(f"{name}: no stored ratio: run with --write")
        for name in sorted(n for n in stored if n.startswith(f"{part}: ")):
            if name not in ratios(part, of_part):
                print(f"{name}: not measured here")
    for name, ratio in slower.items():
        print(f"{name}: the ratio was {stored[name]:.2f} and is {ratio:.2f}")
    print(f"{len(slower)} ratios have grown by more than {ROOM - 1:.0%}")
    return 1 if slower else 0


def grown(measured_ratios: dict[str, float], stored: dict[str, float]) -> dict[str, float]:
    """Return the ratios that have grown too much."""
    return {
        name: ratio
        for name, ratio in measured_ratios.items()
        if name in stored and ratio > stored[name] * ROOM
    }


if __name__ == "__main__":
    raise SystemExit(main())
