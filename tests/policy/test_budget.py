"""One answer has one budget, in steps, so that no policy makes it wait."""

from __future__ import annotations

from collections.abc import Iterable
from time import process_time

import pytest
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof import access, budget
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NoProof, NotProven
from vpc_cni_iam.policy.proof.budget import ANSWER, Budget, TooHardError
from vpc_cni_iam.policy.report import not_proven_text


def allow(*actions: str, on: tuple[str, ...] = ("*",), when: tuple[Condition, ...] = ()) -> Policy:
    return Policy((Statement(actions=actions, resources=on, conditions=when),))


def deny(*actions: str, on: tuple[str, ...] = ("*",), when: tuple[Condition, ...] = ()) -> Policy:
    (statement,) = allow(*actions, on=on, when=when).statements
    return Policy((replace(statement, effect="Deny"),))


def unlike(number: int, value: str) -> Condition:
    return Condition("StringNotEquals", f"aws:PrincipalTag/k{number}", (value,))


def bucket(number: int) -> str:
    return f"arn:aws:s3:::bucket-{number}/*"


def within(numbers: Iterable[int]) -> Condition:
    networks = tuple(f"10.{number // 256}.{number % 256}.0/25" for number in numbers)
    return Condition("IpAddress", "aws:SourceIp", networks)


def joined(*policies: Policy) -> Policy:
    return Policy(tuple(s for policy in policies for s in policy.statements))


def equal(key: str) -> Condition:
    return Condition("StringEquals", key, ("a",))


STEPS = 200_000
ACCOUNTS = tuple(f"{number:012}" for number in range(150))
TAGS = Condition("ForAnyValue:StringEquals", "aws:TagKeys", tuple(map(str, range(40))))
ACTIONS = tuple(f"ec2:*a{n}*b" for n in range(14))
RESOURCES = tuple(f"arn:aws:s3:::*x{n}*y" for n in range(14))
KEYS = [f"aws:RequestTag/k{n}" for n in range(12)]
ABSENT = [Condition("Null", key, ("true",)) for key in KEYS]
PRESENT = [Condition("Null", key, ("false",)) for key in KEYS]
TEAM = {value: unlike(0, value) for value in "ab"}
HARD = {
    "stars in actions and resources": (
        allow(*ACTIONS, on=RESOURCES), allow(*(f"{a}*" for a in ACTIONS), on=RESOURCES),
    ),
    "stars crosswise": (
        joined(*(allow(a, on=RESOURCES) for a in ACTIONS)),
        joined(*(allow(*ACTIONS, on=(f"{r}?",)) for r in RESOURCES)),
    ),
    "question marks": (
        allow("s3:A", on=tuple(f"arn:aws:s3:::*a{'?' * n}" for n in range(10, 40))),
        allow("s3:A", on=tuple(f"arn:aws:s3:::*a{'?' * n}*" for n in range(10, 40))),
    ),
    "one pattern beside another": (
        allow("s3:A", on=(f"arn:aws:s3:::*a{'?' * 60}*b",)),
        allow("s3:A", on=(f"arn:aws:s3:::*b*a{'?' * 61}*b",)),
    ),
    "keys there and not": (
        joined(
            *(
                allow("s3:A", when=tuple((ABSENT, PRESENT)[n >> b & 1][b] for b in range(6)))
                for n in range(63)
            )
        ),
        allow("s3:A"),
    ),
    "a Deny for each key": (
        joined(allow("*"), *(deny("*", when=(unlike(n, "a"),)) for n in range(150))),
        joined(allow("*"), *(deny("*", when=(unlike(n, "b"),)) for n in range(150))),
    ),
    "a Deny for each resource": (
        joined(allow("*"), *(deny("*", on=(bucket(n),), when=(TEAM["a"],)) for n in range(150))),
        joined(allow("*"), *(deny("*", on=(bucket(n),), when=(TEAM["b"],)) for n in range(150))),
    ),
    "many statements": (
        joined(*(allow("s3:Get", on=(bucket(n),), when=(TEAM["a"],)) for n in range(300))),
        joined(*(allow("s3:Get", on=(bucket(n) + "x",), when=(TEAM["a"],)) for n in range(300))),
    ),
    "many actions": (
        allow(*(f"s3:Get{n}*" for n in range(400))), allow(*(f"s3:Get{n}*x" for n in range(400))),
    ),
    "many resources": (
        allow("s3:*", on=tuple(map(bucket, range(400)))),
        allow("s3:*", on=tuple(bucket(n) + "x" for n in range(400))),
    ),
    "many actions on many resources": (
        allow(*(f"s3:Get{n}*" for n in range(200)), on=tuple(map(bucket, range(200)))),
        allow(*(f"s3:Get{n}*x" for n in range(200)), on=tuple(map(bucket, range(200)))),
    ),
    "many accounts": (
        allow("*", when=(Condition("StringEquals", "aws:ResourceAccount", ACCOUNTS),)),
        allow("*", on=tuple(f"arn:aws:ec2:*:{account}:*" for account in ACCOUNTS)),
    ),
    "many accounts, all but some": (
        deny("*", when=(Condition("StringNotEquals", "aws:ResourceAccount", ACCOUNTS),)),
        joined(
            allow("ec2:*", *ACTIONS), *(deny("*", on=(f"arn:aws:*:*:{a}:*",)) for a in ACCOUNTS)
        ),
    ),
    "tags in two spellings": (
        allow("ec2:*", when=tuple(equal(f"ec2:ResourceTag/{n}") for n in range(300))),
        allow("ec2:*", when=tuple(equal(f"aws:ResourceTag/{n}") for n in range(300))),
    ),
    "tags and their keys": (
        allow("ec2:*", when=tuple(equal(f"aws:RequestTag/{n}") for n in range(40))),
        joined(*(allow("ec2:*", when=(equal(f"aws:RequestTag/{n}"), TAGS)) for n in range(40))),
    ),
    "many addresses": (
        allow("s3:A", when=(within(range(900)),)), allow("s3:A", when=(within(range(1, 901)),)),
    ),
    "patterns of values": (
        allow("s3:A", when=(Condition("StringLike", KEYS[0], tuple(f"*{n}*{n}*" for n in KEYS)),)),
        allow("s3:A", when=(Condition("StringLike", KEYS[0], tuple(f"*{n}*{n}?" for n in KEYS)),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_comparison_takes_no_more_than_its_steps(
    name: str, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = HARD[name][::-1] if backwards else HARD[name]
    monkeypatch.setattr(budget, "ANSWER", STEPS)  # fewer, for the time of the tests
    spent = 0
    spend = Budget.spend

    def counted(self: Budget, steps: int = 1) -> None:
        nonlocal spent
        spend(self, steps)
        spent += steps

    monkeypatch.setattr(Budget, "spend", counted)
    answer = no_new_access([old], [new])
    assert spent <= STEPS
    if isinstance(answer, NotProven):
        assert answer.reason in (NoProof.too_complex, NoProof.open_part)


def yardstick() -> float:
    """Return the seconds of a piece of work that takes about a microsecond."""
    begin = process_time()
    for number in range(200_000):
        "-".join(sorted(f"{number} d c b a e".split()))
    return (process_time() - begin) / 200_000


def units_of_a_step(sides: tuple[Policy, Policy], unit: float) -> float:
    """Return how many units of time a step of a comparison takes."""
    steps = Budget(STEPS)
    begin = process_time()
    no_new_access([sides[0]], [sides[1]], budget=steps)
    return (process_time() - begin) / unit / (STEPS - max(steps.steps, 0))


def test_a_step_is_about_a_microsecond() -> None:
    """No kind of work takes much longer than the steps that it counts, on any machine.

    A step is compared with a yardstick that takes about a microsecond, too.
    """
    slow = [sides for sides in HARD.values() for sides in (sides, sides[::-1])]
    for _ in range(3):  # what is slow once may be another program's doing
        unit = yardstick()
        slow = [sides for sides in slow if units_of_a_step(sides, unit) > 5]
    assert not slow


def test_an_answer_has_steps_for_less_than_five_seconds() -> None:
    assert Budget().steps <= 3_000_000
    assert Budget().answer().steps <= 3_000_000


def test_what_is_too_complex_is_named_with_what_to_simplify() -> None:
    old, new = HARD["stars crosswise"]
    answer = no_new_access([old], [new], budget=Budget(20_000))
    assert isinstance(answer, NotProven)
    assert not_proven_text(answer).startswith(
        "too complex: statement 1 of new policy 1 (allows ec2:*a0*b,"
    )
    assert not_proven_text(answer).endswith(
        "write patterns such as 'arn:aws:s3:::*x0*y?' with fewer wildcards"
    )


def test_what_is_too_complex_hides_no_counterexample_elsewhere() -> None:
    old, new = HARD["stars crosswise"]
    answer = no_new_access([old], [joined(new, allow("iam:PassRole"))], budget=Budget(200_000))
    assert isinstance(answer, NewAccess)
    assert answer.request.action == "iam:PassRole"


def test_an_answer_is_the_same_whatever_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "ANSWER", STEPS)
    old, new = HARD["patterns of values"]
    first, other = no_new_access([old], [new]), no_new_access([new], [old])
    assert no_new_access([old], [new]) == first
    assert no_new_access([new], [old]) == other


def test_parts_count_in_the_whole() -> None:
    whole = Budget(100)
    part = whole.part(60)
    part.spend(50)
    assert (part.steps, whole.steps) == (10, 50)
    with pytest.raises(TooHardError):
        part.spend(11)
    assert whole.part(1000).steps <= 50


def ordinary(count: int, *, wider: bool = False) -> Policy:
    return joined(
        *(
            allow(
                f"s3:Get{n}",
                on=(f"arn:aws:s3:::bucket-{n}/{'' if wider and n % 10 == 5 else 'logs/'}*",),
                when=(Condition("StringEquals", "aws:PrincipalTag/team", (f"t{n % 7}",)),),
            )
            for n in range(count)
        )
    )


def test_an_ordinary_resource_needs_no_search_for_another() -> None:
    """Patterns with many wildcards take long to be told apart, and here nothing depends on it."""
    queues = tuple(f"arn:aws:sqs:*:*:*x{n}*:*y{n}*" for n in range(12))
    old, more = (allow("sqs:SendMessage", on=on) for on in (queues, ("arn:aws:sqs:*:*:*",)))
    steps = Budget()
    assert isinstance(no_new_access([old], [joined(old, more)], budget=steps), NewAccess)
    assert ANSWER - steps.steps < 10_000


def test_a_search_for_resources_is_short_whatever_the_variables_are() -> None:
    """Each value of a variable makes other patterns of a policy, which are searched together."""
    kinds = ("product", "listing", "offer", "offerSet", "purchaseOption")
    begins = [f"arn:aws:aws-marketplace:::catalog/M*/{kind}/" for kind in kinds]
    old, new = (
        allow("aws-marketplace:Get*", on=tuple(begin + end for begin in begins))
        for end in ("${aws:username}*", "*")
    )
    steps = Budget()
    assert isinstance(no_new_access([old], [new], budget=steps), NewAccess)
    assert ANSWER - steps.steps < 300_000


@pytest.mark.parametrize("same_action", [False, True])
def test_work_grows_with_the_number_of_statements(same_action: bool) -> None:
    """Ten times as many statements cost about ten times as many steps, not a hundred times."""

    def steps(count: int) -> int:
        old, new = ordinary(count), ordinary(count, wider=True)
        if same_action:
            old, new = (p.map_texts(lambda t: "s3:Get" if "s3:Get" in t else t) for p in (old, new))
        left = Budget(10**9)
        assert isinstance(no_new_access([new], [old], budget=left), NoNewAccess)
        return 10**9 - left.steps

    assert steps(300) < 20 * steps(30)


def test_an_answer_without_steps_does_not_read_its_policies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reading policies again for each of many changed lines takes time that no step counts."""

    def compile_policies(*_: object) -> None:
        pytest.fail("policies were compiled")

    monkeypatch.setattr(access, "compile_policies", compile_policies)
    answer = no_new_access([ordinary(9)], [ordinary(9, wider=True)], budget=Budget(10))
    assert isinstance(answer, NotProven)
    assert not_proven_text(answer).startswith("too complex")


def test_an_example_of_a_known_service_takes_few_steps() -> None:
    """Actions that AWS has are tried until enough will do: reviews look for many examples."""
    old, new = (
        joined(allow("*"), deny("*", on=(bucket(0),), when=(TEAM[value],))) for value in "ab"
    )
    steps = Budget()
    assert isinstance(no_new_access([old], [new], budget=steps), NewAccess)
    assert ANSWER - steps.steps < 4_500
