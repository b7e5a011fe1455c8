"""Strange but valid documents are the same in HCL, or are refused with a reason.

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
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.attributes import attributes
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.document import dumps
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


def resource(form: str, text: str) -> str:
    return f'resource "aws_iam_policy" "p" {{\n  policy = {FORMS[form](text)}\n}}\n'


def written_out(form: str, text: str) -> str | None:
    """The JSON of a policy that HCL writes out; None if it is refused."""
    (attribute,) = attributes(parse(resource(form, text), "x.tf"))
    try:
        policy = embedded.read(attribute.value)
    except InputError as error:
        assert error.place and error.problem
        return None
    assert policy.holes() == ()
    return dumps(policy)


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
        if (read := written_out(form, text)) is None:
            refused.append(text)
            return
        assert plain(read) == plain(as_printed(text) if form == "jsonencode" else text)

    check()
    assert len(refused) < EXAMPLES / 2


@pytest.mark.engine
@pytest.mark.parametrize("plan", range(PLANS))
def test_an_engine_says_the_same(plan: int, newest: Engine, tmp_path: Path) -> None:
    texts = drawn(EACH, plan)
    form = [*FORMS][plan % len(FORMS)]
    known: dict[str, str] = {}
    outputs = ""
    for place, text in enumerate(texts):
        if (read := written_out(form, text)) is not None:
            known[f"p{place}"] = read
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
