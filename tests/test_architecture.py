"""Packages import only what the table in docs/development/packages.md lets them."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "generator" / "vpc_cni_iam"

PAGE = (ROOT / "docs" / "development" / "packages.md").read_text()
# From the table of the page: from which other packages each may import.
MAY_IMPORT = {
    package: set(may.split(", ")) - {"nothing"}
    for package, may in re.findall(r"^\| `(\w+)` \| ([a-z_, ]+) \|$", PAGE, re.MULTILINE)
}
# The packages that may import each heavy library, and whether only inside functions.
ONLY_IN = {
    "hcl2": {"hcl"},
    "lark": {"hcl"},
    "jinja2": {"rendering", "markup"},
    "markupsafe": {"markup"},
    "typer": {"cli"},
    "rich": {"cli"},
}
LAZY = {"hcl2", "lark", "rich"}


def test_contributing_shows_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    picture = text[text.index("## Find a place") :].split("```")[1].split()
    assert {*MAY_IMPORT, "cli"} <= set(picture)


def test_contributing_can_be_read_at_one_sitting() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 200


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Each imported module of a file, with whether it runs at import time."""
    results = []

    def visit(node: ast.AST, at_import: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                results.extend((alias.name, at_import) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                results.extend((f"{child.module}.{alias.name}", at_import) for alias in child.names)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            visit(child, at_import and not inside and not typing_only)

    visit(syntax(path), True)
    return results


FILES = sorted(SOURCE.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def test_packages_import_only_what_they_may() -> None:
    for path in FILES:
        own = package_of(path)
        for name, at_import in imports(path):
            first, *rest = name.split(".")
            if first == "vpc_cni_iam" and rest and own not in ("__init__", "__main__", "cli"):
                assert rest[0] in {own, "__version__", *MAY_IMPORT[own]}, (path, name)
            elif first in ONLY_IN:
                assert own in ONLY_IN[first], f"{path}: {name} belongs to {ONLY_IN[first]}"
                assert not (at_import and first in LAZY), f"{path}: {name} is imported at start-up"


def test_no_two_files_import_each_other() -> None:
    """Also inside functions and for types: what needs each other is one concept."""
    files = {f"vpc_cni_iam.{'.'.join(p.relative_to(SOURCE).with_suffix('').parts)}" for p in FILES}
    imported = {}
    for path in FILES:
        own = f"vpc_cni_iam.{'.'.join(path.relative_to(SOURCE).with_suffix('').parts)}"
        names = {part for name, _ in imports(path) for part in (name, name.rpartition(".")[0])}
        imported[own] = names & files
    # An expression of HCL repeats others, and so on.
    imported["vpc_cni_iam.hcl.evaluate.repetition"].remove("vpc_cni_iam.hcl.evaluate.expressions")
    TopologicalSorter(imported).prepare()


def test_every_package_is_in_the_table() -> None:
    packages = {package_of(p) for p in FILES} - {"__init__", "__main__", "cli"}
    assert packages == set(MAY_IMPORT)


def test_a_package_imports_every_package_that_it_may() -> None:
    used: dict[str, set[str]] = {name: set() for name in MAY_IMPORT}
    for path in FILES:
        for parts in (name.split(".") for name, _ in imports(path)):
            if package_of(path) in used and parts[0] == "vpc_cni_iam" and parts[1] in MAY_IMPORT:
                used[package_of(path)].add(parts[1])
    assert {name: packages - {name} for name, packages in used.items()} == MAY_IMPORT


def test_files_stay_small() -> None:
    assert [path for path in FILES if len(path.read_text().splitlines()) > 450] == []


def test_below_the_command_line_nothing_prints_or_reads_the_environment() -> None:
    attributes = {("os", "environ"), ("os", "getenv"), ("sys", "exit")}
    for path in FILES:
        if package_of(path) in ("cli", "__main__"):
            continue
        for node in ast.walk(syntax(path)):
            place = f"{path}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in attributes, place
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "exit", "input", "eval", "exec"), place


def test_command_bodies_stay_short() -> None:
    for path in sorted((SOURCE / "cli").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].end_lineno or 0
                assert (node.end_lineno or 0) - start <= 25, f"{path.name}: {node.name}"


def test_make_fuzz_runs_every_test_that_has_a_long_run() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\nfuzz:")[2].partition("\n\n")[0]
    long = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if re.search(r'environ\.get\("(VPC_CNI_IAM_FUZZ|FUZZ_EXAMPLES)"', path.read_text())
    ]
    assert len(long) == 14
    assert all(path in recipe for path in long)
    assert "VPC_CNI_IAM_FUZZ=" in recipe


def test_no_two_test_modules_have_one_name() -> None:
    """Pytest imports them by it, and notices only in a run of both."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))


def test_every_file_that_contributing_names_below_the_package_exists() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("| where is it decided")[2]
    table = table.partition("| --- | --- |\n")[2]
    paths = re.findall(r"`(\w+/[\w/]*(?:\.py)?|\w+\.py)`", table.partition("\n\n")[0])
    assert len(paths) > 10
    assert [path for path in paths if not (SOURCE / path).exists()] == []


TEXTS = {
    "str",
    "Message",
    "Iterator[str]",
    "list[str]",
    "tuple[str, ...]",
    "Iterator[DifferenceLine]",
}


def test_a_report_gives_other_modules_texts_and_decides_nothing_for_them() -> None:
    """A result may have a sentence; what a report returns to other modules is text."""
    for path in FILES:
        place = path.relative_to(SOURCE).parts
        if "cli" in place or any(part.startswith("report") for part in place):
            continue
        for name, _ in imports(path):
            module, _, member = name.rpartition(".")
            if not re.search(r"\.report(\.|$)", module):
                continue
            file = SOURCE.parent / (module.replace(".", "/") + ".py")
            defined = {
                node.name: node
                for node in syntax(file).body
                if isinstance(node, ast.FunctionDef | ast.ClassDef)
            }
            definition = defined[member]
            returned = definition.returns if isinstance(definition, ast.FunctionDef) else None
            assert member == "DifferenceLine" or (returned and ast.unparse(returned) in TEXTS), (
                path,
                name,
            )
