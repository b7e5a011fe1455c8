"""A role that is deleted and created again, at its address or another one, by its own rules."""

import pytest

from eks import MANAGED, addon, arn_of, irsa, node_group, own_role
from synthetic import (
    Json,
    allow,
    attached,
    block,
    configured,
    document,
    inline,
    managed,
    policy_arn,
    refers,
    resource,
    reviewed,
    rules,
)


def trust(*services: str, **principal: str) -> str:
    named = principal or {"Service": [*services]}
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": named})


EC2, BOTH = trust("ec2.amazonaws.com"), trust("ec2.amazonaws.com", "lambda.amazonaws.com")
STRANGER = trust(AWS="777788889999")
ARN = "arn:aws:iam::111122223333:policy/boundary"
BOUND, NONE = {"permissions_boundary": ARN}, {"path": "/"}
OTHER = {"permissions_boundary": "arn:aws:iam::111122223333:policy/other"}
LATER = {"after_unknown": {"permissions_boundary": True}}


def role(name: str, before: Json | None, after: Json | None, **more: object) -> Json:
    sides = [{"name": "r", "assume_role_policy": EC2, **v} if v else None for v in (before, after)]
    return resource("aws_iam_role", name, *sides, **more)


def of_key(key: str, before: Json | None, after: Json | None, **more: object) -> Json:
    """A role as an instance of for_each."""
    return role("r", before, after, address=f'aws_iam_role.r["{key}"]', **more)


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (BOUND, NONE, "boundary-weakened"),
        (BOUND, OTHER, "boundary-weakened"),
        (NONE, {"assume_role_policy": BOTH}, "trust-widened"),
        (BOUND, {**BOUND, "assume_role_policy": BOTH}, "trust-widened"),
        (BOUND, BOUND, None),
        ({"assume_role_policy": BOTH}, NONE, None),
        (BOUND, {"name": "another"}, None),
    ],
)
def test_a_role_at_another_key_is_compared_with_the_one_of_its_name(
    before: Json, after: Json, rule: str | None
) -> None:
    review = reviewed(of_key("a", before, None), of_key("b", None, after))
    expected = {rule} if rule else set()
    # IAM gives it a new ID, which breaks what names it; another name is another role.
    expected |= set() if "name" in after else {"arn-changed"}
    assert {f.rule for f in review.findings if f.level != "note"} == expected


def test_a_role_at_another_key_is_named_by_its_new_address() -> None:
    gets = inline(None, document(allow("*")))
    review = reviewed(of_key("a", NONE, None), of_key("b", None, NONE), gets)
    (finding,) = (f for f in review.findings if f.rule == "admin-attached")
    assert finding.subject == 'aws_iam_role.r["b"]' and finding.subject in finding.message


def test_a_boundary_that_is_known_after_apply_or_sensitive_is_said() -> None:
    old = of_key("a", BOUND, None)
    hidden = of_key("b", None, OTHER, after_sensitive={"permissions_boundary": True})
    for new in (of_key("b", None, NONE, **LATER), hidden):
        assert "boundary-weakened" in rules(reviewed(old, new))


def test_each_of_several_that_are_made_anew_is_compared() -> None:
    unknown = of_key("d", None, {"name": "c"}, after_unknown={"assume_role_policy": True})
    unknown["change"]["after"].pop("assume_role_policy")
    roles = of_key("a", NONE, None), of_key("b", None, {"assume_role_policy": BOTH})
    findings = reviewed(of_key("c", {"name": "c"}, None), unknown, *roles).findings
    assert [f.address for f in findings if f.rule == "trust-widened"] == ['aws_iam_role.r["b"]']
    assert 'aws_iam_role.r["d"]' in {f.address for f in findings if f.rule == "unknown-policy"}


def test_what_was_changed_outside_is_none_of_what_goes() -> None:
    drift = [of_key("a", {**BOUND}, {"assume_role_policy": BOTH})]
    roles = of_key("a", {"assume_role_policy": BOTH}, None), of_key("b", None, NONE)
    expected = rules(reviewed(*roles))
    assert {"boundary-weakened", "trust-widened"}.isdisjoint(expected)
    assert rules(reviewed(*roles, resource_drift=drift)) - {"drift"} == expected


def test_a_deny_that_a_role_at_another_key_no_longer_has_is_said() -> None:
    detached = attached("arn:aws:iam::aws:policy/AWSDenyAll", after=False)
    gone, new = of_key("a", NONE, None), of_key("b", None, NONE)
    assert "new-access" not in {m for f in reviewed(gone, detached).findings for m in f.means}
    assert "new-access" in {m for f in reviewed(gone, new, detached).findings for m in f.means}


LESS, MORE = document(allow("s3:GetObject")), document(allow("s3:*"))
REFERS = {"references": ['aws_iam_policy.b["y"].arn', 'aws_iam_policy.b["y"]', "aws_iam_policy.b"]}
BY_KEY = configured(
    block("aws_iam_role.r", permissions_boundary=REFERS),
    block("aws_iam_policy.b"),
)


def boundary(key: str, before: str | None, after: str | None) -> Json:
    sides = [{"name": "boundary", "policy": text} if text else None for text in (before, after)]
    if sides[0]:
        sides[0]["arn"] = ARN
    more = {"after_unknown": {"arn": True}} if after and not before else {}
    return resource("aws_iam_policy", "b", *sides, address=f'aws_iam_policy.b["{key}"]', **more)


@pytest.mark.parametrize("role_moves", [False, True])
@pytest.mark.parametrize(("text", "weaker"), [(LESS, False), (MORE, True)])
def test_a_boundary_at_another_key_is_compared_with_the_one_of_its_name(
    text: str, *, weaker: bool, role_moves: bool
) -> None:
    roles = [of_key("a", BOUND, NONE, **LATER)]
    if role_moves:
        roles = [of_key("a", BOUND, None), of_key("b", None, NONE, **LATER)]
    policies = boundary("x", LESS, None), boundary("y", None, text)
    review = reviewed(*roles, *policies, configuration=BY_KEY)
    assert ("boundary-weakened" in rules(review)) == weaker


@pytest.mark.parametrize(
    "changes",
    [
        # A new role with a new boundary.
        [of_key("a", None, NONE, **LATER), boundary("y", None, MORE)],
        # One of the name stays, as in another account.
        [of_key("a", BOUND, BOUND), of_key("b", None, NONE)],
        [of_key("a", BOUND, None), of_key("b", NONE, NONE)],
        # What is deleted is a policy.
        [resource("aws_iam_policy", "r", {"name": "r", **BOUND}, None), of_key("b", None, NONE)],
    ],
)
def test_a_role_is_made_in_place_of_a_role_that_goes_and_no_other(changes: list[Json]) -> None:
    review = reviewed(*changes, configuration=BY_KEY)
    assert "boundary-weakened" not in rules(review)


def test_a_role_that_was_deleted_outside_of_the_plan_is_new() -> None:
    trusted = {"assume_role_policy": STRANGER}
    drift = [of_key("a", {**BOUND, **trusted}, None)]
    review = reviewed(of_key("a", None, trusted), resource_drift=drift)
    levels = {f.rule: f.level for f in review.findings if f.rule != "drift"}
    assert levels == {"new-policy": "warning"}


def of_accounts(provider: str, after: Json) -> tuple[list[Json], Json]:
    """Roles of one name that are deleted in two accounts, and one that a provider creates."""
    accounts = {"gone": "111122223333", "also_gone": "444455556666"}
    bounds = {"gone": BOUND, "also_gone": NONE}
    arns = {name: {"arn": f"arn:aws:iam::{number}:role/r"} for name, number in accounts.items()}
    changes = [role(name, {**bounds[name], **arn}, None) for name, arn in arns.items()]
    providers = {"gone": "aws", "also_gone": "aws.other", "made": provider}
    blocks = (block(f"aws_iam_role.{name}", provider=key) for name, key in providers.items())
    return [*changes, role("made", None, after)], configured(*blocks)


@pytest.mark.parametrize(
    ("provider", "rule"),
    [
        ("aws", "boundary-weakened"),
        ("aws.other", "arn-changed"),
        # In an account that the plan does not tell, it may be either role, or a new one.
        ("aws.third", "access-removed"),
    ],
)
def test_roles_of_two_accounts_are_not_taken_for_one(provider: str, rule: str) -> None:
    changes, configuration = of_accounts(provider, NONE)
    for order in (changes, changes[::-1]):
        review = reviewed(*order, configuration=configuration)
        levels = {str(f.rule): f.level for f in review.findings if f.rule != "arn-changed"}
        levels |= {"arn-changed": "warning"} if "arn-changed" in rules(review) else {}
        assert levels[rule]
        assert ("boundary-weakened" in levels) == (rule == "boundary-weakened")


@pytest.mark.parametrize("provider", ["aws", "aws.other"])
def test_who_may_newly_assume_a_role_that_is_made_anew_is_said(provider: str) -> None:
    changes, configuration = of_accounts(provider, {"assume_role_policy": STRANGER})
    assert "trust-widened" in rules(reviewed(*changes, configuration=configuration))


CNI = document(allow(["ec2:Assign*", "ec2:*"]))
ONE = document(allow("s3:A"))
COPY = policy_arn("p")
LOST = {"conflict", "coverage-lost"}


def replaced(name: str | None = "r", **before: object) -> Json:
    """A role that is replaced, by one of another name or of one known after apply."""
    nodes = trust("ec2.amazonaws.com")
    sides = [{"name": "r", "assume_role_policy": nodes, "path": path} for path in ("/", "/a/")]
    sides[0] |= before
    sides[1] |= {"name": name}
    unknown = {"name": name is None, **dict.fromkeys(before, True)}
    return resource(
        "aws_iam_role", "r", *sides, actions=["delete", "create"], after_unknown=unknown
    )


def test_a_role_that_is_replaced_loses_what_the_plan_leaves_alone() -> None:
    review = reviewed(replaced(), attached(MANAGED), inline(ONE, ONE))
    assert rules(review) >= LOST
    messages = [f.message for f in review.findings if f.rule == "conflict"]
    assert len(messages) == 2 and all("the plan does not create it again" in m for m in messages)
    again = attached(MANAGED, actions=["delete", "create"])
    assert not LOST & rules(reviewed(replaced(), again))


def test_a_policy_made_by_hand_goes_with_a_role_that_is_replaced() -> None:
    role = replaced(managed_policy_arns=[MANAGED])
    assert "coverage-lost" in rules(reviewed(role, inline(ONE, ONE)))


def listed(before: list[str] | None, after: Json, **unknown: object) -> Json:
    values = {"policy_arn": COPY, "roles": before}
    after = {"policy_arn": COPY, **after}
    return resource("aws_iam_policy_attachment", "m", values, after, after_unknown=unknown)


@pytest.mark.parametrize(
    ("name", "attachments", "is_lost"),
    [
        # The provider sees no difference in the name of the role.
        ("r", listed(["r"], {"roles": ["r", "other"]}), True),
        ("r", listed(["x"], {"roles": ["x", "r"]}), False),
        ("r", listed(["x", "r"], {"roles": ["x"]}), False),
        ("new", listed(["r"], {"roles": ["new"]}), False),
        (None, listed(["r"], {}, roles=True), False),
        (None, listed(["r"], {"roles": [None]}, roles=[True]), False),
    ],
)
def test_a_list_of_roles_attaches_again_only_to_another_name(
    name: str | None, attachments: Json, *, is_lost: bool
) -> None:
    roles = refers("aws_iam_role.r.name")
    configuration = configured(block("aws_iam_policy_attachment.m", roles=roles))
    changes = replaced(name), attachments, managed(CNI, CNI)
    conflicts = "conflict" in rules(reviewed(*changes, configuration=configuration))
    assert conflicts is is_lost


def test_an_exclusive_list_attaches_again_to_a_role_that_is_replaced_only_if_it_changes() -> None:
    kind = "aws_iam_role_policy_attachments_exclusive"
    sides = [{"role_name": "r", "policy_arns": [MANAGED, *more]} for more in ([], [COPY])]
    assert rules(reviewed(replaced(), resource(kind, "e", sides[0], sides[0]))) >= LOST
    assert not LOST & rules(reviewed(replaced(), resource(kind, "e", *sides)))


@pytest.mark.parametrize(
    ("effect", "rule"), [("Allow", "access-removed"), ("Deny", "admin-attached")]
)
def test_what_is_created_before_it_is_destroyed_is_gone_if_iam_has_one_of_it(
    effect: str, rule: str
) -> None:
    text, everything = document(allow("iam:*", Effect=effect)), document(allow("*"))
    gone = inline(text, text, actions=["create", "delete"])
    others = inline(everything, everything if effect == "Deny" else None, "all")
    assert rule in rules(reviewed(others, gone))
    again = inline(text, text, actions=["delete", "create"])
    assert "admin-attached" not in rules(reviewed(inline(everything, everything, "all"), again))


def renamed(before: str, after: str) -> Json:
    sides: list[Json] = [{"name": name, "assume_role_policy": EC2} for name in (before, after)]
    sides[0]["arn"] = arn_of(before)
    return resource("aws_iam_role", "r", *sides, actions=["delete", "create"])


def test_a_node_role_under_another_name_is_an_error_also_where_aws_node_has_its_own() -> None:
    """Its access entry, or aws-auth, names the old ARN: no node joins the cluster."""
    own = {"service_account_role_arn": arn_of("cni")}
    plugin = [addon(own, own), *own_role("cni", irsa(), document(allow("ec2:*")))]
    review = reviewed(renamed("nodes", "workers"), node_group("nodes", "workers"), *plugin)
    (finding,) = (f for f in review.findings if f.rule == "arn-changed")
    assert finding.level == "error" and "a node role" in finding.message


def test_a_deposed_role_with_another_name_is_deleted_with_its_arn() -> None:
    """A replacement with create_before_destroy has failed, and the next plan ends it."""
    sides = [{"name": n, "arn": arn_of(n), "assume_role_policy": irsa()} for n in ("old", "new")]
    deposed = resource("aws_iam_role", "r", sides[0], None, deposed="abcd1234")
    current = resource("aws_iam_role", "r", sides[1], sides[1])
    (changed,) = (f for f in reviewed(deposed, current).findings if f.rule == "arn-changed")
    assert arn_of("old") in changed.message and arn_of("new") in changed.message
    # Without a current one, it is the role; the state may have both.
    assert rules(reviewed(deposed)) == rules(reviewed({**deposed, "deposed": ""})) != set()
    item = {k: v for k, v in current.items() if k != "change"}
    listed = [{**item, "values": sides[1]}, {**item, "values": sides[0], "deposed_key": "abcd1234"}]
    prior = {"values": {"root_module": {"resources": listed}}}
    assert reviewed(deposed, current) == reviewed(deposed, prior_state=prior)
