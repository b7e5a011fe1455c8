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
# Methods that look for something in a text, or change it by what is in it.
SEARCHES = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition"),
    *("split", "rsplit", "splitlines", "replace", "translate", "find", "index", "count"),
    *("search", "match", "fullmatch", "sub", "findall", "finditer", "get"),
}
# Of a third party: an evaluator that is mended before it is compared with.
MENDED = ("ministack",)
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
    """Every node of the package's files."""
    return nodes(PACKAGE)


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


def meanings() -> Iterator[tuple[str, str]]:
    """Each name of a type, with what it means: a class, the type of an alias, or an import."""
    for file, every in of_package().items():
        for node in every:
            if isinstance(node, ast.ClassDef):
                yield node.name, f"class in {file}"
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                yield ast.unparse(node.target), f"alias in {file}"
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if re.fullmatch(r"[A-Z]\w*[a-z]\w*", name):
                    yield name, f"alias in {file}"
            elif isinstance(node, ast.ImportFrom):
                yield from (
                    (a.asname, f"{node.module}.{a.name}")
                    for a in node.names
                    if a.asname and a.asname[0].isupper() and a.asname != a.name
                )


def test_the_name_of_a_class_or_alias_has_one_meaning() -> None:
    names: dict[str, set[str]] = {}
    for name, meaning in meanings():
        names.setdefault(name, set()).add(meaning)
    private = {name for name in names if name.startswith("_")}
    for name in private | PUBLIC:
        names.pop(name, None)
    assert {name: what for name, what in names.items() if len(what) > 1} == {}


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


def _message_names(classes: dict[str, list[ast.AST]]) -> tuple[set[str], set[str]]:
    """The names of fields that hold a message, and those of fields that hold something else."""
    messages, others = set(), set()
    for every in classes.values():
        for node in every:
            if not isinstance(node, ast.ClassDef):
                continue
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    is_message = "Message" in ast.unparse(field.annotation)
                    (messages if is_message else others).add(field.target.id)
    return messages | {"problem"}, others  # of `InputError`, which is no Struct


def _decided_by(node: ast.AST) -> list[ast.expr]:
    """What a comparison, a branch or a search looks at; whether there is a message is no look."""
    looked: list[ast.expr] = []
    match node:
        case ast.Compare(left, [ast.Is() | ast.IsNot()], [ast.Constant(None)]):
            pass
        case ast.Compare(left, _, others):
            looked = [left, *others]
        case ast.If(test) | ast.IfExp(test) | ast.While(test) | ast.comprehension(ifs=[test]):
            looked = [test]
        case ast.UnaryOp(ast.Not(), operand):
            looked = [operand]
        case ast.Match(value) | ast.Subscript(slice=value):
            looked = [value]
        case ast.Call(ast.Attribute(text, attr=method), arguments) if method in SEARCHES:
            looked = [text, *arguments]
    return looked


def test_no_code_decides_by_a_message() -> None:
    """Only reports look at messages; a decision has its own field beside the message."""
    package = of_package()
    messages, others = _message_names(package)
    assert messages & others == set(), "a field with the name of a message holds one"
    readers = {
        f"{name}, line {looked.lineno}: {ast.unparse(looked)}"
        for name, every in package.items()
        if not name.startswith("cli/") and "report" not in name
        for node in every
        for looked in _decided_by(node)
        if isinstance(looked, ast.Attribute) and looked.attr in messages
    }
    assert readers == set()


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
    assert not named


def test_packages_have_at_most_the_lines_that_their_page_says() -> None:
    page = (ROOT / "docs" / "development" / "packages.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|(.*)\|$", page, re.MULTILINE)
    assert {"policy", "plugin", "coverage"} <= {name for name, *_ in rows}
    for name, most, aim, reason in rows:
        figures = int(most.replace(",", "")), int(aim.replace(",", ""))
        lines = sum(len(p.read_text().splitlines()) for p in (PACKAGE / name).rglob("*.py"))
        assert lines <= figures[0], (
            f"{name} has {lines:,} lines; its limit in docs/development/packages.md is {most}"
        )
        assert reason.strip() or figures[0] <= figures[1], f"say why {name} is larger than its aim"


def test_no_page_has_a_conflict_of_git() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    conflict = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
    assert [str(page) for page in pages if conflict.search(page.read_text())] == []
