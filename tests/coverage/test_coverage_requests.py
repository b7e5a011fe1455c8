"""The requests are those that the plugin sends, and what they change is remembered."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import run
from coverage_policies import (
    ADMIN,
    NAMES,
    NEWEST,
    allow,
    composed,
    covered,
    denied,
    deny,
    set_up,
    setting,
    without,
)
from synthetic import document
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    OWNER,
    request_templates,
)
from vpc_cni_iam.catalog.variants import first_version
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.simulate.requests import KEYS
from vpc_cni_iam.coverage.simulate.send import SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Condition, Policy

ENI = "arn:aws:ec2:*:*:network-interface/*"


def call(coverage: Coverage, template: str, on: str | None = None) -> SentCall:
    return next(
        c
        for played in coverage.scenario_runs
        for c in played.calls
        if c.template.name == template and (on is None or c.on == on)
    )


def sent_keys(call: SentCall) -> set[str]:
    value = call.checks[0].request.context["aws:TagKeys"]
    assert isinstance(value, tuple)
    return set(value)


def kinds(call: SentCall) -> list[tuple[str, str]]:
    return [
        (c.request.action.removeprefix("ec2:"), c.request.resource.split(":")[5].split("/")[0])
        for c in call.checks
    ]


def test_create_is_checked_on_all_that_it_touches() -> None:
    create = call(covered(ADMIN, setting(), "fresh-node"), "create")
    name = "CreateNetworkInterface"
    assert kinds(create) == [
        (name, "network-interface"),
        ("CreateTags", "network-interface"),
        (name, "subnet"),
        (name, "security-group"),
        (name, "security-group"),
    ]
    eni, tags, subnet, group, _ = (c.request.context for c in create.checks)
    assert "ec2:Vpc" not in eni and "ec2:CreateAction" not in eni
    assert tags["ec2:CreateAction"] == name
    assert not any("ResourceTag" in key for key in (*eni, *tags))
    vpc = f"arn:aws:ec2:eu-west-1:{NAMES.vpc_owner_id}:vpc/{NAMES.vpc_id}"
    assert subnet["ec2:Vpc"] == group["ec2:Vpc"] == vpc


def test_tags_on_creation_by_release() -> None:
    def keys(version: str) -> set[str]:
        return sent_keys(call(covered(ADMIN, setting(version), "fresh-node"), "create"))

    assert keys("v1.7.2") == {CREATED_AT}
    assert keys("v1.8.0") == {CREATED_AT, INSTANCE, CLUSTER}
    assert keys("v1.19.3") == keys("v1.8.0")
    assert keys("v1.19.4") == {CREATED_AT, INSTANCE, CLUSTER, OWNER}
    before = call(covered(ADMIN, setting("v1.7.1"), "fresh-node"), "create")
    assert ("CreateTags", "network-interface") not in kinds(before)


def test_old_releases_tag_a_new_interface_in_a_call_of_its_own() -> None:
    def order(version: str) -> list[str]:
        calls = covered(ADMIN, setting(version), "fresh-node").scenario_runs[0].calls
        return [
            c.template.name for c in calls if c.template.name in ("create", "tag-created", "attach")
        ]

    assert order("v1.5.7") == ["create", "tag-created", "attach"]
    assert order("v1.6.0") == order("v1.7.10") == ["create", "attach", "tag-created"]
    assert order("v1.8.0") == ["create", "attach"]


def test_an_excluded_primary_interface_is_left_alone() -> None:
    feature = "excluded-primary-subnet"
    calls = covered(ADMIN, setting("v1.22.4", "ipv6", feature), "fresh-node").scenario_runs[0].calls
    assert {c.on for c in calls} == {"", "new interface"}


def test_modify_has_two_forms() -> None:
    coverage = covered(ADMIN, setting(), "fresh-node")
    name = "ModifyNetworkInterfaceAttribute"
    assert kinds(call(coverage, "set-groups")) == [
        (name, "network-interface"),
        (name, "security-group"),
        (name, "security-group"),
    ]
    attachment = call(coverage, "set-delete-on-termination")
    assert kinds(attachment) == [(name, "network-interface"), (name, "instance")]
    instance = attachment.checks[1].request.context
    assert instance[f"aws:ResourceTag/kubernetes.io/cluster/{NAMES.cluster_name}"] == "owned"


def test_only_missing_keys_are_sent() -> None:
    def keys(scenario: str, on: str, where: RequestSetting | None = None) -> set[str]:
        coverage = covered(ADMIN, where or setting(), scenario)
        return sent_keys(call(coverage, "tag-managed", on))

    primary, attached = "primary interface", "attached interface"
    assert keys("fresh-node", primary) == {INSTANCE, CLUSTER, OWNER}
    assert keys("primary-untagged", primary) == {CLUSTER, OWNER}
    assert keys("interface-from-before", attached) == {CLUSTER, OWNER}
    assert keys("upgrade-adds-tag", primary) == keys("upgrade-adds-tag", attached) == {OWNER}
    assert keys("cluster-name-corrected", primary) == {CLUSTER}
    assert keys("additional-tags-changed", primary) == {"example-team"}
    tags = setting().with_environment(ADDITIONAL_ENI_TAGS='{"cost": "net"}')
    assert keys("additional-tags-changed", primary, tags) == {"cost"}
    assert keys("fresh-node", primary, tags) == {INSTANCE, CLUSTER, OWNER, "cost"}


def test_the_old_cluster_name_stands_on_the_interface_that_is_corrected() -> None:
    tagged = call(covered(ADMIN, setting(), "cluster-name-corrected"), "tag-managed")
    context = tagged.checks[0].request.context
    assert context[f"aws:ResourceTag/{CLUSTER}"] == f"{NAMES.cluster_name}-old"
    assert context[f"aws:RequestTag/{CLUSTER}"] == NAMES.cluster_name


def test_an_interface_bears_its_tags_only_once_they_are_allowed() -> None:
    """Assign depends on the tag, and the tag on CreateTags."""
    own = Condition("StringEquals", f"aws:ResourceTag/{CLUSTER}", (NAMES.cluster_name,))
    actions = ("ec2:AssignPrivateIpAddresses", "ec2:ModifyNetworkInterfaceAttribute")
    policy = (allow("ec2:Describe*"), allow(*actions, when=own))
    tag = allow("ec2:CreateTags", on=ENI)
    for statements, allowed in ((policy, False), ((*policy, tag), True)):
        coverage = covered(Policy(statements), setting(), "primary-untagged")
        tagging, assigning = call(coverage, "tag-managed"), call(coverage, "assign-ipv4")
        assert (tagging.allowed, assigning.allowed, assigning.reached) == (allowed,) * 3


@pytest.mark.parametrize(
    ("version", "names"), [(NEWEST, ("attach", "describe-instances")), ("v1.5.7", ("tag-created",))]
)
def test_what_follows_a_denied_creation_is_judged_and_not_reached(
    version: str, names: tuple[str, ...]
) -> None:
    policy = Policy((*ADMIN.statements, deny("ec2:CreateNetworkInterface")))
    coverage = covered(policy, setting(version), "fresh-node")
    for name in names:
        assert call(coverage, name).allowed and not call(coverage, name).reached
    assert call(coverage, "assign-ipv4", "primary interface").reached


@pytest.mark.parametrize("version", ["v1.5.7", "v1.7.5", "v1.12.6", "v1.13.2", "v1.22.1", NEWEST])
@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_nothing_is_reached_after_the_denial_that_ends_the_agent(version: str, mode: Mode) -> None:
    """The impact of the denied call says whether it ends: at the start, or at any time."""
    if known_versions.find(version) < first_version(mode):
        return
    ended = set()
    for denied_action in (c.action for c in calls.calls()):
        policy = Policy((*ADMIN.statements, deny(denied_action)))
        runs = covered(policy, setting(version, mode)).scenario_runs
        for ran in runs:
            is_over, created, starting = False, True, ran.scenario.name != "leaked-interface"
            for sent in ran.calls:
                starting &= sent.template.name not in (
                    "create",
                    "describe-subnets",
                    "unassign-ipv4",
                )
                if created:
                    assert sent.reached is not is_over, (denied_action, ran.scenario.name, sent)
                assert sent.reached is False or not is_over
                created &= sent.allowed or sent.template.name != "create"
                impact = sent.range.effect
                if not sent.allowed and (
                    impact == "exits" or (impact == "exits at start" and starting)
                ):
                    is_over = True
                    ended.add(sent.template.name)
    expected = {"describe-interfaces"}
    if mode == "ipv4" and version != "v1.5.7":
        expected |= {"assign-ipv4", "describe-instance-types"}
    assert expected <= ended


def test_a_trunk_is_never_tagged_and_still_regrouped() -> None:
    coverage = covered(ADMIN, setting(), "trunk-interface")
    trunk = [c for c in coverage.scenario_runs[0].calls if c.on == "trunk interface"]
    assert [c.template.name for c in trunk] == ["set-groups"]
    assert f"aws:ResourceTag/{CLUSTER}" not in trunk[0].checks[0].request.context


def test_custom_networking_uses_its_own_subnet_and_leaves_the_primary_alone() -> None:
    where = replace(setting(), names=replace(NAMES, subnet_id="subnet-01234567"))
    coverage = covered(ADMIN, where, "custom-networking")
    own = covered(ADMIN, where, "fresh-node")
    subnets = [call(f, "create").checks[2].request.resource for f in (coverage, own)]
    assert subnets[0] != subnets[1]
    assert not any(
        c.template.name == "set-groups"
        or (c.on == "primary interface" and "assign" in c.template.name)
        for c in coverage.scenario_runs[0].calls
    )


def test_a_shared_subnet_belongs_to_its_owner() -> None:
    create = call(covered(ADMIN, setting(), "shared-subnet"), "create")
    eni, _, subnet, group, _ = (c.request for c in create.checks)
    assert f":{NAMES.account_id}:" in eni.resource and f":{NAMES.account_id}:" in group.resource
    assert ":444455556666:subnet/" in subnet.resource
    assert ":444455556666:vpc/" in str(group.context["ec2:Vpc"])
    own = allow("ec2:*", on=f"arn:aws:ec2:*:{NAMES.account_id}:*")
    policy = Policy((allow("ec2:Describe*"), own))
    assert covered(policy, setting(), "fresh-node").verdict == "works"
    assert denied(covered(policy, setting(), "shared-subnet")) == {
        ("shared-subnet", "create", "fatal")
    }


def test_a_vpc_is_not_shared_where_its_owner_is_known_to_be_the_nodes_account() -> None:
    for owner, there in ((NAMES.account_id, False), ("444455556666", True)):
        names = replace(NAMES, vpc_owner_id=owner, owner_known=True)
        played = covered(ADMIN, replace(setting(), names=names)).scenario_runs
        assert ("shared-subnet" in {p.scenario.name for p in played}) is there


def test_a_leaked_interface_without_a_date_is_dated_before_it_is_deleted() -> None:
    undated = Policy((*ADMIN.statements, deny("ec2:CreateTags")))
    dated = ["delete-leaked", "tag-leaked", "delete-leaked"]
    for policy, names in ((ADMIN, dated), (undated, dated[:2])):
        (run,) = covered(policy, setting(), "leaked-interface").scenario_runs
        assert [c.template.name for c in run.calls] == names


@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_every_request_of_the_catalog_is_sent_in_a_scenario(mode: Mode) -> None:
    """A request that no scenario sends is never denied, so coverage would call any policy fine."""
    unsent: dict[str, str] = {}
    for version in (v for v in known_versions.served() if v >= first_version(mode)):
        where = setting(str(version), mode, *calls.features())
        off = where.with_environment(ENABLE_SUBNET_DISCOVERY="false")
        # The only interface of an IPv6 node before v1.20.0 may be excluded.
        primary = [name for name in where.features if name != "excluded-primary-subnet"]
        included = replace(where, features=tuple(primary))
        sent = {
            call.template.name
            for each in (where, off, included)
            for run in covered(ADMIN, each).scenario_runs
            for call in run.calls
        }
        for name, template in request_templates().items():
            if template.sent(mode, version, where.features) and name not in sent:
                unsent[name] = str(version)
    assert not unsent, (
        "set at_start in catalog/facts/data/calls.json, or send them in "
        "coverage/simulate/node.py; here with the last version that sends them"
    )


OFF, IMDS = "DISABLE_NETWORK_RESOURCE_PROVISIONING", "ENABLE_IMDS_ONLY_MODE"
DISCOVERY, CUSTOM = "ENABLE_SUBNET_DISCOVERY", "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
PREFIXES, KEEP = "ENABLE_PREFIX_DELEGATION", "DISABLE_LEAKED_ENI_CLEANUP"
WRITES = "assign-ipv4 attach create delete detach set-delete-on-termination set-groups"
PROVISIONING = (
    f"{WRITES} check-subnet-of-new describe-instances describe-subnets tag-managed unassign-ipv4"
)
GROUPS = "describe-security-groups"


@pytest.mark.parametrize(
    ("mode", "version", "environment", "gone", "added"),
    [
        ("ipv4", "v1.21.2", {DISCOVERY: "false"}, "describe-subnets", ""),
        (
            "ipv4",
            "v1.22.0",
            {DISCOVERY: "false"},
            f"check-subnets check-subnet-of-new describe-subnets {GROUPS}",
            "describe-subnets-anyway",
        ),
        ("ipv6", "v1.22.0", {DISCOVERY: "false"}, f"check-subnets {GROUPS}", ""),
        # From v1.22.1 on groups are not looked for with custom networking.
        ("ipv4", "v1.22.0", {CUSTOM: "true"}, "set-groups describe-subnets", ""),
        ("ipv4", "v1.22.1", {CUSTOM: "true"}, f"set-groups describe-subnets {GROUPS}", ""),
        ("ipv4", "v1.23.2", {CUSTOM: "true"}, "set-groups describe-subnets", ""),
        ("ipv4", "v1.23.2", {PREFIXES: "true"}, "", ""),
        ("ipv4", "v1.23.2", {KEEP: "true"}, "", ""),
        ("ipv4", "v1.22.0", {OFF: "true"}, f"{PROVISIONING} {GROUPS}", ""),
        ("ipv4", "v1.23.2", {OFF: "true"}, PROVISIONING, ""),
        ("ipv6", "v1.22.0", {OFF: "true"}, f"set-groups tag-managed {GROUPS}", ""),
        ("ipv4", "v1.23.2", {IMDS: "true"}, f"{PROVISIONING} describe-interfaces", ""),
        ("ipv6", "v1.23.2", {IMDS: "true"}, "set-groups tag-managed", ""),
        ("ipv4", "v1.23.2", {OFF: "true", IMDS: "false"}, PROVISIONING, ""),
        ("ipv4", "v1.23.2", {IMDS: "false", OFF: "true"}, PROVISIONING, ""),
        (
            "ipv4",
            "v1.23.2",
            {IMDS: "true", OFF: "false"},
            f"{PROVISIONING} describe-interfaces",
            "",
        ),
    ],
)
def test_a_switch_changes_these_calls_of_a_fresh_node(
    mode: Mode, version: str, environment: dict[str, str], gone: str, added: str
) -> None:
    def sent(where: RequestSetting) -> set[str]:
        (run,) = covered(ADMIN, where, "fresh-node").scenario_runs
        return {call.template.name for call in run.calls}

    before = setting(version, mode)
    after = set_up(before, environment)
    assert sent(before) - sent(after) == set(gone.split())
    assert sent(after) - sent(before) == set(added.split())


@pytest.mark.parametrize(
    ("mode", "version", "environment", "cleans"),
    [
        ("ipv4", NEWEST, {}, True),
        # IPv6 cleans up in old versions only.
        ("ipv6", "v1.12.6", {}, True),
        ("ipv6", "v1.13.0", {}, False),
        ("ipv6", NEWEST, {}, False),
        *(("ipv4", NEWEST, {name: "false"}, True) for name in (KEEP, OFF, IMDS)),
        *(("ipv4", NEWEST, {name: "true"}, False) for name in (KEEP, OFF, IMDS)),
    ],
)
def test_leaked_interfaces_are_deleted_unless_that_is_switched_off(
    mode: Mode, version: str, environment: dict[str, str], cleans: bool
) -> None:
    runs = covered(ADMIN, set_up(setting(version, mode), environment)).scenario_runs
    assert ("leaked-interface" in {run.scenario.name for run in runs}) is cleans
    if environment in ({OFF: "true"}, {IMDS: "true"}):
        # Without provisioning, nothing at all is written.
        assert all("Describe" in call.template.action for run in runs for call in run.calls)


def test_the_metrics_helper_publishes_in_its_namespace_as_its_own_service_account() -> None:
    where = setting("latest", "ipv4", "metrics-helper")
    requests = {
        call.template.name: call.checks[0].request
        for call in covered(ADMIN, where, "metrics-helper").scenario_runs[0].calls
    }
    assert requests.keys() == {"describe-tags", "put-metric-data"}
    assert requests["put-metric-data"].context["cloudwatch:namespace"] == "Kubernetes"
    assert "cloudwatch:namespace" not in requests["describe-tags"].context
    account = "aws:PrincipalTag/kubernetes-service-account"
    for request in requests.values():
        assert request.context[account] == "cni-metrics-helper"
    irsa = covered(ADMIN, replace(where, session_tags=False), "metrics-helper")
    for sent in irsa.scenario_runs[0].calls:
        assert account not in sent.checks[0].request.context


def test_discovery_that_is_off_still_reads_subnets_and_does_not_need_to() -> None:
    where = set_up(setting("v1.22.4"), {DISCOVERY: "false"})
    policy = without(composed("ipv4", "v1.21.2"), "ec2:DescribeSubnets")
    assert covered(policy, where, "fresh-node").verdict == "works, degraded"
    assert covered(policy, setting("v1.22.4"), "fresh-node").verdict == "fails"


def test_every_key_that_a_request_carries_is_known_as_modelled() -> None:
    for mode in ("ipv4", "ipv6"):
        for played in covered(ADMIN, setting("latest", mode, "multi-nic")).scenario_runs:
            for sent in played.calls:
                for check in sent.checks:
                    for key in check.request.context:
                        assert key.lower().partition("/")[0] in KEYS, key


@pytest.mark.parametrize(
    ("condition", "denied"),
    [
        (Condition("Bool", "aws:ViaAWSService", ("false",)), True),
        (Condition("Bool", "aws:ViaAWSService", ("true",)), False),
        (Condition("Bool", "aws:PrincipalIsAWSService", ("false",)), True),
        (Condition("StringNotEquals", "aws:PrincipalType", ("AssumedRole",)), False),
        (Condition("StringNotEquals", "aws:PrincipalType", ("User",)), True),
        # AWS leaves open whether sessions of roles have it; it never says that there was MFA.
        (Condition("BoolIfExists", "aws:MultiFactorAuthPresent", ("false",)), True),
        (Condition("Bool", "aws:MultiFactorAuthPresent", ("true",)), False),
        (Condition("NumericLessThan", "aws:MultiFactorAuthAge", ("3600",)), False),
        (Condition("NumericLessThanIfExists", "aws:MultiFactorAuthAge", ("3600",)), True),
        (Condition("Null", "aws:CalledViaFirst", ("false",)), False),
        (Condition("StringLike", "aws:username", ("*",)), False),
        (Condition("StringEquals", "aws:RequestedRegion", ("${aws:username}",)), False),
    ],
)
def test_the_keys_that_each_request_of_a_role_has_count(condition: Condition, denied: bool) -> None:
    policy = Policy((*ADMIN.statements, deny("*", when=condition)))
    coverage = covered(policy, setting("latest", "ipv4"))
    assert bool(coverage.denied()) is denied


def when(operator: str, key: str, *values: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: [*values]}}}


_ID = "0a1b2c3d4e5f67890"
_OF_REGION, _IN_ACCOUNT = "aws:RequestedRegion", "arn:aws:ec2:*:*:"
_SUBNETS = [f"subnet-{n:017x}" for n in range(150)]  # more than are tried
_MFA = "aws:MultiFactorAuthPresent"
_ZONE = "ec2:AvailabilityZone"


@pytest.mark.parametrize(
    ("element", "open_about"),
    [
        # Keys that requests may have.
        (when("IpAddress", "aws:SourceIp", "10.0.0.0/8"), "aws:SourceIp"),
        (when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), "aws:SourceIp"),
        (when("Null", "aws:SourceVpce", "true"), "aws:SourceVpce"),
        (when("StringEqualsIfExists", "aws:PrincipalTag/team", "x"), "aws:PrincipalTag/team"),
        (when("StringEquals", "aws:ResourceTag/tier", "private"), "aws:ResourceTag/tier"),
        (when("Bool", _MFA, "false"), _MFA),
        (when("BoolIfExists", _MFA, "true"), _MFA),
        (when("Null", _MFA, "true"), _MFA),
        # A policy variable may have any value, or none.
        (when("StringEquals", _OF_REGION, "${aws:PrincipalTag/r}"), "aws:principaltag/r"),
        (when("StringEquals", _OF_REGION, "${aws:PrincipalTag/r, 'none'}"), "aws:principaltag/r"),
        (when("StringNotLike", _OF_REGION, "eu-${aws:PrincipalTag/r}-?"), "aws:principaltag/r"),
        (
            when("StringNotEqualsIgnoreCase", "ec2:Region", "EU-${aws:PrincipalTag/r}-1"),
            "aws:principaltag/r",
        ),
        (when("ArnEquals", "ec2:Vpc", "${aws:PrincipalTag/vpc}"), "aws:principaltag/vpc"),
        # No value of it makes a difference.
        (when("StringLike", _OF_REGION, "us-${aws:PrincipalTag/place}"), ""),
        (when("ArnLike", "ec2:Vpc", "arn:aws:ec2:us-*:${aws:PrincipalTag/a}"), ""),
        (when("StringNotEquals", "ec2:Region", "${aws:PrincipalTag/r}", "eu-west-1"), ""),
        # Another condition of the statement decides.
        (
            {
                "Condition": {
                    "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                    "Bool": {"aws:SecureTransport": "false"},
                }
            },
            "",
        ),
        (when("StringEquals", "aws:PrincipalTag/eks-cluster-name", "other"), ""),
        # IDs and zones that nobody says.
        ({"Resource": f"{_IN_ACCOUNT}subnet/subnet-{_ID}"}, "the ID of the subnet"),
        ({"Resource": f"{_IN_ACCOUNT}subnet/subnet-0a*"}, "the ID of the subnet"),
        ({"Resource": f"{_IN_ACCOUNT}security-group/sg-{_ID}"}, "the ID of the security-group"),
        ({"Resource": f"{_IN_ACCOUNT}instance/i-{_ID}"}, "the ID of the instance"),
        ({"Resource": f"{_IN_ACCOUNT}*/eni-{_ID}"}, "the ID of the network-interface"),
        (when("StringEquals", "ec2:SubnetID", f"subnet-{_ID}"), "ec2:SubnetID"),
        (when("StringLike", "ec2:SecurityGroupID", "sg-0a*"), "ec2:SecurityGroupID"),
        (when("StringEquals", "ec2:InstanceID", f"i-{_ID}"), "ec2:InstanceID"),
        (when("StringEquals", "ec2:NetworkInterfaceID", f"eni-{_ID}"), "ec2:NetworkInterfaceID"),
        (when("ArnLike", "ec2:Subnet", f"*:*:*:*:*:subnet/subnet-{_ID}"), "ec2:Subnet"),
        (when("ArnEquals", "ec2:Vpc", f"{_IN_ACCOUNT}vpc/vpc-{_ID}"), "ec2:Vpc"),
        (when("StringEquals", _ZONE, "eu-west-1b"), _ZONE),
        (when("StringEquals", _ZONE, "eu-west-1-xyz-1a"), _ZONE),
        (
            {"Resource": [f"{_IN_ACCOUNT}subnet/{name}" for name in _SUBNETS]},
            "the ID of the subnet",
        ),
        (when("StringEquals", "ec2:SubnetID", *_SUBNETS), "ec2:SubnetID"),
        # What is so for every ID.
        ({"Resource": [f"{_IN_ACCOUNT}volume/vol-{n:017x}" for n in range(150)]}, ""),
        ({"Resource": f"{_IN_ACCOUNT}subnet/i-*"}, ""),
        ({"Resource": f"arn:aws:ec2:us-*:*:subnet/subnet-{_ID}"}, ""),
        (when("StringEquals", _ZONE, "us-east-1b"), ""),
        (when("ArnLike", "ec2:Vpc", "arn:aws:ec2:us-*:*:vpc/*"), ""),
        (when("Null", "ec2:SubnetID", "true") | {"Resource": f"{_IN_ACCOUNT}subnet/*"}, ""),
        # Resources by a variable.
        ({"Resource": "arn:aws:ec2:*:${aws:PrincipalTag/account}:*"}, "aws:principaltag/account"),
        ({"Resource": "arn:aws:ec2:*:${aws:username}:*"}, ""),
        ({"Resource": "arn:aws:s3:::${aws:PrincipalTag/name}/*"}, ""),
    ],
)
def test_a_deny_of_what_is_not_known_of_a_request_is_no_works(
    element: dict[str, Any], open_about: str, tmp_path: Path
) -> None:
    every = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    path = tmp_path / "policy.json"
    path.write_text(document(every, every | {"Effect": "Deny"} | element))
    done = run("coverage", path, "--cni-version", "v1.23.2", "--set", "region=eu-west-1")
    verdict = "unknown" if open_about else "works"
    assert done.out.splitlines()[0].endswith(f": {verdict}")
    assert done.out.splitlines()[-1].startswith(verdict)
    words = "" if open_about.startswith("the ID") else " of the request"
    assert (f"{open_about}{words} is not known" in done.out) is bool(open_about)
    assert done.code == (1 if open_about else 0)


@pytest.mark.parametrize(
    ("resource", "verdict"),
    [
        ("arn:aws:ec2:*:*:*/${aws:PrincipalTag/name}", "unknown"),
        ("arn:aws:ec2:*:*:*/${aws:PrincipalTag/name, 'none'}", "unknown"),
        ("arn:aws:s3:::${aws:PrincipalTag/name}", "fails"),
    ],
)
def test_an_allow_on_a_resource_by_a_variable_that_is_not_known_decides_nothing(
    resource: str, verdict: str, tmp_path: Path
) -> None:
    describe = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    about = describe | {"Action": "ec2:*", "Resource": resource}
    path = tmp_path / "policy.json"
    path.write_text(document(describe, about))
    done = run("coverage", path, "--cni-version", "v1.23.2")
    assert done.out.splitlines()[0].endswith(f": {verdict}")
    reason = "aws:principaltag/name of the request is not known"
    assert (reason in done.out) is (verdict == "unknown")
