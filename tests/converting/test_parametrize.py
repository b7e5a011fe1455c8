"""Variables and the partition stand where literals stood as wholes, and nowhere else."""

import pytest

from test_batch import P, S, batch, one
from vpc_cni_iam.converting.parametrize import Substitution, parameters
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.literals import code

NAMES = {"111122223333": "account_id", "prod": "cluster", "eu-west-1": "region"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("111122223333", "var.account_id"),
        ("prod", "var.cluster"),
        ("prod-logs", '"prod-logs"'),
        ("kubernetes.io/cluster/prod", '"kubernetes.io/cluster/prod"'),
        (
            "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
            '"arn:aws:eks:${var.region}:${var.account_id}:cluster/${var.cluster}"',
        ),
        ("arn:aws:s3:::prod", '"arn:aws:s3:::${var.cluster}"'),
        ("arn:aws:s3:::prod/prod/*", '"arn:aws:s3:::${var.cluster}/${var.cluster}/*"'),
        ("arn:aws:s3:::prod-logs/*", '"arn:aws:s3:::prod-logs/*"'),
        ("arn:aws:s3:::a-prod", '"arn:aws:s3:::a-prod"'),
        ("arn:aws:s3:::prod*", '"arn:aws:s3:::prod*"'),
        (
            "arn:aws:s3:::${aws:PrincipalTag/prod}/$prod/prod",
            '"arn:aws:s3:::$${aws:PrincipalTag/prod}/$prod/${var.cluster}"',
        ),
        ("arn:aws:s3:::$:prod", '"arn:aws:s3:::$:${var.cluster}"'),
    ],
)
def test_whole_values_and_whole_parts_of_arns(text: str, written: str) -> None:
    assert code(Substitution(NAMES).value(text)) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("arn:aws:s3:::b", '"arn:${data.aws_partition.current.partition}:s3:::b"'),
        ("arn:aws:s3:::aws:x", '"arn:${data.aws_partition.current.partition}:s3:::aws:x"'),
        ("arn:aws-cn:s3:::b", '"arn:aws-cn:s3:::b"'),
        ("arn:*:s3:::b", '"arn:*:s3:::b"'),
        ("aws", '"aws"'),
        ("my-arn:aws:x", '"my-arn:aws:x"'),
    ],
)
def test_the_partition_at_hand(text: str, written: str) -> None:
    assert code(Substitution({}, "aws").value(text)) == written


def test_no_other_element_is_touched() -> None:
    converted = batch(
        {"x.json": {**P, "Id": "prod", "Statement": [{**S, "Sid": "prod", "Action": "prod"}]}},
        names=NAMES,
        partition_aware=True,
    )
    assert converted.shared == {}
    assert converted.unused == tuple(NAMES)
    assert "var." not in converted.text()


def test_blocks_stand_once_and_only_where_they_are_used() -> None:
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/dev"
    converted = batch(
        {"a.json": one(Resource=arn), "variables.json": one(Resource=arn), "c.json": P},
        names=NAMES,
        partition_aware=True,
    )
    files = converted.files()
    assert list(files) == ["a.tf", "variables.tf", "c.tf", "variables_2.tf", "data.tf"]
    assert files["variables_2.tf"].count('variable "') == 2
    assert 'default     = "eu-west-1"' in files["variables_2.tf"]
    assert converted.text().count('data "aws_partition" "current" {}\n') == 1
    assert converted.unused == ("prod",)


def test_what_stays_is_said() -> None:
    resources = ["arn:aws:s3:::prod-a", "prod-b", "prod"]
    result = batch({"a.json": one(Resource=resources)}, names=NAMES)
    (note,) = result.converted[0].notes
    assert note.text.startswith("keeps 'prod' in 'arn:aws:s3:::prod-a' and 1 more")


def test_several_partitions_stay() -> None:
    resources = ["arn:aws:s3:::a", "arn:aws-us-gov:s3:::a"]
    result = batch({"a.json": one(Resource=resources)}, partition_aware=True)
    (note,) = result.converted[0].notes
    assert note.text == "names several partitions, which do not change: aws, aws-us-gov"
    assert result.shared == {}


@pytest.mark.parametrize(
    "element",
    [
        {"Resource": ..., "NotResource": "arn:aws-cn:s3:::a"},
        {"Resource": ..., "Principal": {"AWS": "arn:aws-cn:iam::111122223333:root"}},
        {"Resource": ..., "NotPrincipal": {"AWS": "arn:aws-cn:iam::111122223333:root"}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws-cn:s3:::a"}}},
    ],
)
def test_the_partition_of_any_element_gives_way(element: dict[str, object]) -> None:
    text = batch({"a.json": one(**element)}, partition_aware=True).text()
    assert "arn:${data.aws_partition.current.partition}:" in text and "aws-cn" not in text
    both = one(**element), one(Resource="arn:aws:s3:::a")
    statements = [s for document in both for s in document["Statement"]]
    result = batch({"a.json": {**P, "Statement": statements}}, partition_aware=True)
    assert "names several partitions, which do not change: aws-cn, aws" in str(
        result.converted[0].notes
    )


def test_another_partition_gives_way_too() -> None:
    converted = batch({"a.json": one(Resource="arn:aws-cn:s3:::a")}, partition_aware=True)
    assert "arn:${data.aws_partition.current.partition}:s3:::a" in converted.text()


@pytest.mark.parametrize(
    "names",
    [
        ["account"],
        ["=1"],
        ["1a=x"],
        ["a b=x"],
        ["count=x"],
        ["a="],
        ["a=*"],
        ["a=x", "a=y"],
        ["a=x", "b=x"],
    ],
)
def test_parameters_that_are_none(names: list[str]) -> None:
    with pytest.raises(UsageError, match="--parametrize"):
        parameters(names)


def test_parameters() -> None:
    assert parameters(["a=x=y", "b=z"]) == {"x=y": "a", "z": "b"}
