"""Strange but valid documents come back unchanged from HCL, or are refused with a reason.

`make fuzz` takes `FUZZ_EXAMPLES` of them, and many plans of an engine.
"""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from conftest import write_tree
from rendering_back import check_same, converted, plain, rendered
from vpc_cni_iam.converting.batch import ConvertOptions, Input, convert
from vpc_cni_iam.converting.from_hcl import Reading, Unread, read_file, readings
from vpc_cni_iam.engine.run import Engine
from whole_policies import drawn, whole_policies

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
PLANS, EACH = (30 if "VPC_CNI_IAM_FUZZ" in os.environ else 1), 60
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
MARK = "\x07"


def quoted(text: str) -> str:
    """A quoted string of HCL, by its specification alone."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    for sign in "\0\r\t\b\f\x07\u2028":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return '"' + text.replace("${", "$${").replace("%{", "%%{") + '"'


def marked(text: str) -> str:
    """A number of JSON as it is written, in a text that is told from others."""
    return f"{MARK}{text}{MARK}"


def printed(text: str) -> str:
    """A number as engines print it."""
    digits = f"{Decimal(text):f}"
    return marked(digits.rstrip("0").rstrip(".") if "." in digits else digits)


def encoded(value: Any) -> str:
    """A value of JSON as an expression of HCL."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(k)} = {encoded(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(encoded, value))}]"
    if isinstance(value, str):
        return value.strip(MARK) if value.startswith(MARK) else quoted(value)
    return json.dumps(value)


def call(text: str) -> str:
    return f"jsonencode({encoded(json.loads(text, parse_int=marked, parse_float=marked))})"


def heredoc(text: str) -> str:
    body = text.replace("${", "$${").replace("%{", "%%{")
    return f"<<-END_OF_POLICY\n      {body}\n  END_OF_POLICY\n"


FORMS: dict[str, Callable[[str], str]] = {"jsonencode": call, "string": quoted, "heredoc": heredoc}


def resource(form: str, text: str, number: int = 0) -> str:
    return f'resource "aws_iam_policy" "p{number}" {{\n  policy = {FORMS[form](text)}\n}}\n'


def as_printed(text: str) -> str:
    """A document with its numbers as engines print them."""
    value = json.loads(text, parse_int=printed, parse_float=printed)
    return json.dumps(value).replace('"\\u0007', "").replace('\\u0007"', "")


@pytest.mark.parametrize("form", FORMS)
def test_a_document_that_is_written_out_comes_back_as_it_was(form: str) -> None:
    refused: list[str] = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW)
    @given(whole_policies)
    def check(text: str) -> None:
        (reading,) = readings(read_file(resource(form, text), "x.tf"))
        if isinstance(reading, Unread):
            assert reading.error.place and reading.error.problem
            refused.append(text)
            return
        assert reading.references == ()
        expected = as_printed(text) if form == "jsonencode" else text
        assert plain(reading.text) == plain(expected)

    check()
    assert len(refused) < EXAMPLES / 2


def test_a_converted_document_comes_back_as_it_was() -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=SLOW)
    @given(whole_policies)
    def check(text: str) -> None:
        batch = convert([Input("x.json", lambda: text)], ConvertOptions())
        for document in batch.converted:
            (reading,) = readings(read_file(document.text, "x.tf"))
            assert isinstance(reading, Reading) and reading.references == ()
            assert plain(reading.text) == plain(text)

    check()


@pytest.mark.engine
@pytest.mark.parametrize("plan", range(PLANS))
def test_an_engine_says_the_same(plan: int, newest: Engine, tmp_path: Path) -> None:
    texts = drawn(EACH, plan)
    form = [*FORMS][plan % len(FORMS)]
    known: dict[str, str] = {}
    outputs = ""
    for place, text in enumerate(texts):
        (reading,) = readings(read_file(resource(form, text), "x.tf"))
        if isinstance(reading, Reading):
            known[f"p{place}"] = reading.text
            outputs += f'output "p{place}" {{\n  value = {FORMS[form](text)}\n}}\n'
    write_tree(tmp_path / "a", {"main.tf": outputs})
    planned = newest.plan(tmp_path / "a")["planned_values"]["outputs"]
    assert {n: plain(o["value"]) for n, o in planned.items()} == {
        n: plain(text) for n, text in known.items()
    }
    expressible = {
        f"d{place}": text
        for place, text in enumerate(texts)
        if not convert([Input("x", lambda t=text: t)], ConvertOptions()).failures  # type: ignore[misc]
    }
    assert len(known) > EACH / 3 < len(expressible)
    check_same(expressible, rendered(newest, tmp_path / "b", converted(expressible)))
