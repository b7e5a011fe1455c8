"""Texts of policies with parts that are not known: what holds, holds whatever the parts are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random

import pytest
from msgspec.structs import replace

import policy_pools as pools
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Outcome, Request, compile_policies
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, Side, Template, fill, join

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
PAIRS = 4000 if FUZZ else 400

NAME = Hole(HoleKind.PARAMETER, "name")
OTHER = Hole(HoleKind.UNKNOWN, "aws_s3_bucket.b.arn")
BUCKET = join(["arn:aws:s3:::", NAME, "/x"])
ROLE = "arn:aws:iam::111122223333:role/r"
USER = {"aws:username": "bob"}


def allow(action: PolicyText, *resources: PolicyText, when: tuple[Condition, ...] = ()) -> Policy:
    return Policy((Statement(actions=(action,), resources=resources or ("*",), conditions=when),))


def deny(action: str, *resources: PolicyText) -> Statement:
    return Statement("Deny", actions=(action,), resources=resources)


def outcome(policy: Policy, resource: str = "*", **context: str) -> Outcome:
    request = Request("s3:GetObject", resource, ROLE, context)
    return compile_policies([policy]).evaluate(request).outcome


def test_text_without_holes_is_text_and_pieces_are_joined() -> None:
    assert join(["a", "", "b"]) == "ab"
    assert join([]) == ""
    assert join(["a", NAME, "", "b", "c"]) == Template(("a", NAME, "bc"))
    assert join([join(["a", NAME]), "b"]) == join(["a", NAME, "b"])
    assert str(join(["a", NAME])) == "a${name}"
    assert fill(join(["a", NAME, NAME]), {NAME: "x"}.__getitem__) == "axx"


@pytest.mark.parametrize(
    "other",
    [
        Hole(HoleKind.UNKNOWN, "name"),
        Hole(HoleKind.PARAMETER, "another"),
        Hole(HoleKind.PARAMETER, "name", Side.AFTER),
    ],
)
def test_what_is_not_known_is_equal_to_itself_alone(other: Hole) -> None:
    mine, theirs = (allow("s3:*", join(["arn:aws:s3:::", hole])) for hole in (NAME, other))
    assert equal(mine, mine) and not equal(mine, theirs)
    assert isinstance(no_new_access([mine], [mine]), NoNewAccess)
    assert isinstance(no_new_access([mine], [theirs]), NotProven)
    holes = Policy((deny("s3:*", join(["arn:aws:s3:::", NAME])), *allow("s3:*").statements))
    others = Policy((deny("s3:*", join(["arn:aws:s3:::", other])), *allow("s3:*").statements))
    assert isinstance(no_new_access([holes], [holes]), NoNewAccess)
    assert isinstance(no_new_access([holes], [others]), NotProven)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (allow("s3:*", BUCKET), Outcome.UNDECIDED),
        (allow("s3:*", BUCKET, "*"), Outcome.ALLOWED),
        # If the hole is empty, AWS completes the ARN.
        (allow("s3:*", join(["arn:aws:s3", NAME, ":"])), Outcome.UNDECIDED),
        (allow("s3:*", join(["arn:aws:ec2:::", NAME])), Outcome.IMPLICITLY_DENIED),
        (allow(join(["s3:", NAME])), Outcome.UNDECIDED),
        (allow(join(["ec2:", NAME])), Outcome.IMPLICITLY_DENIED),
        (allow(join([NAME])), Outcome.UNDECIDED),
        (
            Policy((*allow("s3:*").statements, deny("s3:*", BUCKET))),
            Outcome.UNDECIDED,
        ),
        (
            Policy((Statement(not_actions=(join(["s3:", NAME]),), resources=("*",)),)),
            Outcome.UNDECIDED,
        ),
        (
            allow("s3:*", when=(Condition("StringEquals", join(["aws:", NAME]), ("x",)),)),
            Outcome.UNDECIDED,
        ),
    ],
)
def test_a_request_that_depends_on_a_hole_is_undecided(policy: Policy, expected: Outcome) -> None:
    assert outcome(policy, "arn:aws:s3:::b/x") is expected


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        ("StringEquals", (NAME,), "a", Outcome.UNDECIDED),
        ("StringEquals", (NAME, "a"), "a", Outcome.ALLOWED),
        ("StringEquals", ("x", NAME), "a", Outcome.IMPLICITLY_DENIED),
        ("StringNotEquals", (NAME,), "a", Outcome.UNDECIDED),
        ("StringNotEquals", (NAME, "a"), "a", Outcome.IMPLICITLY_DENIED),
        ("NumericLessThan", (NAME,), "3", Outcome.UNDECIDED),
        ("NumericLessThan", (NAME, "5"), "3", Outcome.ALLOWED),
        ("Bool", (NAME,), "true", Outcome.UNDECIDED),
        ("IpAddress", (NAME,), "203.0.113.7", Outcome.UNDECIDED),
        ("Null", (NAME,), "a", Outcome.UNDECIDED),
    ],
)
def test_a_condition_that_depends_on_a_hole_is_undecided(
    operator: str, values: tuple[str | Hole, ...], value: str, expected: Outcome
) -> None:
    texts = tuple(join([v]) for v in values)
    if operator.startswith("String") and values[0] == "x":
        texts = (join(["x", NAME]),)
    policy = allow("s3:*", when=(Condition(operator, "s3:prefix", texts),))
    context = {"s3:prefix": value}
    request = Request("s3:GetObject", "*", ROLE, context)
    assert compile_policies([policy]).evaluate(request).outcome is expected


def test_a_principal_that_is_not_known_may_be_anyone() -> None:
    known, unknown = (
        Policy((Statement(actions=("s3:*",), principals=(Principal("AWS", names),)),))
        for names in ((ROLE,), (join([NAME]),))
    )
    assert outcome(known) is Outcome.ALLOWED
    assert outcome(unknown) is Outcome.UNDECIDED
    assert isinstance(no_new_access([unknown], [unknown]), NoNewAccess)
    assert isinstance(no_new_access([known], [unknown]), NotProven)


def test_a_text_that_is_read_in_two_ways_is_two_texts() -> None:
    """A star in it is a wildcard for StringLike, and a star for StringEquals."""
    exact, like = (
        allow("s3:*", when=(Condition(operator, "s3:prefix", (join([NAME]),)),))
        for operator in ("StringEquals", "StringLike")
    )
    assert isinstance(no_new_access([exact], [exact]), NoNewAccess)
    assert isinstance(no_new_access([like], [like]), NoNewAccess)
    assert not isinstance(no_new_access([exact], [like]), NoNewAccess)


def test_a_narrower_policy_with_the_same_hole_is_proven() -> None:
    bucket = join(["arn:aws:s3:::", NAME])
    assert isinstance(
        no_new_access([allow("s3:*", "arn:aws:s3:::*")], [allow("s3:*", bucket)]), NoNewAccess
    )
    assert isinstance(
        no_new_access([allow("s3:*", bucket)], [allow("s3:Get*", bucket)]), NoNewAccess
    )
    tag = Condition("StringEquals", join(["aws:ResourceTag/", NAME]), ("owned",))
    wide, narrow = allow("s3:*", bucket), allow("s3:*", bucket, when=(tag,))
    assert isinstance(no_new_access([wide], [narrow]), NoNewAccess)
    assert not isinstance(no_new_access([narrow], [wide]), NoNewAccess)
    more = Policy((*wide.statements, *allow("s3:DeleteBucket").statements))
    answer = no_new_access([wide], [more])
    assert not isinstance(answer, NoNewAccess)


@pytest.mark.parametrize(
    ("old", "new", "proven"),
    [
        (("arn:", NAME, ":ec2:*:1:vpc/x"), ("arn:", NAME, ":ec2:r:1:vpc/x"), True),
        (("arn:", NAME, ":ec2:*:1:vpc/*"), ("arn:", NAME, ":ec2:r:1:vpc/x:y"), True),
        (("arn:", NAME, ":ec2:*:", OTHER, ":*"), ("arn:", NAME, ":ec2:r:", OTHER, ":x"), True),
        (("arn:", NAME, ":ec2:r:1:vpc/x"), ("arn:", NAME, ":ec2:*:1:vpc/x"), False),
        # Where the last part begins depends on the hole.
        (("arn:aws:", NAME, ":*:b:c:d"), ("arn:aws:", NAME, ":x:y:b:c:d"), False),
        (("arn:aws:", NAME, ":?:b:c:d"), ("arn:aws:", NAME, ":*:b:c:d"), False),
        (("arn:", NAME, ":*"), ("arn:", NAME, ":x"), False),
    ],
)
def test_arns_with_a_hole_in_an_early_part_are_compared(
    old: tuple[str | Hole, ...], new: tuple[str | Hole, ...], *, proven: bool
) -> None:
    before, after = (
        allow("ec2:*", when=(Condition("ArnLike", "ec2:Vpc", (join(parts),)),))
        for parts in (old, new)
    )
    assert isinstance(no_new_access([before], [after]), NoNewAccess) is proven


@pytest.mark.parametrize(
    ("wide", "narrow", "value"),
    [
        (("a?", NAME), ("a$", NAME), "{aws:username}"),
        ((NAME, "?aws:username}"), (NAME, "{aws:username}"), "$"),
        ((NAME, "*'}"), (NAME, "bob'}"), "a${aws:username, '"),
        (("a${aws:username, '*", NAME), ("a${aws:username, 'bob", NAME), "'}"),
    ],
)
def test_a_hole_may_have_what_completes_a_variable(
    wide: tuple[str | Hole, ...], narrow: tuple[str | Hole, ...], value: str
) -> None:
    old, new = (allow("s3:*", join(["arn:aws:s3:::", *parts])) for parts in (wide, narrow))
    assert isinstance(no_new_access([new], [new]), NoNewAccess)
    assert isinstance(no_new_access([old], [new]), NotProven)
    for policy in (old, new):
        exact = policy.map_texts(lambda text: fill(text, {NAME: value}.__getitem__))
        for resource in ("arn:aws:s3:::abob", "arn:aws:s3:::bob"):
            answers = {outcome(each, resource, **USER) for each in (policy, exact)}
            assert len(answers - {Outcome.UNDECIDED}) == 1


# Texts for holes: with wildcards, variables and colons, or nothing.
FILLINGS = ("", "a", "b", "*", "a*", "?", "eni-1", "${aws:username}", "x:y", "bucket/bob", "1")
HOLES = tuple(Hole(HoleKind.UNKNOWN, name) for name in "pq")


def with_holes(random: Random, plain: Policy) -> Policy:
    """Return a policy with holes in some of its texts."""

    def change(text: PolicyText) -> PolicyText:
        if not isinstance(text, str) or random.random() < 0.6:
            return text
        starts = [0, *(place + 1 for place, letter in enumerate(text) if letter == ":")]
        start = starts[-1] if random.random() < 0.5 else random.choice(starts)
        cut = random.randint(start, len(text))
        return join([text[:cut], random.choice(HOLES), text[cut:] if random.random() < 0.5 else ""])

    statements = []
    for statement in plain.statements:
        changed = replace(
            statement,
            resources=tuple(map(change, statement.resources)),
            not_resources=tuple(map(change, statement.not_resources)),
            conditions=tuple(
                replace(c, values=tuple(map(change, c.values))) for c in statement.conditions
            ),
        )
        statements.append(changed)
    return replace(plain, statements=tuple(statements))


def filled(policy: Policy, values: Mapping[Hole, str]) -> Policy | None:
    """Return a policy with texts in its holes, None for one that IAM refuses."""
    result = policy.map_texts(lambda text: fill(text, values.__getitem__))
    try:
        compile_policies([result])
    except InputError:
        return None
    return result


def test_what_is_said_of_holes_holds_whatever_fills_them() -> None:
    random = Random(FUZZ)
    decided = proven = shown = 0
    for _ in range(PAIRS):
        keys = tuple(random.sample(list(pools.KEYS), 2))
        old = with_holes(random, pools.policy(random, keys, 2))
        new = with_holes(random, pools.policy(random, keys, 2))
        if random.random() < 0.6:
            changed = random.choice(new.statements)
            new = replace(old, statements=(*old.statements[:-1], changed))
            new = new if random.random() < 0.3 else replace(new, statements=old.statements[:-1])
        try:
            answer = no_new_access([old], [new])
        except InputError:
            continue
        requests = [pools.request(random, keys) for _ in range(5)]
        for _ in range(6):
            values = {hole: random.choice(FILLINGS) for hole in HOLES}
            before, after = filled(old, values), filled(new, values)
            if before is None or after is None:
                continue
            for request in requests:
                open_answer = compile_policies([new]).evaluate(request)
                now = compile_policies([after]).evaluate(request)
                if (
                    open_answer.outcome is not Outcome.UNDECIDED
                    and now.outcome is not Outcome.UNDECIDED
                ):
                    assert now.allowed is open_answer.allowed, (new, values, request)
                    decided += 1
            if isinstance(answer, NoNewAccess):
                exact = no_new_access([before], [after])
                assert not isinstance(exact, NewAccess), (old, new, values, exact)
                proven += 1
            elif isinstance(answer, NewAccess):
                request = answer.request
                now, then = (compile_policies([p]).evaluate(request) for p in (after, before))
                assert not now.denied and not then.allowed, (old, new, values, request)
                shown += 1
    assert min(decided, proven, shown) > PAIRS // 20


def test_each_action_is_compared_with_an_excepted_one_that_is_not_known() -> None:
    """``s3:GetB`` may be the excepted action, ``s3:GetA`` cannot be."""
    excepted = Statement(not_actions=(join(["s3:", NAME, "b"]),), resources=("*",))
    for actions, proven in ((("s3:GetA",), True), (("s3:GetA", "s3:GetB"), False)):
        new = Policy((Statement(actions=actions, resources=("*",)),))
        assert (no_new_access([Policy((excepted,))], [new]) == NoNewAccess()) is proven
