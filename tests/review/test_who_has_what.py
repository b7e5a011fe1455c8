"""What a review says of a role with all its policies together, and of each action of it."""

import json

import pytest
from vpc_cni_iam.review.diff.changes import MatrixRow, PrincipalChange
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED

from eks import NODE_TRUST, POD_TRUST, addon, arn_of, own_role, same
from synthetic import Json, allow, attachment, document, resource, reviewed
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.coverage.analysis.cover import called_actions
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import dumps

ENI = "arn:aws:ec2:*:*:network-interface/*"
NOT_KNOWN = "arn:aws:iam::111122223333:policy/not-known"
TAGGED = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
A, B, BOTH = (document(allow(actions)) for actions in ("ec2:A", "ec2:B", ["ec2:A", "ec2:B"]))


ROLE = own_role("r", NODE_TRUST)


def deny(action: str, *on: str) -> Json:
    return {**allow(action, *on), "Effect": "Deny"}


def all_but(action: str, *resources: str) -> Json:
    return {"Effect": "Allow", "Action": action, "NotResource": [*resources]}


def inline(name: str, before: str | None, after: str | None) -> Json:
    sides = [
        None if text is None else {"role": "r", "name": name, "policy": text}
        for text in (before, after)
    ]
    return resource("aws_iam_role_policy", name, *sides)


def bounded(before: str, after: str) -> Json:
    values = {"name": "r", "assume_role_policy": NODE_TRUST, "arn": arn_of("r")}
    sides = ({**values, "permissions_boundary": arn} for arn in (before, after))
    return resource("aws_iam_role", "r", *sides)


def not_known(after: str = "r") -> Json:
    values = {"role": "r", "policy_arn": NOT_KNOWN}
    return attachment("r", NOT_KNOWN, sides=(values if after == "r" else None, values))


def principal(*changes: Json) -> PrincipalChange:
    (role,) = reviewed(*changes).principals
    return role


def of_aws_node(before: list[Json], after: list[Json], *more: Json) -> dict[str, MatrixRow]:
    """The actions of the role of aws-node."""
    values = {"service_account_role_arn": arn_of("r"), "configuration_values": ""}
    changes = [*own_role("r", POD_TRUST), addon(values, values), *more]
    sides = (document(*statements) for statements in (before, after))
    return {row.action: row for row in principal(*changes, inline("p", *sides)).matrix}


@pytest.mark.parametrize(
    ("statements", "grade", "on"),
    [
        ([allow("ec2:CreateTags")], "yes", ("*",)),
        ([allow("ec2:*")], "yes", ("*",)),
        ([allow("EC2:createtags", ["*", ENI])], "yes", (f"*, {ENI}",)),
        ([allow("ec2:CreateTags"), allow("ec2:CreateTags", ENI)], "yes", ("*", ENI)),
        ([allow("ec2:CreateTags", ENI)], "some", (ENI,)),
        (
            [allow("ec2:CreateTags", Condition=TAGGED)],
            "some",
            ("* if aws:ResourceTag/team StringEquals 'blue'",),
        ),
        ([allow("ec2:CreateTags"), deny("ec2:*", ENI)], "some", ("*", f"not {ENI}")),
        ([all_but("ec2:CreateTags", ENI)], "some", (f"all but {ENI}",)),
        ([deny("ec2:CreateTags")], "no", ()),
        ([allow("ec2:RunInstances")], "no", ()),
    ],
)
def test_an_action_is_allowed_on_all_on_some_or_not_at_all(
    statements: list[Json], grade: str, on: tuple[str, ...]
) -> None:
    row = of_aws_node([allow("s3:GetObject")], statements)["ec2:CreateTags"]
    assert (row.before, row.on_before, row.after, row.on_after) == ("no", (), grade, on)


@pytest.mark.parametrize(
    ("statement", "grade"),
    [
        (allow("ec2:DescribeInstances"), "yes"),
        (allow("ec2:DescribeInstances", ENI), "no"),
        (allow("ec2:DescribeInstances", "arn:aws:ec2:*"), "no"),
        (all_but("ec2:DescribeInstances", ENI), "some"),
        (all_but("ec2:DescribeInstances", ENI, "*"), "no"),
        (deny("ec2:DescribeInstances", ENI), "no"),
    ],
)
def test_an_action_that_is_on_no_resource_has_to_be_allowed_on_all(
    statement: Json, grade: str
) -> None:
    assert of_aws_node([], [statement])["ec2:DescribeInstances"].after == grade
    both = [allow("ec2:DescribeInstances"), deny("ec2:DescribeInstances", ENI)]
    assert of_aws_node(both, [])["ec2:DescribeInstances"].before == "yes"


def test_an_action_that_a_policy_may_allow_which_is_not_known_is_not_known() -> None:
    rows = of_aws_node([], [allow("ec2:CreateTags")], not_known())
    assert (rows["ec2:CreateTags"].after, rows["ec2:CreateTags"].before) == ("yes", "unknown")
    assert rows["ec2:DescribeInstances"].after == "unknown"


def test_each_action_that_the_plugin_calls_is_shown_with_what_its_denial_breaks() -> None:
    rows = of_aws_node([], [allow(["s3:GetObject", "ec2:createtags"])])
    setting = RequestSetting(newest(), "ipv4")
    needed = {action: row.needed for action, row in rows.items() if row.needed}
    assert needed.keys() == {*called_actions(setting)}
    assert (needed["ec2:CreateNetworkInterface"], needed["ec2:DeleteNetworkInterface"]) == (
        "fatal",
        "degraded",
    )
    assert needed["ec2:DescribeSubnets"] == "fatal"
    assert rows.keys() - needed.keys() == {"s3:GetObject"}
    assert [*rows] == sorted(rows, key=str.lower)


def test_the_actions_are_those_of_the_ip_family_of_the_policies() -> None:
    (variant,) = variants.find(("ipv6",))
    six, four = (dumps(p) for p in (variant.document(revisions()[-1]), managed_policy()))
    for sides, family in (((None, six), 6), ((six, None), 6), ((six, four), 6), ((None, four), 4)):
        rows = {row.action: row.needed for row in principal(*ROLE, inline("p", *sides)).matrix}
        assert rows.get("ec2:AssignIpv6Addresses", "") == ("fatal" if family == 6 else "")
        assert rows.get("ec2:AssignPrivateIpAddresses", "") == ("fatal" if family == 4 else "")


@pytest.mark.parametrize("name", ["prod", "other"])
def test_a_policy_for_another_cluster_than_aws_node_is_in_lacks_what_it_has_the_name_for(
    name: str,
) -> None:
    (variant,) = variants.find(("ipv4-scoped",))
    template = variant.document(revisions()[-1])
    names = {**parameters.values({}), "cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"}
    scoped = parameters.fill(template, {p.name: names[p.name] for p in parameters.used(template)})
    settings = json.dumps({"env": {"CLUSTER_NAME": name}})
    values = {"service_account_role_arn": arn_of("r"), "configuration_values": settings}
    changes = [*own_role("r", POD_TRUST), addon(values, values), inline("p", None, dumps(scoped))]
    coverage = principal(*changes).coverage
    assert coverage
    lacking = {lack.action for lack in coverage.lacking}
    assert ("ec2:AttachNetworkInterface" in lacking) == (name == "other")


@pytest.mark.parametrize(
    ("name", "concerns"),
    [("AmazonEKSWorkerNodePolicy", True), ("AmazonEC2ContainerRegistryReadOnly", False)],
)
def test_nodes_are_told_by_the_policy_that_eks_asks_them_to_have(name: str, concerns: bool) -> None:
    arn = f"arn:aws:iam::aws:policy/{name}"
    attached = same("aws_iam_role_policy_attachment", "n", {"role": "r", "policy_arn": arn})
    role = principal(*ROLE, attached, inline("p", A, B))
    assert (role.concerns_plugin, bool(role.matrix)) == (concerns, concerns)


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_a_policy_of_which_nothing_is_known_has_no_size(kind: str) -> None:
    hidden = {"after_sensitive": {"policy": True}}
    policies = [
        resource(
            f"aws_iam_{kind}_policy", name, None, {kind: "x", "name": name, "policy": text}, **more
        )
        for name, text, more in (("p", A, {}), ("q", B, hidden))
    ]
    owner = principal(*policies)
    assert owner.type == kind
    (size,) = owner.sizes
    (alone,) = principal(policies[0]).sizes
    assert size == alone


DENY_B = deny("s3:B")
TOGETHER: dict[str, tuple[list[Json], str]] = {
    "another policy allowed it": (
        [*ROLE, inline("p", None, A), inline("q", BOTH, BOTH)],
        "no new access: ",
    ),
    "no other policy allowed it": (
        [*ROLE, inline("p", None, A), inline("q", B, B)],
        "new access: ec2:A",
    ),
    "another policy allows it no longer": (
        [*ROLE, inline("p", None, A), inline("q", BOTH, None)],
        "no new access: ",
    ),
    "one that is not known stays": (
        [*ROLE, inline("p", A, B), not_known()],
        "new access: ec2:B",
    ),
    "one that is not known stays, and a Deny": (
        [*ROLE, inline("p", document(allow("ec2:A"), DENY_B), document(DENY_B)), not_known()],
        f"unknown: not known: {NOT_KNOWN}",
    ),
    "one that is not known stays, and a Deny goes": (
        [*ROLE, inline("p", document(allow("ec2:A"), DENY_B), A), not_known()],
        f"unknown: not known: {NOT_KNOWN}",
    ),
    "one that is not known comes": (
        [*ROLE, inline("p", A, A), not_known("")],
        f"unknown: not known: {NOT_KNOWN}",
    ),
    "a Deny goes": (
        [*ROLE, inline("p", document(allow("ec2:A"), DENY_B), A)],
        f"not proven: {DENY_REMOVED}",
    ),
    "a Deny goes that another policy has": (
        [
            *ROLE,
            inline("p", document(allow("ec2:A"), DENY_B), A),
            inline("q", document(DENY_B), document(DENY_B)),
        ],
        "no new access: ",
    ),
    "nothing changes": ([*ROLE, inline("p", A, A)], "unchanged"),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_new_access_is_that_of_all_policies_together(name: str) -> None:
    changes, expected = TOGETHER[name]
    access = principal(*changes).access
    example = access.witness.action if access and access.witness else access and access.reason
    assert (f"{access.verdict}: {example}" if access else "unchanged") == expected


def test_another_boundary_changes_what_the_plugin_lacks() -> None:
    def held(name: str, text: str) -> Json:
        arn = f"arn:aws:iam::111122223333:policy/{name}"
        return same("aws_iam_policy", name, {"name": name, "arn": arn, "policy": text})

    every, some = (f"arn:aws:iam::111122223333:policy/{name}" for name in ("every", "some"))
    values = {"service_account_role_arn": arn_of("r")}
    policies = [
        held("every", document(allow("*"))),
        held("some", document(allow("ec2:Describe*"))),
        inline("p", document(allow("ec2:*")), document(allow("ec2:*"))),
        addon(values, values),
    ]
    stays = principal(*policies, bounded(some, some))
    assert stays.access is None and stays.coverage is None
    changes = principal(*policies, bounded(every, some))
    assert changes.access and changes.coverage
    assert "ec2:CreateNetworkInterface" in {lack.action for lack in changes.coverage.lost}
    widens = principal(*policies, bounded(some, every))
    assert widens.coverage and "ec2:CreateNetworkInterface" in widens.coverage.gained
    assert not widens.coverage.lost


def test_inline_policies_count_together_by_the_limit_of_who_has_them() -> None:
    def of(kind: str) -> Json:
        values = {kind: "x", "name": "p", "policy": A}
        return resource(f"aws_iam_{kind}_policy", "p", None, values)

    for kind, limit in (("role", 10240), ("user", 2048), ("group", 5120)):
        (size,) = principal(of(kind)).sizes
        assert (size.what, size.limit) == (f"inline policies of the {kind} together", limit)
    (both,) = principal(*ROLE, inline("p", None, A), inline("q", A, A)).sizes
    assert both.size == 2 * size.size
