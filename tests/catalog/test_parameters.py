"""Placeholders are found everywhere, and only fit values take their place."""

import re

import pytest

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts.calls import features
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.parameters import substitute, used, values
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.policy.proof.answer import NotProven
from vpc_cni_iam.publishing.versioning.comparison import compare
from vpc_cni_iam.publishing.versioning.semver import FIRST
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.configuration.config import VendoredModule
from vpc_cni_iam.vendoring.edits.diff import meanings
from vpc_cni_iam.vendoring.report.edits import meaning_lines

GIVEN = {
    "cluster_name": "prod",
    "vpc_id": "vpc-0123456789abcdef0",
    "partition": "aws-cn",
    "region": "cn-north-1",
    "account_id": "111122223333",
    "vpc_owner_id": "444455556666",
    "hyperpod_cluster_id": "abc123def456",
}
OLDEST = select(revision="2022-01-31")


def filled(variant: int, **settings: str) -> str:
    policy = compose(VARIANTS[variant], OLDEST).policy
    return dumps(substitute(policy, values(settings)))


def test_no_placeholder_is_left() -> None:
    text = filled(2, **GIVEN)
    assert "${" not in text
    assert "arn:aws:" not in text
    assert ":*:" not in text
    assert text.count("arn:aws-cn:ec2:cn-north-1:444455556666:subnet/*") == 1
    assert text.count("arn:aws-cn:ec2:cn-north-1:444455556666:vpc/vpc-0123456789abcdef0") == 1
    assert text.count("arn:aws-cn:ec2:cn-north-1:111122223333:security-group/*") == 2
    assert '"aws:ResourceTag/kubernetes.io/cluster/prod": "owned"' in text


def test_defaults_are_upstream_s() -> None:
    text = filled(2, cluster_name="prod", vpc_id="vpc-01234567")
    upstream = dumps(compose(VARIANTS[2], OLDEST).policy)
    expected = upstream.replace("${cluster_name}", "prod").replace("${vpc_id}", "vpc-01234567")
    assert text == expected


def test_the_vpc_owner_is_the_account_if_not_given() -> None:
    values = {k: v for k, v in GIVEN.items() if k != "vpc_owner_id"}
    assert "444455556666" not in filled(2, **values)
    assert filled(2, **values).count("111122223333:subnet/*") == 1


def test_a_scoped_policy_without_its_names_is_refused() -> None:
    with pytest.raises(UsageError, match="needs --cluster-name and --vpc-id"):
        filled(2)
    with pytest.raises(UsageError, match="needs --vpc-id"):
        filled(3 - 1, cluster_name="prod")


def test_only_the_parameters_that_stand_in_a_document_are_used() -> None:
    names = [[p.name for p in used(compose(v, OLDEST).policy)] for v in VARIANTS]
    assert names[0] == ["partition", "region", "account_id"]
    every = [p.name for p in parameters.PARAMETERS if not p.is_list]
    assert names[2] == [name for name in every if name != "hyperpod_cluster_id"]
    assert names[3] == ["cluster_name", "partition", "region", "account_id"]
    nodes = compose(VARIANTS[0], select(cni_version="latest", features=["hyperpod"])).policy
    assert [p.name for p in used(nodes)] == [*names[0], "hyperpod_cluster_id"]


HOSTILE = [
    "",
    " ",
    "a\n",
    "a b",
    '"',
    '${file("/etc/passwd")}',
    "%{ for x in y }",
    "}",
    "a\x00",
    "\u0661\u0662\u0663",
    "é",
    "a" * 101,
    "-a",
    "_a",
    "../x",
    "*",
    "&{aws:username}",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_cluster_names_that_eks_refuses_are_refused(value: str) -> None:
    with pytest.raises(UsageError, match="is not an EKS cluster name"):
        values({"cluster_name": value})


@pytest.mark.parametrize("value", ["a", "0", "A-b_c", "9" * 100])
def test_cluster_names_that_eks_takes_are_taken(value: str) -> None:
    assert values({"cluster_name": value})["cluster_name"] == value


@pytest.mark.parametrize("name", [n for n in GIVEN if n != "cluster_name"])
@pytest.mark.parametrize("value", [h for h in HOSTILE if h != "*"])
def test_other_values_that_do_not_fit_are_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} "):
        values({name: value})


@pytest.mark.parametrize(
    ("name", "fits", "does_not"),
    [
        ("vpc_id", "vpc-01234567 vpc-0123456789abcdef0", "vpc-0123 vpc-0123456G VPC-01234567"),
        (
            "partition",
            "aws aws-cn aws-us-gov aws-eusc aws-iso aws-iso-b aws-iso-e aws-iso-f",
            "aws-xx AWS *",
        ),
        (
            "region",
            "us-east-1 eu-west-3 us-gov-west-1 cn-north-1 eusc-de-east-1 us-isob-east-1 "
            "mx-central-1 *",
            "us-east us_east_1 US-EAST-1",
        ),
        ("account_id", "123456789012 *", "12345678901 1234567890123"),
        (
            "hyperpod_cluster_id",
            "abc123def456 *",
            "abc123def45 ABC123DEF456 abc123def4567 abc-23def456",
        ),
    ],
)
def test_rules(name: str, fits: str, does_not: str) -> None:
    for value in fits.split():
        assert values({name: value})[name] == value
    for value in does_not.split():
        with pytest.raises(UsageError):
            values({name: value})


def test_changes_are_shown_with_upstreams_values() -> None:
    """A parameter that upstream has a value for is never a variable in the words of a change."""
    every = options(
        [variant.name for variant in VARIANTS], cni_version="v1.23.2", features=[*features()]
    )
    files = render(every)
    denied = {path: text.replace('"Allow"', '"Deny"') for path, text in files.items()}
    published = [str(change) for change in compare(files, denied, FIRST).permissions]
    shown = meanings(VendoredModule("m", every, 1), files, {})
    assert not any(isinstance(meaning.change, NotProven) for meaning in shown)
    lines = [*published, *(line for meaning in shown for line in meaning_lines(meaning))]
    assert any(":sagemaker:*:*:" in line for line in lines)
    for line in lines:
        assert set(re.findall(r"var\.(\w+)", line)) <= {p.name for p in parameters.NAMES}, line
