"""What a review must not say: of a change that is none, or not what it looks like."""

import json
from itertools import pairwise

import pytest

from eks import ISSUER, NODE_TRUST, PROVIDER, arn_of, irsa, own_role, same
from synthetic import Json, allow, attachment, document, levels, policy, resource, reviewed
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Review

CNI = dumps(managed_policy())
MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"


def chained(keys: dict[str, str | None]) -> Review:
    """Policies with for_each, attached by for_each over the policies."""
    changes: list[Json] = []
    for key, text in keys.items():
        arn = f"arn:aws:iam::111122223333:policy/{key}"
        old = text if key == "old" else None
        new = None if key == "old" else text
        address = f'aws_iam_policy.p["{key}"]'
        change = policy("p", old, new, address=address, after_unknown={"arn": True} if new else {})
        if old:
            change["change"]["before"]["arn"] = arn
        changes.append(change)
        side = {"role": "cni"}
        sides = ({**side, "policy_arn": arn}, None) if old else (None, side)
        changes.append(
            attachment(
                "cni",
                "",
                sides=sides,
                address=f'aws_iam_role_policy_attachment.a["{key}"]',
                after_unknown={"policy_arn": True} if new else {},
            )
        )
    blocks = [
        {"mode": "managed", "type": "aws_iam_policy", "name": "p"},
        {
            "mode": "managed",
            "type": "aws_iam_role_policy_attachment",
            "name": "a",
            "expressions": {"policy_arn": {"references": ["each.value.arn", "each.value"]}},
            "for_each_expression": {"references": ["aws_iam_policy.p"]},
        },
    ]
    configuration = {"root_module": {"resources": blocks}}
    return reviewed(*own_role("cni", irsa()), *changes, configuration=configuration)


def test_a_chained_for_each_is_followed() -> None:
    renamed = chained({"old": CNI, "new": CNI, "other": document(allow("s3:GetObject", "arn:x"))})
    rules = {f.rule for f in renamed.findings}
    assert not rules & {"coverage-lost", "coverage-lacking", "unknown-attachment"}, rules
    fresh = chained({"new": CNI, "other": document(allow("s3:GetObject", "arn:x"))})
    rules = {f.rule for f in fresh.findings}
    assert not rules & {"coverage-lost", "coverage-lacking", "unknown-attachment"}, rules


def test_a_local_is_said_to_be_one() -> None:
    blocks = [
        {
            "mode": "managed",
            "type": "aws_iam_role_policy_attachment",
            "name": "a",
            "expressions": {"policy_arn": {"references": ["each.value"]}},
            "for_each_expression": {"references": ["local.policies"]},
        }
    ]
    change = attachment(
        "cni",
        "",
        sides=(None, {"role": "cni"}),
        address='aws_iam_role_policy_attachment.a["x"]',
        after_unknown={"policy_arn": True},
    )
    configuration = {"root_module": {"resources": blocks}}
    review = reviewed(*own_role("cni", irsa()), change, configuration=configuration)
    (finding,) = (f for f in review.findings if f.rule == "unknown-attachment")
    assert "local value, which a plan does not hold" in " ".join(finding.details)
    assert "local.policies" in finding.message
    assert "does not hold its document" not in finding.message


def test_the_managed_policy_beside_a_generic_one_undoes_nothing() -> None:
    change = attachment("node", MANAGED, sides=(None, {"role": "node", "policy_arn": MANAGED}))
    node = own_role("node", NODE_TRUST, document(allow("ec2:*")))
    results = [f for f in reviewed(*node, change).findings if f.rule == "managed-policy-attached"]
    assert [f.level for f in results] == ["warning"]
    # What a policy denies is nothing that it has scoped.
    denied = {**allow("ec2:DeleteNetworkInterface", "arn:aws:ec2:*:*:*/eni-1"), "Effect": "Deny"}
    part = own_role("node", NODE_TRUST, document(allow("ec2:AssignPrivateIpAddresses"), denied))
    results = [f for f in reviewed(*part, change).findings if f.rule == "managed-policy-attached"]
    assert [f.level for f in results] == ["warning"]
    for variant, level in (("ipv4", "warning"), ("ipv6", "warning"), ("ipv4-scoped", "error")):
        for revision in revisions():
            own = own_role(
                "node", NODE_TRUST, dumps(variants.find((variant,))[0].document(revision))
            )
            review = reviewed(*own, change)
            results = [f for f in review.findings if f.rule == "managed-policy-attached"]
            assert [f.level for f in results] == [level], (variant, revision.name)


@pytest.mark.parametrize("name", ["ipv4", "ipv6"])
def test_a_newer_document_of_the_catalog_is_a_note(name: str) -> None:
    (variant,) = variants.find((name,))
    texts = []
    for revision in revisions():
        text = dumps(variant.document(revision))
        if text not in texts:
            texts.append(text)
    for old, new in pairwise(texts):
        sides = [{"role": "cni", "name": "n", "policy": text} for text in (old, new)]
        review = reviewed(*own_role("cni", irsa()), resource("aws_iam_role_policy", "n", *sides))
        if "new-access" in {m for f in review.findings for m in f.means}:
            assert levels(review) == {"upstream-document-updated": "note"}
            assert "ec2:DescribeSubnets" in review.findings[0].message
            return
    raise AssertionError("no revision adds anything")


def test_a_provider_that_changed_alone_is_one_finding() -> None:
    other = PROVIDER.replace("EXAMPLE", "OTHER")
    sides = [
        {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": trust}
        for trust in (irsa(), irsa(provider=other))
    ]
    inline = same("aws_iam_role_policy", "i", {"role": "cni", "name": "i", "policy": CNI})
    review = reviewed(resource("aws_iam_role", "cni", *sides), inline)
    (finding,) = review.findings
    assert (finding.rule, finding.level) == ("irsa-issuer-differs", "error")
    assert "coverage-lost" in finding.means
    assert "nobody can assume the role" in finding.message and ISSUER in finding.message


def test_a_trust_that_widens_names_who_comes() -> None:
    wild = irsa(subject="system:serviceaccount:*:aws-node", operator="StringLike")
    sides = [{"name": "cni", "assume_role_policy": trust} for trust in (irsa(), wild)]
    review = reviewed(resource("aws_iam_role", "cni", *sides))
    (finding,) = (f for f in review.findings if f.rule == "trust-widened")
    assert "by any service account named aws-node of" in finding.message
    assert finding.message.endswith("(was service account kube-system/aws-node)")
    assert "system:serviceaccount:default:aws-node" in " ".join(finding.details)
    assert "serviceaccount::" not in " ".join(finding.details)


def test_a_trust_without_an_audience_names_tokens_for_any() -> None:
    condition = {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:kube-system:aws-node"}}
    statement = json.loads(irsa())["Statement"][0]
    trusts = (irsa(), document({**statement, "Condition": condition}))
    sides = [{"name": "cni", "assume_role_policy": trust} for trust in trusts]
    review = reviewed(resource("aws_iam_role", "cni", *sides))
    (finding,) = (f for f in review.findings if f.rule == "trust-widened")
    assert f"of {ISSUER}, with a token for any audience" in finding.message


def test_a_policy_that_names_ec2_alone_is_not_the_plugins() -> None:
    app = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x.y"}})
    sides = [
        {"role": "app", "name": "n", "policy": document(allow(action))}
        for action in ("ec2:*", "ec2:DescribeInstances")
    ]
    review = reviewed(*own_role("app", app), resource("aws_iam_role_policy", "n", *sides))
    assert levels(review) == {"access-removed": "note"}


def test_reordered_lists_are_one_line_without_a_sign() -> None:
    texts = [
        document(allow(actions, ["arn:aws:s3:::a", "arn:aws:s3:::b"][::step]))
        for actions, step in ((["s3:Get*", "s3:Put*"], 1), (["s3:Put*", "s3:Get*"], -1))
    ]
    review = reviewed(policy("p", *texts))
    assert levels(review) == {"rewritten": "note"}
    assert {line.effect for change in review.changes for line in change.lines} == {"no-op"}
