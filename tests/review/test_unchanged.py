"""What a plan leaves as it is: it is said, and is no reason to refuse the plan."""

import json

import pytest
from tools.corpus import cases

from eks import (
    MANAGED,
    NODE_TRUST,
    POD_TRUST,
    addon,
    arn_of,
    irsa,
    node_group,
    own_role,
)
from synthetic import (
    Json,
    allow,
    attached,
    document,
    inline,
    review_of,
    reviewed,
    role,
)
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps

CNI = document(allow("ec2:AssignPrivateIpAddresses"))
WHOLE = dumps(managed_policy())
OWN = {"service_account_role_arn": arn_of("cni")}
ADDON = [addon(OWN, OWN)]
TAGGED = document(
    allow("ec2:AssignPrivateIpAddresses")
    | {"Condition": {"StringEquals": {"ec2:ResourceTag/c": "${aws:PrincipalTag/eks-cluster-name}"}}}
)
ANYBODY = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
UNTAGGED = {"disable_session_tags": True}


def nodes(*more: Json) -> list[Json]:
    return [*own_role("node", NODE_TRUST), *more]


LESS = inline(document(allow("s3:*")), document(allow("s3:Get*")), role="cni")
# The rule, a plan that leaves the state as it is, and one that brings it.
STATES = {
    # What is wrong with a role is said where anything of it changes.
    "trust-anybody": (
        [*own_role("cni", ANYBODY, CNI), LESS],
        [role("cni", None, ANYBODY)],
    ),
}


@pytest.mark.parametrize("rule", STATES)
def test_a_state_that_stays_is_a_note_and_one_that_comes_fails_the_review(rule: str) -> None:
    stays, comes = (reviewed(*changes) for changes in STATES[rule])
    assert {f.level for f in stays.findings if f.rule == rule} == {"note"}
    assert not stays.failed, stays.findings
    assert {"error", "warning"} & {f.level for f in comes.findings if f.rule == rule}
    assert comes.failed


GONE = attached(MANAGED, role="node", after=False)


@pytest.mark.parametrize(
    ("others", "levels"),
    [
        (own_role("cni", irsa(), WHOLE), {"warning"}),
        (own_role("cni", POD_TRUST, WHOLE), {"warning"}),
        (own_role("cni", irsa()), {"error"}),
        (own_role("cni", NODE_TRUST, WHOLE), {"error"}),
        (own_role("web", irsa(subject="web"), document(allow("s3:*"))), {"error"}),
        ([*own_role("cni", irsa(), WHOLE), node_group("node", "node")], {"error"}),
        ([*own_role("cni", irsa(), WHOLE), node_group("node", "node"), *ADDON], set()),
    ],
)
def test_nodes_that_lose_the_policy_matter_less_if_the_plugin_may_have_a_role_of_its_own(
    others: list[Json], levels: set[str]
) -> None:
    """The last step of moving to a scoped policy, with a plan that may not show the cluster."""
    lost = [f for f in reviewed(*nodes(GONE), *others).findings if f.rule == "coverage-lost"]
    assert {finding.level for finding in lost} == levels
    doubtful = ["unless aws-node has aws_iam_role.cni" in f.message for f in lost]
    assert all(doubtful) if "error" not in levels else not any(doubtful)


@pytest.mark.parametrize("step", [1, -1])
def test_a_role_that_aws_node_has_no_longer_hides_no_loss_of_another(step: int) -> None:
    unused = nodes(GONE, *own_role("cni", irsa(), WHOLE), node_group("node", "node"), *ADDON)
    other = [*own_role("web", NODE_TRUST), inline(WHOLE, None, role="web")]
    findings = reviewed(*[*unused, *other][::step]).findings
    lost = {f.subject for f in findings if f.rule == "coverage-lost"}
    assert lost == {"aws_iam_role.web"}


def test_no_state_of_the_corpus_fails_a_review_of_a_plan_that_changes_nothing() -> None:
    failing = {}
    for case in cases():
        if "input" in case.data or "plan_of" in case.data:
            continue
        review = review_of(json.dumps(still(json.loads(case.plan))).encode())
        if review.failed:
            failing[case.name] = [(f.level, f.rule) for f in review.findings if f.level != "note"]
    assert not failing


def still(made: Json) -> Json:
    """A plan whose resources are there as it leaves them, and change no more."""
    for change in made["resource_changes"]:
        sides = change["change"]
        sides |= {"before": sides["after"], "actions": ["no-op"], "after_unknown": {}}
        sides["before_sensitive"] = sides.get("after_sensitive", {})
        for gone in ("importing", "replace_paths"):
            sides.pop(gone, None)
        change.pop("previous_address", None)
    there = [c for c in made["resource_changes"] if c["change"]["after"] is not None]
    of_now = {"format_version": "1.2", "resource_drift": [], "deferred_changes": []}
    return made | {"resource_changes": there, **of_now}
