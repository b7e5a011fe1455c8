"""Errors that are no denied call of the plugin: what each proves, and what to run next."""

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, run, validator
from vpc_cni_iam.explain.known import errors

NODE = "arn:aws:sts::111122223333:assumed-role/prod-node/i-0123456789abcdef0"
ERRORS: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "messages.toml").read_text()
)
MESSAGES: dict[str, list[str]] = {name: error["messages"] for name, error in ERRORS.items()}
EKS_AUTH = MESSAGES["pod-identity-node-role"][1]


def explanations(text: str, *words: str) -> dict[str, Any]:
    done = run("explain", "-", "--format", "json", *words, stdin=text)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    validator("explain").validate(result)
    assert done.code == (0 if result["complete"] else 1)
    return result


@pytest.mark.parametrize("form", ["text", "log", "logfmt", "event"])
def test_each_error_is_recognised_and_is_no_denied_call(form: str) -> None:
    for name, message in ((name, text) for name, texts in MESSAGES.items() for text in texts):
        text = {
            "text": message,
            "log": json.dumps({"level": "error", "ts": "2026-11-25T22:26:28Z", "msg": message}),
            "logfmt": f'time="2026-11-25T22:26:28Z" level=error msg={json.dumps(message)}',
            "event": json.dumps({"reason": "Failed", "message": message, "count": 3}),
        }[form]
        result = explanations(text)
        assert [error["name"] for error in result["errors"]] == [name], message
        assert result["complete"] and not result["denials"] and not result["unknown"], message


def test_the_table_of_errors_has_a_message_of_each() -> None:
    path = ROOT / "generator/vpc_cni_iam/explain/report/errors.toml"
    assert MESSAGES.keys() == tomllib.loads(path.read_text()).keys()


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_has_its_kind_what_else_it_can_be_and_the_next_commands(name: str) -> None:
    expected = ERRORS[name]
    (error,) = explanations(expected["messages"][0])["errors"]
    assert error["kind"] == expected["kind"] and error["cause"]
    for word, command in zip(expected["commands"], error["commands"], strict=True):
        assert word in command
    assert bool(error["alternatives"]) is not expected.get("has_one_cause", False)


def test_the_hop_limit_is_named_where_the_metadata_service_does_not_answer() -> None:
    for message in MESSAGES["imds-unreachable"]:
        assert (
            "the hop limit is 1, and the pod is not in the network"
            in run("explain", "-", stdin=message).out
        )


def test_credentials_come_before_denied_calls_and_other_errors_after() -> None:
    denied = (
        "operation error EC2: DescribeSubnets, https response error StatusCode: 403, api error "
        "UnauthorizedOperation: You are not authorized to perform this operation."
    )
    names = ["subnet-full", "", "no-oidc-provider", "throttled"]
    texts = [MESSAGES[name][0] if name else denied for name in names]
    done = run("explain", "-", stdin="\n\n".join(texts))
    starts = [
        "no credentials, no-oidc-provider",
        "ec2:DescribeSubnets was denied",
        "not caused by IAM, subnet-full",
        "not caused by IAM, throttled",
    ]
    places = [done.out.index(start) for start in starts]
    assert done.code == 0 and places == sorted(places)


def test_an_error_is_told_with_its_cause_what_else_it_can_be_and_the_next_command() -> None:
    text = json.dumps({"msg": MESSAGES["pod-identity-trust"][0]})
    done = run("explain", "-", stdin=f"{text}\n{text}\n")
    assert done.out.splitlines() == [
        "no credentials, pod-identity-trust (2 times)",
        "  text: ...to load credentials, : [0f]: (AccessDeniedException): Unauthorized Exception! "
        "EKS does not have permissions to assume the associated role., fault: client",
        "  cause: the trust policy of the associated role does not allow sts:AssumeRole and "
        "sts:TagSession to pods.eks.amazonaws.com, or the role does not exist",
        "  or: a condition of the trust policy names another cluster, namespace or service account",
        "  or: a service control policy or a resource control policy denies the two actions",
        "  run: aws eks list-pod-identity-associations --cluster-name CLUSTER --namespace "
        "kube-system --service-account aws-node",
        "  run: aws iam get-role --role-name ROLE --query Role.AssumeRolePolicyDocument",
    ]


def test_commands_have_the_names_that_are_known() -> None:
    result = explanations(EKS_AUTH)
    (error,) = result["errors"]
    assert error["commands"][0].endswith("--role-name prod-node")
    record = {
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithWebIdentity",
        "errorCode": "AccessDenied",
        "errorMessage": "An unknown error occurred",
        "userIdentity": {"userName": "system:serviceaccount:kube-system:aws-node"},
        "requestParameters": {"roleArn": "arn:aws:iam::111122223333:role/eks/prod-cni"},
    }
    (error,) = explanations(json.dumps(record), "--set", "cluster-name=prod")["errors"]
    assert error["name"] == "web-identity-denied"
    assert any("--role-name prod-cni " in command for command in error["commands"])
    assert any("--name prod " in command for command in error["commands"])
    (error,) = explanations(EKS_AUTH.replace("prod-node", "x;reboot"))["errors"]
    assert error["commands"][0].endswith("--role-name ROLE")


@pytest.mark.parametrize(
    ("service", "event", "code", "message", "name"),
    [
        ("eks-auth", "AssumeRoleForPodIdentity", "AccessDenied", "", "pod-identity-node-role"),
        (
            "eks-auth",
            "AssumeRoleForPodIdentity",
            "ResourceNotFoundException",
            "no association",
            "pod-identity-no-association",
        ),
        (
            "sts",
            "AssumeRoleWithWebIdentity",
            "InvalidIdentityTokenException",
            "No OpenIDConnect provider found in your account for https://oidc.example.com",
            "no-oidc-provider",
        ),
        ("sts", "AssumeRoleWithWebIdentity", "ExpiredTokenException", "", "token-expired"),
        ("ec2", "CreateNetworkInterface", "Client.RequestLimitExceeded", "", "throttled"),
        (
            "ec2",
            "AssignPrivateIpAddresses",
            "Client.InsufficientCidrBlocks",
            "The specified subnet does not have enough free cidr blocks",
            "subnet-full",
        ),
    ],
)
def test_records_of_cloudtrail_tell_errors(
    service: str, event: str, code: str, message: str, name: str
) -> None:
    record = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": event,
        "errorCode": code,
        "errorMessage": message,
        "userIdentity": {"arn": NODE},
    }
    result = explanations(json.dumps({"Records": [record]}))
    assert [error["name"] for error in result["errors"]] == [name] and not result["denials"]


OTHERS = [
    ("ecr:GetAuthorizationToken", "the kubelet (to pull images)"),
    ("elasticloadbalancing:DescribeLoadBalancers", "AWS Load Balancer Controller"),
    ("ec2:DescribeInstanceTopology", "the cloud controller manager"),
    ("ec2:DescribeVolumes", "Amazon EBS CSI driver"),
    ("route53:ListHostedZones", "ExternalDNS or cert-manager"),
]


@pytest.mark.parametrize(("action", "name"), OTHERS)
@pytest.mark.parametrize("policy", [False, True])
def test_a_call_that_the_plugin_never_makes_has_no_cause_of_the_plugin(
    action: str, name: str, policy: bool, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(run("policy", "ipv4").out)
    words = ("--policy", str(tmp_path / "p.json")) if policy else ()
    text = f"User: {NODE} is not authorized to perform: {action} on resource: *"
    result = explanations(text, *words)
    (denial,) = result["denials"]
    assert denial["program"] == {"name": name, "known_by": "action"}
    assert not denial["causes"] and not denial["calls"] and result["complete"]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("aws-sdk-go-v2/1.36.1 os/linux lang/go ebs-csi-driver/v1.44.0", "Amazon EBS CSI driver"),
        ("awslambda-worker/1.0 rusoto/0.48.0 rust/1.90.0 linux", "AWS Lambda"),
        ("aws-cli/2.22.0 Python/3.12.6 Linux/6.1", "the AWS CLI"),
        ("autoscaling.amazonaws.com", "an AWS service"),
        ("aws-sdk-go-v2/1.36.1 elbv2.k8s.aws/v2.13.0", "AWS Load Balancer Controller"),
    ],
)
def test_a_user_agent_of_another_program_is_named_and_has_no_cause_of_the_plugin(
    agent: str, name: str
) -> None:
    record = {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "CreateNetworkInterface",
        "errorCode": "Client.UnauthorizedOperation",
        "errorMessage": "You are not authorized to perform this operation.",
        "userAgent": agent,
        "userIdentity": {"arn": NODE},
    }
    (denial,) = explanations(json.dumps(record))["denials"]
    assert denial["program"]["name"].startswith(name)
    assert denial["program"]["known_by"] == "user agent"
    assert not denial["causes"] and not denial["calls"]
    # An SDK alone does not say which program it is; some versions of the plugin write no more.
    record["userAgent"] = "aws-sdk-go-v2/1.36.1 os/linux lang/go#1.23.6 api/ec2#1.200.0"
    (denial,) = explanations(json.dumps(record))["denials"]
    assert denial["program"] is None and denial["calls"]
    assert [(c["name"], c["certainty"]) for c in denial["causes"]] == [("node-role", "possible")]
    # Of the plugin itself, the call is not said to be of another program.
    record |= {"userAgent": "amazon-vpc-cni-k8s/v1.22.4", "eventName": "RunInstances"}
    assert explanations(json.dumps(record))["denials"][0]["program"] is None
    # What another program failed at is not the plugin's incident.
    record |= {"userAgent": agent, "errorCode": "Client.RequestLimitExceeded"}
    assert run("explain", "-", stdin=json.dumps(record)).code == 3


def test_a_role_that_other_pods_cannot_assume_is_not_that_of_the_plugin() -> None:
    record = {
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithWebIdentity",
        "errorCode": "AccessDenied",
        "userIdentity": {"userName": "system:serviceaccount:shop:cart"},
    }
    result = explanations(json.dumps(record))
    (denial,) = result["denials"]
    assert not result["errors"] and not denial["causes"]
    assert "service account cart of the namespace shop" in denial["program"]["name"]


def test_aws_words_are_a_cause_of_other_programs_too() -> None:
    reason = "with an explicit deny in a service control policy"
    text = f"User: {NODE} is not authorized to perform: ecr:GetAuthorizationToken {reason}"
    (denial,) = explanations(text)["denials"]
    assert [cause["name"] for cause in denial["causes"]] == ["service-control-policy"]


def event(name: str, message: str) -> dict[str, object]:
    about = {"kind": "Pod", "name": name, "namespace": "shop"}
    return {"involvedObject": about, "reason": "FailedMount", "message": message}


FORMS: dict[str, Callable[[str, str], str]] = {
    "json": lambda name, message: json.dumps({"items": [event(name, message)]}),
    "yaml": lambda name, message: str(yaml.safe_dump({"items": [event(name, message)]})),
    "table": lambda name, message: f"shop  2m  Warning  FailedMount  pod/{name}  {message}",
}


@pytest.mark.parametrize("form", FORMS)
def test_events_of_other_pods_are_not_the_plugins(form: str) -> None:
    """All events of a cluster are given at once."""
    refused = MESSAGES["no-oidc-provider"][0]
    denied = (
        "User: arn:aws:sts::111122223333:assumed-role/cart/x is not authorized to perform: "
        "ec2:DescribeInstances because no identity-based policy allows it"
    )
    names = ("cart-7d4b9c6f5-x2x4z", "cart-7d4b9c6f5-b7k2p")
    text = "\n".join(FORMS[form](name, denied) for name in names)
    (denial,) = explanations(text)["denials"]
    assert denial["program"] == {"name": "pods of cart", "known_by": "event"}
    assert not denial["causes"] and not denial["calls"]
    assert run("explain", "-", stdin=FORMS[form](names[0], refused)).code == 3
    for name in ("aws-node-x2x4z", "eks-pod-identity-agent-x2x4z"):
        (error,) = explanations(FORMS[form](name, refused))["errors"]
        assert error["name"] == "no-oidc-provider"
    # What is about the interfaces of any pod is told.
    (error,) = explanations(FORMS[form](names[0], MESSAGES["pod-eni"][0]))["errors"]
    assert error["name"] == "pod-eni"


@pytest.mark.parametrize(
    ("action", "agent", "certainty"),
    [
        ("ec2:AssignPrivateIpAddresses", "", "certain"),
        # Other programs of a node ask, too.
        ("ec2:DescribeInstances", "", "possible"),
        ("ec2:CreateTags", "", "possible"),
        ("cloudwatch:PutMetricData", "", "possible"),
        ("logs:PutLogEvents", "", "possible"),
        ("ec2:DescribeInstances", "aws-sdk-go-v2/1.41.4 amazon-vpc-cni-k8s/v1.23.2", "certain"),
        ("ec2:AssignPrivateIpAddresses", "aws-sdk-go-v2/1.36.1 os/linux", "possible"),
    ],
)
def test_the_role_of_the_node_is_certain_only_if_the_plugin_asked(
    action: str, agent: str, certainty: str
) -> None:
    text = f"User: {NODE} is not authorized to perform: {action} because no policy allows it"
    if agent:
        record = {"eventSource": "ec2.amazonaws.com", "eventName": action.removeprefix("ec2:")}
        denied = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": text}
        text = json.dumps({**record, **denied, "userAgent": agent, "userIdentity": {"arn": NODE}})
    (denial,) = explanations(text)["denials"]
    assert ("node-role", certainty) in [(c["name"], c["certainty"]) for c in denial["causes"]]


def test_a_person_is_named_for_a_call_that_the_plugin_never_makes() -> None:
    user = "arn:aws:iam::111122223333:user/alice"
    text = f"User: {user} is not authorized to perform: elasticloadbalancing:DescribeTags"
    (denial,) = explanations(text)["denials"]
    assert denial["program"] == {"name": "a person", "known_by": "principal"}


def test_each_error_that_the_page_of_questions_names_is_known() -> None:
    """The page says so."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    table = page.partition("| what ipamd.log has |")[2].partition("\n\n")[0]
    named = re.findall("`([^`]+)`", table)
    assert len(named) > 5
    named += ["cni plugin not initialized", "Retrying waiting for IPAM-D"]
    named += ["Timed out waiting for IPAM daemon to start"]
    for words in named:
        # Those of a denial do not say which call it was.
        text = f"failed to call ec2:CreateTags due to missing permissions: {words}"
        text = words if words not in ("UnauthorizedOperation", "MissingIAMPermissions") else text
        assert run("explain", "-", stdin=text).code == 0, words
        assert words in " ".join(page.split())


def test_the_log_of_a_node_is_read_by_one_command_everywhere() -> None:
    """Without a terminal, so that its output can be piped or written to a file."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    commands = {
        command
        for error in errors().values()
        for command in error.commands
        if command.startswith("kubectl debug")
    }
    assert len(commands) == 1
    assert all(command in page.splitlines() for command in commands)
    assert " -it " not in page
