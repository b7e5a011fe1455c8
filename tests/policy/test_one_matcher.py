"""No code but `policy/wildcard.py` makes anything of a pattern with ``*`` to match with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "generator" / "vpc_cni_iam"
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "wildcard.py")
# Their regular expressions are written as such: of the parameters of the catalog's documents, and
# of how YAML spells an object.
EXPRESSIONS = {
    "catalog/parameters.py",
    "coverage/names.py",
    "inputs/plan/unread.py",
}
WILD = {"*", "?", r"\*", r"\?", r"[*?]", r"[*]", r"[?]"}
BUILDS = {"compile", "fullmatch", "match", "search", "sub", "subn", "finditer", "findall", "split"}


def own_matchers(text: str) -> list[int]:
    """Return the lines of code that builds its own matcher."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    handles_wildcards = any(
        (isinstance(n, ast.Constant) and n.value in WILD)
        or (isinstance(n, ast.Attribute) and n.attr in ("RUN", "ONE"))
        for n in nodes
    )
    literals = {
        target.id
        for assignment in tree.body
        if isinstance(assignment, ast.Assign) and isinstance(assignment.value, ast.Constant)
        for target in assignment.targets
        if isinstance(target, ast.Name)
    }
    lines = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            if {"fnmatch", "glob"} & {str(name).split(".")[0] for name in names}:
                lines.append(node.lineno)
        if (
            handles_wildcards
            and isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("re", "regex")
            and node.func.attr in BUILDS
            and not isinstance(node.args[0], ast.Constant)
            and not (isinstance(node.args[0], ast.Name) and node.args[0].id in literals)
        ):
            lines.append(node.lineno)
    return lines


def test_no_code_builds_a_matcher_of_its_own() -> None:
    for path in FILES:
        if str(path.relative_to(SOURCE)) not in EXPRESSIONS:
            lines = own_matchers(path.read_text(encoding="utf-8"))
            assert not lines, f"{path}:{lines}: policy/wildcard.py matches patterns with * and ?"


@pytest.mark.parametrize(
    "code",
    [
        "import fnmatch",
        "from fnmatch import fnmatchcase",
        "from glob import translate",
        're.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text)',
        'expression = re.escape(p).replace(r"\\*", ".*")\nre.compile(expression)',
        'table = {"*": ".*", "?": "."}\nre.match("".join(table.get(c, c) for c in p), text)',
        'body = re.sub("[*]", ".*", p)\nre.search(f"^{body}$", text)',
    ],
)
def test_a_matcher_of_its_own_is_seen(code: str) -> None:
    assert own_matchers(code)


def test_an_expression_that_is_written_as_one_is_no_matcher() -> None:
    assert not own_matchers('re.compile(r"a.*b")\nx = "*"')
