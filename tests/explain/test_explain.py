"""Why a request was denied: ``explain`` as a user meets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Stored, run, validator, write_tree
from daemonsets import daemonset
from synthetic import allow, deny, document
from vpc_cni_iam.catalog.facts import known_versions

# What the agents of v1.23.2 and v1.14.0 wrote when EC2 denied a request.
SDK_2 = (
    '{"level":"debug","ts":"2026-11-25T22:26:28.784Z","caller":"awsutils/awsutils.go:926","msg":'
    '"checkAPIErrorAndBroadcastEvent resulted in operation error EC2: DescribeSubnets, https '
    "response error StatusCode: 403, RequestID: request, api error UnauthorizedOperation: You are "
    'not authorized to perform this operation."}'
)
SDK_1 = (
    '{"level":"warn","ts":"2026-11-25T21:33:57.120Z","caller":"retry/retry.go:70","msg":"Failed to '
    "add tag to ENI eni-0123456789abcdef0: UnauthorizedOperation: You are not authorized to "
    'perform this operation.\\n\\tstatus code: 403, request id: request"}'
)
EVENT = (
    "Warning  MissingIAMPermissions  2m  aws-node  Unauthorized operation: failed to call "
    "ec2:CreateTags due to missing permissions. Please refer https://github.com/aws/"
    "amazon-vpc-cni-k8s/blob/master/docs/iam-policy.md to attach relevant policy to IAM role"
)
RECORD: dict[str, Any] = {
    "eventVersion": "1.08",
    "userIdentity": {
        "type": "AssumedRole",
        "arn": "arn:aws:sts::111122223333:assumed-role/eks-node/i-0123456789abcdef0",
        "accountId": "111122223333",
        "sessionContext": {
            "sessionIssuer": {"arn": "arn:aws:iam::111122223333:role/eks-node"},
            "webIdFederationData": {},
        },
    },
    "eventTime": "2026-11-25T22:00:00Z",
    "eventSource": "ec2.amazonaws.com",
    "eventName": "CreateNetworkInterface",
    "awsRegion": "eu-west-1",
    "userAgent": "aws-sdk-go-v2/1.36.1 os/linux lang/go md/GOOS#linux amazon-vpc-cni-k8s/v1.22.4",
    "errorCode": "Client.UnauthorizedOperation",
    "errorMessage": "You are not authorized to perform this operation. User: arn:aws:sts::"
    "111122223333:assumed-role/eks-node/i-0123456789abcdef0 is not authorized to perform: "
    "ec2:CreateNetworkInterface on resource: arn:aws:ec2:eu-west-1:111122223333:network-interface/*"
    " because no identity-based policy allows the ec2:CreateNetworkInterface action. Encoded "
    "authorization failure message: AbCd",
    "requestParameters": {
        "tagSpecificationSet": {
            "items": [
                {
                    "resourceType": "network-interface",
                    "tags": [
                        {"key": "node.k8s.amazonaws.com/instance_id", "value": "i-0123"},
                        {"key": "node.k8s.amazonaws.com/createdAt", "value": "2026"},
                    ],
                }
            ]
        }
    },
}
ALLOWED = RECORD | {"errorCode": "Client.InvalidSubnet", "errorMessage": ""}
ARN = "arn:aws:ec2:eu-west-1:111122223333"
INTERFACE = f"{ARN}:network-interface/eni-0123456789abcdef0"
CLUSTER = "cluster.k8s.amazonaws.com/name"
VPC = f"{ARN}:vpc/vpc-0123456789abcdef0"
OWNED = "kubernetes.io/cluster/prod"
SCOPED_NAMES = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
SCOPED = run(
    "policy", "ipv4-scoped", *SCOPED_NAMES, "--account-id", "111122223333", "--no-harden"
).out
IPV4, OLD = run("policy", "ipv4").out, run("policy", "ipv4", "--revision", "2022-01-31").out


def decoded(action: str, resource: str, conditions: dict[str, str], *, deny: bool = False) -> str:
    """What ``aws sts decode-authorization-message`` prints."""
    message = {
        "allowed": False,
        "explicitDeny": deny,
        "matchedStatements": {"items": []},
        "failures": {"items": []},
        "context": {
            "principal": {
                "id": "AROAEXAMPLE:eks-prod-aws-node-0f",
                "arn": "arn:aws:sts::111122223333:assumed-role/cni/eks-prod-aws-node-0f",
            },
            "action": action,
            "resource": resource,
            "conditions": {
                "items": [
                    {"key": key, "values": {"items": [{"value": v} for v in value.split("|")]}}
                    for key, value in conditions.items()
                ]
            },
        },
    }
    return json.dumps({"DecodedMessage": json.dumps(message)})


def explained(text: str, *words: str) -> list[dict[str, Any]]:
    done = run("explain", "-", "--format", "json", *words, stdin=text)
    assert done.code in (0, 1), done.err
    result = json.loads(done.out)
    validator("explain").validate(result)
    assert done.code == (0 if result["complete"] else 1)
    denials: list[dict[str, Any]] = result["denials"]
    return denials


def given(folder: Path, policy: str) -> tuple[str, str]:
    """The option with a policy of the role."""
    (folder / "policy.json").write_text(policy)
    return "--policy", str(folder / "policy.json")


def causes(explanation: dict[str, Any]) -> dict[str, str]:
    return {cause["name"]: cause["certainty"] for cause in explanation["causes"]}


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (SDK_2, "ec2:DescribeSubnets"),
        (SDK_1, "ec2:CreateTags"),
        (EVENT, "ec2:CreateTags"),
        (json.dumps({"items": [{"reason": "MissingIAMPermissions", "message": EVENT}]}),
         "ec2:CreateTags"),
        (json.dumps({"Records": [RECORD]}), "ec2:CreateNetworkInterface"),
        (json.dumps({"Events": [{"CloudTrailEvent": json.dumps(RECORD)}]}),
         "ec2:CreateNetworkInterface"),
        (json.dumps(RECORD, indent=2) + "\n" + json.dumps(ALLOWED, indent=2),
         "ec2:CreateNetworkInterface"),
        (RECORD["errorMessage"], "ec2:CreateNetworkInterface"),
        (decoded("ec2:AttachNetworkInterface", f"{ARN}:instance/i-1", {}),
         "ec2:AttachNetworkInterface"),
    ],
    ids=["sdk-2", "sdk-1", "event", "event-json", "s3", "lookup-events", "several", "message",
         "decoded"],
)  # fmt: skip
def test_each_kind_of_text_leads_to_the_call_and_to_what_allows_it(text: str, action: str) -> None:
    (explanation,) = explained(text)
    assert explanation["action"] == action and explanation["calls"]
    assert [s["variant"] for s in explanation["statements"]] == ["ipv4-scoped", "ipv4"]
    for variant in explanation["statements"]:
        assert {s["Action"] for s in variant["statements"]} == {action}


@pytest.mark.parametrize("indent", [None, 2])
def test_records_say_the_same_wherever_they_come_from(indent: int | None) -> None:
    record = json.dumps(RECORD, indent=indent)
    expected = explained(record)
    for value in (
        {"Records": [RECORD]},
        {"Events": [{"EventName": "CreateNetworkInterface", "CloudTrailEvent": record}]},
        [{"@timestamp": "2026-11-20 10:00:00.000", "@message": record}],  # of Logs Insights
        {"events": [{"timestamp": 17, "message": record}]},  # of aws logs filter-log-events
    ):
        text = json.dumps(value, indent=indent)
        assert explained(text) == expected
        assert explained("".join(f"> {line}\n" for line in text.split("\n"))) == expected


CREATED_AT = "node.k8s.amazonaws.com/createdAt"
TAGGING = {"aws:TagKeys": f"node.k8s.amazonaws.com/instance_id|{CREATED_AT}"}


@pytest.mark.parametrize(
    ("text", "version", "calls"),
    [
        (decoded("ec2:CreateTags", INTERFACE, {"ec2:CreateAction": "CreateNetworkInterface"}),
         "v1.23.2", {"create"}),
        (decoded("ec2:CreateTags", INTERFACE, {"aws:TagKeys": CREATED_AT}),
         "v1.23.2", {"tag-leaked"}),
        (decoded("ec2:CreateTags", INTERFACE, TAGGING), "v1.23.2", {"tag-managed"}),
        (EVENT, "v1.23.2", {"tag-managed", "tag-leaked"}),
        (decoded("sagemaker:AttachClusterNodeNetworkInterface", "", {}),
         "v1.23.2", {"attach-by-sagemaker"}),
        (decoded("sagemaker:AttachClusterNodeNetworkInterface", "", {}), "v1.23.1", set()),
        (decoded("ec2:ModifyNetworkInterfaceAttribute", f"{ARN}:security-group/sg-1", {}),
         "v1.23.2", {"set-groups"}),
    ],
)  # fmt: skip
def test_the_calls_are_those_that_the_version_sends_with_these_tags_on_this_resource(
    text: str, version: str, calls: set[str]
) -> None:
    (explanation,) = explained(text, "--cni-version", version)
    assert {call["name"] for call in explanation["calls"]} == calls


@pytest.mark.parametrize("kind", ["network-interface", "subnet", "security-group"])
def test_the_statements_are_those_about_the_resource(kind: str) -> None:
    (explanation,) = explained(decoded("ec2:CreateNetworkInterface", f"{ARN}:{kind}/x-1", {}))
    scoped, generic = explanation["statements"]
    assert all(f":{kind}/" in json.dumps(s["Resource"]) for s in scoped["statements"])
    assert [s["Resource"] for s in generic["statements"]] == ["*"]


@pytest.mark.parametrize(
    ("action", "words", "variants"),
    [
        ("ec2:AssignIpv6Addresses", (), ["ipv6-scoped", "ipv6"]),
        ("ec2:AssignPrivateIpAddresses", (), ["ipv4-scoped", "ipv4"]),
        ("ec2:CreateTags", (), ["ipv4-scoped", "ipv4"]),
        ("ec2:CreateTags", ("--mode", "ipv6"), ["ipv6-scoped", "ipv6"]),
        # There is no scoped document before v1.8.0.
        ("ec2:CreateTags", ("--cni-version", "v1.7.5"), ["ipv4"]),
    ],
)
def test_the_statements_are_those_of_the_family_that_sends_the_request(
    action: str, words: tuple[str, ...], variants: list[str]
) -> None:
    (explanation,) = explained(decoded(action, INTERFACE, {}), *words)
    assert [statements["variant"] for statements in explanation["statements"]] == variants


def test_the_family_that_a_text_shows_decides_the_consequence() -> None:
    message = "Initialization failure: checking to exclude configured subnet, error: "
    denied = "operation error EC2: DescribeSubnets, api error UnauthorizedOperation: no"
    for text, families, first in (
        (message + denied, {"ipv6"}, "v1.22.0"),
        (denied, {"ipv4", "ipv6"}, "v1.18.0"),
    ):
        (explanation,) = explained(text, "--cni-version", "v1.23.0")
        assert first in explanation["causes"][0]["text"]
        calls = explanation["calls"]
        assert {mode for call in calls for mode in call["modes"]} == families
        # The worse comes first.
        assert calls[0]["effect"] == "exits at start" and calls[0]["modes"] == ["ipv6"]


def test_an_action_that_every_version_calls_is_in_every_policy() -> None:
    """All versions that run on EKS tag interfaces: no policy is from before that."""
    assert "policy-older-than-plugin" not in causes(explained(EVENT)[0])


def test_the_mark_of_a_leaked_interface_needs_no_name_of_the_cluster() -> None:
    """Only what is tagged when it is made has the other tags."""
    for tags, cause in ((CREATED_AT, set()), (TAGGING["aws:TagKeys"], {"cluster-name-missing"})):
        (explanation,) = explained(decoded("ec2:CreateTags", INTERFACE, {"aws:TagKeys": tags}))
        assert causes(explanation).keys() & {"cluster-name-missing"} == cause


def test_the_vpc_of_the_resource_is_named_if_it_is_known(tmp_path: Path) -> None:
    for vpc, where in ({"ec2:Vpc": f"{ARN}:vpc/vpc-1"}, "; it is in vpc-1"), ({}, ""):
        text = decoded("ec2:CreateNetworkInterface", f"{ARN}:subnet/subnet-1", vpc)
        (explanation,) = explained(text, *given(tmp_path, SCOPED))
        (cause,) = explanation["causes"]
        assert cause["text"] == f"the subnet is not in the VPC of the policy{where}"


def test_what_a_person_reads(stored: Stored) -> None:
    texts = {
        "lines of the agent": f"{SDK_2}\n{SDK_1}\n{SDK_2}",
        "an event": EVENT,
        "a record of CloudTrail": json.dumps(RECORD),
        "a call of another program": json.dumps(
            RECORD | {"eventName": "RunInstances", "errorMessage": ""}
        ),
        "in a VPC": decoded(
            "ec2:CreateNetworkInterface", f"{ARN}:subnet/subnet-1", {"ec2:Vpc": VPC}
        ),
        "without a tag": decoded(
            "ec2:AttachNetworkInterface", f"{ARN}:instance/i-1", {"ec2:Region": "eu-west-1"}
        ),
        "a call of a feature": decoded("logs:PutLogEvents", "", {}),
        "a call of IPv6": decoded(
            "ec2:AssignIpv6Addresses", INTERFACE, {f"aws:ResourceTag/{CLUSTER}": "prod"}
        ),
    }
    outputs = {}
    for about, text in texts.items():
        for words in ("", " --cni-version v1.21.2 --mode ipv4 --set cluster-name=prod"):
            done = run("explain", "-", *words.split(), stdin=text)
            outputs[f"{about}: explain -{words}"] = done.out
    stored("explain.txt", outputs)


def test_a_call_is_told_with_its_range_and_what_is_known_of_it() -> None:
    """Beside the facts of the catalog's list for programs."""
    listed = json.loads(run("catalog", "--format", "json").out)["versions"]
    versions = [entry["version"] for entry in listed]
    for version in ("v1.12.0", "v1.19.0", "v1.23.2"):
        (entry,) = (e for e in listed if e["version"] == version)
        for action in ("ec2:DescribeSubnets", "ec2:DeleteNetworkInterface", "ec2:DescribeTags"):
            text = f"User: x is not authorized to perform: {action} because no policy allows it"
            (explanation,) = explained(text, "--cni-version", version)
            known = [call for call in entry["calls"] if call["action"] == action]
            modes = {mode for call in explanation["calls"] for mode in call["modes"]}
            assert modes == {call["mode"] for call in known}, (version, action)
            features = {call["feature"] for call in explanation["calls"]}
            # A call of several that an action has can need a feature.
            known_features = {call["feature"] for call in known}
            assert features <= known_features or None in features & known_features
            for call in explanation["calls"]:
                last = call["last"] or versions[-1]
                places = [versions.index(name) for name in (call["first"], version, last)]
                assert places == sorted(places)


@pytest.mark.parametrize(
    ("conditions", "allowed", "names"),
    [
        ({}, False, ["cluster_name"]),
        ({f"aws:ResourceTag/{OWNED}": "owned"}, True, []),
        ({f"aws:ResourceTag/{OWNED}": "shared"}, False, []),
        ({f"aws:ResourceTag/{OWNED}": "owned|shared"}, False, []),  # two values are not decided
    ],
)
def test_names_of_the_request_stand_in_the_statements_before_examples(
    conditions: dict[str, str], allowed: bool, names: list[str]
) -> None:
    text = decoded("ec2:AttachNetworkInterface", f"{ARN}:instance/i-1", conditions)
    (explanation,) = explained(text)
    scoped, generic = explanation["statements"]
    assert (scoped["allows"], generic["allows"]) == (allowed, True)
    assert explanation["example_names"] == names
    (statement,) = scoped["statements"]
    assert statement["Resource"] == f"{ARN}:instance/*"
    assert scoped["unmet"] == ([] if allowed else [*statement["Condition"]["StringEquals"]])
    (explanation,) = explained(text, "--set", "cluster-name=test", "--set", "region=eu-west-2")
    assert explanation["example_names"] == []
    assert "kubernetes.io/cluster/test" in json.dumps(explanation["statements"])
    assert "arn:aws:ec2:eu-west-2:111122223333:" in json.dumps(explanation["statements"])


def test_the_role_of_the_node_and_the_missing_cluster_name_are_recognised() -> None:
    (explanation,) = explained(json.dumps(RECORD))
    assert explanation["cni_version"] == "v1.22.4"
    assert causes(explanation) == {
        "node-role": "certain",
        "not-allowed": "certain",
        "cluster-name-missing": "possible",
        "other-ip-family": "possible",
    }
    assert explanation["encoded"]
    assert explanation["reason"].startswith("no identity-based policy allows the ec2:Create")


@pytest.mark.parametrize(
    ("action", "program"),
    [("cloudwatch:PutMetricData", "cni-metrics-helper"), ("ec2:CreateTags", "aws-node")],
)
def test_the_node_role_is_of_the_program_that_makes_the_call(action: str, program: str) -> None:
    text = f"User: {RECORD['userIdentity']['arn']} is not authorized to perform: {action}"
    (explanation,) = explained(text)
    (cause,) = (c for c in explanation["causes"] if c["name"] == "node-role")
    assert cause["text"].startswith(f"{program} uses the node role eks-node")
    assert cause["fix"].startswith(f"if {program} has a role")


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        (
            "aws-sdk-go/1.50.29 (go1.21.8; linux; amd64) amazon-vpc-cni-k8s/version/v1.18.0",
            "v1.18.0",
        ),
        ("aws-sdk-go-v2/1.41.4 os/linux amazon-vpc-cni-k8s/v1.23.2", "v1.23.2"),
        ("amazon-vpc-cni-k8s/v9.9.9", str(known_versions.newest())),
        ("amazon-vpc-cni-k8s/v0.9.9", str(known_versions.newest())),
        # v1.20.4 does not name itself: the newest version is taken, as docs/explain.md says.
        ("aws-sdk-go-v2/1.36.1 os/linux api/ec2#1.200.0", str(known_versions.newest())),
    ],
)
def test_the_version_is_that_of_the_user_agent_as_each_version_writes_it(
    agent: str, version: str
) -> None:
    (explanation,) = explained(json.dumps(RECORD | {"userAgent": agent}))
    assert explanation["cni_version"] == version


@pytest.mark.parametrize(
    ("text", "certain", "without_policy"),
    [
        (decoded("ec2:CreateNetworkInterface", f"{ARN}:network-interface/*",
                 {"aws:TagKeys": "node.k8s.amazonaws.com/instance_id"}),
         "cluster-name-missing", {"cluster-name-missing"}),
        (decoded("ec2:AttachNetworkInterface", f"{ARN}:instance/i-0123456789abcdef0",
                 {"ec2:Region": "eu-west-1"}), "instance-not-tagged", {"instance-not-tagged"}),
        (decoded("ec2:CreateNetworkInterface", f"{ARN}:subnet/subnet-0123456789abcdef0",
                 {"ec2:Vpc": f"{ARN}:vpc/vpc-0fedcba9876543210"}), "wrong-vpc", set()),
        (decoded("ec2:DeleteNetworkInterface", INTERFACE, {"ec2:Vpc": VPC}),
         "interface-not-tagged", {"interface-not-tagged"}),
        (decoded("ec2:DeleteNetworkInterface", INTERFACE, {f"aws:ResourceTag/{CLUSTER}": "other"}),
         "other-cluster", set()),
        (decoded("ec2:DeleteNetworkInterface", INTERFACE, {f"aws:ResourceTag/{CLUSTER}": "prod"}),
         "allowed-by-policy", set()),
        (
            SDK_2.replace("DescribeSubnets", "DescribeSecurityGroups"),
            "policy-lacks-action",
            {"policy-older-than-plugin"},
        ),
        (SDK_2, "allowed-by-policy", {"policy-older-than-plugin"}),
    ],
)  # fmt: skip
def test_the_policy_of_the_role_tells_the_certain_cause_and_the_catalog_the_possible(
    tmp_path: Path, text: str, certain: str, without_policy: set[str]
) -> None:
    (explanation,) = explained(text, *given(tmp_path, SCOPED))
    assert causes(explanation) == {certain: "certain"}
    (explanation,) = explained(text)
    assert causes(explanation) == dict.fromkeys(without_policy, "possible")


INTERFACES = "arn:aws:ec2:*:*:network-interface/*"
TAGS = decoded("ec2:CreateTags", INTERFACE, {"ec2:Vpc": VPC})
ATTACH = decoded("ec2:AttachNetworkInterface", f"{ARN}:instance/i-1", {"ec2:ResourceTag/Name": "n"})
CREATE_INTERFACE = RECORD["errorMessage"].replace("eks-node/i-0123456789abcdef0", "cni/eks-prod")
ON_SESSION = f"{ARN}:instance/${{aws:userid}}"
CREATES = "ec2:CreateNetworkInterface"
CAUSES: dict[str, tuple[str, str, str]] = {
    "allowed everywhere": (SDK_2, IPV4, "certain allowed-by-policy"),
    "allowed on the resource": (
        CREATE_INTERFACE,
        document(allow([CREATES, "ec2:CreateTags"], INTERFACES)),
        "certain allowed-by-policy",
    ),
    "allowed on another type of resource": (
        CREATE_INTERFACE,
        document(allow(CREATES, "arn:aws:ec2:*:*:subnet/*")),
        "possible condition-or-resource",
    ),
    "allowed with a condition": (
        CREATE_INTERFACE,
        document(allow(CREATES, INTERFACES, Condition={"StringNotEquals": {"a:b": "c"}})),
        "possible condition-or-resource",
    ),
    "allowed on another interface": (
        TAGS,
        document(allow("ec2:CreateTags", f"{ARN}:network-interface/eni-0fedcba9876543210")),
        "certain condition-or-resource",
    ),
    "the text has no resource": (SDK_1, SCOPED, "possible condition-or-resource"),
    "a Deny on all but some resources, and the text has no resource": (
        SDK_2.replace("DescribeSubnets", "CreateTags"),
        document(
            allow("ec2:*"), {"Effect": "Deny", "Action": "ec2:*Tags", "NotResource": INTERFACES}
        ),
        "possible condition-or-resource",
    ),
    "a Deny": (TAGS, document(allow("ec2:*"), deny("ec2:*")), "certain explicit-deny"),
    "a Deny of all but some actions": (
        EVENT,
        document(allow("ec2:*"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}),
        "certain explicit-deny",
    ),
    "a Deny whose condition is met": (
        TAGS,
        document(allow("ec2:*"), deny("ec2:*", Condition={"StringLike": {"ec2:Vpc": VPC}})),
        "certain explicit-deny",
    ),
    # Messages do not have these keys, whatever the request had.
    "a tag of the principal": (
        ATTACH,
        document(allow("ec2:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "x"}})),
        "possible condition",
    ),
    "the VPC of the endpoint": (
        ATTACH,
        document(allow("ec2:*", Condition={"StringNotEquals": {"aws:SourceVpc": "x"}})),
        "possible condition",
    ),
    "a Deny without TLS": (
        ATTACH,
        document(
            allow("ec2:*"), deny("ec2:*", Condition={"Bool": {"aws:SecureTransport": "false"}})
        ),
        "possible condition-or-resource",
    ),
    "a resource by a variable": (
        ATTACH,
        document(allow("ec2:*", ON_SESSION)),
        "possible condition-or-resource",
    ),
    "a Deny on all but a resource by a variable": (
        ATTACH,
        document(allow("ec2:*"), {"Effect": "Deny", "Action": "ec2:*", "NotResource": ON_SESSION}),
        "possible condition-or-resource",
    ),
    # They have those of the service and of tags, each tag by one of two keys.
    "a key of the service": (
        ATTACH,
        document(allow("ec2:*", Condition={"StringEquals": {"ec2:InstanceType": "x"}})),
        "certain condition",
    ),
    "the tag of the resource": (
        ATTACH,
        document(allow("ec2:*", Condition={"StringEquals": {"aws:ResourceTag/Name": "n"}})),
        "certain allowed-by-policy",
    ),
    "another tag of the resource": (
        ATTACH,
        document(allow("ec2:*", Condition={"StringEquals": {"aws:ResourceTag/Name": "m"}})),
        "certain condition",
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_by_the_policy_is_certain_only_where_the_text_decides(
    name: str, tmp_path: Path
) -> None:
    text, policy, cause = CAUSES[name]
    (explanation,) = explained(text, *given(tmp_path, policy))
    known = [f"{cause['certainty']} {cause['name']}" for cause in explanation["causes"]]
    assert known == [cause]


@pytest.mark.parametrize(
    ("key", "resource"),
    [("ec2:InstanceType", "instance/i-1"), (f"aws:ResourceTag/{OWNED}", "network-interface/eni-1")],
)
def test_a_condition_of_no_variant_is_named_by_its_key(
    key: str, resource: str, tmp_path: Path
) -> None:
    condition = {"StringEquals": {"ec2:Region": "eu-west-1", key: "x"}}
    met = {"ec2:Region": "eu-west-1"}
    denied = decoded("ec2:AttachNetworkInterface", f"{ARN}:{resource}", met)
    policy = document(allow("*", Condition=condition))
    (explanation,) = explained(denied, *given(tmp_path, policy))
    (cause,) = explanation["causes"]
    assert cause["text"] == f"the request does not meet the condition on {key}"


ELSEWHERE = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
LIMITED = document(*json.loads(OLD)["Statement"], deny("*", Condition=ELSEWHERE))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (OLD, "does not allow ec2:DescribeSubnets; this policy works with v1.1.0 to v1.21.2"),
        # It does not work everywhere.
        (
            LIMITED,
            "this policy works with v1.1.0 to v1.21.2 in us-east-1; works with no known",
        ),
    ],
)
def test_a_policy_that_is_older_than_the_plugin_is_named_with_its_versions(
    policy: str, words: str, tmp_path: Path
) -> None:
    assert words in run("explain", "-", *given(tmp_path, policy), stdin=SDK_2).out


def test_what_replaces_a_policy_that_lacks_an_action_allows_it(tmp_path: Path) -> None:
    old = run("policy", "ipv4", "--revision", "2022-01-31", "--partition", "aws-cn").out
    (explanation,) = explained(SDK_2, *given(tmp_path, old))
    (cause,) = explanation["causes"]
    command = cause["fix"].split("`")[1].split()[1:]
    assert "aws-cn" in command and "ec2:DescribeSubnets" in run(*command).out
    groups = SDK_2.replace("DescribeSubnets", "DescribeSecurityGroups")
    (explanation,) = explained(groups, *given(tmp_path, old))
    (cause,) = explanation["causes"]
    command = cause["fix"].split("`")[1].split()[1:]
    assert {"v1.22.1", "aws-cn"} <= {*command}
    assert "ec2:DescribeSecurityGroups" in run(*command).out


def test_no_cause_is_certain_by_a_policy_that_was_not_read_whole(tmp_path: Path) -> None:
    document = (
        'data "aws_iam_policy_document" "cni" {\n  statement {\n    actions = ["ec2:%s"]\n'
        '    resources = ["*"]\n  }\n}\n'
    )
    module = tmp_path / "m"
    for action, cause in (("*", "allowed-by-policy"), ("CreateTags", "policy-lacks-action")):
        write_tree(module, {"main.tf": document % action, "override.tf": document % "x"})
        (explanation,) = explained(SDK_2, "--policy", str(module))
        assert causes(explanation) == {cause: "possible"}
        done = run("explain", "-", "--policy", str(module), stdin=SDK_2)
        assert f"may change what was read: {module}/override.tf" in done.out
        assert done.code == 1


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:iam::111122223333:user/ops/alice",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:federated-user/alice",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice",
    ],
)
def test_the_policy_of_the_plugin_is_no_certain_cause_of_what_a_person_was_denied(
    principal: str, tmp_path: Path
) -> None:
    text = f"User: {principal} is not authorized to perform: ec2:DescribeSubnets"
    for words in ((), given(tmp_path, IPV4)):
        (explanation,) = explained(text, *words)
        known = causes(explanation)
        assert "other-principal" in known and "certain" not in known.values()


CREATE = SDK_2.replace("DescribeSubnets", "CreateNetworkInterface")


@pytest.mark.parametrize(
    "text",
    [
        CREATE,
        json.dumps(RECORD | {"errorMessage": ""}),
        EVENT.replace("CreateTags", "CreateNetworkInterface"),
    ],
    ids=["log", "record", "event"],
)
@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ([], "policy-lacks-action"),
        ([allow("ec2:CreateTags", f"{ARN}:subnet/*")], "condition-or-resource"),
        ([allow("ec2:CreateTags")], "allowed-by-policy"),
    ],
)
def test_an_interface_is_made_with_tags_that_the_policy_must_allow_too(
    text: str, more: list[dict[str, Any]], cause: str, tmp_path: Path
) -> None:
    """The API's name is said, and AWS checks two actions for it."""
    policy = document(allow("ec2:CreateNetworkInterface"), *more)
    (explanation,) = explained(text, *given(tmp_path, policy))
    known = causes(explanation).keys() - {"node-role", "cluster-name-missing"}
    assert known == {cause}
    if cause == "policy-lacks-action":
        (lacks,) = (c for c in explanation["causes"] if c["name"] == cause)
        assert "does not allow ec2:CreateTags" in lacks["text"]


@pytest.mark.parametrize(("version", "lacks"), [("v1.7.1", False), ("v1.7.2", True)])
def test_old_versions_make_an_interface_without_tags(
    version: str, lacks: bool, tmp_path: Path
) -> None:
    policy = document(allow("ec2:CreateNetworkInterface"))
    (explanation,) = explained(CREATE, "--cni-version", version, *given(tmp_path, policy))
    assert ("policy-lacks-action" in causes(explanation)) is lacks
    assert ("allowed-by-policy" in causes(explanation)) is not lacks


def test_a_decoded_message_without_its_resource_or_conditions_makes_neither_the_certain_cause(
    tmp_path: Path,
) -> None:
    message = json.loads(
        json.loads(decoded("ec2:DeleteNetworkInterface", INTERFACE, {}))["DecodedMessage"]
    )
    resource = message["context"].pop("resource")
    for conditions in ({"items": []}, None, {}, {"items": None}):
        message["context"]["conditions"] = conditions
        if conditions is None:
            message["context"]["resource"] = resource
        (explanation,) = explained(json.dumps(message), *given(tmp_path, SCOPED))
        assert causes(explanation) == {"condition-or-resource": "possible"}


@pytest.mark.parametrize(
    "text",
    [
        "failed to call ec2:DescribeSubnets due to missing permissions; "
        "failed to call ec2:CreateTags due to missing permissions",
        json.dumps({"log": f"operation error EC2: DescribeSubnets, AccessDenied\n{EVENT}\n"}),
        "User: anonymous is not authorized to perform: ec2:DescribeSubnets; "
        "User: anonymous is not authorized to perform: ec2:CreateTags on resource: *",
    ],
)
def test_each_denial_of_a_text_is_explained(text: str) -> None:
    assert [e["action"] for e in explained(text)] == ["ec2:DescribeSubnets", "ec2:CreateTags"]


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("with an explicit deny in a service control policy", "service-control-policy"),
        ("because no resource control policy allows it", "resource-control-policy"),
        ("because no permissions boundary allows it", "boundary"),
        ("because no session policy allows it", "session-policy"),
        ("with an explicit deny in a VPC endpoint policy", "endpoint-policy"),
        ("with an explicit deny", "explicit-deny"),
        ("with an explicit deny in an identity-based policy", "explicit-deny"),
        ("because no identity-based policy allows it", "not-allowed"),
    ],
)
def test_aws_words_about_other_policies_are_a_certain_cause(reason: str, cause: str) -> None:
    text = RECORD["errorMessage"].replace(
        "because no identity-based policy allows the ec2:CreateNetworkInterface action", reason
    )
    (explanation,) = explained(text)
    certain = {name for name, known in causes(explanation).items() if known == "certain"}
    assert certain == {"node-role", cause}
    # Statements for the role's policy do not help if another policy is the cause.
    is_of_role = cause in ("explicit-deny", "not-allowed")
    assert bool(explanation["statements"]) == is_of_role


@pytest.mark.parametrize(
    ("action", "options", "causes_of_action"),
    [
        # An IPv6 policy does not allow it, and the other way round.
        ("ec2:AttachNetworkInterface", (), {"other-ip-family"}),
        ("ec2:AssignIpv6Addresses", (), {"other-ip-family", "policy-older-than-plugin"}),
        ("ec2:DescribeNetworkInterfaces", (), set()),  # called in both families
        # Only a feature makes the call: no policy without the feature has it, of no version.
        ("cloudwatch:PutMetricData", (), {"policy-without-feature"}),
        ("logs:CreateLogGroup", (), {"policy-without-feature"}),
        ("ec2:CreateNetworkInterface", ("--mode", "ipv6"), {"policy-without-feature"}),
    ],
)
def test_that_no_policy_allows_an_action_is_the_cause_and_the_likely_policies_are_named(
    action: str, options: tuple[str, ...], causes_of_action: set[str]
) -> None:
    text = (
        f"User: arn:aws:sts::111122223333:assumed-role/cni/x is not authorized to perform: {action}"
        f" because no identity-based policy allows the {action} action"
    )
    (explanation,) = explained(text, *options)
    possible = dict.fromkeys(causes_of_action, "possible")
    assert causes(explanation) == {"not-allowed": "certain", **possible}


@pytest.mark.parametrize(
    ("action", "mode", "other"),
    [
        ("ec2:AssignIpv6Addresses", "ipv6", "ipv4"),
        ("ec2:CreateNetworkInterface", "ipv4", "ipv6"),
        ("ec2:AssignPrivateIpAddresses", "ipv4", "ipv6"),
    ],
)
def test_a_policy_for_the_other_ip_family_is_the_certain_cause(
    action: str, mode: str, other: str, tmp_path: Path
) -> None:
    text = f"failed to call {action} due to missing permissions"
    (explanation,) = explained(text, *given(tmp_path, run("policy", other).out))
    cause = explanation["causes"][0]
    assert (cause["name"], cause["certainty"]) == ("other-ip-family", "certain")
    assert "policy-lacks-action" not in causes(explanation)
    # What the fix says does fix it.
    command = f"vpc-cni-iam policy {mode} --cni-version {known_versions.newest()}"
    assert f"`{command}`" in cause["fix"]
    (explanation,) = explained(text, *given(tmp_path, run(*command.split()[1:]).out))
    assert not {"other-ip-family", "policy-lacks-action"} & causes(explanation).keys()


@pytest.mark.parametrize(
    ("action", "resource", "arn"),
    [
        ("CreatePolicy", "policy AmazonEKS_CNI_IPv6_Policy", "AmazonEKS_CNI_IPv6_Policy"),
        ("AttachRolePolicy", "role cni", "cni"),
        ("AddRoleToInstanceProfile", "instance profile cni", "cni"),
    ],
)
def test_the_words_of_iam_about_a_resource_without_an_arn_are_read(
    action: str, resource: str, arn: str
) -> None:
    text = (
        "User: arn:aws:sts::111122223333:assumed-role/dev/me is not authorized to perform: "
        f"iam:{action} on resource: {resource} with an explicit deny in a service control policy"
    )
    for message in (text, text.replace(resource, f"arn:aws:iam::111122223333:role/{arn}")):
        (explanation,) = explained(message)
        assert causes(explanation) == {"service-control-policy": "certain"}


def test_a_policy_that_allows_the_request_is_no_second_cause_beside_a_limit(
    tmp_path: Path,
) -> None:
    words = "with an explicit deny in a service control policy"
    text = f"User: x is not authorized to perform: ec2:AttachNetworkInterface {words}"
    (explanation,) = explained(text, *given(tmp_path, IPV4))
    assert causes(explanation) == {"service-control-policy": "certain"}
    # What the policy lacks is a cause, too.
    (explanation,) = explained(text, *given(tmp_path, document(allow("ec2:CreateTags"))))
    assert causes(explanation) == dict.fromkeys(
        ("service-control-policy", "policy-lacks-action"), "certain"
    )


@pytest.mark.parametrize(
    ("action", "feature"),
    [
        ("cloudwatch:PutMetricData", "metrics-helper"),
        ("logs:CreateLogGroup", "network-policy-logs"),
    ],
)
def test_the_policy_with_the_feature_is_the_fix_of_a_call_of_a_feature(
    tmp_path: Path, action: str, feature: str
) -> None:
    text = f"User: x is not authorized to perform: {action}"
    newest = known_versions.newest()
    command = f"vpc-cni-iam policy ipv4 --cni-version {newest} --feature {feature}"
    (explanation,) = explained(text)
    assert command in explanation["causes"][0]["fix"]
    assert {tuple(s["features"]) for s in explanation["statements"]} == {(feature,)}
    assert f"ipv4 --feature {feature}" in run("explain", "-", stdin=text).out
    # A policy that works without the feature is not one that works with it.
    (explanation,) = explained(text, *given(tmp_path, IPV4))
    (cause,) = explanation["causes"]
    assert cause["name"] == "policy-lacks-action" and f"--feature {feature}" in cause["fix"]
    allowed = run(*command.split()[1:]).out
    (explanation,) = explained(text, *given(tmp_path, allowed))
    assert "policy-lacks-action" not in causes(explanation)


@pytest.mark.parametrize("where", ["", " in an identity-based policy"])
def test_the_policy_that_aws_names_is_said_of_a_deny(where: str) -> None:
    text = f"User: x is not authorized to perform: ec2:CreateTags with an explicit deny{where}"
    (explanation,) = explained(text)
    (cause,) = (c for c in explanation["causes"] if c["name"] == "explicit-deny")
    reason = f": explicit deny{where}" if where else ""
    assert cause["text"] == f"a Deny statement matches the request{reason}"


def test_a_network_activity_event_names_the_policy_of_the_endpoint() -> None:
    """AWS CloudTrail User Guide, "Logging network activity events"."""
    words = "The request was denied due to a VPC endpoint policy"
    denied = RECORD | {"errorCode": "VpceAccessDenied", "errorMessage": words}
    (explanation,) = explained(json.dumps(denied))
    assert causes(explanation)["endpoint-policy"] == "certain"


def test_a_policy_that_allows_what_no_policy_of_the_role_does_is_not_the_roles(
    tmp_path: Path,
) -> None:
    (tmp_path / "ipamd.log").write_text(RECORD["errorMessage"])
    done = run("explain", "ipamd.log", *given(tmp_path, IPV4), cwd=tmp_path)
    assert "no policy of the role does" in done.out and "something else" not in done.out


def test_the_action_that_a_text_names_is_told_though_the_plugin_does_not_call_it() -> None:
    text = "An error occurred (UnauthorizedOperation) when calling the {} operation: not authorized"
    for operation in ("DisassociateAddress", "DescribeSubnets"):
        (explanation,) = explained(text.format(operation))
        assert explanation["action"] == f"ec2:{operation}"
    # AWS's other services share the code.
    text = text.replace("UnauthorizedOperation", "AccessDenied")
    assert run("explain", "-", stdin=text.format("ListBuckets")).out.startswith("not explained")
    # A page makes links of what looks like one.
    linked = RECORD | {"eventSource": "[ec2.amazonaws.com](http://ec2.amazonaws.com/)"}
    (explanation,) = explained(json.dumps(linked | {"errorMessage": ""}))
    assert explanation["action"] == "ec2:CreateNetworkInterface"


def test_a_request_that_the_plugin_does_not_send_and_a_line_without_a_call_are_not_explained() -> (
    None
):
    other = RECORD | {"eventName": "DescribeHosts", "errorMessage": ""}
    done = run("explain", "-", stdin=json.dumps(other))
    assert done.code == 1 and "plugin v1.22.4 does not make this call" in done.out
    done = run("explain", "-", stdin="ipamd: UnauthorizedOperation: something new")
    assert done.code == 1 and "does not name the denied call" in done.out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty; paste lines of ipamd.log"),
        ("all is well", "has no denied request"),
        (json.dumps(ALLOWED), "has no denied request"),
        ("x" * 300, "aws sts decode-authorization-message --encoded-message"),
        ('{"DecodedMessage": "{"}', "DecodedMessage"),
        ('{"Events": [{"CloudTrailEvent": "{"}]}', "CloudTrailEvent"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested too deeply"),
    ],
)
def test_other_texts_are_refused(text: str, problem: str) -> None:
    done = run("explain", "-", stdin=text)
    assert done.code == 3 and problem in done.err and "Traceback" not in done.err


@pytest.mark.parametrize("odd", [{"eventName": 3}, {"eventSource": None}, {"eventName": {}}])
def test_a_record_whose_call_is_no_text_is_not_explained(odd: dict[str, object]) -> None:
    done = run("explain", "-", stdin=json.dumps(RECORD | {"errorMessage": ""} | odd))
    assert done.code == 1
    assert "not explained, the text does not name the denied call" in done.out


def test_what_is_no_tag_in_a_record_is_passed() -> None:
    """The other tags, and the call, are read."""
    specification = RECORD["requestParameters"]["tagSpecificationSet"]["items"]
    odd = {"requestParameters": {"tagSpecificationSet": {"items": [3, *specification]}}}
    assert explained(json.dumps(RECORD | odd)) == explained(json.dumps(RECORD))


def test_json_that_is_cut_off_is_not_explained_in_part() -> None:
    """The first denial could be read from the text, and the others would be missed."""
    text = json.dumps({"Records": [RECORD, RECORD]}, indent=1)
    done = run("explain", "-", stdin=text[:-20])
    assert done.code == 3 and "standard input: line " in done.err
    assert "is not JSON: it ends too early" in done.err
    # Lines of a log are one value each.
    lines = [json.dumps(RECORD), json.dumps(RECORD)[:-20]]
    assert "was denied" in run("explain", "-", stdin="\n".join(lines)).out


def test_control_characters_do_not_reach_the_terminal() -> None:
    record = RECORD | {"errorMessage": ""}
    record["userIdentity"] = {"arn": "arn:aws:sts::1:assumed-role/x\u001b[31m/y"}
    done = run("explain", "-", stdin=json.dumps(record))
    assert "\u001b" not in done.out and "\\u001b" in done.out


def test_of_many_lines_without_a_call_the_first_are_shown_and_the_others_counted() -> None:
    text = "".join(f"ipamd: UnauthorizedOperation: something {n}\n" for n in range(1, 1100))
    done = run("explain", "-", stdin=text)
    shown = [line for line in done.out.splitlines() if line.startswith("not explained")]
    assert done.code == 1 and shown[0].endswith("something 1")
    *_, more, advice = done.out.splitlines()
    assert more.startswith(f"and {1099 - len(shown):,} more lines like these")
    assert advice.endswith("aws sts decode-authorization-message --encoded-message MESSAGE")


def test_a_call_of_other_plugin_versions_alone_names_them() -> None:
    text = "User: x is not authorized to perform: ec2:DescribeSecurityGroups"
    done = run("explain", "-", stdin=text)
    assert done.out.splitlines()[2] == (
        "  only plugin v1.22.0 to v1.22.1 makes this call; without it, "
        "ipamd exits at start and the node stays NotReady"
    )
    assert '"Action": "ec2:DescribeSecurityGroups"' in done.out
    upgrade = "  or upgrade the plugin to v1.22.2 or later, which does not make this call: `aws eks"
    assert upgrade in done.out
    assert done.code == 0
    # A version that is named does not make it.
    named = run("explain", "-", "--cni-version", "v1.23.2", stdin=text)
    assert "    plugin v1.22.0 to v1.22.1 makes it: name your plugin version with" in named.out
    assert named.code == 1
    other = run("explain", "-", stdin=text.replace("ec2:DescribeSecurityGroups", "s3:GetObject"))
    assert "calls it" not in other.out


def aws_node(version: str = "v1.19.0", **more: Any) -> str:
    return daemonset(image=f"amazon-k8s-cni:{version}-eksbuild.1", **more)


@pytest.mark.parametrize(
    ("ipv6", "words", "version", "families"),
    [
        ("false", (), "v1.19.0", {"ipv4"}),
        ("true", (), "v1.19.0", {"ipv6"}),
        ("true", ("--mode", "ipv4"), "v1.19.0", {"ipv4"}),
        ("false", ("--cni-version", "v1.20.0"), "v1.20.0", {"ipv4"}),
        (None, (), "v1.23.2", {"ipv4", "ipv6"}),
    ],
)
def test_the_daemonset_tells_version_ip_family_and_names(
    ipv6: str | None, words: tuple[str, ...], version: str, families: set[str], tmp_path: Path
) -> None:
    file = tmp_path / "aws-node.json"
    file.write_text(aws_node(ENABLE_IPv6=ipv6))
    settings = ("--daemonset", str(file)) if ipv6 else ()
    (explanation,) = explained(EVENT, *settings, *words)
    assert explanation["cni_version"] == version
    assert {mode for call in explanation["calls"] for mode in call["modes"]} == families
    delete = EVENT.replace("CreateTags", "DeleteNetworkInterface")
    (explanation,) = explained(delete, *settings, "--mode", "ipv4")
    assert explanation["example_names"] == ([] if ipv6 else ["cluster_name"])
    # The version that asked is that of its user agent.
    (explanation,) = explained(json.dumps(RECORD), *settings)
    assert explanation["cni_version"] == "v1.22.4"


def test_a_daemonset_of_a_newer_version_is_answered_with_the_newest(tmp_path: Path) -> None:
    (tmp_path / "aws-node.json").write_text(aws_node("v1.23.9"))
    words = ("explain", "-", "--daemonset", "aws-node.json")
    done = run(*words, stdin=EVENT, cwd=tmp_path)
    assert done.code == 0 and "taking v1.23.2" in done.err


def test_a_daemonset_that_is_no_daemonset_and_standard_input_twice_are_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "x.json").write_text("{}")
    done = run("explain", "-", "--daemonset", str(tmp_path / "x.json"), stdin=EVENT)
    assert done.code == 3 and "is neither the DaemonSet aws-node nor values" in done.err
    done = run("explain", "-", "--daemonset", "-", stdin=EVENT)
    assert done.code == 2 and "- is given twice" in done.err


def test_an_ip_family_that_another_object_has_is_not_assumed(tmp_path: Path) -> None:
    elsewhere = {"name": "ENABLE_IPv6", "valueFrom": {"configMapKeyRef": {"name": "cni"}}}
    manifest = aws_node(ENABLE_IPv6=None, more=(elsewhere,))
    (tmp_path / "aws-node.json").write_text(manifest)
    (explanation,) = explained(EVENT, "--daemonset", str(tmp_path / "aws-node.json"))
    assert {m for call in explanation["calls"] for m in call["modes"]} == {"ipv4", "ipv6"}
