"""Which principals mean others, against the evaluator."""

from __future__ import annotations

from itertools import product

import pytest

from vpc_cni_iam.policy.document import Policy, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.matching.principals import covers
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess

NUMBER, ROOT = "111122223333", "arn:aws:iam::111122223333:root"
ROLE, SESSION = (
    "arn:aws:iam::111122223333:role/path/node",
    "arn:aws:sts::111122223333:assumed-role/node/i-0123456789abcdef0",
)
NAMES = (
    NUMBER, ROOT, ROLE, SESSION, "arn:aws-cn:iam::111122223333:root", "444455556666",
    "arn:aws:iam::111122223333:role/other", "arn:aws:iam::111122223333:user/ana",
    "arn:aws:sts::111122223333:assumed-role/node-2/s", "arn:aws:iam::444455556666:role/node",
)  # fmt: skip
CALLERS = tuple(name for name in NAMES if name.startswith("arn:") and not name.endswith("root"))


def trust(*names: str, kind: str = "AWS") -> Policy:
    return Policy((Statement(actions=("sts:AssumeRole",), principals=(Principal(kind, names),)),))


@pytest.mark.parametrize(("outer", "inner"), [(NUMBER, ROOT), (ROOT, NUMBER), (ROLE, SESSION)])
def test_names_that_mean_the_same_or_less(outer: str, inner: str) -> None:
    assert covers([("AWS", outer)], [("AWS", inner)])
    assert no_new_access([trust(outer)], [trust(inner)]) == NoNewAccess()
    assert not covers([("AWS", outer)], [("Federated", inner)])
    assert not covers([("Federated", outer)], [("Federated", inner)])


def test_a_role_is_not_covered_by_its_session_or_by_its_account() -> None:
    """What an account is allowed, its policies must allow, too; a role that is named needs none."""
    for outer in (SESSION, NUMBER, ROOT):
        assert not isinstance(no_new_access([trust(outer)], [trust(ROLE)]), NoNewAccess)


def test_whoever_is_new_where_anyone_is_named_is_of_another_account() -> None:
    answer = no_new_access([trust(NUMBER)], [trust("*")])
    assert isinstance(answer, NewAccess)
    assert answer.request.principal == "arn:aws:iam::444455556666:user/alice"


def test_what_is_covered_is_so_for_every_caller() -> None:
    for outer, inner in product(NAMES, repeat=2):
        if not covers([("AWS", outer)], [("AWS", inner)]):
            continue
        wide, narrow = compile_policies([trust(outer)]), compile_policies([trust(inner)])
        for caller in CALLERS:
            request = Request("sts:AssumeRole", "*", caller)
            allowed = narrow.evaluate(request).allowed
            assert not allowed or wide.evaluate(request).allowed, (outer, inner, caller)


def test_several_names() -> None:
    assert covers([("AWS", ROLE), ("AWS", NUMBER)], [("AWS", ROOT), ("AWS", SESSION)])
    assert not covers([("AWS", ROLE)], [("AWS", ROOT), ("AWS", SESSION)])
    assert not covers([], [("AWS", ROOT)])


def test_accounts_of_one_number_in_two_partitions_are_two() -> None:
    assert not covers([("AWS", ROOT)], [("AWS", ROOT.replace("aws", "aws-cn"))])
