"""How severe a new policy is: of the catalog, of AWS, or beside another one."""

from itertools import pairwise

import pytest

from eks import MANAGED, NODE_TRUST, irsa, own_role
from synthetic import (
    allow,
    attached,
    deny,
    document,
    inline,
    levels,
    reviewed,
    role,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.policy.document import dumps


def attached_beside(text: str) -> str:
    """The level of what a plan says that attaches the managed policy beside another one."""
    change = attached(MANAGED, role="node", before=False)
    return levels(reviewed(*own_role("node", NODE_TRUST, text), change))["managed-policy-attached"]


def test_the_managed_policy_beside_a_generic_one_undoes_nothing() -> None:
    assert attached_beside(document(allow("ec2:*"))) == "note"
    # What a policy denies is nothing that it has scoped.
    denied = deny("ec2:DeleteNetworkInterface", "arn:aws:ec2:*:*:*/eni-1")
    assert attached_beside(document(allow("ec2:AssignPrivateIpAddresses"), denied)) == "note"
    for name, level in (("ipv4", "note"), ("ipv6", "note"), ("ipv4-scoped", "error")):
        (variant,) = variants.find((name,))
        for revision in revisions():
            assert attached_beside(dumps(variant.document(revision))) == level, revision.name


@pytest.mark.parametrize("name", ["ipv4", "ipv6"])
def test_a_newer_document_of_the_catalog_is_a_note(name: str) -> None:
    (variant,) = variants.find((name,))
    texts = list(dict.fromkeys(dumps(variant.document(revision)) for revision in revisions()))
    reviews = []
    for pair in pairwise(texts):
        review = reviewed(*own_role("cni", irsa()), inline(*pair, "n", role="cni"))
        reviews += [review] if any("new-access" in f.means for f in review.findings) else []
    assert reviews
    for review in reviews:
        assert levels(review) == {"upstream-document-updated": "note"}


@pytest.mark.parametrize(
    ("names", "level"),
    [
        (("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly",
          "AmazonSSMManagedInstanceCore", "AmazonEKS_CNI_Policy"), "note"),
        (("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly"), "note"),
        (("AmazonEKSClusterPolicy", "AmazonEKSVPCResourceController"), "note"),
        (("AmazonEKSClusterPolicy", "AmazonEKSComputePolicy", "AmazonEKSBlockStoragePolicy",
          "AmazonEKSLoadBalancingPolicy", "AmazonEKSNetworkingPolicy"), "note"),
        (("service-role/AmazonEBSCSIDriverPolicy",), "note"),
        (("AmazonEKSWorkerNodePolicy", "AmazonEC2FullAccess"), "warning"),
        (("AmazonS3FullAccess",), "warning"),
        (("AmazonS3ReadOnlyAccess",), "warning"),
        (("CloudWatchAgentServerPolicy", "AmazonPrometheusRemoteWriteAccess"), "note"),
        (("AWSLambda_FullAccess",), "warning"),
        (("AmazonEKSNamedSoByNobody",), "warning"),
    ],
)  # fmt: skip
def test_policies_of_aws_on_a_new_role_are_a_warning_only_where_they_are_harmful(
    names: tuple[str, ...], level: str
) -> None:
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in names]
    policies = [attached(arn, before=False, block=f"a{i}") for i, arn in enumerate(arns)]
    new = role("r", None, NODE_TRUST)
    rules = ("admin-attached", "new-policy", "unknown-attachment")
    every = {f.level for f in reviewed(new, *policies).findings if f.rule in rules}
    assert max(every, key=("note", "warning", "error").index) == level
    # One's own policy is judged by the reader.
    own = inline(None, document(allow("s3:GetObject")))
    for others in ((), policies):
        review = reviewed(new, own, *others)
        assert ("new-policy", "warning") in {(f.rule, f.level) for f in review.findings}
