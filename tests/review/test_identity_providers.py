"""OIDC providers that change, and the roles that their tokens can or can no longer assume."""

import pytest

from eks import ISSUER, PROVIDER, irsa, provider
from synthetic import Json, found, resource
from vpc_cni_iam.review.report.shown import ShownFinding

OTHER = ISSUER.replace("EXAMPLE", "OTHER")
OF_OTHER = {"url": f"https://{OTHER}", "arn": PROVIDER.replace(ISSUER, OTHER)}
GITHUB = {"url": "https://token.actions.githubusercontent.com", "arn": None}
RULES = ("oidc-provider-changed", "plugin-identity-lost")


def role(name: str, subject: str, issuer: str = ISSUER, *, is_new: bool = False) -> Json:
    trust = irsa(PROVIDER.replace(ISSUER, issuer), issuer, f"system:serviceaccount:{subject}")
    values = {"name": name, "assume_role_policy": trust}
    return resource("aws_iam_role", name, None if is_new else values, values)


CNI, APP = role("cni", "kube-system:aws-node"), role("app", "default:app")
LATER = role("later", "default:app", OTHER)


def _of(*changes: Json) -> list[ShownFinding]:
    return [f for f in found(*changes) if f.rule in RULES]


def _texts(*changes: Json) -> dict[str, str]:
    return {f"{f.level} {f.rule}": f.message for f in _of(*changes)}


@pytest.mark.parametrize(
    "change",
    [
        provider({}, None),
        provider({}, OF_OTHER),
        provider({}, {}, after_unknown={"url": True}, actions=["delete", "create"]),
        provider({}, {"client_id_list": ["vault"]}),
        # A replacement that has failed left it, and the plan deletes it.
        provider({}, None, deposed="abcd1234"),
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
    assert finding.fix
    assert "can no longer" not in _texts(change)["warning oidc-provider-changed"]


@pytest.mark.parametrize(
    "change",
    [
        provider(None, {**OF_OTHER, "arn": None}, after_unknown={"arn": True}),
        provider({}, OF_OTHER),
    ],
)
def test_roles_that_tokens_can_newly_assume(change: Json) -> None:
    (finding,) = (f for f in _of(change, LATER) if "can now assume" in f.message)
    assert f"tokens of {OTHER} can now assume aws_iam_role.later" in finding.message
    assert "new-access" in finding.means
    created = role("later", "default:app", OTHER, is_new=True)
    assert not any("can now assume" in f.message for f in _of(change, created))


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
        ([provider({}, {"thumbprint_list": ["b" * 40]})], "note"),  # AWS uses it for others alone
        ([provider(GITHUB, {**GITHUB, "thumbprint_list": ["b" * 40]})], "warning"),
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


def test_a_new_client_id_counts_for_new_access() -> None:
    (finding,) = _of(provider({}, {"client_id_list": ["sts.amazonaws.com", "vault"]}), CNI)
    assert "new-access" in finding.means
    assert "changes its client IDs to sts.amazonaws.com, vault" in finding.message


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
