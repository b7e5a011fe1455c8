"""What a review does not say: of a change that is none, or not what it looks like."""

from itertools import pairwise

import pytest

from eks import CNI, ISSUER, MANAGED, NODE_TRUST, PROVIDER, arn_of, irsa, own_role
from synthetic import (
    Json,
    allow,
    attached,
    attachment,
    block,
    configured,
    deny,
    document,
    inline,
    levels,
    policy,
    refers,
    resource,
    reviewed,
    role,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownReview

ATTACHMENT = "aws_iam_role_policy_attachment"


def chained(keys: dict[str, str]) -> ShownReview:
    """Policies with for_each, attached by for_each over the policies; that of `old` is removed."""
    changes: list[Json] = []
    for key, text in keys.items():
        arn = f"arn:aws:iam::111122223333:policy/{key}"
        is_old = key == "old"
        later = {} if is_old else {"after_unknown": {"arn": True}}
        sides = (text, None) if is_old else (None, text)
        made = policy("p", *sides, address=f'aws_iam_policy.p["{key}"]', **later)
        if is_old:
            made["change"]["before"]["arn"] = arn
        later = {} if is_old else {"after_unknown": {"policy_arn": True}}
        pair = ({"role": "cni", "policy_arn": arn}, None) if is_old else (None, {"role": "cni"})
        address = f'{ATTACHMENT}.a["{key}"]'
        changes += [made, attachment("cni", "", sides=pair, address=address, **later)]
    attaches = block(f"{ATTACHMENT}.a", policy_arn=refers("each.value.arn"))
    attaches["for_each_expression"] = {"references": ["aws_iam_policy.p"]}
    configuration = configured(block("aws_iam_policy.p"), attaches)
    return reviewed(*own_role("cni", irsa()), *changes, configuration=configuration)


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_chained_for_each_is_followed(first: str) -> None:
    policies = {first: CNI, "new": CNI, "other": document(allow("s3:GetObject", "arn:aws:s3:::a"))}
    rules = levels(chained(policies))
    assert not {*rules} & {"coverage-lost", "coverage-lacking", "unknown-attachment"}
    assert rules["new-access"] == "error"


def attached_beside(text: str) -> str:
    """The level of what a plan says that attaches the managed policy beside another one."""
    change = attached(MANAGED, role="node", before=False)
    return levels(reviewed(*own_role("node", NODE_TRUST, text), change))["managed-policy-attached"]


def test_the_managed_policy_beside_a_generic_one_undoes_nothing() -> None:
    assert attached_beside(document(allow("ec2:*"))) == "warning"
    # What a policy denies is nothing that it has scoped.
    denied = deny("ec2:DeleteNetworkInterface", "arn:aws:ec2:*:*:*/eni-1")
    assert attached_beside(document(allow("ec2:AssignPrivateIpAddresses"), denied)) == "warning"
    for name, level in (("ipv4", "warning"), ("ipv6", "warning"), ("ipv4-scoped", "error")):
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


def test_a_provider_that_changed_alone_is_one_finding() -> None:
    trusts = (irsa(), irsa(provider=PROVIDER.replace("EXAMPLE", "OTHER")))
    base = {"name": "cni", "arn": arn_of("cni")}
    sides = ({**base, "assume_role_policy": trust} for trust in trusts)
    review = reviewed(resource("aws_iam_role", "cni", *sides), inline(CNI, CNI, role="cni"))
    (finding,) = (f for f in review.findings if f.level != "note")
    assert (finding.rule, finding.level) == ("irsa-issuer-differs", "error")
    assert "coverage-lost" in finding.means and ISSUER in finding.message


def test_a_policy_that_names_ec2_alone_is_not_the_plugins() -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x.y"}}
    texts = (document(allow(action)) for action in ("ec2:*", "ec2:DescribeInstances"))
    review = reviewed(*own_role("app", document(trust)), inline(*texts, role="app"))
    assert levels(review) == {"access-removed": "note"}


def test_reordered_lists_are_one_line_without_a_sign() -> None:
    lists = (["s3:Get*", "s3:Put*"], ["arn:aws:s3:::a", "arn:aws:s3:::b"])
    texts = (document(allow(*(each[::step] for each in lists))) for step in (1, -1))
    review = reviewed(policy("p", *texts))
    assert levels(review) == {"rewritten": "note"}
    lines = {line.change for shown in review.policies for line in shown.lines}
    assert not lines & {Change.added, Change.removed}


def test_an_eni_config_alone_is_nothing_about_the_plugin() -> None:
    manifest = {"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig"}
    review = reviewed(resource("kubernetes_manifest", "eni", None, {"manifest": manifest}))
    assert not [rule for rule in levels(review) if rule.startswith("plugin-")]


def test_a_first_role_of_a_cluster_that_is_new_with_it_is_calm() -> None:
    base = {
        "cluster_name": "prod",
        "addon_name": "vpc-cni",
        "service_account_role_arn": arn_of("cni"),
    }
    installer = resource(
        "aws_eks_addon", "c", None, {**base, "addon_version": "v1.22.1-eksbuild.1"}
    )
    cluster = resource("aws_eks_cluster", "prod", None, {"name": "prod"})
    assert not reviewed(cluster, installer, *own_role("cni", irsa(), CNI)).findings


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
