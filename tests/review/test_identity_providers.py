"""OIDC providers that change, and the roles that their tokens can or can no longer assume."""

from typing import Any

import pytest

from found import found
from synthetic import Json, document, resource
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.sentences import say

ISSUER, OTHER = (f"oidc.eks.eu-west-1.amazonaws.com/id/{name}" for name in ("EXAMPLE", "OTHER"))
ARN = "arn:aws:iam::111122223333:oidc-provider/"
PROVIDER = {
    "url": f"https://{ISSUER}",
    "arn": f"{ARN}{ISSUER}",
    "client_id_list": ["sts.amazonaws.com"],
    "thumbprint_list": ["a" * 40],
}
RULES = ("oidc-provider-changed", "plugin-identity-lost")


def provider(before: Json | None, after: Json | None, name: str = "eks", **change: Any) -> Json:
    sides = [None if side is None else {**PROVIDER, **side} for side in (before, after)]
    return resource("aws_iam_openid_connect_provider", name, *sides, **change)


def role(name: str, subject: str, issuer: str = ISSUER, *, is_new: bool = False) -> Json:
    tokens = {
        f"{issuer}:aud": "sts.amazonaws.com",
        f"{issuer}:sub": f"system:serviceaccount:{subject}",
    }
    statement = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                 "Principal": {"Federated": f"{ARN}{issuer}"},
                 "Condition": {"StringEquals": tokens}}  # fmt: skip
    values = {"name": name, "assume_role_policy": document(statement)}
    return resource("aws_iam_role", name, None if is_new else values, values)


CNI, APP = role("cni", "kube-system:aws-node"), role("app", "default:app")
LATER = role("later", "default:app", OTHER)


def _of(*changes: Json) -> list[Finding]:
    return [f for f in found(*changes) if f.rule in RULES]


def _texts(*changes: Json) -> dict[str, str]:
    return {f"{f.level} {f.rule}": say(f).message for f in _of(*changes)}


@pytest.mark.parametrize(
    "change",
    [
        provider({}, None),
        provider({}, {"url": f"https://{OTHER}", "arn": f"{ARN}{OTHER}"}),
        provider({}, {}, after_unknown={"url": True}, actions=["delete", "create"]),
        provider({}, {"client_id_list": ["vault"]}),
    ],
)
def test_roles_that_tokens_can_no_longer_assume(change: Json) -> None:
    texts = _texts(change, CNI, APP)
    assert (
        "aws-node can no longer assume aws_iam_role.cni through IRSA"
        in (texts["error plugin-identity-lost"])
    )
    assert (
        f"tokens of {ISSUER} can no longer assume aws_iam_role.app"
        in (texts["warning oidc-provider-changed"])
    )
    (finding,) = (f for f in _of(change, CNI) if f.rule == "plugin-identity-lost")
    assert "coverage-lost" in finding.means
    assert say(finding).fix
    assert "can no longer" not in _texts(change)["warning oidc-provider-changed"]


@pytest.mark.parametrize(
    "change",
    [
        provider(None, {"url": f"https://{OTHER}", "arn": None}, after_unknown={"arn": True}),
        provider({}, {"url": f"https://{OTHER}", "arn": f"{ARN}{OTHER}"}),
    ],
)
def test_roles_that_tokens_can_newly_assume(change: Json) -> None:
    (finding,) = (f for f in _of(change, LATER) if "can now assume" in say(f).message)
    assert f"tokens of {OTHER} can now assume aws_iam_role.later" in say(finding).message
    assert "new-access" in finding.means
    created = role("later", "default:app", OTHER, is_new=True)
    assert not any("can now assume" in say(f).message for f in _of(change, created))


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ([provider({}, {"tags": {"a": "b"}})], None),
        ([provider({}, {}, actions=["delete", "create"])], None),
        # A provider that is forgotten stays where it is.
        ([provider({}, None, actions=["forget"])], None),
        # One of the same issuer takes its place.
        ([provider({}, None), provider(None, {}, "again")], None),
        ([provider({"client_id_list": ["a", "b"]}, {"client_id_list": ["b", "a"]})], None),
        ([provider({}, {"thumbprint_list": ["b" * 40]})], "note"),
        # Of an issuer that is not shown, the plan shows no role.
        ([provider({"url": 1, "arn": None}, None)], "warning"),
        ([provider({}, {"client_id_list": ["sts.amazonaws.com", "vault"]})], "warning"),
        ([provider({}, {}, after_unknown={"client_id_list": True}, actions=["update"])], "warning"),
        ([provider({}, {}), role("cni", "kube-system:aws-node")], None),
    ],
)  # fmt: skip
def test_changes_by_which_no_role_is_lost(changes: list[Json], level: str | None) -> None:
    findings = _of(*changes, CNI, APP)
    assert [(f.rule, f.level) for f in findings] == (
        [("oidc-provider-changed", level)] if level else []
    )


def test_thumbprints_of_other_issuers_count() -> None:
    github = {"url": "https://token.actions.githubusercontent.com", "arn": None}
    (finding,) = _of(provider(github, {**github, "thumbprint_list": ["b" * 40]}))
    assert finding.level == "warning"


def test_a_new_client_id_counts_for_new_access() -> None:
    (finding,) = _of(provider({}, {"client_id_list": ["sts.amazonaws.com", "vault"]}), CNI)
    assert "new-access" in finding.means
    assert "changes its client IDs to sts.amazonaws.com, vault" in say(finding).message


def test_a_role_that_denies_service_accounts_is_none_of_theirs() -> None:
    denied = role("denied", "kube-system:aws-node")
    others = role("others", "kube-system:aws-node")
    for change, old, new in (
        (denied, '"Allow"', '"Deny"'),
        (others, '"StringEquals"', '"StringNotEquals"'),
    ):
        for side in ("before", "after"):
            values = change["change"][side]
            values["assume_role_policy"] = values["assume_role_policy"].replace(old, new)
    texts = _texts(provider({}, None), denied, others)
    assert [*texts] == ["warning oidc-provider-changed"]
    assert "aws_iam_role.denied" not in str(texts)
