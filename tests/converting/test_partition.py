"""The current partition stands in ARNs, and nowhere else."""

import pytest

from test_batch import P, S, batch, one
from vpc_cni_iam.converting.partition import with_current
from vpc_cni_iam.hcl.literals import code


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("arn:aws:s3:::b", '"arn:${data.aws_partition.current.partition}:s3:::b"'),
        ("arn:aws:s3:::aws:x", '"arn:${data.aws_partition.current.partition}:s3:::aws:x"'),
        ("arn:aws:s3:::${x}\n", '"arn:${data.aws_partition.current.partition}:s3:::$${x}\\n"'),
        ("arn:*:s3:::b", '"arn:*:s3:::b"'),
        ("aws", '"aws"'),
        ("my-arn:aws:x", '"my-arn:aws:x"'),
    ],
)
def test_the_current_partition(text: str, written: str) -> None:
    assert code(with_current(text)) == written


def test_no_other_element_is_touched() -> None:
    arn = "arn:aws:s3:::b"
    converted = batch(
        {"x.json": {**P, "Id": arn, "Statement": [{**S, "Action": arn}]}}, partition_aware=True
    )
    assert converted.shared == {}
    assert "partition" not in converted.text()


def test_the_block_stands_once_and_only_where_it_is_used() -> None:
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/dev"
    converted = batch(
        {"a.json": one(Resource=arn), "data.json": one(Resource=arn), "c.json": P},
        partition_aware=True,
    )
    assert list(converted.files()) == ["a.tf", "data.tf", "c.tf", "data_2.tf"]
    assert converted.text().count('data "aws_partition" "current" {}\n') == 1
    assert batch({"a.json": one(Resource=arn)}).shared == {}


def test_several_partitions_stay() -> None:
    resources = ["arn:aws:s3:::a", "arn:aws-us-gov:s3:::a"]
    result = batch({"a.json": one(Resource=resources)}, partition_aware=True)
    (note,) = result.documents[0].notes
    assert note.text == "names several partitions, which do not change: aws, aws-us-gov"
    assert result.shared == {}


@pytest.mark.parametrize(
    "element",
    [
        {"Resource": ..., "NotResource": "arn:aws-cn:s3:::a"},
        {"Resource": ..., "Principal": {"AWS": "arn:aws-cn:iam::111122223333:root"}},
        {"Resource": ..., "NotPrincipal": {"AWS": "arn:aws-cn:iam::111122223333:root"}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws-cn:s3:::a"}}},
        {"Resource": "arn:aws-cn:s3:::a"},
    ],
)
def test_the_partition_of_any_element_gives_way(element: dict[str, object]) -> None:
    text = batch({"a.json": one(**element)}, partition_aware=True).text()
    assert "arn:${data.aws_partition.current.partition}:" in text and "aws-cn" not in text
    both = one(**element), one(Resource="arn:aws:s3:::a")
    statements = [s for document in both for s in document["Statement"]]
    result = batch({"a.json": {**P, "Statement": statements}}, partition_aware=True)
    assert "names several partitions, which do not change: aws-cn, aws" in str(
        result.documents[0].notes
    )
