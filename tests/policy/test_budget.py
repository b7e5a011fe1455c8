"""One answer has one budget, in steps, so that no policy makes it wait."""

from __future__ import annotations

import pytest

from hard_pairs import HARD, STEPS, TEAM, allow, bucket, deny, joined
from vpc_cni_iam.policy.document import Condition, Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request
from vpc_cni_iam.policy.proof import access, budget
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NoProof, NotProven
from vpc_cni_iam.policy.proof.budget import ANSWER, OF_EACH, Budget, TooHardError
from vpc_cni_iam.policy.report import not_proven_text


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


def test_an_answer_has_steps_for_at_most_two_seconds() -> None:
    assert Budget().steps <= 1_000_000
    assert Budget().answer().steps <= 1_000_000


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


def test_the_keys_of_too_many_conditions_are_named() -> None:
    old, new = HARD["a Deny for each key"]
    answer = no_new_access([old], [new], budget=Budget(70_000))
    assert isinstance(answer, NotProven)
    assert "aws:principaltag/k0, aws:principaltag/k1" in not_proven_text(answer)


def test_a_pattern_of_condition_values_that_is_too_complex_is_named() -> None:
    old, new = HARD["patterns of values"]
    answer = no_new_access([old], [new], budget=Budget(2_000))
    assert isinstance(answer, NotProven)
    pattern = new.statements[0].conditions[0].values[0]
    assert f"write patterns such as {pattern!r} with fewer wildcards" in not_proven_text(answer)


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


def test_each_of_many_answers_adds_its_steps() -> None:
    many = Budget.of_many(3, characters=10**9)
    many.answer().spend(ANSWER)
    assert many.answer().steps == many.of_each == OF_EACH


@pytest.mark.parametrize("name", HARD)
def test_no_more_requests_are_evaluated_than_steps_allow(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation takes the time of some twenty steps."""
    evaluated = 0
    evaluate = Compiled.evaluate

    def counted(self: Compiled, request: Request) -> Decision:
        nonlocal evaluated
        evaluated += 1
        return evaluate(self, request)

    monkeypatch.setattr(Compiled, "evaluate", counted)
    old, new = HARD[name]
    steps = Budget(STEPS)
    no_new_access([old], [new], budget=steps)
    assert 10 * evaluated <= STEPS - steps.steps


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
