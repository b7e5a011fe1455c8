"""Parts of a plan that have nothing to do with each other: each is said as if it were alone."""

from collections import Counter

import pytest

from eks import CNI, NODE_TRUST, OF_ACCOUNT, arn_of, irsa, own_role, same
from synthetic import Json, allow, attachment, deny, document, policy, resource, reviewed, role

ONE = document(allow("s3:GetObject"))
GUARD = document(deny("s3:*"))
ANYBODY = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"})
ELSEWHERE = "arn:aws:iam::111122223333:policy/elsewhere"
ASSOCIATION = "aws_eks_pod_identity_association"
BY_TAG = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}"))


def inline(owner: str, before: str | None, after: str | None, **change: object) -> Json:
    sides = [
        None if p is None else {"role": owner, "name": "p", "policy": p} for p in (before, after)
    ]
    return resource("aws_iam_role_policy", owner, *sides, **change)


def attach(owner: str, arn: str, before: bool, after: bool) -> Json:
    sides = [{"role": owner, "policy_arn": arn} if there else None for there in (before, after)]
    return attachment(owner, arn, name=owner, sides=sides)


def leaves(user: str, group: str) -> Json:
    sides = [{"user": user, "groups": groups} for groups in ([group], [])]
    return resource("aws_iam_user_group_membership", user, *sides)


def untagged(name: str, before: bool, after: bool) -> Json:
    values = {
        "cluster_name": name,
        "namespace": "web",
        "service_account": name,
        "role_arn": arn_of(name),
    }
    return resource(
        ASSOCIATION, name, *({**values, "disable_session_tags": off} for off in (before, after))
    )


def tagged(name: str, before: str, after: str) -> Json:
    values = {"name": name, "arn": arn_of(name), "assume_role_policy": NODE_TRUST}
    return resource(
        "aws_iam_role", name, *({**values, "tags": {name: tag}} for tag in (before, after))
    )


def ask(tag: str) -> str:
    return document(allow("s3:GetObject", f"arn:aws:s3:::b/${{aws:PrincipalTag/{tag}}}"))


OF_GROUP = {"group": "guarded", "name": "p", "policy": GUARD}
LARGE = document(allow("s3:GetObject", "arn:aws:s3:::" + "x" * 7000))
UNKNOWN = {"after_unknown": {"policy": True}, "actions": ["update"]}
PARTS: dict[str, list[Json]] = {
    "nothing": own_role("still", NODE_TRUST, ONE),
    "wider": [*own_role("wider", NODE_TRUST), inline("wider", ONE, document(allow("s3:*")))],
    "narrower": [
        *own_role("narrower", NODE_TRUST),
        inline("narrower", document(allow("s3:*")), ONE),
    ],
    "gone": [*own_role("gone", NODE_TRUST), inline("gone", ONE, None)],
    "deleted": [role("deleted", ANYBODY, None), inline("deleted", GUARD, None)],
    "trust": [role("trust", irsa(), ANYBODY)],
    "new trust": [role("new", None, NODE_TRUST)],
    "later": [*own_role("later", NODE_TRUST), inline("later", ONE, ONE, **UNKNOWN)],
    "attached": [*own_role("attached", NODE_TRUST), attach("attached", ELSEWHERE, False, True)],
    "detached": [*own_role("detached", NODE_TRUST), attach("detached", ELSEWHERE, True, False)],
    "left": [leaves("ann", "gone-with-the-wind")],
    "guarded": [leaves("bob", "guarded"), same("aws_iam_group_policy", "guarded", OF_GROUP)],
    "large inline": [inline("filled", None, LARGE.replace("x" * 7000, "x" * 11000))],
    "plugin": [*own_role("plugin", irsa(), ONE), inline("plugin", CNI, None)],
    "large": [policy("large", None, LARGE)],
    "loose": [policy("loose", CNI, ONE)],
    "still the plugin": own_role("still-cni", NODE_TRUST, CNI),
    "new plugin": [inline("made", None, document(allow("ec2:AssignPrivateIpAddresses")))],
    "bound": [
        resource(
            "aws_iam_role",
            "bound",
            *(
                {"name": "bound", "assume_role_policy": NODE_TRUST, "permissions_boundary": arn}
                for arn in (None, ELSEWHERE)
            ),
        ),
        inline("bound", CNI, CNI),
    ],
    "untagged": [*own_role("untagged", OF_ACCOUNT, BY_TAG), untagged("untagged", False, True)],
    "tagged": [*own_role("tagged", OF_ACCOUNT, BY_TAG), untagged("tagged", True, False)],
    "untouched": [*own_role("untouched", OF_ACCOUNT, ONE), untagged("untouched", True, True)],
    "tag": [tagged("tag", "a", "b"), inline("tag", ask("tag"), ask("tag"))],
    "other tag": [tagged("other", "a", "b"), inline("other", ONE, ONE)],
    "not read": [resource("awscc_iam_role_policy", "p", None, {"policy_document": ONE})],
    "not named": [resource("helm_release", "x", None, {}, after_unknown={"chart": True})],
    "another chart": [resource("helm_release", "y", None, {"chart": "nginx"})],
}


def summaries(changes: list[Json]) -> Counter[tuple[str, str, str, str, tuple[str, ...]]]:
    findings = reviewed(*changes).findings
    return Counter((f.rule, f.level, f.address, f.message, f.details) for f in findings)


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("names", [[*PARTS][:13], [*PARTS][13:]], ids=["first", "second"])
def test_what_is_said_of_one_part_of_a_plan_does_not_depend_on_the_others(
    names: list[str], step: int
) -> None:
    parts = [PARTS[name] for name in names][::step]
    alone = sum(map(summaries, parts), Counter[tuple[str, str, str, str, tuple[str, ...]]]())
    assert summaries([change for part in parts for change in part]) == alone
