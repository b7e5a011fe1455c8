"""The public Python API: one import, lazily loaded, typed, and described on its page."""

import ast
import doctest
import re
import subprocess
import sys
from typing import Any

import pytest

import vpc_cni_iam
from conftest import ROOT

PAGE = ROOT / "docs" / "api.md"
NAMES = [name for name in vpc_cni_iam.__all__ if name != "__version__"]


def test_examples_run_as_shown() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 2
    assert result.failed == 0


def test_importing_the_package_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import vpc_cni_iam; "
    code += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("vpc_cni_iam")} == {"vpc_cni_iam"}
    assert not {"hcl2", "lark", "jinja2", "msgspec", "rich", "tomlkit", "typer", "socket"} & loaded


def test_what_reads_policies_loads_nothing_heavy() -> None:
    code = "import sys; from vpc_cni_iam import differences, evaluate, load_policy, no_new_access; "
    code += "print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"hcl2", "lark", "jinja2", "rich", "tomlkit", "typer", "socket"}
    assert not heavy & set(done.stdout.split())


def test_the_types_that_checkers_see_are_the_objects_that_users_get() -> None:
    tree = ast.parse((ROOT / "generator" / "vpc_cni_iam" / "__init__.py").read_text())
    (block,) = (n for n in tree.body if isinstance(n, ast.If))
    seen: dict[str, object] = {}
    exec(compile(ast.Module(block.body, []), "types", "exec"), seen)
    del seen["__builtins__"]
    assert set(seen) == set(NAMES)
    for name, value in seen.items():
        assert getattr(vpc_cni_iam, name) is value


def test_every_name_is_listed_and_no_other_is_given() -> None:
    assert set(vpc_cni_iam.__all__) <= set(dir(vpc_cni_iam))
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        vpc_cni_iam.nope  # noqa: B018


def test_the_page_names_what_the_package_gives() -> None:
    table = PAGE.read_text().partition("| --- | --- |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(NAMES)
    imports = re.findall(r"^>>> from (\S+) import", PAGE.read_text(), re.MULTILINE)
    assert set(imports) == {"vpc_cni_iam"}


def test_an_unknown_ip_family_is_an_error_with_the_known_ones() -> None:
    mode: Any = "IPv4"
    with pytest.raises(vpc_cni_iam.UsageError, match=r"unknown IP family 'IPv4'.* ipv4, ipv6"):
        vpc_cni_iam.check_coverage([], mode=mode)
