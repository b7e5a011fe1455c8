"""Trust policies beside an oracle that knows nothing but tokens: which of them a policy takes.

The oracle reads the conditions with `fnmatch`, over tokens that have every subject and audience
which the policies could mean, and of strangers.
"""

import json
from fnmatch import fnmatchcase
from itertools import product
from random import Random
from typing import NamedTuple

import pytest

from synthetic import Json, document, found, levels, role
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import RoleTrust
from vpc_cni_iam.policy.parse import loads

ISSUERS = [f"oidc.eks.eu-west-1.amazonaws.com/id/{name}" for name in ("PROD", "STAGE")]
OWN = "system:serviceaccount:kube-system:aws-node"
STRANGER = "system:serviceaccount:stranger-namespace:stranger"
SUBJECTS = [OWN, "system:serviceaccount:default:app", "system:serviceaccount:default:aws-node",
            "system:serviceaccount:kube-system:app", STRANGER]  # fmt: skip
PATTERNS = ["system:serviceaccount:*:aws-node", "system:serviceaccount:default:*",
            "system:serviceaccount:*:*", "*"]  # fmt: skip
AUDIENCES = ["sts.amazonaws.com", "vault", "stranger-audience"]
OPERATORS = ["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists",
             "StringNotLike", "ForAnyValue:StringEquals"]  # fmt: skip


class Token(NamedTuple):
    issuer: str
    subject: str
    audience: str


# With the literal patterns, which no issuer gives.
TOKENS = [Token(*each) for each in product(ISSUERS, [*SUBJECTS, *PATTERNS], AUDIENCES)]
REAL = [token for token in TOKENS if "*" not in token.subject]


def takes(statement: Json, token: Token) -> bool:
    """Whether the conditions of a statement are met by a token of one of its providers."""
    providers = statement["Principal"]["Federated"]
    if not any(arn.endswith(token.issuer) for arn in providers):
        return False
    claims = {f"{token.issuer}:sub": token.subject, f"{token.issuer}:aud": token.audience}
    for operator, keys in statement.get("Condition", {}).items():
        base = operator.removeprefix("ForAnyValue:").removesuffix("IfExists")
        for key, values in keys.items():
            value = claims.get(key)
            if value is None:
                if "Not" not in base and not operator.endswith("IfExists"):
                    return False
                continue
            like = "Like" in base
            met = any(fnmatchcase(value, v) if like else value == v for v in values)
            if met is ("Not" in base):
                return False
    return True


def taken(statements: list[Json]) -> set[Token]:
    """The tokens that a trust policy takes."""
    allows, denies = ([s for s in statements if s["Effect"] == e] for e in ("Allow", "Deny"))
    return {
        token
        for token in TOKENS
        if any(takes(s, token) for s in allows) and not any(takes(s, token) for s in denies)
    }


def some_statement(random: Random) -> Json:
    providers = random.sample(ISSUERS, random.choice([1, 1, 1, 2]))
    statement: Json = {
        "Effect": random.choice(["Allow", "Allow", "Allow", "Deny"]),
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": [f"arn:aws:iam::111122223333:oidc-provider/{p}"
                                    for p in providers]},
    }  # fmt: skip
    conditions: dict[str, dict[str, list[str]]] = {}
    for _ in range(random.choice([0, 1, 2, 2, 3])):
        claim = random.choice(["sub", "sub", "aud"])
        issuer = random.choice([*providers] * 4 + ISSUERS)
        values = [*SUBJECTS[:4], *PATTERNS] if claim == "sub" else AUDIENCES[:2]
        operator = random.choice(OPERATORS)
        several = random.sample(values, random.choice([1, 1, 2]))
        conditions.setdefault(operator, {})[f"{issuer}:{claim}"] = several
    if conditions:
        statement["Condition"] = conditions
    return statement


def some_trust(random: Random) -> list[Json]:
    return [some_statement(random) for _ in range(random.choice([1, 1, 2, 3]))]


@pytest.mark.parametrize("seed", range(100))
def test_a_trust_is_widened_where_it_takes_another_token(seed: int) -> None:
    random = Random(seed)
    before, after = some_trust(random), some_trust(random)
    rules = levels(found(role("r", document(*before), document(*after))))
    new = taken(after) - taken(before)
    if new:
        assert {"trust-widened", "not-proven"} & set(rules), new
    else:
        # A token of the examples is not in the oracle's list: policies are infinite.
        assert "trust-widened" not in rules or _is_of_others(before, after), (before, after)


def _is_of_others(before: list[Json], after: list[Json]) -> bool:
    """Whether tokens with claims that the oracle does not list differ."""
    texts = json.dumps([before, after])
    return any(operator in texts for operator in ("Not", "Like", "IfExists")) or "Deny" in texts


@pytest.mark.parametrize("seed", range(100))
def test_a_new_trust_in_strangers_is_an_error(seed: int) -> None:
    random = Random(seed)
    statement = {**some_statement(random), "Effect": "Allow"}
    level = levels(found(role("r", None, document(statement))))["new-policy"]
    every = {token for token in REAL if takes(statement, token)}
    assert (level == "error") is any(t.subject == STRANGER for t in every)
    if any(t.audience == "stranger-audience" for t in every):
        assert level != "note"


@pytest.mark.parametrize("seed", range(100))
def test_nobody_can_assume_a_new_role_only_if_no_token_is_taken(seed: int) -> None:
    statements = some_trust(Random(seed))
    messages = [each.message for each in found(role("r", None, document(*statements)))]
    if any(message.startswith("Nobody can assume the new role") for message in messages):
        assert not any(token in REAL for token in taken(statements)), statements
    assert messages or not any(s["Effect"] == "Allow" for s in statements)


@pytest.mark.parametrize("seed", range(100))
def test_whether_aws_node_can_assume_a_role_by_irsa(seed: int) -> None:
    random = Random(seed)
    statements = some_trust(random)
    own = {Token(issuer, OWN, "sts.amazonaws.com") for issuer in ISSUERS}
    expected = bool(own & taken(statements))
    trust = RoleTrust(loads(document(*statements), "trust"), "arn:aws:iam:::role/cni")
    assert trust.lets(Identity.irsa, EksCluster("prod"), tags=True) is expected
