"""The comparison of measured ratios with stored ones; nothing is measured here."""

import json
import re
import sys
from collections.abc import Iterator

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))

import bench
from rows import Row


def row(own: float, name: str = "`check`, 1,000 modules") -> Row:
    return Row(name, [own], "sha256sum of 6,001 files", [10.0], "ms")


def test_what_benchmarks_import_is_there() -> None:
    texts = [path.read_text() for path in (ROOT / "benchmarks").glob("*.py")]
    imports = {line for text in texts for line in re.findall(r"^from vpc_cni_iam.*", text, re.M)}
    for line in sorted(imports):
        exec(line, {})  # those in the texts of programs, too


def test_a_ratio_has_a_name_that_stays_when_sizes_change() -> None:
    rows = [row(20), row(30, "`check`, 2,000.5 modules"), row(5, "other")]
    assert bench.ratios("starting", rows) == {
        "starting: `check`, N modules beside sha256sum of N files": 2.0,
        "starting: `check`, N modules beside sha256sum of N files (2)": 3.0,
        "starting: other beside sha256sum of N files": 0.5,
    }


@pytest.mark.parametrize(
    ("first", "second", "code"), [(14, 99, 0), (16, 14, 0), (16, 15, 0), (16, 16, 1)]
)
def test_what_has_grown_by_more_than_half_twice_fails(
    first: float,
    second: float,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def measure(_: int) -> Iterator[Row]:
        yield row(second)

    monkeypatch.setitem(bench.PARTS, "starting", measure)
    stored = {**bench.ratios("starting", [row(10)]), "starting: `gone`": 1.0}
    rows = {"starting": [row(first), row(1, "new")]}
    assert bench.check(rows, stored, 1) == code
    printed = capsys.readouterr().out
    assert ("the ratio was 1.00 and is 1.60" in printed) is bool(code)
    assert "`gone`: not measured here" in printed and "no stored ratio: run with" in printed


def test_every_stored_ratio_is_of_a_part() -> None:
    stored = json.loads(bench.RATIOS.read_text())
    assert {name.partition(":")[0] for name in stored} <= bench.PARTS.keys()
