"""Print one table of figures, each beside its yardstick measured in the same run.

python benchmarks/bench.py [--runs N] [--only NAME] [--write]

A figure is the median of alternating runs, with minimum and maximum; a ratio is the median over
its yardstick's. Ratios travel between machines, the rest does not.
"""

import argparse
import itertools
import platform
import re
from collections.abc import Callable
from pathlib import Path

import conversion
import evaluation
import plans
import starting
from rows import table

PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
MARKS = re.compile("(<!-- BEGIN bench -->\n).*(<!-- END bench -->)", re.DOTALL)


def main(say: Callable[[str], None] = print) -> None:
    """Measure, print the table, and write it into docs/speed.md if asked to."""
    parts = {
        "starting": starting.measure,
        "evaluation": evaluation.measure,
        "conversion": conversion.measure,
        "plans": plans.measure,
    }
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=9, help="runs of each figure")
    parser.add_argument("--only", choices=parts, help="measure this part alone")
    parser.add_argument("--write", action="store_true", help="write the table into docs/speed.md")
    arguments = parser.parse_args()
    if arguments.write and arguments.only:
        parser.error("--write needs the whole table")
    chosen = [arguments.only] if arguments.only else list(parts)
    rows = itertools.chain.from_iterable(parts[name](arguments.runs) for name in chosen)
    lines = list(table(rows, say))
    of = f"{arguments.runs} runs in turns, Python {platform.python_version()}, {platform.machine()}"
    say(f"\nMedian (minimum to maximum) of {of}.")
    if arguments.write:
        text = "\n".join([*lines, "", f"Median (minimum to maximum) of {of}.", ""])
        PAGE.write_text(MARKS.sub(lambda m: m[1] + text + m[2], PAGE.read_text()))


if __name__ == "__main__":
    main()
