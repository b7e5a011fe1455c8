"""No pattern that may have a text in common with another is passed over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.proof import clauses
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.prefixes import PrefixIndex
from vpc_cni_iam.policy.wildcard import matches

PREFIXES = st.lists(st.text(alphabet="ab\U0010ffff", max_size=4), max_size=8)
ACTIONS = st.lists(st.text(alphabet="ab*?", min_size=1, max_size=4), min_size=1, max_size=3)


@given(PREFIXES, st.text(alphabet="ab\U0010ffff", max_size=4))
def test_one_of_two_that_meet_begins_with_the_other(prefixes: list[str], own: str) -> None:
    index = PrefixIndex((prefix, number) for number, prefix in enumerate(prefixes))
    within = {n for n, prefix in enumerate(prefixes) if own.startswith(prefix)}
    longer = {n for n, prefix in enumerate(prefixes) if prefix.startswith(own)}
    assert {*index.within(own)} == within
    assert index.meeting(own) == within | longer


@given(st.lists(ACTIONS, max_size=5), ACTIONS, st.text(alphabet="ab", min_size=1, max_size=4))
def test_statements_about_one_request_are_found(
    others: list[list[str]], own: list[str], name: str
) -> None:
    def statement(names: list[str]) -> Statement:
        return Statement(
            actions=tuple(f"s3:{n}" for n in names),
            resources=tuple(f"arn:aws:s3:::{n}" for n in names),
        )

    index = clauses.ClauseIndex([*clauses.read([Policy(tuple(map(statement, others)))])])
    (mine,) = clauses.read([Policy((statement(own),))])
    positions = [clause.at[1] for clause in index.meeting(clauses.region(mine), Budget())]
    assert positions == sorted(set(positions))
    if any(matches(pattern, name) for pattern in own):
        about = {n for n, names in enumerate(others) if any(matches(p, name) for p in names)}
        assert about <= {*positions}
