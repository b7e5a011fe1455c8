"""What a review says of each policy, attachment and boundary that changes, by itself."""

import pytest

from eks import NODE_TRUST, own_role, same
from synthetic import Json, allow, attachment, document, levels, policy, resource, reviewed

A, B, BOTH = (document(allow(actions)) for actions in ("ec2:A", "ec2:B", ["ec2:A", "ec2:B"]))
DENY = document({**allow("s3:B"), "Effect": "Deny"})
AND_DENY = document(allow("ec2:A"), {**allow("s3:B"), "Effect": "Deny"})
BLOCK: Json = {"inline_policy": [{"name": "x", "policy": A}]}
ROLES = [*own_role("a", NODE_TRUST), *own_role("b", NODE_TRUST)]
ARN = "arn:aws:iam::111122223333:policy/{}"
NEW, LESS = {"new-access": "error"}, {"access-removed": "note"}
MAYBE = {"not-proven": "warning"}


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


CHANGES: dict[str, tuple[list[Json], dict[str, str]]] = {
    "updated": ([policy("p", A, B)], NEW),
    "moved": ([policy("p", A, A, previous_address="aws_iam_policy.old")], {}),
    "imported": ([policy("p", A, A, importing={"id": "p"})], {}),
    "imported and tagged": ([policy("p", A, A, importing={"id": "p"}, actions=["update"])], {}),
    "tagged": ([policy("p", A, A, actions=["update"])], {}),
    "deleted": ([policy("p", A, None)], LESS),
    # IAM deletes a policy that nobody has.
    "deleted with a Deny": ([policy("p", AND_DENY, None)], LESS),
    "moved to another role": ([*ROLES, inline(("a", A), ("b", A))], {**NEW, **LESS}),
    "moved to another role with a Deny": (
        [*ROLES, inline(("a", AND_DENY), ("b", AND_DENY))],
        {**NEW, **MAYBE},
    ),
    "moved to another role with nothing but a Deny": (
        [*ROLES, inline(("a", DENY), ("b", DENY))],
        {**MAYBE, **LESS},
    ),
    "a block of a role is added": ([role("a", {"inline_policy": []}, BLOCK)], NEW),
    "a block of a role is removed": ([role("a", BLOCK, {"inline_policy": []})], LESS),
    "a boundary that changes": ([bounded("old", "new")], {"boundary-weakened": "warning"}),
    "a boundary is added": ([bounded("", "new")], LESS),
    "a boundary is removed": ([bounded("old", "")], {"boundary-weakened": "error"}),
    "a boundary that widens": (
        [bounded("old", "new"), there("old", A), there("new", BOTH)],
        {"boundary-weakened": "error"},
    ),
    "a boundary that narrows": ([bounded("old", "new"), there("old", BOTH), there("new", A)], LESS),
    "a boundary of the same": (
        [bounded("old", "new"), there("old", A), there("new", A)],
        {"access-removed": "note"},
    ),
    "attached": ([*ROLES, there("p", AND_DENY), attached(None, ("a", "p"))], NEW),
    "attached without a document": (
        [*ROLES, attached(None, ("a", "p"))],
        {"unknown-attachment": "warning"},
    ),
    "detached": ([*ROLES, there("p", A), attached(("a", "p"), None)], LESS),
    "detached with a Deny": ([*ROLES, there("p", AND_DENY), attached(("a", "p"), None)], MAYBE),
    "attached to another role": (
        [*ROLES, there("p", A), attached(("a", "p"), ("b", "p"))],
        {**NEW, **LESS},
    ),
    "attached to one role more": ([*ROLES, there("p", A), attached_to(["a"], ["a", "b"])], NEW),
    "attached to one role less": (
        [*ROLES, there("p", AND_DENY), attached_to(["a", "b"], ["a"])],
        MAYBE,
    ),
    "known after apply": ([unknown(A)], {"unknown-policy": "warning"}),
    "sensitive": ([marked(A, B)], {"sensitive-policy": "warning"}),
    "sensitive and the same": ([marked(A, A)], {}),
    "unreadable": ([policy("p", A, "x")], {"unreadable-policy": "error"}),
    "unreadable on both sides": ([policy("p", "x", "y")], {"unreadable-policy": "error"}),
    "unreadable and the same": ([policy("p", "x", "x", actions=["update"])], {}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_is(name: str) -> None:
    changes, expected = CHANGES[name]
    assert levels(reviewed(*changes)) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            policy("p", A, "x"),
            "aws_iam_policy.p is not a valid policy: line 1, column 1: is not JSON",
        ),
        (policy("p", A, None), "aws_iam_policy.p is deleted"),
    ],
)
def test_the_finding_names_the_policy(change: Json, message: str) -> None:
    (finding,) = reviewed(*ROLES, change).findings
    assert finding.message.startswith(message)


@pytest.mark.parametrize(
    ("after", "actions", "expected"),
    [
        (BOTH, ["create", "forget"], {"new-policy": "warning"}),
        (BOTH, ["delete", "create"], {"new-policy": "warning"}),
        (A, ["delete", "create"], {}),
    ],
)
def test_nobody_has_a_policy_that_is_created_in_place_of_another(
    after: str, actions: list[str], expected: dict[str, str]
) -> None:
    """IAM deletes no policy that anybody has; one that is forgotten stays with its principals."""
    sides = [
        {"name": name, "arn": ARN.format(name), "policy": text}
        for name, text in (("old", A), ("new", after))
    ]
    has_it = [attachment("a", ARN.format("old"))] if "forget" in actions else []
    replaced = resource("aws_iam_policy", "p", *sides, actions=actions)
    assert levels(reviewed(replaced, *ROLES, *has_it)) == expected
