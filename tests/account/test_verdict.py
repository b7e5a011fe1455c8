"""A verdict: combined from cases, and less certain by what is not known."""

from itertools import product

import pytest

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.coverage.judge.verdict import Verdict, every, one_of

W, D, U, F = Verdict
# A boundary only limits; a managed policy of AWS without a Deny only allows.
LIMITING = NotKnown("arn:aws:iam::111122223333:policy/b", Reason.not_applied, "")
ALLOWING = NotKnown("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy", Reason.not_read, "")
BOTH = NotKnown("own", Reason.not_read, "")
NOTE = NotKnown("own", Reason.assumed, "")
# Each verdict as the best and the worst outcome that are possible: 0 works, 1 degraded, 2 fails.
INTERVALS = {W: {(0, 0)}, D: {(0, 1), (1, 1)}, U: {(0, 2), (1, 2)}, F: {(2, 2)}}


def word(best: int, worst: int) -> Verdict:
    return next(v for v, intervals in INTERVALS.items() if (best, worst) in intervals)


@pytest.mark.parametrize("pair", [*product(Verdict, repeat=2)])
def test_verdicts_are_combined_as_their_outcomes(pair: tuple[Verdict, Verdict]) -> None:
    for (a, b), (c, d) in product(*(INTERVALS[verdict] for verdict in pair)):
        assert every(pair) is word(max(a, c), max(b, d))
        assert one_of(pair) is word(min(a, c), max(b, d))


@pytest.mark.parametrize(
    ("doubt", "expected"),
    [
        (LIMITING, (U, U, U, F)),
        (ALLOWING, (W, D, U, U)),
        (BOTH, (U, U, U, U)),
        (NOTE, (W, D, U, F)),
    ],
)
def test_a_doubt_only_makes_a_verdict_less_certain(
    doubt: NotKnown, expected: tuple[Verdict, ...]
) -> None:
    assert tuple(verdict.doubted([doubt]) for verdict in Verdict) == expected
    assert F.doubted([doubt], denied_anyway=True) is F
