"""Parsers on text that nobody meant: a value, or an error of this tool, and nothing else.

`make fuzz` runs this long; the normal run takes a few examples of each. A parser of input that
people or programs hand over belongs into `PARSERS`, with a text that it reads, and its words.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.upstream.calls import calls
from tools.upstream.check import compare
from tools.upstream.checkout import Checkout
from tools.upstream.gosource import read as read_go
from tools.upstream.page import documents

from conftest import ROOT
from upstream_standins import page, source_of
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.converting.batch import ConvertOptions, Input
from vpc_cni_iam.converting.batch import convert as convert_all
from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.attributes import attributes
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.module.reader import read_blocks
from vpc_cni_iam.hcl.parse import parse as parse_hcl
from vpc_cni_iam.inputs.aws.ec2 import read as read_inventory
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.ignore import load as load_ignoring
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.run import review
from vpc_cni_iam.texts import decode, limits
from vpc_cni_iam.vendoring.configuration.config import parse as parse_config
from vpc_cni_iam.vendoring.manifest import Manifest
from vpc_cni_iam.vendoring.manifest import dumps as manifest_text
from vpc_cni_iam.vendoring.manifest import loads as parse_manifest

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "100"))
LONGEST = 100_000  # characters of a piece: texts of the largest size have tests of their own
# Filled in, since a placeholder that is left is its own error when a policy is asked.
SCOPED = revisions()[0].document("ipv4-scoped").map_texts(lambda text: str(text).replace("${", "{"))


def policy(text: str) -> None:
    """Whatever is read as a policy can be compared, printed, read again and asked."""
    read = loads(text, "policy.json")
    assert loads(dumps(read), "again") == read
    assert differences(read, read) == ()
    differences(read, SCOPED)
    no_new_access([SCOPED], [read], budget=Budget(steps=1000))
    compile_policies([read]).evaluate(Request("ec2:CreateTags", "*"))


def hcl(text: str) -> None:
    if len(text) > limits.HCL.most:
        return
    blocks = parse_hcl(text, "main.tf").blocks
    for values in (None, GivenVariables()):
        for document in read_blocks(blocks, {}, values).documents:
            assert isinstance(document.policy, Policy)


def written_out(text: str) -> None:
    if len(text) > limits.HCL.most:  # more of a file is not read
        return
    for attribute in attributes(parse_hcl(text, "main.tf")):
        if embedded.is_document(attribute.value):
            assert isinstance(embedded.read(attribute.value), Policy)


def markdown(text: str) -> None:
    compare(documents(text, "page.md"), revisions()[0])


def plan(text: str) -> None:
    """Whatever is read as a plan can be reviewed and said in words."""
    shown(review(read_plan(text.encode(errors="surrogatepass"), "plan.json"), ReviewOptions()))


def convert(text: str) -> None:
    """Whatever is converted is refused or written, and what is written is HCL."""
    for document in convert_all([Input("policy.json", lambda: text)], ConvertOptions()).documents:
        parse_hcl(document.hcl, "policy.tf")


def toml(text: str) -> None:
    data = text.encode(errors="surrogatepass")
    parse_config(decode(data, "vpc-cni-iam.toml"), Path("vpc-cni-iam.toml"))


def ignoring(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vpc-cni-iam-ignore.toml")
        path.write_bytes(text.encode(errors="surrogatepass"))
        load_ignoring(path)


def preflight(text: str) -> None:
    read_inventory(["-"], io.BytesIO(text.encode(errors="surrogatepass")))


def go(text: str) -> None:
    file = read_go(text, "main.go")
    if file is not None:
        calls(Checkout("example.com/plugin", {"": (file,)}))


HCL = """
variable "name" { default = "x" }
locals { names = ["a", "b"] }
data "aws_iam_policy_document" "d" {
  count = "2"
  statement {
    sid       = "A"
    effect    = "Deny"
    actions   = concat(local.names, ["ec2:*"])
    resources = ["arn:${var.name}:$${x}", <<-EOT
      text
    EOT
    ]
    condition {
      test     = "StringEquals"
      variable = "aws:x"
      values   = [for v in local.names : v if v != "a"]
    }
  }
}
"""
TOML = """# comment
[[module]]
path = "modules/cni"
kind = 'policy'
variants = ["ipv4", "ipv6"]
cni_version = "v1.23.0"
features = []
additions = "needed"
[[module]]
path = "other"
revision = "2022-01-31"
"""
INSTANCES = """{"Reservations": [{"Instances": [{"InstanceId": "i-0123456789abcdef0",
"VpcId": "vpc-0123456789abcdef0", "State": {"Name": "running"}, "Tags": [{"Key": "a", "Value": "b"}]
}]}], "NextToken": ""}"""
IGNORING = """[[ignore]]
rule = "managed-policy-attached"
address = "module.eks.aws_iam_role.node[*]"
reason = "the nodes move in March"
until = 2027-03-31
"""
PLAN = (ROOT / "tests/review/plans/reorder.tofu-1.12.6.json").read_text()
EMBEDDED = """
# a role
resource "aws_iam_role" "r" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }]
  })
  inline_policy {
    policy = <<-EOT
      {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "${aws_s3_bucket.b.arn}/*"}}
    EOT
  }
}
"""
PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "policy": (policy, json.dumps(json.loads(dumps(SCOPED)), indent=1)),
    "hcl": (hcl, HCL),
    "toml": (toml, TOML),
    "markdown": (markdown, page()),
    "manifest": (
        lambda text: parse_manifest(text, "manifest"),
        manifest_text(
            Manifest(
                {"main.tf": frozenset({"0" * 64})},
                {"main.tf": {"1" * 64: "ticket 1"}},
                {"README.md": "ours"},
                frozenset({"../vpc-cni-iam.toml"}),
            )
        ),
    ),
    "plan": (plan, PLAN),
    "ignoring": (ignoring, IGNORING),
    "convert": (convert, json.dumps({"PolicyVersion": {"Document": json.loads(dumps(SCOPED))}})),
    "HCL that writes out policies": (written_out, EMBEDDED),
    "preflight": (preflight, INSTANCES),
    "go": (go, source_of(["ec2:CreateTags", "ec2:DescribeTags"])["pkg/nodes/nodes.go"]),
}
# What has a meaning in one of them, and what has surprised parsers before.
WORDS = [
    *'{}[]()"\\,:=\n#`\0\ufeff\ud800',
    *("${", "%{", "$${", "%%{", "/*", "*/", "//", "<<EOT\n", "<<-A\n", "EOT\n", "```", "[[", "]]"),
    *(
        "null",
        "true",
        "1e999",
        "-0",
        "NaN",
        "9" * 5000,
        "\\ud800",
        "\\u0000",
        "\\q",
        "\r",
        "\u2028",
        "'''",
    ),
    *('"Statement":', '"Statement": {}', '"Action": [],', '"Principal": "*",', '"Condition": {},'),
    *('"*"', "?", "func ", "import ", "package ", "//go:build (", "dynamic ", "for_each", "..."),
    *(
        "variable",
        "1979-05-27",
        "0x",
        "path.a.b = 1\n",
        "module = 1\n",
        "\x1b[31m",
        "é",
        "\U0001f511",
    ),
]


def outcome(read: Callable[[str], object], text: str) -> None:
    try:
        read(text)
    except VpcCniIamError as error:
        assert str(error)


@st.composite
def nearly(draw: st.DrawFn, seed: str) -> str:
    """A text that is read, with a few pieces taken out, doubled, moved or put in."""
    text = seed
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(st.sampled_from(WORDS)) * draw(st.sampled_from([1, 1, 1, 2, 2000]))
        piece = piece[:LONGEST]
        match draw(st.sampled_from(["out", "in", "double", "instead", "cut"])):
            case "out":
                text = text[:start] + text[end:]
            case "in":
                text = text[:start] + piece + text[start:]
            case "double":
                text = text[:end] + text[start:]
            case "instead":
                text = text[:start] + piece + text[end:]
            case _:
                text = text[:start]
    return text


bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.parametrize("parser", PARSERS)
def test_any_text(parser: str) -> None:
    read = PARSERS[parser][0]
    pieces = st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=30)

    @bounded
    @given(pieces.map("".join))
    def check(text: str) -> None:
        outcome(read, text)

    check()


@pytest.mark.parametrize("parser", PARSERS)
def test_what_is_nearly_right(parser: str) -> None:
    read, seed = PARSERS[parser]
    read(seed)

    @bounded
    @given(nearly(seed))
    def check(text: str) -> None:
        outcome(read, text)

    check()
