"""The public Python API: its page's examples, and what importing it costs."""

import doctest
import re
import subprocess
import sys

import pytest

from conftest import ROOT

PAGE = ROOT / "docs" / "api.md"


@pytest.mark.parametrize("page", ["docs/api.md", "README.md"])
def test_examples_run_as_shown(page: str) -> None:
    result = doctest.testfile(str(ROOT / page), module_relative=False, encoding="utf-8")
    assert result.attempted > 2
    assert result.failed == 0


def test_importing_the_public_names_loads_nothing_heavy() -> None:
    table = PAGE.read_text().partition("| --- | --- |")[2].partition("\n\n")[0]
    modules = sorted(set(re.findall(r"`(vpc_cni_iam[\w.]+)\.\w+`", table)))
    assert len(modules) >= 8
    heavy = ("hcl2", "lark", "rich", "tomlkit", "typer", "socket")
    code = f"import sys, {', '.join(modules)}; print(sorted(set({heavy}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_name_of_the_table_is_there() -> None:
    rows = re.findall(r"^\| \w+ \| (`vpc_cni_iam.*) \|$", PAGE.read_text(), re.MULTILINE)
    for row in rows:
        module = ""
        for name in re.findall(r"`([\w.]+)`", row):
            if "." in name:
                module, _, name = name.rpartition(".")  # noqa: PLW2901
            __import__(module)
            assert hasattr(sys.modules[module], name), f"{module}.{name}"
