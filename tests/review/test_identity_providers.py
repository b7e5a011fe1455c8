"""OIDC providers that change, and the roles that their tokens can or can no longer assume."""

import pytest

from eks import ISSUER, PROVIDER, irsa, provider
from synthetic import Json, found, resource
from vpc_cni_iam.review.report.shown import ShownFinding

OTHER = ISSUER.replace("EXAMPLE", "OTHER")
OF_OTHER = {"url": f"https://{OTHER}", "arn": PROVIDER.replace(ISSUER, OTHER)}
GITHUB = {"url": "https://token.actions.githubusercontent.com", "arn": None}
RULES = ("trust-widened", "plugin-identity-lost")


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
    message = "aws-node can no longer assume aws_iam_role.cni through IRSA"
    assert message in texts["error plugin-identity-lost"]
    (finding,) = (f for f in _of(change, CNI) if f.rule == "plugin-identity-lost")
    assert "coverage-lost" in finding.means
    assert finding.fix
    assert not any("can no longer" in text for text in _texts(change, APP).values())


@pytest.mark.parametrize(
    "change",
    [
        provider(None, {**OF_OTHER, "arn": None}, after_unknown={"arn": True}),
        provider({}, OF_OTHER),
    ],
)
def test_roles_that_tokens_can_newly_assume(change: Json) -> None:
    (finding,) = _of(change, LATER)
    assert (finding.rule, finding.level) == ("trust-widened", "warning")
    assert finding.message.endswith(f"more tokens of {OTHER} can assume aws_iam_role.later")
    assert "new-access" in finding.means
    assert not _of(change, role("later", "default:app", OTHER, is_new=True))


@pytest.mark.parametrize(
    "changes",
    [
        [provider({}, {"tags": {"a": "b"}})],
        [provider({}, {}, actions=["delete", "create"])],
        # A provider that is forgotten stays where it is.
        [provider({}, None, actions=["forget"])],
        # One of the same issuer takes its place.
        [provider({}, None), provider(None, {}, "again")],
        [provider({"client_id_list": ["a", "b"]}, {"client_id_list": ["b", "a"]})],
        [provider({}, {"thumbprint_list": ["b" * 40]})],
        # Of an issuer that is not shown, the plan shows no role.
        [provider({"url": 1, "arn": None}, None)],
        # The roles name the audience of EKS.
        [provider({}, {"client_id_list": ["sts.amazonaws.com", "vault"]})],
    ],
)
def test_changes_by_which_tokens_can_assume_the_same_roles(changes: list[Json]) -> None:
    assert not _of(*changes, CNI, APP)


@pytest.mark.parametrize("more", [{}, {"after_unknown": {"client_id_list": True}}])
def test_a_role_that_checks_no_audience_takes_tokens_for_a_new_client_id(more: Json) -> None:
    loose = role("loose", "default:app")
    values = loose["change"]["after"]  # the same as before
    audience = f'"{ISSUER}:aud": "sts.amazonaws.com", '
    values["assume_role_policy"] = values["assume_role_policy"].replace(audience, "")
    after = {} if more else {"client_id_list": ["sts.amazonaws.com", "vault"]}
    (finding,) = _of(provider({}, after, actions=["update"], **more), loose)
    assert (finding.rule, finding.level) == ("trust-widened", "warning")
    assert finding.message.endswith(f"more tokens of {ISSUER} can assume aws_iam_role.loose")


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
    assert not _of(provider({}, None), denied, others)
