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
# They read a place out of the errors of msgspec and of tomllib, which have it nowhere else;
# tests/inputs/test_json_stream.py and tests/vendoring/test_config.py pin their texts.
READS_MESSAGES = {"inputs/plan/json_stream.py", "texts/toml.py"}
# Of a third party: an evaluator that is mended before it is compared with.
MENDED = ("ministack",)
# It is written anew, and keeps older forms of what others have until then.
REWRITTEN = "review/"
# A class that is the same word in the public model.
PUBLIC = {"Policy", "Statement", "Principal", "Condition", "Options"}


@cache
def nodes(folder: Path) -> dict[str, list[ast.AST]]:
    """Every node of each file of a folder."""
    files = sorted(folder.rglob("*.py"))
    return {
        p.relative_to(folder).as_posix(): list(ast.walk(ast.parse(p.read_text()))) for p in files
    }


def of_package() -> dict[str, list[ast.AST]]:
    """Every node of the package's files, but for those of `REWRITTEN`."""
    return {n: every for n, every in nodes(PACKAGE).items() if not n.startswith(REWRITTEN)}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for name, every in of_package().items():
        yield from ((name, node) for node in every if isinstance(node, ast.FunctionDef))


def test_functions_have_few_branches() -> None:
    branched = {
        f"{name}: {function.name}"
        for name, function in functions()
        if sum(isinstance(node, BRANCHES) for node in ast.walk(function)) > 15
    }
    assert branched == set()


def test_a_class_name_has_one_home() -> None:
    names = Counter(
        node.name
        for every in of_package().values()
        for node in every
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, homes in names.items() if homes > 1} <= PUBLIC


def test_a_boolean_parameter_below_the_command_line_is_given_by_name() -> None:
    positional = [
        f"{name}: {function.name}({parameter.arg})"
        for name, function in functions()
        if not name.startswith("cli/")
        for parameter in function.args.args
        if parameter.annotation is not None and ast.unparse(parameter.annotation) == "bool"
    ]
    assert positional == []


def test_no_code_reads_the_text_of_an_error() -> None:
    readers = set()
    for name, every in nodes(PACKAGE).items():
        for handler in every:
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


def test_values_are_structs_and_not_dataclasses() -> None:
    """One type of value: what takes a dataclass fails on a Struct, and mypy accepts the call."""
    dataclasses = {
        name
        for name, every in nodes(PACKAGE).items()
        for node in every
        if isinstance(node, ast.Import | ast.ImportFrom) and "dataclasses" in ast.unparse(node)
    }
    assert dataclasses == set(), "use Struct, and msgspec.structs.replace"


def test_a_test_takes_no_private_name_of_the_package() -> None:
    private = []
    for name, every in nodes(ROOT / "tests").items():
        modules: set[str] = set()
        for node in every:
            match node:
                case ast.ImportFrom(module=str(module)) if module.startswith("vpc_cni_iam"):
                    words = [alias.name for alias in node.names]
                    modules |= {alias.asname or alias.name for alias in node.names}
                case ast.Attribute(value=ast.Name(id=module)) if module in modules:
                    words = [node.attr]
                case ast.Constant(value=str(code)) if "vpc_cni_iam." in code:
                    words = re.findall(r"\bvpc_cni_iam(?:\.\w+)*?\.(_\w+)", code)
                case ast.Call(
                    func=ast.Attribute(attr="setattr"),
                    args=[ast.Name(id=module), ast.Constant(value=str(word)), *_],
                ) if module not in MENDED:
                    words = [word]
                case _:
                    continue
            private += [f"{name}: {w}" for w in words if re.match("_[A-Za-z]", w)]
    assert private == []


def test_a_folder_has_fifteen_modules_at_most() -> None:
    """The command line has one for each command, the checks of a review one for each subject."""
    folders = Counter(
        str(Path(name).parent) for name in nodes(PACKAGE) if not name.endswith("__init__.py")
    )
    grows = {"cli", "review/checks"}
    large = {folder for folder, files in folders.items() if files > 15 and folder not in grows}
    assert not large, "group some of their modules in a folder"


def test_a_name_says_what_it_holds() -> None:
    vague = {"found", "one", "wanted", "said", "given", "kept"}
    named = set()
    for folder in (PACKAGE, ROOT / "tests", ROOT / "tools", ROOT / "benchmarks"):
        for name, every in nodes(folder).items():
            for node in every:
                match node:
                    case ast.arg(arg=word) | ast.Name(id=word, ctx=ast.Store()) if word in vague:
                        named.add(f"{name}: {word}")
    # Members of the manifest's JSON, and of the JSON that commands print.
    assert named == {"vendoring/manifest.py: kept", "vendoring/data.py: kept"}
