"""Generated expressions, and values of variables, are what Terraform says; and laws of the rest."""

import json
import random
import re
from collections.abc import Iterator
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

import pytest

from evaluated import CONTEXT
from make_answers import (
    ANSWERS,
    ATOMS,
    FORMS,
    TYPES,
    VALUES,
    asked,
    asked_for_types,
    evaluator,
    expression,
    here,
)
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.evaluate.domain import EvaluationError, HclValue, Unevaluated, unknown_in
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.module.reader import hole_of, read_blocks
from vpc_cni_iam.hcl.module.variables import read_file
from vpc_cni_iam.hcl.parse import expression as parsed_expression
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Node
from vpc_cni_iam.policy.template import fill

RECORDED = json.loads(ANSWERS.read_text())
SUBSTITUTES = ('"a"', "2", "true", "null", '["b", "a"]', '{ a = "x" }', "[]", 'toset(["b"])')
HOLES = ("data.x.y.z", "[data.x.y.z]", "{ a = data.x.y.z }")
HOLE = hole_of("other")
SAMPLES = ("aws", "true", "b/a", "1")


def exact(value: Any) -> str:
    """JSON, in which 1 and true differ."""
    return json.dumps(value, sort_keys=True)


def node(code: str) -> Node:
    parsed = parsed_expression(code)
    assert parsed is not None, code
    return parsed


def module(text: str = CONTEXT, **texts: str) -> Evaluator:
    return evaluator(text, GivenVariables(texts))


@pytest.mark.parametrize("group", ["known", "unknown", "refused", "taken"])
def test_an_expression_is_what_terraform_says_or_unknown(group: str) -> None:
    """Also in `try`, where what is refused leads to another value."""
    scope = module()
    state = "known" if group == "taken" else group  # nobody can plan what only we take
    for code, answer in RECORDED[group].items():
        result, value = here(scope, code)
        assert result == state, code
        assert group != "known" or exact(value) == exact(answer[0]), code
        result, value = here(scope, f'try({code}, "fallback")')
        expected = answer[0] if answer else "fallback"
        assert result == "unknown" or exact(value) == exact(expected), f"try({code}, ...)"


@pytest.mark.parametrize("kind", TYPES)
def test_a_value_is_converted_to_the_type_of_its_variable(kind: str) -> None:
    """However it is given: in a file, in JSON, as an option, or as the default."""
    declared = f'variable "x" {{\n  type = {kind}\n'
    for text in VALUES:
        code = "one([])" if text == "null" else text
        in_json = json.dumps({"x": here(module(), text)[1]})
        files = {"x.tfvars": f"x = {code}\n", "x.tfvars.json": in_json}
        passed = [GivenVariables(values=read_file(t, name)) for name, t in files.items()]
        if kind not in ("string", "number", "bool"):
            passed.append(GivenVariables({"x": text}))
        results = [here(module(f"{declared}  default = {text}\n}}\n"), "var.x")]
        for variables in passed:
            try:
                results.append(here(evaluator(f"{declared}}}\n", variables), "var.x"))
            except UsageError as error:
                assert "variable 'x': " in str(error)
                results.append(("unknown", None))
        answers = RECORDED["types"].get(kind, {})
        for state, value in results:
            assert state == "unknown" or exact(value) == exact(answers[text]), text


@pytest.mark.parametrize(
    ("number", "value"), [("2", 2), ("-2", -2), ("1.5", None), ("1e3", None), ("9" * 20, None)]
)
def test_a_number_in_a_json_file_is_one(number: str, value: int | None) -> None:
    variables = GivenVariables(values=read_file(f'{{"x": {number}}}', "terraform.tfvars.json"))
    for declared in ("", "  type = number\n"):
        answer = here(evaluator(f'variable "x" {{\n{declared}}}\n', variables), "var.x")
        assert answer == (("unknown", None) if value is None else ("known", value))


@pytest.mark.parametrize("text", ["[]", "1", '"x"', "null"])
def test_a_json_file_of_variables_is_an_object(text: str) -> None:
    with pytest.raises(InputError, match="is not an object of values by the names"):
        read_file(text, "x.tfvars.json")


def holes() -> Iterator[str]:
    """Each form with what nobody knows in one place, and ordinary values in the others."""
    chance = random.Random(2)
    for form in (form for forms in FORMS.values() for form in forms):
        pieces = re.split("<([a-z]*)>", form)
        for place, hole in product(range(1, len(pieces), 2), HOLES):
            codes = [chance.choice(ATOMS[kind or "list"]) for kind in pieces[1::2]]
            codes[place // 2] = hole
            yield "".join(
                piece for pair in zip_longest(pieces[::2], codes) for piece in pair if piece
            )


def test_what_is_known_beside_an_unknown_is_so_for_every_value_of_it() -> None:
    scope, known = module(), 0
    for code in holes():
        state, value = here(scope, code)
        known += state == "known"
        for substitute in SUBSTITUTES if state == "known" else ():
            other, literal = here(scope, code.replace("data.x.y.z", f"({substitute})"))
            assert other != "known" or exact(literal) == exact(value), (code, substitute)
    assert known > 30


def test_what_is_made_of_a_hole_is_what_any_text_makes() -> None:
    """For the documents of a module that is read for any values of its variables."""
    blocks = parse('variable "other" {}\n' + CONTEXT, "x.tf").blocks
    scope, chance, known = module(), random.Random(3), 0
    filling = read_blocks(blocks, {"other": "-"}).evaluator
    codes = [c for c in (expression(chance) for _ in range(3000)) if "var.other" in c]
    for code, text in product(codes, SAMPLES):
        try:
            value = filling.evaluate(node(code))
        except EvaluationError:
            continue
        if isinstance(value, Unevaluated) and value.text is not None:
            value = str(fill(value.text, {HOLE: text}.__getitem__))
        state, literal = here(scope, code.replace("var.other", json.dumps(text)))
        if state == "known" and unknown_in(value) is None:
            known += 1
            assert exact(json.loads(json.dumps(value, default=float))) == exact(literal), code
    assert known > 40


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1", 1), ("true", True), ('["a"]', ("a",)), (" [1]", (1,)), ("{ a = 1 }", {"a": 1})),
        *(("a-b", "a-b"), ("", ""), ("var.x", "var.x"), ("a [", "a ["), ('"a"', '"a"')),
    ],
)
def test_an_option_for_a_variable_that_nothing_declares_is_read_as_code_if_it_has_parts(
    text: str, value: HclValue
) -> None:
    """Its declaration may be in a file that is not there."""
    assert evaluator("", GivenVariables({"x": text})).evaluate(node("var.x")) == value
    assert evaluator("", GivenVariables(values={"x": value})).evaluate(node("var.x")) == value


@pytest.mark.engine
def test_an_engine_says_what_is_recorded(newest: Engine, tmp_path: Path) -> None:
    groups = [group for name, group in RECORDED.items() if name != "types"]
    recorded = {code: answer for group in groups for code, answer in group.items()}
    assert asked(newest, tmp_path, recorded) == recorded
    (tmp_path / "main.tf").unlink()
    assert asked_for_types(newest, tmp_path) == RECORDED["types"]
