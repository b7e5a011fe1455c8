"""Rules of style that hold in every file of the package and of its tests."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "generator" / "vpc_cni_iam"
BRANCHES = (
    ast.If,
    ast.For,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.comprehension,
    ast.BoolOp,
    ast.match_case,
    ast.Assert,
)
# It reads a number out of msgspec's errors; tests/inputs/test_json_stream.py pins their texts.
READS_MESSAGES = {"inputs/plan/json_stream.py"}
# Of a third party: an evaluator that is mended before it is compared with.
MENDED = ("ministack",)
# A class that is the same word in the public model.
PUBLIC = {"Policy", "Statement", "Principal", "Condition", "Options"}


@cache
def trees(folder: Path) -> dict[str, ast.Module]:
    files = sorted(folder.rglob("*.py"))
    return {p.relative_to(folder).as_posix(): ast.parse(p.read_text()) for p in files}


def functions(folder: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, tree in trees(folder).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield name, node


def test_functions_have_few_branches() -> None:
    branched = {
        f"{name}: {function.name}"
        for name, function in functions(PACKAGE)
        if sum(isinstance(node, BRANCHES) for node in ast.walk(function)) > 15
    }
    assert branched == set()


def test_a_class_name_has_one_home() -> None:
    names = Counter(
        node.name
        for tree in trees(PACKAGE).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, homes in names.items() if homes > 1} <= PUBLIC


def test_a_boolean_parameter_below_the_command_line_is_given_by_name() -> None:
    positional = [
        f"{name}: {function.name}({parameter.arg})"
        for name, function in functions(PACKAGE)
        if not name.startswith("cli/")
        for parameter in function.args.args
        if parameter.annotation is not None and ast.unparse(parameter.annotation) == "bool"
    ]
    assert positional == []


def test_no_code_reads_the_text_of_an_error() -> None:
    readers = set()
    for name, tree in trees(PACKAGE).items():
        for handler in ast.walk(tree):
            if isinstance(handler, ast.ExceptHandler) and handler.name:
                text = re.compile(rf"str\({handler.name}\)|{handler.name}\.(args|msg|reason)\b")
                for node in ast.walk(handler):
                    looks = (isinstance(node, ast.Compare) and ast.unparse(node)) or (
                        isinstance(node, ast.Call)
                        and isinstance(node.func, ast.Attribute)
                        and node.func.attr
                        in ("search", "match", "fullmatch", "replace", "removesuffix", "split")
                        and ast.unparse(node)
                    )
                    if looks and text.search(looks):
                        readers.add(name)
    assert readers <= READS_MESSAGES


def test_a_test_takes_no_private_name_of_the_package() -> None:
    private = []
    for name, tree in trees(ROOT / "tests").items():
        modules = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vpc_cni_iam"):
                modules |= {alias.asname or alias.name for alias in node.names}
                private += [
                    f"{name}:{node.lineno}: {node.module}.{alias.name}"
                    for alias in node.names
                    if any(part.startswith("_") for part in (*node.module.split("."), alias.name))
                    and not alias.name.startswith("__")
                ]
        private += [
            f"{name}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
        ]
        private += [
            f"{name}:{node.lineno}: {ast.unparse(node)[:80]}"
            for node in ast.walk(tree)
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.search(r"\bvpc_cni_iam(\.\w+)*\._[a-zA-Z]", node.value)
            )
            or (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith("setattr")
                and not ast.unparse(node.args[0]).startswith(MENDED)
                and len(node.args) > 1
                and isinstance(node.args[1], ast.Constant)
                and re.match("_[A-Za-z]", str(node.args[1].value))
            )
        ]
    assert private == []


def test_a_folder_has_fifteen_modules_at_most() -> None:
    """The command line has one for each command."""
    folders = Counter(
        str(Path(name).parent) for name in trees(PACKAGE) if not name.endswith("__init__.py")
    )
    assert {folder for folder, files in folders.items() if files > 15} == {"cli"}


def test_a_name_says_what_it_holds() -> None:
    vague = {"found", "one", "wanted", "said", "given", "kept"}
    named = [
        f"{folder.name}/{name}:{node.lineno}: {word}"
        for folder in (PACKAGE, ROOT / "tests", ROOT / "tools", ROOT / "benchmarks")
        for name, tree in trees(folder).items()
        for node in ast.walk(tree)
        for word in (
            node.arg
            if isinstance(node, ast.arg)
            else node.id
            if isinstance(node, ast.Name)
            else "",
        )
        if word in vague and not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))
    ]
    assert set(named) <= {n for n in named if n.startswith("vpc_cni_iam/vendoring/manifest.py:")}
