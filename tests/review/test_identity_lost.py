"""aws-node loses its identity by a change of something else than its role.

The plans are put together by hand, in the form of the newest provider, which no engine here has.
"""

import json
from typing import Any

import pytest

from eks import (
    ISSUER,
    NODE_TRUST,
    POD_TRUST,
    PROVIDER,
    addon,
    arn_of,
    association,
    irsa,
    own_role,
    provider,
    same,
)
from synthetic import Json, allow, document, levels, resource, reviewed, rules
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps

CNI = dumps(managed_policy())
VERSION = {"addon_version": "v1.21.2-eksbuild.1"}
IRSA = {**VERSION, "service_account_role_arn": arn_of("cni")}
LOST = "plugin-identity-lost"


def agent(**more: Any) -> Json:
    values = {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent", **more}
    return resource("aws_eks_addon", "agent", values, None)


def test_the_agent_of_pod_identity_goes() -> None:
    rest = addon(VERSION, VERSION), *own_role("cni", POD_TRUST, CNI)
    pod_identity = association("cni", "cni")
    (finding,) = reviewed(agent(), pod_identity, *rest).findings
    assert (finding.rule, finding.level) == (LOST, "error")
    assert "aws-node gets no credentials of aws_iam_role.cni" in finding.message
    # Of two clusters that go and stay, the one that stays counts.
    gone = resource("aws_eks_cluster", "a", {"name": "a"}, None)
    of_gone = same("aws_eks_addon", "a", {"cluster_name": "a", "addon_name": "vpc-cni"})
    assert LOST in rules(reviewed(gone, of_gone, agent(), pod_identity, *rest))
    assert rules(reviewed(agent(preserve=True), pod_identity, *rest)) == set()
    assert rules(reviewed(agent(), addon(IRSA, IRSA), *own_role("cni", irsa(), CNI))) == set()


def test_a_cluster_that_is_replaced_has_another_issuer() -> None:
    rest = addon(IRSA, IRSA), *own_role("cni", irsa(), CNI)
    values = {"name": "prod", "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}]}
    later = {"actions": ["delete", "create"], "after_unknown": {"identity": True}}
    replaced = resource("aws_eks_cluster", "prod", values, {"name": "prod"}, **later)
    (finding,) = reviewed(replaced, *rest).findings
    assert (finding.rule, finding.level) == (LOST, "error")
    assert "which the trust policy of aws_iam_role.cni does not name" in finding.message
    assert rules(reviewed(same("aws_eks_cluster", "prod", values), *rest)) == set()
    role = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    known_later = resource(
        "aws_iam_role",
        "cni",
        role,
        {"name": "cni", "arn": arn_of("cni")},
        after_unknown={"assume_role_policy": True},
    )
    assert LOST not in rules(reviewed(replaced, addon(IRSA, IRSA), known_later))


@pytest.mark.parametrize(
    ("after", "lost"), [({"path": "/eks/"}, True), ({"name": "new"}, True), ({"path": "/"}, False)]
)
def test_an_arn_of_a_role_that_is_replaced_is_none_of_a_role(after: Json, lost: bool) -> None:
    role = {"name": "cni", "path": "/", "assume_role_policy": irsa()}
    replaced = resource(
        "aws_iam_role",
        "cni",
        {**role, "arn": arn_of("cni")},
        {**role, **after},
        actions=["delete", "create"],
        after_unknown={"arn": True},
    )
    review = reviewed(replaced, addon(IRSA, IRSA))
    assert (LOST in rules(review)) == lost


def test_an_add_on_that_moves_to_another_cluster_is_removed_from_the_first() -> None:
    moved = addon(IRSA, {**IRSA, "cluster_name": "other"})
    review = reviewed(moved, *own_role("cni", irsa(), CNI))
    assert levels(review)["plugin-removed"] == "error"


def test_a_release_that_moves_to_another_namespace_is_said() -> None:
    sides = [{"chart": "aws-vpc-cni", "namespace": name} for name in ("kube-system", "other")]
    assert "plugin-configuration-changed" in rules(
        reviewed(resource("helm_release", "cni", *sides), fail_on="new-access")
    )


def test_a_provider_that_comes_lets_roles_that_trust_it_be_assumed() -> None:
    there = own_role("admin", irsa(), document(allow("*")))
    review = reviewed(provider(None, {}), *there, fail_on="new-access")
    assert (levels(review), review.failed) == ({"oidc-provider-changed": "warning"}, True)
    trust = {"name": "admin", "assume_role_policy": irsa()}
    comes = resource("aws_iam_role", "admin", None, trust)
    assert "oidc-provider-changed" not in rules(reviewed(provider(None, {}), comes))


_OTHER = {"url": "https://oidc.eks.eu-west-1.amazonaws.com/id/OTHER"}
_GIT = {"url": "https://git.example.com"}
_EKS = "aws_iam_openid_connect_provider.eks"
_BARRED = (
    "aws-node can no longer assume aws_iam_role.cni by IRSA",
    "assume aws_iam_role.app by it",
)
_ANEW = {"actions": ["delete", "create"], "after_unknown": {"url": True}}
_TWO = {"client_id_list": ["b.example.com", "a.example.com"]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([provider({}, {}, importing={"id": "eks"})], ()),
        ([provider({}, None, actions=["forget"])], ()),
        ([provider({}, None)], tuple(f"{_EKS} is deleted: {who}" for who in ("aws-node", "no"))),
        ([provider(_GIT, None)], (f"{_EKS} is deleted: the plan shows no role that trusts it",)),
        # It goes from one address to another.
        ([provider({}, None), provider({}, {}, "there")], ()),
        ([provider({}, None), provider(None, {}, "moved")], ()),
        ([provider({}, None), provider(None, _OTHER, "other")], _BARRED),
        # Who only reads a provider does not keep it.
        (
            [
                provider({}, None),
                provider(None, {}, "r", actions=["read"], address="data.r") | {"mode": "data"},
            ],
            _BARRED,
        ),
        (
            [provider({}, _OTHER)],
            (
                *(f"{_EKS} is for another issuer: {who}" for who in ("aws-node", "no service")),
                f"{_EKS} is for another issuer: service accounts that aws_iam_role.later trusts",
            ),
        ),
        ([provider({}, {}, **_ANEW)], (f"The issuer of {_EKS} may change: aws-node", *_BARRED[1:])),
        ([provider({}, {"client_id_list": []})], (f"{_EKS} no longer has sts.amazonaws.com: aws",)),
        (
            [provider({}, {}, actions=["update"], after_unknown={"client_id_list": True})],
            ("client ids of it are known after apply",),
        ),
        (
            [provider(_TWO, {"client_id_list": ["b.example.com", "c"]})],
            ("client ids: + c, - a.ex",),
        ),
        ([provider({"client_id_list": None}, {"client_id_list": ["c"]})], ("its client ids: + c",)),
        ([provider(_TWO, {"client_id_list": _TWO["client_id_list"][::-1]})], ()),  # a set
        (
            [provider(None, {})],
            ("service accounts that aws_iam_role.app and aws_iam_role.cni trust can assume the",),
        ),
        ([provider(None, {}), provider({}, {}, "there")], ()),
    ],
)
def test_a_change_of_an_oidc_provider_says_who_can_assume_which_role(
    changes: list[Json], words: tuple[str, ...]
) -> None:
    app = irsa(subject="system:serviceaccount:default:app")
    later = irsa(PROVIDER.replace("EXAMPLE", "OTHER"), ISSUER.replace("EXAMPLE", "OTHER"))
    denied = irsa().replace("Allow", "Deny")
    # Whom a role denies is none of its service accounts.
    app = document(*(part for text in (app, denied) for part in json.loads(text)["Statement"]))
    roles = [("cni", irsa(), CNI), ("app", app), ("later", later), ("denied", denied)]
    there = [part for values in roles for part in own_role(*values)]
    messages = [f.message for f in reviewed(*changes, *there).findings]
    assert bool(messages) == bool(words)
    assert all(any(part in message for message in messages) for part in words), messages
    assert not [m for m in messages if "aws_iam_role.denied" in m]


def test_a_role_for_all_but_aws_node_is_none_of_the_plugin() -> None:
    others = own_role("others", irsa(operator="StringNotEquals"))
    assert levels(reviewed(provider({}, None), *others)) == {"oidc-provider-changed": "warning"}


@pytest.mark.parametrize(
    ("issuer", "level"), [({"url": f"https://{ISSUER}"}, "note"), (_GIT, "warning")]
)
def test_the_thumbprints_of_eks_are_not_used(issuer: Json, level: str) -> None:
    change = provider(issuer, {**issuer, "thumbprint_list": ["b" * 40]})
    (finding,) = reviewed(change).findings
    assert (finding.rule, finding.level) == ("oidc-provider-changed", level)
    assert ("AWS does not use those of EKS" in finding.message) == (level == "note")


@pytest.mark.parametrize(
    ("before", "after", "gains"), [([], ["a"], True), (["a"], [], False), ([], None, True)]
)
def test_a_client_id_that_comes_may_give_access(
    before: list[str], after: list[str] | None, gains: bool
) -> None:
    sides = [{"client_id_list": clients} for clients in (before, after)]
    unknown = {"client_id_list": after is None}
    change = provider(*sides, after_unknown=unknown)
    assert reviewed(change, fail_on="new-access").failed == gains
    assert reviewed(change, fail_on="any-change").failed


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        (["eks.arn", "eks"], True),
        (["eks"], True),  # as in one(aws_iam_openid_connect_provider.eks[*].arn)
        (["eks2.arn", "eks2"], False),
        (["eks2"], False),
    ],
)
def test_a_trust_policy_that_names_a_new_provider_is_of_that_provider(
    references: list[str], expected: bool
) -> None:
    unknown = {"json": True, "statement": [{"principals": [{"identifiers": [True]}]}]}
    statement = {
        "actions": ["sts:AssumeRoleWithWebIdentity"],
        "principals": [{"type": "Federated", "identifiers": [None]}],
    }
    kind, block = "aws_iam_policy_document", "aws_iam_openid_connect_provider"
    read = {"actions": ["read"], "after_unknown": unknown}
    doc = resource(kind, "d", None, {"statement": [statement]}, address=f"data.{kind}.d", **read)
    values = {"name": "cni", "arn": arn_of("cni")}
    sides = {**values, "assume_role_policy": irsa()}, values
    role = resource("aws_iam_role", "cni", *sides, after_unknown={"assume_role_policy": True})
    refers = {"references": [f"{block}.{reference}" for reference in references]}
    principals = [{"principals": [{"identifiers": refers}]}]
    document_of = {"references": [f"data.{kind}.d.json", f"data.{kind}.d"]}
    blocks = [
        ("managed", "aws_iam_role", "cni", {"assume_role_policy": document_of}),
        ("data", kind, "d", {"statement": principals}),
    ]
    members = ("mode", "type", "name", "expressions")
    review = reviewed(
        provider(None, {**_OTHER, "arn": None}, after_unknown={"arn": True}),
        doc | {"mode": "data"},
        role,
        configuration={
            "root_module": {"resources": [dict(zip(members, b, strict=True)) for b in blocks]}
        },
    )
    assert ("oidc-provider-changed" in rules(review)) == expected


def test_nodes_that_can_no_longer_join_are_said() -> None:
    values = {"cluster_name": "prod", "principal_arn": arn_of("nodes"), "type": "EC2_LINUX"}
    entry = resource("aws_eks_access_entry", "nodes", values, None)
    staying = [same("aws_eks_cluster", "prod", {"name": "prod"}), *own_role("nodes", NODE_TRUST)]
    for others in ([], staying):
        assert levels(reviewed(entry, *others)) == {"access-removed": "warning"}
    role = resource("aws_iam_role", "nodes", {"name": "nodes", "arn": arn_of("nodes")}, None)
    cluster = resource("aws_eks_cluster", "prod", {"name": "prod"}, None)
    for also in (role, cluster):
        assert not reviewed(entry, also).failed


def test_a_strong_role_in_place_of_one_that_the_plan_does_not_show_is_an_error() -> None:
    sides = [{"name": "p", "role": name} for name in ("nodes", "admin")]
    change = resource("aws_iam_instance_profile", "p", *sides)
    review = reviewed(change, *own_role("admin", irsa(), document(allow("*"))))
    assert levels(review) == {"node-role-changed": "error"}
