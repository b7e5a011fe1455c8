"""Makes expressions of the functions, operators and forms that are evaluated, with the answers of
Terraform, and values of variables of each type.

python tests/hcl/make_answers.py   writes answers.json

Most expressions have arguments of the types that they take, and some do not.
"""

# ruff: noqa: T201 - it prints what it leaves out
import json
import random
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import TERRAFORM_NEWEST, make_engine  # noqa: E402
from evaluated import CONTEXT  # noqa: E402
from vpc_cni_iam.engine.run import Engine  # noqa: E402
from vpc_cni_iam.errors import EngineError  # noqa: E402
from vpc_cni_iam.hcl.evaluate.domain import EvaluationError, unknown_in  # noqa: E402
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator  # noqa: E402
from vpc_cni_iam.hcl.module.given import GivenVariables  # noqa: E402
from vpc_cni_iam.hcl.module.reader import read_blocks  # noqa: E402
from vpc_cni_iam.hcl.parse import expression as parsed  # noqa: E402
from vpc_cni_iam.hcl.parse import parse  # noqa: E402

ANSWERS = Path(__file__).with_name("answers.json")
_MOST = 100  # characters of an expression that is recorded
_LONGEST = 200  # of any
_EACH = {"known": 450, "unknown": 300, "refused": 120, "taken": 60}
TYPES = (
    *("string", "number", "bool", "any", "list(string)", "list(number)", "list(any)"),
    *("set(string)", "set(number)", "set(any)", "map(string)", "map(any)", "map(list(string))"),
    *("tuple([string, number])", "object({ a = string, b = optional(number) })"),
    *("list(list(string))", 'object({ a = optional(list(string), ["x"]) })'),
    'list(object({ a = optional(string, "d") }))',
)
VALUES = (
    *("null", '"a"', '"1"', "1", "true", "[]", '["b", "a", "b"]', '["2", 10]'),
    *('["a", 1]', '{ a = "x" }', '{ a = "1", b = 2 }', '{ a = 1, b = "x" }', '[["a"], []]'),
    *('[{ a = "x" }, {}]', '{ a = ["y"] }', "{}", "{ a = null }", '["a", null]'),
    *('{ a = "x", b = "2", c = [] }', '{ a = ["x"], b = "y" }', '["a", ["b"]]', "[true, false]"),
)
# By kind: values as they are written.
ATOMS = {
    "text": (
        *('"a"', '"b"', '""', '"ab/cd"', '"a,b,a"', '"1"', '"true"', '" a "', '"%s-%d"', '"é"'),
        *("local.text", "var.none", '"x-${local.text}"', '"/b/"', '"/"', "var.null_text", "null"),
    ),
    "number": (
        *("0", "1", "2", "3", "-1", "-0", "-00", "1.5", "0.0000001", "1e3", "1e30", "1e-9"),
        *("var.count_of", "local.pair.a", '"2"', '"1.5"', "var.half", "var.numbers[0]", "null"),
    ),
    "flag": ("true", "false", "var.flag", '"true"', '"false"', "1 < 2", "null"),
    "list": (
        *("[]", '["a"]', '["b", "a", "b"]', "var.names", '["", "a", null]', '["1", "2"]'),
        *("local.arns", 'toset(["b", "a"])', "toset([])", "var.empty", "compact([])"),
        *("var.null_list", "null", "local.chosen.list", "var.numbers", "var.null_set"),
        *("toset(null)", "[var.null_set]", '[["b", "a"]]'),
    ),
    "mixed": (
        *("[1, 2]", "[2, 1, 2]", '["a", 1]', '[["a"], ["b", []]]', "[true, false]", "[true]"),
        *("[0.00001]", "[1, 1.5]", '[{ a = 1 }, { b = "x" }]', "[null]", "var.numbers"),
    ),
    "map": (
        *("{}", '{ a = "x" }', "local.pair", '{ b = "y", a = "x" }', "var.people", "local.chosen"),
        *('{ a = ["x"] }', '{ a = "x", b = 1 }', "{ a = null }", "{ (local.text) = 1 }", "null"),
        *(
            "var.tags",
            "var.no_tags",
            "var.null_tags",
            "var.people.one",
            "{ a = {}, b = { c = 1 } }",
        ),
    ),
    "unknown": ("data.x.y.z", "data.x.y[0].z", 'file("a")', "var.other"),
}
# By kind: code, and in <> the kind of what is put in; any if empty.
FORMS = {
    "text": (
        *('"y-${<text>}"', '"${<>}"', '"${<map>.a}"'),
        *('join(",", <list>)', "join(<text>, <list>, <mixed>)", 'format("%s/%v", <text>, <>)'),
        *('format("%d%%", <number>)', "format(<text>, <text>, <number>)", "jsonencode(<number>)"),
        *("replace(<text>, <text>, <text>)", "coalesce(<map>, <>)"),
        *("jsonencode(<>)", "one(<list>)", "coalesce(<text>, <text>)", "coalesce(<map>, <map>)"),
        *("coalesce(<>, <text>, <>)", "element(<list>, <number>)", "lookup(<map>, <text>, <text>)"),
        *(
            'lookup(<map>, "a")',
            "<list>[<number>]",
            "<map>.a",
            '<map>["a"]',
            "<list>.0",
            "(<text>)",
        ),
        *("try(<map>.a, <text>)", "try(<text>, <text>)", "coalesce(<>)"),
        *("try(coalesce(var.null_list, <text>), 1)", "try(coalesce(var.null_text, <text>), 1)"),
        *("try(coalesce(<text>, <text>), <text>)", "try(coalesce(var.null_text, <map>.a), 1)"),
    ),
    "number": (
        *("(<number> + <number>)", "(<number> - <number>)", "<number> * <number>", "-<number>"),
        *("<number> - <number> - <number>", "<number> / <number>", "<number> % 2"),
        *("length(<list>)", "length(<map>)", "length(<text>)", "try(length(<>), 0)"),
        *("length(<mixed>)", "one(<mixed>)", "element(<mixed>, <number>)", "coalesce(<number>, 1)"),
    ),
    "flag": (
        *("<number> < <number>", "<number> <= <number>", "<number> > <number>", "!<flag>"),
        *("<number> >= <number>", "<> == <>", "<> != <>", "<text> == <text>", "<text> != null"),
        *("(<flag> && <flag>)", "(<flag> || <flag>)", "<flag> && <flag> || <flag>", "!!<flag>"),
        *("contains(<list>, <text>)", "contains(<mixed>, <number>)"),
        "try(<map>.b, <flag>)",
        'lookup(<map>, "b", <flag>)',
    ),
    "list": (
        *("[<text>, <text>]", "concat(<list>, <list>)", "compact(<list>)", "distinct(<list>)"),
        *("flatten([<list>, <mixed>])", "formatlist(<text>, <list>)"),
        *('formatlist("%s-%s", <list>, <>)', "toset(<list>)"),
        *("split(<text>, <text>)", 'split(",", <text>)'),
        *("try(<list>, [])", "try([<map>.a], [])"),
        *("[for v in <list> : v]", "[for v in <list> : v if v != <text>]"),
        *("[for k, v in <map> : k]", "[for k, v in <list> : k if k > 0]", "<list>[*]"),
        *("<map>[*].a", "[{ a = <list> }, { a = <list> }][*].a[0]", "<text>[*]"),
        *("[for v in <list> : v if <flag>]", "<list>[*].a", "try(<list>[*].a, <list>)"),
        *("concat(<list>...)", "distinct(<mixed>)"),
    ),
    "mixed": (
        *("[<>, <>]", "concat(<mixed>, <list>)", "concat(<mixed>, <mixed>)"),
        *("toset(<mixed>)", "flatten(<mixed>)", "[<number>]"),
        *("[for v in <mixed> : v + 1]", "compact(<mixed>)"),
        *("concat(<mixed>...)", "<mixed>[*]"),
    ),
    "map": (
        *("{ a = <>, b = <> }", "{ (<text>) = <> }", "merge(<map>, <map>)", "<map>.b"),
        *("{ for v in <list> : v => v }", "try(<map>, {})", "try(<map>.a.b, <map>)"),
        *("{ for k, v in <map> : k => v if k != <text> }", "merge(<map>, <map>, { a = <> })"),
    ),
}
_CHOICES = (
    "(<flag> ? <same> : <same>)",
    "(<flag> ? <same> : <>)",
    "(<flag> ? null : <same>)",
    "<text> == null ? <same> : <same>",
)

# What an engine cannot be asked, or is no HCL, such as 1.5.0.
_NOT_ASKED = r"data\.x|file\(|var\.other|(?<![\w.\]])\d+(\.\d+)?(e-?\d+)?\.(0(?!\d)|[a-z])"


def expression(chance: random.Random, kind: str = "", depth: int = 3) -> str:
    """Make an expression of a kind, or of any."""
    if chance.random() < 0.03:
        kind = "unknown"
    elif not kind or chance.random() < 0.04:
        kind = chance.choice([*FORMS])
    if kind == "unknown" or chance.random() > depth / 3:
        return chance.choice(ATOMS[kind])
    form = chance.choice(_CHOICES if chance.random() < 0.15 else FORMS[kind])
    return filled(chance, form.replace("<same>", f"<{kind}>"), depth - 1)


def random_expressions(chance: random.Random, number: int) -> list[str]:
    """Make so many expressions that an engine can be asked."""
    codes: dict[str, None] = {}
    while len(codes) < number:
        code = expression(chance)
        if len(code) <= _LONGEST and not re.search(_NOT_ASKED, code):
            codes[code] = None
    return [*codes]


def filled(chance: random.Random, form: str, depth: int) -> str:
    """Put expressions into a form."""
    return re.sub("<([a-z]*)>", lambda m: expression(chance, m[1], depth), form)


def evaluator(text: str, variables: GivenVariables) -> Evaluator:
    """Return the evaluator of a module."""
    blocks = parse(text, "main.tf").blocks
    return read_blocks(blocks, {}, variables).evaluator


def here(module: Evaluator, code: str) -> tuple[str, Any]:
    """Say what the evaluator says of an expression: known with its value, unknown or refused."""
    node = parsed(code)
    assert node is not None, code
    try:
        value = module.evaluate(node)
    except EvaluationError:
        return "refused", None
    if unknown_in(value) is not None:
        return "unknown", None
    return "known", json.loads(json.dumps(value, default=float))


def asked(engine: Engine, folder: Path, codes: Iterable[str]) -> dict[str, Any]:
    """Return what an engine says of expressions: a list of the value, empty for what it refuses."""
    numbers = {f"x{number}": code for number, code in enumerate(codes)}
    outputs = (
        f'output "{name}" {{\n  value = try([jsonencode({code})], [])\n}}\n'
        for name, code in numbers.items()
    )
    (folder / "main.tf").write_text(CONTEXT + "".join(outputs))
    planned = engine.plan(folder)["planned_values"]["outputs"]
    return {code: [*map(json.loads, planned[name]["value"])] for name, code in numbers.items()}


def asked_for_types(engine: Engine, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what an engine makes of values of variables by type, without those it refuses."""
    pairs = {f"x{n}": (t, v) for n, (t, v) in enumerate((t, v) for t in TYPES for v in VALUES)}
    for _ in range(2):
        code = (
            f'variable "{name}" {{\n  type = {kind}\n}}\n'
            f'output "{name}" {{\n  value = jsonencode(var.{name})\n}}\n'
            for name, (kind, _) in pairs.items()
        )
        (folder / "main.tf").write_text("".join(code))
        values = "".join(f"{name} = {value}\n" for name, (_, value) in pairs.items())
        (folder / "terraform.tfvars").write_text(values)
        try:
            planned = engine.plan(folder)["planned_values"]["outputs"]
        except EngineError as error:
            for name in re.findall(r"var\.(x\d+)", str(error)):
                pairs.pop(name, None)
    answers: dict[str, dict[str, Any]] = {}
    for name, (kind, value) in pairs.items():
        answers.setdefault(kind, {})[value] = json.loads(planned[name]["value"])
    return answers


def main() -> None:
    """Write the file."""
    chance, module = random.Random(1), evaluator(CONTEXT, GivenVariables())
    candidates = {expression(chance): None for _ in range(8000)}
    codes = [c for c in candidates if len(c) <= _MOST and not re.search(_NOT_ASKED, c)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        engine = make_engine(TERRAFORM_NEWEST, folder)
        answers: dict[str, Any] = {}
        for start in range(0, len(codes), 1500):
            answers |= asked(engine, folder, codes[start : start + 1500])
        (folder / "main.tf").unlink()
        types = asked_for_types(engine, folder)
    groups: dict[str, dict[str, Any]] = {name: {} for name in _EACH}
    for code, answer in answers.items():
        state, value = here(module, code)
        tried, fallback = here(module, f'try({code}, "fallback")')
        is_wrong = answer and (state == "refused" or (state == "known" and value != answer[0]))
        if is_wrong or (tried == "known" and fallback != (answer or ["fallback"])[0]):
            print(code, state, value, fallback, "but Terraform:", answer)
            continue
        name = "taken" if state == "known" and not answer else state
        if len(groups[name]) < _EACH[name]:
            groups[name][code] = answer
    whole = {name: dict(sorted(group.items())) for name, group in groups.items()}
    lines = ",\n".join(
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in group.items())
        + "\n}"
        for name, group in {**whole, "types": types}.items()
    )
    ANSWERS.write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
