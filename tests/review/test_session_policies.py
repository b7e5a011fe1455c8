"""Session policies of associations of EKS Pod Identity, which limit what the role allows."""

import json

import pytest

from eks import NODE_TRUST, OF_ACCOUNT, POD_TRUST, addon, arn_of, association, own_role, same
from synthetic import Json, allow, document, resource, reviewed
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.findings import Review

ASSOCIATION = "aws_eks_pod_identity_association"
CNI = dumps(managed_policy())
NARROW, OTHER = document(allow("s3:GetObject")), document(allow("s3:PutObject"))
PLUGIN = {"namespace": "kube-system", "service_account": "aws-node"}
APP = {"namespace": "default", "service_account": "app"}


def _association(who: Json, before: str | None, after: str | None, **more: object) -> Json:
    values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **who}
    sides = ({**values, "policy": policy} for policy in (before, after))
    return resource(ASSOCIATION, "x", *sides, **more)


def _review(*changes: Json, **more: object) -> Review:
    return reviewed(*own_role("pod", POD_TRUST, CNI), *changes, **more)


def _levels(*changes: Json) -> dict[str, str]:
    return {f.rule: f.level for f in _review(*changes).findings}


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [
        (None, CNI, "note"),
        (CNI, None, "note"),
        (NARROW, CNI, "error"),
        (NARROW, None, "error"),
        (CNI, NARROW, "note"),
        (NARROW, OTHER, "warning"),  # whether the role allows either is not asked
    ],
)
def test_a_session_policy_of_aws_node_that_changes_is_judged_with_the_role(
    before: str | None, after: str | None, level: str
) -> None:
    assert _levels(_association(PLUGIN, before, after))["plugin-identity-changed"] == level


@pytest.mark.parametrize("before", [None, CNI])
def test_what_a_session_policy_newly_holds_back_is_missing(before: str | None) -> None:
    assert _levels(_association(PLUGIN, before, NARROW))["plugin-permission-missing"] == "error"


def test_a_session_policy_that_is_not_known_may_allow_anything_or_nothing() -> None:
    unknown = {"after_unknown": {"policy": True}}
    written = {"type": ASSOCIATION, "name": "x", "expressions": {"policy": {"references": ["v"]}}}
    later = _association(PLUGIN, NARROW, None, **unknown)
    review = _review(later, configuration={"root_module": {"resources": [written]}})
    assert [f.level for f in review.findings if f.rule == "plugin-identity-changed"] == ["warning"]
    assert review.clusters[0].after.missing is None


def test_sensitive_session_policies_that_differ_are_told_apart() -> None:
    hidden = {"before_sensitive": {"policy": True}, "after_sensitive": {"policy": True}}
    review = _review(_association(PLUGIN, NARROW, OTHER, **hidden))
    assert [f.level for f in review.findings if f.rule == "plugin-identity-changed"] == ["warning"]
    assert not _review(_association(PLUGIN, NARROW, NARROW, **hidden)).findings


def test_a_session_policy_of_another_service_account_limits_nothing_of_aws_nodes() -> None:
    others = _association(APP, NARROW, NARROW) | {"address": f"{ASSOCIATION}.app"}
    (seen,) = _review(_association(PLUGIN, None, None), others).clusters
    assert (seen.after.sessions, seen.after.missing) == ((), ())


def test_the_role_that_assumes_a_target_role_has_to_trust_eks() -> None:
    def levels(trust: str) -> dict[str, str]:
        values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **PLUGIN}
        sides = (values, {**values, "role_arn": arn_of("first"), "target_role_arn": arn_of("far")})
        names = (("pod", POD_TRUST), ("first", trust), ("far", POD_TRUST))
        roles = [change for name, each in names for change in own_role(name, each, CNI)]
        findings = reviewed(*roles, resource(ASSOCIATION, "x", *sides)).findings
        return {f.rule: f.level for f in findings}

    assert levels(NODE_TRUST) == {"plugin-identity-lost": "error"}
    assert levels(POD_TRUST) == {"plugin-identity-changed": "note"}


def test_it_is_not_known_whether_a_target_role_is_limited() -> None:
    target = {**PLUGIN, "target_role_arn": arn_of("pod")}
    review = _review(_association(target, NARROW, OTHER))
    assert [f.level for f in review.findings] == ["warning"]
    assert review.clusters[0].after.missing is None


VERSIONS = [{"addon_version": f"{v}-eksbuild.1"} for v in ("v1.21.2", "v1.22.1")]
IPV6 = same(
    "aws_eks_cluster",
    "prod",
    {"name": "prod", "kubernetes_network_config": [{"ip_family": "ipv6"}]},
)
(_VARIANT,) = variants.find(("ipv6",))
# As of before v1.22.0, which calls ec2:DescribeSubnets in IPv6 mode, too.
OLD_IPV6, NEW_IPV6 = (dumps(_VARIANT.document(r)) for r in (revisions()[0], revisions()[-1]))


@pytest.mark.parametrize(("session", "level"), [(OLD_IPV6, "error"), (NEW_IPV6, None)])
def test_an_update_is_judged_by_a_session_policy_that_stays(
    session: str, level: str | None
) -> None:
    changes = (IPV6, addon(*VERSIONS), _association(PLUGIN, session, session))
    review = reviewed(*own_role("pod", POD_TRUST, NEW_IPV6), *changes)
    levels = {f.rule: f.level for f in review.findings}
    assert levels.get("plugin-permission-missing") == level
    missing = review.clusters[0].after.missing or ()
    assert ("ec2:DescribeSubnets" in {m.action for m in missing}) == (level == "error")


@pytest.mark.parametrize(
    ("policies", "missing"),
    [
        ((CNI, CNI), 0),
        ((NARROW, NARROW), 12),
        ((CNI, NARROW), None),
        ((None, NARROW), None),
    ],
)
def test_several_session_policies_are_judged_if_they_are_one(
    policies: tuple[str | None, ...], missing: int | None
) -> None:
    associations = [_association(PLUGIN, text, text) for text in policies]
    associations[1] |= {"address": f"{ASSOCIATION}.y", "name": "y"}
    (change,) = _review(*associations).clusters
    lacks = change.after.missing
    assert (None if lacks is None else len(lacks)) == missing


def test_a_limit_of_one_of_several_roles_is_no_limit_of_the_others() -> None:
    """Nodes may have several roles, of which any may be the one of aws-node."""
    bound = "arn:aws:iam::111122223333:policy/bound"
    limit = same("aws_iam_policy", "bound", {"name": "bound", "arn": bound, "policy": NARROW})
    roles = [own_role(name, POD_TRUST, CNI) for name in ("a", "b", "pod")]
    for side in ("before", "after"):
        roles[0][0]["change"][side]["permissions_boundary"] = bound
    groups = [
        resource("aws_eks_node_group", name, {"cluster_name": "prod", "node_role_arn": arn}, None)
        for name, arn in (("a", arn_of("a")), ("b", arn_of("b")))
    ]
    comes = association(None, "pod")
    review = reviewed(limit, *(c for role in roles for c in role), *groups, comes)
    changed = [f.level for f in review.findings if f.rule == "plugin-identity-changed"]
    assert changed == ["warning"]  # it is not known which of the two roles a node has


def test_what_a_session_policy_holds_back_is_neither_gained_nor_lost_with_the_role() -> None:
    def coverage(before: str, after: str) -> tuple[int, int]:
        sides = ({"role": "pod", "name": "cni", "policy": policy} for policy in (before, after))
        role = [*own_role("pod", POD_TRUST), resource("aws_iam_role_policy", "cni", *sides)]
        session = _association(PLUGIN, NARROW, NARROW)
        change = reviewed(*role, session).principals[0].coverage
        assert change is not None and change.lacking
        return len(change.gained), len(change.lost)

    assert coverage(NARROW, CNI) == coverage(CNI, NARROW) == (0, 0)


def test_a_session_policy_that_changes_with_the_role_counts_on_both_sides() -> None:
    more = document(*json.loads(CNI)["Statement"], allow("s3:GetObject"))
    sides = ({"role": "pod", "name": "cni", "policy": text} for text in (CNI, more))
    role = [*own_role("pod", POD_TRUST), resource("aws_iam_role_policy", "cni", *sides)]
    for before, after in ((NARROW, CNI), (CNI, NARROW)):
        (principal,) = reviewed(*role, _association(PLUGIN, before, after)).principals
        assert principal.coverage
        lost = {lack.action for lack in principal.coverage.lost}
        called = "ec2:AttachNetworkInterface"
        assert (called in principal.coverage.gained) == (after == CNI)
        assert (called in lost) == (after == NARROW)


def test_a_loss_of_a_role_counts_if_one_cluster_has_no_session_policy() -> None:
    sides = ({"role": "pod", "name": "cni", "policy": policy} for policy in (CNI, NARROW))
    role = [*own_role("pod", POD_TRUST), resource("aws_iam_role_policy", "cni", *sides)]
    other = association("pod", "pod", address=f"{ASSOCIATION}.b")
    for side in ("before", "after"):
        other["change"][side]["cluster_name"] = "other"
    review = reviewed(*role, _association(PLUGIN, NARROW, NARROW), other)
    assert "coverage-lost" in {f.rule for f in review.findings}


def test_a_session_policy_that_stays_is_none() -> None:
    assert _levels(_association(PLUGIN, NARROW, NARROW)) == {}
    assert _levels(_association(APP, NARROW, NARROW)) == {}


BOTH = document(allow(["s3:GetObject", "s3:PutObject"]))
FAR = "arn:aws:iam::999999999999:role/far"


@pytest.mark.parametrize(
    ("role", "before", "after", "level", "words"),
    [
        (BOTH, NARROW, OTHER, "error", "example: s3:PutObject"),
        (BOTH, NARROW, None, "error", "example: s3:PutObject"),
        (NARROW, NARROW, OTHER, "note", "nothing more"),  # the role does not allow it
        (NARROW, NARROW, None, "note", "nothing more"),
        (BOTH, BOTH, NARROW, "note", "nothing more"),
        (BOTH, BOTH, document(allow("s3:*")), "note", "nothing more"),
    ],
)
def test_a_session_policy_of_another_service_account_is_judged_with_its_role(
    role: str, before: str, after: str | None, level: str, words: str
) -> None:
    findings = reviewed(
        *own_role("pod", POD_TRUST, role), _association(APP, before, after)
    ).findings
    assert [(f.rule, f.level) for f in findings] == [("service-account-role", level)]
    assert words in " ".join((findings[0].message, *findings[0].details))
    what = "changes" if after else "is removed"
    assert f"of service account default/app with aws_iam_role.pod {what}" in findings[0].message


@pytest.mark.parametrize(
    ("who", "sides", "level"),
    [
        ({}, (BOTH, NARROW), "note"),
        # Which of the two roles the policy limits is not known.
        ({"target_role_arn": arn_of("pod"), "role_arn": FAR}, (NARROW, OTHER), "error"),
    ],
)
def test_a_session_policy_of_a_role_that_may_do_everything_is_an_error_unless_it_allows_less(
    who: Json, sides: tuple[str, str], level: str
) -> None:
    strong = own_role("pod", POD_TRUST, document(allow("*")))
    (finding,) = reviewed(*strong, _association({**APP, **who}, *sides)).findings
    assert (finding.rule, finding.level) == ("service-account-role", level)
    assert ("the role can call every action on all" in finding.message) == (level == "error")


@pytest.mark.parametrize("who", [{"role_arn": FAR}, {"target_role_arn": FAR}])
@pytest.mark.parametrize(
    ("before", "after", "level"),
    [(NARROW, OTHER, "warning"), (NARROW, None, "warning"), (BOTH, NARROW, "note")],
)
def test_a_session_policy_may_let_a_role_through_that_the_plan_does_not_show(
    who: Json, before: str, after: str | None, level: str
) -> None:
    assert _levels(_association({**APP, **who}, before, after)) == {"service-account-role": level}


def test_a_session_policy_that_is_sensitive_is_not_told() -> None:
    hidden = {"before_sensitive": {"policy": True}, "after_sensitive": {"policy": True}}
    (finding,) = _review(_association(APP, NARROW, OTHER, **hidden)).findings
    assert finding.level == "warning"
    assert "PutObject" not in " ".join((finding.message, *finding.details))


def test_another_service_account_gets_nothing_by_a_limit() -> None:
    assert _levels(_association(APP, None, NARROW)) == {}


_TAG = "aws:PrincipalTag/"
_OF_THE_CLUSTER = {"StringEquals": {"aws:ResourceTag/cluster": f"${{{_TAG}eks-cluster-name}}"}}


@pytest.mark.parametrize(
    ("policy", "asked"),
    [
        (
            allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}kubernetes-namespace}}/*"),
            "kubernetes-namespace",
        ),
        (
            allow("s3:*", Condition={"StringEquals": {f"{_TAG}eks-cluster-arn": "c"}}),
            "eks-cluster-arn",
        ),
        (allow("ec2:CreateTags", Condition=_OF_THE_CLUSTER), "eks-cluster-name"),
        # A tag of the role, which its sessions have without those of EKS.
        (allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}team}}/*"), ""),
        (allow("s3:*", Condition={"StringEquals": {"aws:ResourceTag/t": f"${{{_TAG}t}}"}}), ""),
    ],
)
def test_who_switches_session_tags_on_or_off_changes_what_a_policy_by_them_allows(
    policy: Json, asked: str
) -> None:
    values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **APP}
    off, on = ({**values, "disable_session_tags": state} for state in (True, False))
    role = own_role("pod", OF_ACCOUNT, document(policy))

    def messages(*sides: tuple[Json, Json]) -> list[tuple[str, str, str]]:
        associations = (
            resource(ASSOCIATION, "x", *pair, address=f"{ASSOCIATION}.x[{i}]")
            for i, pair in enumerate(sides)
        )
        return [
            (f.rule, f.level, f.message)
            for f in reviewed(*role, *associations).findings
            if f.rule in ("pod-identity-tags-disabled", "principal-tags-changed")
        ]

    comes = messages((off, on))
    assert [finding[:2] for finding in comes] == (
        [("principal-tags-changed", "warning")] if asked else []
    )
    assert all(f"aws_iam_role.pod asks for {asked}" in message for *_, message in comes)
    disabled, text = (
        "pod-identity-tags-disabled",
        "policy asks for session tags, and an association",
    )
    for sides, level in (
        ([(on, off)], "error"),
        ([(on, off), (off, off)], "error"),
        ([(off, off), (on, off)], "error"),
        ([(off, off)], "note"),
    ):
        goes = messages(*sides)
        assert [finding[:2] for finding in goes] == ([(disabled, level)] if asked else [])
        assert all(text in message for *_, message in goes)
        assert all(message.startswith("As before: ") is (level == "note") for *_, message in goes)
    assert messages((on, on)) == []


def test_a_policy_that_newly_asks_for_session_tags_that_are_off_is_an_error() -> None:
    values = {
        "cluster_name": "prod",
        "role_arn": arn_of("pod"),
        **APP,
        "disable_session_tags": True,
    }
    by_tag = document(allow("s3:*", f"arn:aws:s3:::b/${{{_TAG}kubernetes-namespace}}/*"))
    sides = ({"role": "pod", "name": "p", "policy": policy} for policy in (NARROW, by_tag))
    changes = (same(ASSOCIATION, "x", values), resource("aws_iam_role_policy", "p", *sides))
    findings = reviewed(*own_role("pod", OF_ACCOUNT), *changes).findings
    assert ("pod-identity-tags-disabled", "error") in {(f.rule, f.level) for f in findings}


_OF_TAGS = [f"arn:aws:s3:::b/${{{_TAG}{tag}}}/*" for tag in ("Team", "owner")]
_CHANGES = "changes, and a policy asks for it"
_MAY_CHANGE = "The tag owner, team of aws_iam_user.u may change, and a policy asks for it"


@pytest.mark.parametrize(
    ("before", "after", "unknown", "message"),
    [
        ({"team": "a"}, {"team": "b"}, {}, f"The tag team of aws_iam_user.u {_CHANGES}"),
        ({"TEAM": "a"}, {}, {}, f"The tag team of aws_iam_user.u {_CHANGES}"),
        ({}, {"owner": "a", "team": "b"}, {}, f"The tag owner, team of aws_iam_user.u {_CHANGES}"),
        ({"team": "a", "x": "y"}, {"team": "a", "x": "z"}, {}, ""),
        ({"team": "a"}, {}, {"tags": True}, _MAY_CHANGE),
        ({}, {}, {"tags_all": {"x": True}}, _MAY_CHANGE),
    ],
)
def test_a_tag_that_changes_may_meet_a_condition(
    before: Json, after: Json, unknown: Json, message: str
) -> None:
    sides = ({"name": "u", "tags": tags, "x": i} for i, tags in enumerate((before, after)))
    user = resource("aws_iam_user", "u", *sides, after_unknown=unknown)
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    hidden = {f"{side}_sensitive": {"policy": True} for side in ("before", "after")}
    unread = same("aws_iam_user_policy", "hidden", {**other, "policy": NARROW}, **hidden)
    findings = reviewed(user, same("aws_iam_user_policy", "p", other), unread).findings
    messages = [(f.rule, f.level, f.message) for f in findings]
    assert messages == ([("principal-tags-changed", "warning", message)] if message else [])


_WITH_TAG = [{"name": "u", "tags": {"team": team}} for team in ("a", "b")]


@pytest.mark.parametrize(
    ("kind", "sides"),
    [
        ("aws_iam_user", (None, _WITH_TAG[0])),
        ("aws_iam_user", (_WITH_TAG[0], None)),
        ("aws_sqs_queue", _WITH_TAG),
    ],
)
def test_what_comes_or_goes_or_is_no_principal_has_no_tag_that_changes(
    kind: str, sides: tuple[Json | None, Json | None]
) -> None:
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    there = same("aws_iam_user_policy", "p", other)
    assert not reviewed(resource(kind, "u", *sides), there).findings


_OUTSIDE = "The tag team of aws_iam_user.u changed outside of the configuration, and a policy asks"


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (_WITH_TAG[1], _OUTSIDE),
        (_WITH_TAG[0], f"The tag team of aws_iam_user.u {_CHANGES}"),  # the plan takes it back
        (None, ""),
    ],
)
def test_a_tag_that_changed_outside_of_the_configuration_may_meet_a_condition(
    after: Json | None, message: str
) -> None:
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    changes = [resource("aws_iam_user", "u", _WITH_TAG[1], after)]
    changes += [same("aws_iam_user_policy", "p", other)]
    drift = [resource("aws_iam_user", "u", *_WITH_TAG)]
    findings = reviewed(*changes, resource_drift=drift).findings
    assert [f.rule for f in findings] == (["principal-tags-changed"] if message else [])
    assert all(f.message.startswith(message) for f in findings)


@pytest.mark.parametrize(
    ("unknown", "messages"),
    [
        ({}, [f"The tag owner of aws_iam_user.u {_CHANGES}", f"{_OUTSIDE} for it"]),
        ({"tags": True}, [_MAY_CHANGE]),
    ],
)
def test_a_tag_that_drifted_is_said_beside_another_that_the_plan_changes(
    unknown: Json, messages: list[str]
) -> None:
    other = {"user": "other", "name": "p", "policy": document(allow("s3:*", _OF_TAGS))}
    sides = [
        {"name": "u", "tags": {"team": team, "owner": owner}} for team, owner in ("ax", "bx", "by")
    ]
    changes = [
        resource("aws_iam_user", "u", *sides[1:], after_unknown=unknown),
        same("aws_iam_user_policy", "p", other),
    ]
    drift = [resource("aws_iam_user", "u", *sides[:2])]
    findings = reviewed(*changes, resource_drift=drift).findings
    assert sorted(f.message for f in findings) == messages


def test_a_tag_that_changes_may_meet_a_condition_of_a_policy_that_comes() -> None:
    tagged = [{"name": "pod", "tags": {"team": team}} for team in ("a", "b")]
    comes = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"))
    policy = resource("aws_iam_user_policy", "p", None, {"user": "other", "policy": comes})
    review = reviewed(resource("aws_iam_role", "pod", *tagged), policy)
    assert "principal-tags-changed" in {finding.rule for finding in review.findings}


def test_a_tag_that_changes_may_meet_a_condition_of_a_policy_that_a_role_repeats() -> None:
    """A role has inline policies in it that the configuration does not write."""
    text = document(allow("s3:*", "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"))
    values = {"name": "pod", "inline_policy": [{"name": "p", "policy": text}]}
    sides = ({**values, "tags": {"team": team}} for team in ("a", "b"))
    findings = reviewed(resource("aws_iam_role", "pod", *sides)).findings
    message = f"The tag team of aws_iam_role.pod {_CHANGES}"
    assert [(f.rule, f.message) for f in findings] == [("principal-tags-changed", message)]
