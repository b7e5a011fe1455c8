"""The table of AWS managed policies says what their documents say."""

import json
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from tools.aws_managed import attachable, classify, table

from conftest import facts
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.catalog.facts.documents import WORKER_NODE, managed_versions
from vpc_cni_iam.policy.parse import parse

AWS: dict[str, Any] = json.loads(aws_managed_policies_data)
MORE = (PolicyClass.ADMIN, PolicyClass.IAM)
ENTRIES: list[dict[str, Any]] = facts("aws_managed_policies.json")["policies"]
# From the AWS Managed Policy Reference, not from the table.
KNOWN = {
    "AdministratorAccess": "admin",
    "PowerUserAccess": "admin",
    "IAMFullAccess": "iam",
    "AWSOrganizationsFullAccess": "iam",
    "AWSLambda_FullAccess": "iam",
    "AmazonS3FullAccess": "data",
    "AmazonDynamoDBFullAccess": "data",
    "SecretsManagerReadWrite": "data",
    "AmazonSSMManagedInstanceCore": "data",
    "ReadOnlyAccess": "data",
    "SecurityAudit": "read",
    "job-function/ViewOnlyAccess": "read",
    "AmazonEC2ContainerRegistryReadOnly": "read",
    "AmazonEKSWorkerNodePolicy": "read",
    "AmazonEC2FullAccess": "other",
    "AmazonEKSClusterPolicy": "other",
    "AmazonEKSVPCResourceController": "other",
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e["name"])
def test_aws_publishes_the_policy_and_its_document_decides_the_class(entry: dict[str, Any]) -> None:
    path, _, name = entry["name"].rpartition("/")
    policy = AWS[name]
    assert policy["Path"] == f"/{path}/".replace("//", "/")
    if policy["DefaultVersionId"] == entry["version"]:
        assert entry["document"] in (None, policy["Document"])
        document = policy["Document"]
    else:  # AWS has changed it since
        document = entry["document"]
    if document is not None:
        parsed = parse(document, name)
        policy_class, because = classify(entry["name"], parsed)
        assert (policy_class.value, because) == (entry["class"], entry["because"])
        assert entry["denies"] is any(s.effect == "Deny" for s in parsed.statements)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_of_the_most_attached_policies(name: str) -> None:
    policy = aws_managed.find(f"arn:aws:iam::aws:policy/{name}")
    assert policy and policy.policy_class == KNOWN[name]


def test_every_policy_by_which_one_can_get_more_is_in_the_table() -> None:
    """Of all that AWS published until the table was made."""
    newest = max(e["updated"] for e in ENTRIES)
    names = [n for n in attachable(AWS) if AWS[n.rpartition("/")[2]]["UpdateDate"][:10] <= newest]
    more = {e["name"]: e["class"] for e in table(names, AWS) if e["class"] in MORE}
    assert more.items() <= {e["name"]: e["class"] for e in ENTRIES}.items()
    assert len(more) > 30


def test_a_policy_is_found_in_every_partition() -> None:
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        policy = aws_managed.find(f"arn:{partition}:iam::aws:policy/AdministratorAccess")
        assert policy and policy.document and policy.policy_class is PolicyClass.ADMIN


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/administratoraccess",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "AdministratorAccess",
        "",
    ],
)
def test_no_other_policy_is_taken_for_one_of_the_table(arn: str) -> None:
    assert aws_managed.find(arn) is None


def test_a_policy_that_documentation_names_and_aws_does_not_publish() -> None:
    advice = aws_managed.nonexistent("arn:aws:iam::aws:policy/AmazonEKS_CNI_IPv6_Policy")
    assert advice and "ipv6" in advice
    assert "AmazonEKS_CNI_IPv6_Policy" not in AWS
    mine = "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy"
    assert aws_managed.nonexistent(mine) is None
    assert aws_managed.nonexistent("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy") is None


def test_the_newest_version_of_the_node_policy_is_the_one_in_the_table() -> None:
    known = aws_managed.published(f"arn:aws:iam::aws:policy/{WORKER_NODE}")
    newest = managed_versions(WORKER_NODE)[-1]
    assert known and (known.version, known.document) == (newest.version, newest.policy)
