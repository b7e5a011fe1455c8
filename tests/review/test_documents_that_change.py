"""What a review says of each policy, trust policy, attachment and boundary by itself."""

from typing import Any

import pytest
from vpc_cni_iam.review.diff.changes import Change

from eks import NODE_TRUST, own_role, same
from synthetic import Json, allow, attachment, document, policy, resource, reviewed
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.policy.document import dumps

A, B, BOTH = (document(allow(actions)) for actions in ("ec2:A", "ec2:B", ["ec2:A", "ec2:B"]))
DENY = document({**allow("s3:B"), "Effect": "Deny"})
AND_DENY = document(allow("ec2:A"), {**allow("s3:B"), "Effect": "Deny"})
PLUGIN = dumps(documents.managed_policy())
ROLES = [*own_role("a", NODE_TRUST), *own_role("b", NODE_TRUST)]
ARN = "arn:aws:iam::111122223333:policy/{}"
DENY_GOES = "not proven: a Deny goes, and what it held back is for other policies to say"


def inline(before: tuple[str, str] | None, after: tuple[str, str] | None) -> Json:
    sides = (s and {"role": s[0], "name": "p", "policy": s[1]} for s in (before, after))
    return resource("aws_iam_role_policy", "p", *sides)


def role(name: str, before: Json, after: Json) -> Json:
    values = {"name": name, "assume_role_policy": NODE_TRUST}
    return resource("aws_iam_role", name, {**values, **before}, {**values, **after})


def bounded(before: str, after: str) -> Json:
    sides = ({"permissions_boundary": name and ARN.format(name)} for name in (before, after))
    return role("a", *sides)


def there(name: str, text: str) -> Json:
    return same("aws_iam_policy", name, {"name": name, "arn": ARN.format(name), "policy": text})


def attached(before: tuple[str, str] | None, after: tuple[str, str] | None) -> Json:
    sides = [s and {"role": s[0], "policy_arn": ARN.format(s[1])} for s in (before, after)]
    return attachment("a", "", sides=sides)


def attached_to(before: list[str], after: list[str]) -> Json:
    sides = ({"name": "x", "policy_arn": ARN.format("p"), "roles": r} for r in (before, after))
    return resource("aws_iam_policy_attachment", "a", *sides)


def unknown(before: str | None, **values: str) -> Json:
    """A policy that is known after apply."""
    change = policy("p", before, B, actions=["update"], after_unknown={"policy": True})
    change["change"]["after"] = {"name": "p", **values}
    return change


def marked(before: str, after: str) -> Json:
    marks = {"before_sensitive": {"policy": True}, "after_sensitive": {"policy": True}}
    return policy("p", before, after, **{"actions": ["update"], **marks})


def told(change: Change) -> list[str]:
    access = change.access
    verdict = f"{access.verdict}: {access.reason}".removesuffix(": ") if access else "unchanged"
    return [
        f"{change.action}, {verdict}",
        *(f"{line.effect} {line.kind}: {line.text}" for line in change.lines),
    ]


CHANGES: dict[str, tuple[list[Json], list[str]]] = {
    "updated": (
        [policy("p", A, B)],
        [
            "update, new access",
            "gain allowed: ec2:B on *",
            "loss no longer allowed: ec2:A on *",
        ],
    ),
    "moved": ([policy("p", A, A, previous_address="aws_iam_policy.old")], ["move, unchanged"]),
    "imported": ([policy("p", A, A, importing={"id": "p"})], ["import, unchanged"]),
    "imported and tagged": (
        [policy("p", A, A, importing={"id": "p"}, actions=["update"])],
        ["import, unchanged"],
    ),
    "moved and tagged": (
        [policy("p", A, A, previous_address="aws_iam_policy.old", actions=["update"])],
        ["move, unchanged"],
    ),
    "tagged": ([policy("p", A, A, actions=["update"])], ["no-op, unchanged"]),
    "deleted": (
        [policy("p", A, None)],
        ["delete, unchanged", "loss no longer allowed: ec2:A on *"],
    ),
    "deleted with a Deny": (
        [policy("p", AND_DENY, None)],
        [
            f"delete, {DENY_GOES}",
            "gain no longer denied: s3:B on *",
            "loss no longer allowed: ec2:A on *",
        ],
    ),
    "moved to another role": (
        [*ROLES, inline(("a", A), ("b", A))],
        ["update, new access", "gain allowed: ec2:A on *", "loss no longer allowed: ec2:A on *"],
    ),
    "moved to another role with a Deny": (
        [*ROLES, inline(("a", AND_DENY), ("b", AND_DENY))],
        [
            "update, new access",
            "gain allowed: ec2:A on *",
            "loss denied: s3:B on *",
            "gain no longer denied: s3:B on *",
            "loss no longer allowed: ec2:A on *",
        ],
    ),
    "moved to another role with nothing but a Deny": (
        [*ROLES, inline(("a", DENY), ("b", DENY))],
        [f"update, {DENY_GOES}", "loss denied: s3:B on *", "gain no longer denied: s3:B on *"],
    ),
    "a block of a role that comes": (
        [role("a", {"inline_policy": []}, {"inline_policy": [{"name": "x", "policy": A}]})],
        ["create, new access", "gain allowed: ec2:A on *"],
    ),
    "a block of a role that goes": (
        [role("a", {"inline_policy": [{"name": "x", "policy": A}]}, {"inline_policy": []})],
        ["delete, unchanged", "loss no longer allowed: ec2:A on *"],
    ),
    "a boundary that changes": (
        [bounded("old", "new")],
        [
            "update, unknown: what the boundary held back",
            f"loss bounded: aws_iam_role.a by {ARN.format('new')}",
            f"gain unbounded: aws_iam_role.a, which {ARN.format('old')} bounded",
        ],
    ),
    "a boundary that comes": (
        [bounded("", "new")],
        ["create, no new access", f"loss bounded: aws_iam_role.a by {ARN.format('new')}"],
    ),
    "a boundary that goes": (
        [bounded("old", "")],
        ["delete, unchanged", f"gain unbounded: aws_iam_role.a, which {ARN.format('old')} bounded"],
    ),
    "a boundary that widens": (
        [bounded("old", "new"), there("old", A), there("new", BOTH)],
        [
            "update, unknown: what the boundary held back",
            "gain unbounded: aws_iam_role.a, which aws_iam_policy.old bounded",
        ],
    ),
    "a boundary that narrows": (
        [bounded("old", "new"), there("old", BOTH), there("new", A)],
        ["update, no new access", "loss bounded: aws_iam_role.a by aws_iam_policy.new"],
    ),
    "a boundary of the same": (
        [bounded("old", "new"), there("old", A), there("new", A)],
        ["update, no new access"],
    ),
    "attached": (
        [*ROLES, there("p", AND_DENY), attached(None, ("a", "p"))],
        ["create, new access", "gain attached: aws_iam_policy.p to aws_iam_role.a"],
    ),
    "attached without a document": (
        [*ROLES, attached(None, ("a", "p"))],
        [
            "create, unknown: its document is not in the plan",
            f"gain attached: {ARN.format('p')} to aws_iam_role.a",
        ],
    ),
    "detached": (
        [*ROLES, there("p", A), attached(("a", "p"), None)],
        ["delete, unchanged", "loss detached: aws_iam_policy.p from aws_iam_role.a"],
    ),
    "detached with a Deny": (
        [*ROLES, there("p", AND_DENY), attached(("a", "p"), None)],
        [
            f"delete, {DENY_GOES}",
            "loss detached: aws_iam_policy.p from aws_iam_role.a",
            "gain no longer denied: what aws_iam_policy.p denies to aws_iam_role.a",
        ],
    ),
    "attached to another role": (
        [*ROLES, there("p", A), attached(("a", "p"), ("b", "p"))],
        [
            "update, new access",
            "gain attached: aws_iam_policy.p to aws_iam_role.b",
            "loss detached: aws_iam_policy.p from aws_iam_role.a",
        ],
    ),
    "attached to one role more": (
        [*ROLES, there("p", A), attached_to(["a"], ["a", "b"])],
        [
            "update, new access",
            "gain attached: aws_iam_policy.p to aws_iam_role.b",
            "no-op attached anew: aws_iam_policy.p to aws_iam_role.a",
        ],
    ),
    "attached to one role less": (
        [*ROLES, there("p", AND_DENY), attached_to(["a", "b"], ["a"])],
        [
            f"update, {DENY_GOES}",
            "loss detached: aws_iam_policy.p from aws_iam_role.b",
            "gain no longer denied: what aws_iam_policy.p denies to aws_iam_role.b",
            "no-op attached anew: aws_iam_policy.p to aws_iam_role.a",
        ],
    ),
    "known after apply": (
        [unknown(A)],
        ["update, unknown: known after apply; the plan does not say to what"],
    ),
    "marked sensitive": ([marked(A, B)], ["update, unknown: the plan marks it sensitive"]),
    "marked sensitive and the same": ([marked(A, A)], ["no-op, unchanged"]),
    "unreadable": (
        [policy("p", A, "x")],
        ["update, unknown: line 1, column 1: is not JSON: a value is expected"],
    ),
    "unreadable on both sides": (
        [policy("p", "x", "y")],
        ["update, unknown: line 1, column 1: is not JSON: a value is expected"],
    ),
    "unreadable and the same": (
        [policy("p", "x", "x", actions=["update"])],
        ["no-op, unchanged"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_said_of_a_change(name: str) -> None:
    changes, expected = CHANGES[name]
    about = [c for c in reviewed(*changes).changes if told(c) != ["no-op, unchanged"]]
    assert [told(c) for c in about] == ([expected] if expected != ["no-op, unchanged"] else [])


def test_a_change_is_measured_against_the_limit_of_its_kind() -> None:
    values: Json = {"name": "a", "assume_role_policy": NODE_TRUST}
    block = {"inline_policy": [{"name": "x", "policy": A}]}
    review = reviewed(
        policy("p", None, A),
        policy("gone", A, None),
        resource("aws_iam_role", "a", None, {**values, **block}),
        inline(None, ("a", A)),
    )
    sizes = {
        f"{c.address} {c.attribute}": [(s.what, s.limit) for s in c.sizes] for c in review.changes
    }
    assert sizes == {
        "aws_iam_policy.p policy": [("managed policy", 6144)],
        "aws_iam_policy.gone policy": [],
        "aws_iam_role.a assume_role_policy": [("trust policy", 2048)],
        'aws_iam_role.a inline_policy["x"]': [],
        "aws_iam_role_policy.p policy": [],
    }


@pytest.mark.parametrize(
    ("change", "nearest", "judged"),
    [
        (policy("p", A, B), False, False),
        (policy("p", PLUGIN, PLUGIN), True, False),
        (policy("p", PLUGIN, A), True, True),
        (policy("p", A, PLUGIN), True, True),
        (policy("p", None, PLUGIN), True, True),
        (policy("p", PLUGIN, None), True, True),
        (unknown(PLUGIN), True, False),
        (policy("p", "x", PLUGIN), True, False),
        (policy("p", "x", "y"), False, False),
    ],
)
def test_what_the_plugin_needs_is_asked_of_its_policies_that_are_known(
    change: Json, nearest: bool, judged: bool
) -> None:
    (change_after,) = reviewed(change).changes
    assert (change_after.nearest is not None, change_after.coverage is not None) == (
        nearest,
        judged,
    )


DOCUMENT = "data.aws_iam_policy_document"


def block(kind: str, name: str, *references: str) -> Json:
    expressions = {"policy": {"references": [*references]}} if references else {}
    mode = "data" if kind == "aws_iam_policy_document" else "managed"
    return {"mode": mode, "type": kind, "name": name, "expressions": expressions}


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ((f"{DOCUMENT}.d.json", f"{DOCUMENT}.d"), f"{DOCUMENT}.d"),
        ((f"{DOCUMENT}.d.json", f"{DOCUMENT}.e.json"), ""),
        (("aws_s3_bucket.b.arn", f"{DOCUMENT}.e.json"), f"{DOCUMENT}.e"),
        (("data.aws_iam_policy.d.policy",), ""),
        ((), ""),
    ],
)
def test_the_document_that_renders_a_policy_is_named(
    references: tuple[str, ...], expected: str
) -> None:
    blocks = [
        block("aws_iam_policy", "p", *references),
        block("aws_iam_role_policy_attachment", "a", *references),
        *(block("aws_iam_policy_document", name) for name in "de"),
    ]
    configuration: Any = {"root_module": {"resources": blocks}}
    changes = [policy("p", A, B), attached(None, ("a", "p"))]
    documents = {
        c.type: c.document for c in reviewed(*changes, configuration=configuration).changes
    }
    assert documents == {"aws_iam_policy": expected, "aws_iam_role_policy_attachment": ""}
