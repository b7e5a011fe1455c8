"""What an account holds against a scoped policy, by rule."""

import shlex
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from conftest import Stored
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.inputs.aws.ec2 import Instance, Interface, Inventory
from vpc_cni_iam.preflight import report
from vpc_cni_iam.preflight.findings import Preflight, PreflightFinding, preflight
from vpc_cni_iam.preflight.lists import NodeLists
from vpc_cni_iam.preflight.rules import of_cluster_name, of_unread

VPC, OTHER_VPC = "vpc-01234567", "vpc-89abcdef"
CLUSTER = "cluster.k8s.amazonaws.com/name"
INSTANCE_ID = "node.k8s.amazonaws.com/instance_id"
OWNED = {"kubernetes.io/cluster/prod": "owned"}
NODE_GROUP = {"eks:cluster-name": "prod"}
HOW = Hardening((), ("made-by", "us"))
DONE = {CLUSTER: "prod", INSTANCE_ID: "i-1", "eks:eni:owner": "amazon-vpc-cni"}


def instance(tags: Mapping[str, str], name: str = "i-1", vpc: str = VPC) -> Instance:
    return Instance(name, vpc, tags)


def interface(tags: Mapping[str, str], name: str = "eni-1", **changed: str) -> Interface:
    result = {"vpc": VPC, "status": "in-use", "type": "interface", "description": ""}
    return Interface(name, **{**result, "instance": "i-1", **changed}, tags=tags)


def fails(result: Preflight) -> bool:
    """Whether the exit code is 1."""
    return result.verdict.is_failure(if_degraded=False)


def check(
    *values: Instance | Interface,
    vpc: str | None = None,
    variant: str = "ipv4-scoped",
    how: Hardening | None = None,
    version: str = "latest",
    cluster: str = "prod",
) -> Preflight:
    instances = {i.id: i for i in values if isinstance(i, Instance)}
    interfaces = {i.id: i for i in values if isinstance(i, Interface)}
    inventory = Inventory(instances or None, interfaces or None)
    (composed,) = options((variant,), cni_version=version, hardening=how).composed()
    return preflight(inventory, composed, cluster, vpc)


def only(result: Preflight) -> PreflightFinding:
    (finding,) = result.findings
    return finding


def summary(result: Preflight) -> str:
    return list(report.lines(result))[-1]


def test_a_node_that_is_ready() -> None:
    result = check(instance({**OWNED, **NODE_GROUP}), interface(DONE))
    lists = NodeLists((), (), ("i-1",), has_eni_configs=False)
    assert result == Preflight(1, 1, 1, (), Verdict.works, lists=lists)
    assert list(report.lines(result)) == [
        "works: 1 instance and 1 network interface read, 1 node checked"
    ]


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        (NODE_GROUP, "instance-tag-missing"),
        ({"kubernetes.io/cluster/prod": "shared"}, "instance-tag-value"),
        ({"kubernetes.io/cluster/prod": "Owned"}, "instance-tag-value"),
        ({**NODE_GROUP, "kubernetes.io/cluster/test": "owned"}, "instance-tag-missing"),
        ({**OWNED, "Kubernetes.io/cluster/prod": "owned"}, "instance-tag-twice"),
    ],
)
def test_an_instance_without_its_tag_breaks(tags: Mapping[str, str], rule: str) -> None:
    result = check(instance(tags))
    assert fails(result) and only(result).rule == rule
    assert only(result).severity == "error"


def test_iam_does_not_tell_the_case_of_the_key() -> None:
    assert not check(instance({**NODE_GROUP, "Kubernetes.io/Cluster/PROD": "owned"})).findings


def test_keys_that_differ_in_case_matter_only_where_the_policy_asks() -> None:
    result = check(
        instance({**OWNED, "Name": "a", "name": "b"}), interface({**DONE, "n": "", "N": ""})
    )
    assert not result.findings


@pytest.mark.parametrize(
    "theirs",
    [
        {"eks:cluster-name": "test", "kubernetes.io/cluster/test": "owned"},
        {"eks:cluster-name": "Prod"},  # EKS tells the case of names
        {"kubernetes.io/cluster/PROD": "owned"},
    ],
)
def test_an_instance_of_another_cluster_is_passed_over(theirs: Mapping[str, str]) -> None:
    result = check(instance(OWNED), instance(theirs, "i-2"))
    assert not fails(result) and only(result).rule == "instance-of-another-cluster"
    assert only(result).resources == ("i-2",)


@pytest.mark.parametrize("described", ["instance", "interface"])
def test_a_node_of_eks_auto_mode_is_passed_over(described: str) -> None:
    """aws-node does not run there, and EC2 lets nobody change its interfaces."""
    auto = "eks.amazonaws.com"
    shown = replace(instance({"eks:eks-cluster-name": "prod"}, "i-2"), operator=auto)
    attached = replace(
        interface({"eks:eks-cluster-name": "prod"}, "eni-2", instance="i-2"), operator=auto
    )
    other = shown if described == "instance" else attached
    result = check(instance({**OWNED, **NODE_GROUP}), interface(DONE), other)
    assert not fails(result) and only(result).rule == "instance-of-auto-mode"
    assert (only(result).resources, result.nodes) == (("i-2",), 1)
    alone = check(other)
    assert fails(alone) and alone.findings[0].rule == "no-nodes"
    assert "If all its nodes are of EKS Auto Mode, it needs no policy" in alone.findings[0].effect
    assert "EKS Auto Mode" not in check(instance({}, "i-3")).findings[-1].effect


def test_an_instance_that_another_service_manages_is_judged_by_its_tags() -> None:
    managed = replace(instance(NODE_GROUP), operator="ecs.amazonaws.com")
    assert only(check(managed)).rule == "instance-tag-missing"


# The Amazon EKS User Guide, Karpenter's upgrade guide, eksctl, kops and the cluster autoscaler.
SIGNS: list[tuple[str, str]] = [
    (CLUSTER, "{}"),
    ("eks:cluster-name", "{}"),
    ("aws:eks:cluster-name", "{}"),
    ("eks:eks-cluster-name", "{}"),
    ("alpha.eksctl.io/cluster-name", "{}"),
    ("KubernetesCluster", "{}"),
    ("kubernetes.io/cluster/{}", "shared"),
    ("Kubernetes.io/Cluster/{}", ""),
    ("k8s.io/cluster/{}", "owned"),
    ("k8s.io/cluster-autoscaler/{}", "owned"),
]


@pytest.mark.parametrize(("key", "value"), SIGNS)
def test_each_sign_tells_whose_node_an_instance_is(key: str, value: str) -> None:
    ours, theirs = ({key.format(name): value.format(name)} for name in ("prod", "test"))
    assert check(instance({}), instance(ours, "i-2")).nodes == 1
    result = check(instance(OWNED), instance(theirs, "i-2"))
    assert result.nodes == 1 and only(result).rule == "instance-of-another-cluster"
    # The tags of the instance come before those of its interfaces.
    result = check(instance(ours), interface(theirs), variant="ipv4")
    assert result.nodes == 1
    result = check(instance(theirs), interface(ours), variant="ipv4")
    assert result.nodes == 0


@pytest.mark.parametrize(
    "tags",
    [
        {"eks:cluster-name": ""},
        {"k8s.io/cluster-autoscaler/enabled": "true"},
        {"k8s.io/cluster-autoscaler/node-template/label/a": "b"},
        {"kubernetes.io/cluster/": "owned"},
        {"kubernetes.io/cluster": "prod"},
        {"Name": "prod"},
    ],
)
def test_what_is_no_sign_names_no_cluster(tags: Mapping[str, str]) -> None:
    own = interface({}, "eni-2", instance="i-2")
    result = check(instance(OWNED), instance(tags, "i-2"), interface(DONE), own)
    assert (only(result).rule, only(result).resources) == ("instance-unknown", ("i-2",))


def test_what_a_person_reads(stored: Stored) -> None:
    result = check(
        *(instance(NODE_GROUP, f"i-{n:017x}") for n in range(21)),
        *(instance({}, f"i-1{n:016x}") for n in range(20)),
        instance({"kubernetes.io/cluster/prod": "x" * 200}, "i-2"),  # which is not broken
        instance(OWNED, "i-3", OTHER_VPC),
        instance({"eks:cluster-name": "test"}, "i-4"),
        interface({}, "eni-1", instance="i-2"),
        interface({}, "eni-2", instance="i-2", type="trunk"),
        interface({}, "eni-3", instance="", status="available", description="aws-K8S-i-9"),
        vpc=VPC,
    )
    assert fails(result)
    stored("preflight.txt", {"findings of each severity": "\n".join(report.lines(result)) + "\n"})


def test_what_concerns_no_resource_begins_with_the_problem() -> None:
    result = check(instance({}), interface({}, description="Primary network interface"))
    first = next(iter(report.lines(result)))
    assert first == "unknown  no instance or interface looks like a node of 'prod'"


def test_without_interfaces_any_instance_may_be_a_node() -> None:
    result = check(instance({"Name": "bastion"}))
    assert fails(result) and only(result).rule == "instance-unknown"
    assert summary(result) == ("unknown: 1 instance read, no node checked (1 unknown)")


def test_with_interfaces_the_plugin_tells_a_node() -> None:
    bastion = instance({}, "i-2"), interface({}, "eni-2", instance="i-2")
    result = check(instance(OWNED), interface(DONE), *bastion)
    assert not fails(result) and only(result).rule == "instance-unknown"
    assert summary(result) == (
        "works: 2 instances and 2 network interfaces read, 1 node checked (1 note)"
    )
    result = check(instance({}), interface({INSTANCE_ID: "i-1"}))
    assert [f.rule for f in result.findings] == [
        "instance-tag-missing",
        "interface-tagged-at-start",
    ]
    assert summary(result).startswith("fails: ") and "(1 error, 1 note)" in summary(result)


def test_an_instance_of_which_no_interface_is_read_may_be_a_node() -> None:
    """Interfaces of other instances, or none at all, as another Region has, do not tell."""
    (composed,) = options(("ipv4-scoped",), cni_version="latest").composed()
    instances = {i.id: i for i in (instance(OWNED), instance({}, "i-2"))}
    for interfaces in ({}, {"eni-1": interface(DONE)}):
        result = preflight(Inventory(instances, interfaces), composed, "prod")
        (finding,) = (f for f in result.findings if f.rule == "instance-unknown")
        assert finding.is_unknown and fails(result)
        assert finding.resources == ("i-2",)


@pytest.mark.parametrize("described", [[], [instance({"Name": "bastion"}, "i-2")]])
def test_a_node_whose_instance_is_not_read_is_not_checked(described: list[Instance]) -> None:
    """Its tags decide whether it gets interfaces, where the policy asks for them."""
    result = check(*described, interface(DONE), interface(DONE, "eni-3", instance="i-3"))
    finding = next(f for f in result.findings if f.rule == "instance-not-read")
    assert finding.is_unknown and fails(result)
    assert finding.resources == ("i-1", "i-3")
    assert not check(interface(DONE), variant="ipv6-scoped").findings


@pytest.mark.parametrize("how", [HOW, Hardening()])
def test_what_interfaces_must_have_before_the_plugin_starts_is_not_known_without_them(
    how: Hardening,
) -> None:
    result = check(instance(OWNED), how=how)
    finding = only(result)
    assert (finding.rule, finding.is_unknown) == ("interfaces-not-read", True)
    assert finding.resources == ("i-1",) and fails(result)
    assert not check(instance(OWNED)).findings


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("v1.12.6", "warning"),
        ("v1.13.0", "error"),
        ("v1.13.3", "error"),
        ("v1.13.4", "warning"),
    ],
)
def test_a_trunk_without_the_tag_ends_the_versions_that_exit_on_a_denial(
    version: str, severity: str
) -> None:
    """As `coverage` has it: v1.13.0 to v1.13.3 cannot report a denial."""
    finding = only(check(instance(OWNED), interface({}, type="trunk"), version=version))
    assert (finding.rule, finding.severity) == ("interface-trunk", severity)
    alone = [f.rule for f in check(instance(OWNED), version=version).findings]
    assert alone == (["interfaces-not-read"] if severity == "error" else [])


def test_no_node_at_all_is_not_all_well() -> None:
    result = check(interface({}, instance="", description="ELB app/x"))
    assert fails(result) and only(result).rule == "no-nodes"
    assert summary(result) == ("unknown: 1 network interface read, no node checked (1 unknown)")
    result = check(instance({}), interface({}, description="Primary network interface"))
    assert fails(result) and result.nodes == 0
    assert [f.rule for f in result.findings] == ["no-nodes", "instance-unknown"]


@pytest.mark.parametrize(
    ("tags", "kind", "rule", "severity"),
    [
        ({}, "interface", "interface-tagged-at-start", "note"),
        ({CLUSTER: "Prod"}, "interface", "interface-tagged-at-start", "note"),
        ({}, "trunk", "interface-trunk", "warning"),
        ({CLUSTER: "test"}, "trunk", "interface-trunk", "warning"),
        (
            {"node.k8s.amazonaws.com/no_manage": "true"},
            "interface",
            "interface-not-managed",
            "note",
        ),
        ({**DONE, CLUSTER.upper(): "prod"}, "interface", "interface-tag-twice", "error"),
        ({CLUSTER.upper(): "prod"}, "interface", "interface-tag-twice", "error"),
    ],
)
def test_an_attached_interface(
    tags: Mapping[str, str], kind: str, rule: str, severity: str
) -> None:
    result = check(instance(OWNED), interface(tags, type=kind))
    assert (only(result).rule, only(result).severity) == (rule, severity)


@pytest.mark.parametrize("cluster", ["prod", "PROD"])
def test_of_two_spellings_the_one_that_the_policy_does_not_ask_for_is_deleted(cluster: str) -> None:
    """In whatever order they are, and whether the name has capitals or the other key."""
    required = f"kubernetes.io/cluster/{cluster}"
    for other in {required.swapcase(), required.capitalize(), required.lower()} - {required}:
        node = instance({required: "owned", other: "owned", "eks:cluster-name": cluster})
        finding = only(check(node, cluster=cluster))
        assert finding.rule == "instance-tag-twice"
        (command,) = finding.commands
        expected = ["delete-tags", "--resources", "i-1", "--tags", f"Key={other}"]
        assert shlex.split(command) == ["aws", "ec2", *expected]


def test_a_configuration_that_differs_does_not_hide_that_there_is_no_node() -> None:
    (composed,) = options(("ipv4-scoped",), cni_version="latest").composed()
    different = [of_cluster_name("test", "prod"), of_unread("CLUSTER_NAME is in a Secret")]
    nothing = Inventory(None, {"eni-1": interface({}, instance="")})
    result = preflight(nothing, composed, "prod", None, different)
    names = ["cluster-name-differs", "configuration-not-read", "no-nodes"]
    assert [finding.rule for finding in result.findings] == names


def test_branch_interfaces_are_not_the_plugins() -> None:
    assert not check(instance(OWNED), interface({}, type="branch")).findings


def test_left_overs_that_nobody_deletes() -> None:
    loose = {"status": "available", "instance": ""}
    result = check(
        instance(OWNED),
        interface(DONE),
        interface({}, "eni-2", description="aws-K8S-i-9", **loose),
        interface({INSTANCE_ID: "i-9"}, "eni-3", **loose),
        interface({INSTANCE_ID: "i-9", CLUSTER: "test"}, "eni-4", **loose),
        interface({INSTANCE_ID: "i-9", CLUSTER: "prod"}, "eni-5", **loose),
        interface({}, "eni-6", **loose),
        interface({INSTANCE_ID: "i-9"}, "eni-7", **{**loose, "vpc": OTHER_VPC}),
    )
    assert not fails(result) and only(result).rule == "interface-left-over"
    assert only(result).resources == ("eni-2", "eni-3")


def test_a_node_in_another_vpc() -> None:
    nodes = instance(OWNED), instance(OWNED, "i-2", OTHER_VPC)
    result = check(*nodes, vpc=VPC)
    assert (only(result).rule, only(result).resources) == ("instance-in-another-vpc", ("i-2",))
    with pytest.raises(
        UsageError, match=f"in {VPC} and {OTHER_VPC}; name the VPC of the policy with --vpc-id"
    ):
        check(*nodes)


def test_what_the_policy_does_not_ask_for_is_not_missed() -> None:
    bare = instance({"eks:cluster-name": "prod"}), interface({})
    for variant in ("ipv4", "ipv6"):
        assert not check(*bare, variant=variant).findings
    for variant in ("ipv6-scoped", "ipv4-pod-identity"):
        assert only(check(*bare, variant=variant)).rule == "interface-tagged-at-start"


@pytest.mark.parametrize(
    ("tags", "where", "fixable", "message"),
    [
        ({CLUSTER: "test"}, VPC, True, f"its tag {CLUSTER} is 'test'"),
        ({**DONE, CLUSTER: "Prod"}, VPC, True, f"its tag {CLUSTER} is 'Prod'"),
        ({}, OTHER_VPC, False, f"it is in {OTHER_VPC}, not in {VPC}"),
    ],
)
def test_a_hardened_policy_does_not_let_every_interface_be_tagged(
    tags: Mapping[str, str], where: str, fixable: bool, message: str
) -> None:
    values = instance(OWNED), interface(tags, vpc=where)
    assert not fails(check(*values, vpc=VPC))
    finding = only(check(*values, vpc=VPC, how=Hardening()))
    assert (finding.rule, finding.severity) == ("interface-tag-refused", "error")
    assert message in finding.problem and bool(finding.commands) == fixable


def test_a_claim_needs_the_tag_of_the_nodes_maker() -> None:
    for tags, rules in (
        ({}, ["interface-tag-refused"]),
        ({"made-by": "us"}, ["interface-tagged-at-start"]),
        (DONE, []),
    ):
        result = check(instance(OWNED), interface(tags), how=HOW)
        assert [finding.rule for finding in result.findings] == rules


def test_an_interface_in_another_vpc_is_seen_where_the_policy_asks() -> None:
    result = check(instance(OWNED), interface(DONE, vpc=OTHER_VPC), vpc=VPC, how=Hardening())
    assert (only(result).rule, only(result).severity) == ("interface-denied", "error")
    assert not check(instance(OWNED), interface(DONE, vpc=OTHER_VPC), vpc=VPC).findings


def test_commands_are_whole_and_quoted() -> None:
    many = [instance(NODE_GROUP, f"i-{n:05x}") for n in range(2001)]
    result = check(*many)
    commands = [shlex.split(c) for c in only(result).commands]
    assert [len(c) for c in commands] == [1000 + 6, 1000 + 6, 1 + 6]
    assert commands[2] == [
        *("aws", "ec2", "create-tags", "--resources", "i-007d0"),
        *("--tags", "Key=kubernetes.io/cluster/prod,Value=owned"),
    ]
    text = list(report.lines(result))
    assert "and 1981 more" in " ".join(text)
    assert text[-1] == "fails: 2001 instances read, 2001 nodes checked (1 error)"


def test_a_hostile_tag_cannot_write_to_the_terminal() -> None:
    result = check(instance({"kubernetes.io/cluster/prod": "\x1b[2J"}))
    assert "\x1b" not in "\n".join(report.lines(result))


KEYS = st.sampled_from(
    [
        *("kubernetes.io/cluster/prod", "kubernetes.io/Cluster/prod", "eks:cluster-name"),
        *(CLUSTER, CLUSTER.upper(), INSTANCE_ID, "node.k8s.amazonaws.com/no_manage", "made-by"),
    ]
)
VALUES = st.sampled_from(["owned", "shared", "prod", "Prod", "test", "i-1", "true", "us", ""])
TAGS = st.dictionaries(KEYS, VALUES, max_size=4)
INTERFACES = st.builds(
    lambda tags, number, kind, free: interface(
        tags,
        f"eni-{number}",
        type=kind,
        **({"status": "available", "instance": "", "description": "aws-K8S-x"} if free else {}),
    ),
    TAGS,
    st.integers(1, 3),
    st.sampled_from(["interface", "trunk", "efa"]),
    st.booleans(),
)
# What no tag changes, or what is not to be changed.
LEFT = {
    *("interface-not-managed", "instance-of-another-cluster", "no-nodes"),
    *("instance-not-read", "interfaces-not-read"),
}


def applied(result: Preflight, settings: list[Instance | Interface]) -> list[Instance | Interface]:
    """What there is once every command has been run."""
    changed = {resource.id: resource for resource in settings}
    for command in (shlex.split(c) for f in result.findings for c in f.commands):
        assert command[:2] == ["aws", "ec2"] and command[3] == "--resources"
        *names, _, tag = command[4:]
        key = tag.removeprefix("Key=").partition(",Value=")[0]
        for name in names:
            tags = {k: v for k, v in changed[name].tags.items() if k != key}
            if command[2] == "create-tags":
                tags[key] = tag.partition(",Value=")[2]
            changed[name] = replace(changed[name], tags=tags)
    return list(changed.values())


@example({CLUSTER: "", CLUSTER.upper(): "owned"}, [], None)
@example(OWNED, [interface({CLUSTER.upper(): "prod"})], Hardening())
@given(TAGS, st.lists(INTERFACES, max_size=3), st.sampled_from([None, HOW, Hardening()]))
def test_what_it_says_to_run_helps(
    tags: Mapping[str, str], interfaces: list[Interface], how: Hardening | None
) -> None:
    there: list[Instance | Interface] = [instance(tags), *interfaces]
    for _ in range(6):  # one finding may come to light when another is mended
        result = check(*there, how=how)
        there = applied(result, there)
    assert {f.rule for f in result.findings} <= LEFT


def test_a_node_whose_vpc_is_not_described_is_in_no_other_vpc() -> None:
    bare = instance(OWNED, vpc="")
    assert not check(bare, vpc=VPC).findings
    assert not check(bare).findings
    # Nor does it make it unclear which VPC the policy is for.
    assert not check(bare, instance(OWNED, "i-2"), interface(DONE)).findings
