"""Text as people paste it says the same as the message that it is of."""

import json
import re
import textwrap
import tomllib
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import run

INTERFACE = "arn:aws:ec2:eu-west-1:111122223333:network-interface/eni-0123456789abcdef0"
PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/prod-cni/eks-prod-aws-node-0123456789abcdef0"
DENIED = (
    f"You are not authorized to perform this operation. User: {PRINCIPAL} is not authorized to "
    f"perform: ec2:DeleteNetworkInterface on resource: {INTERFACE} because no identity-based "
    "policy allows the ec2:DeleteNetworkInterface action. Encoded authorization failure message: "
    "AbCdEf"
)
DENIALS = [
    "[INFO] [aws-node] An error occurred (UnauthorizedOperation) when calling the DescribeSubnets "
    "operation [eni-0123456789abcdef0] [eni-0123456789abcdef1] [eni-0123456789abcdef2]",
    DENIED,
    f"User: {PRINCIPAL} is not authorized to perform: ec2:DeleteNetworkInterface on resource: "
    f"{INTERFACE}",
    f"User: {PRINCIPAL} is not authorized to perform: ec2:DescribeSubnets because no "
    "identity-based policy allows the ec2:DescribeSubnets action",
    f"User: {PRINCIPAL} is not authorized to perform: ec2:CreateTags with an explicit deny in a "
    "service control policy: arn:aws:organizations::111122223333:policy/o-1/"
    "service_control_policy/p-1",
    "operation error EC2: DeleteNetworkInterface, https response error StatusCode: 403, RequestID: "
    f"1e1bbeac-0000-0000-0000-000000000000, api error UnauthorizedOperation: {DENIED}",
    "checkAPIErrorAndBroadcastEvent resulted in operation error EC2: DescribeSubnets, https "
    "response error StatusCode: 403, RequestID: 1e1bbeac, api error UnauthorizedOperation: You are "
    "not authorized to perform this operation.",
    "Failed to add tag to ENI eni-0123456789abcdef0: UnauthorizedOperation: You are not authorized "
    "to perform this operation.\n\tstatus code: 403, request id: 1e1bbeac",
    "Unauthorized operation: failed to call ec2:CreateTags due to missing permissions. Please "
    "refer https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/iam-policy.md to attach "
    "relevant policy to IAM role",
    "An error occurred (UnauthorizedOperation) when calling the CreateNetworkInterface "
    "operation: You are not authorized to perform this operation.",
]
_ERRORS = tomllib.loads((Path(__file__).parent / "messages.toml").read_text())
MESSAGES = [*DENIALS, *(text for error in _ERRORS.values() for text in error["messages"])]
# What is not about one error, around it.
PROSE = "aws-node does not start after the upgrade. What is wrong?\n\n"


def hard_wrapped(text: str, width: int) -> str:
    """As a terminal breaks lines, which are copied as several."""
    return "\n".join(text[i : i + width] for i in range(0, len(text), width))


def one_line(text: str) -> str:
    return " ".join(text.split())


def log(message: str) -> str:
    return json.dumps({"level": "error", "ts": "2026-11-25T22:26:28.784Z", "msg": message})


def event(message: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "count": 3,
        "involvedObject": {"kind": "Pod", "name": "aws-node-x"},
        "kind": "Event",
        "message": message,
        "metadata": {"name": "aws-node-x.17", "namespace": "kube-system"},
        "reason": "MissingIAMPermissions",
        "type": "Warning",
    }


def events(message: str) -> str:
    """As ``kubectl get events -o yaml`` folds a message."""
    items = {"apiVersion": "v1", "items": [event(message), event("Started container")]}
    text: str = yaml.safe_dump(items, width=80)
    return text


def described(message: str) -> str:
    """As ``kubectl describe pod`` prints events."""
    rows = [
        "Events:",
        "  Type     Reason                 Age                  From      Message",
        "  ----     ------                 ----                 ----      -------",
        f"  Warning  MissingIAMPermissions  6m8s (x2 over 6m9s)  aws-node  {message}",
        "  Normal   Started                4m38s                kubelet   Started container",
    ]
    return "\n".join(rows)


def wrapped(text: str, width: int) -> str:
    """As a program breaks lines between words."""
    return textwrap.fill(text, width, break_on_hyphens=False, break_long_words=False)


def boxed(message: str, width: int) -> str:
    """As Terraform prints an error in a terminal."""
    lines = wrapped(f"Error: creating EKS Add-On: {one_line(message)}", width).split("\n")
    end = ["", '  with module.eks.aws_eks_addon.this["vpc-cni"],', "  on main.tf line 7, in x:"]
    rows = [f"│ {line}".rstrip() for line in [*lines, *end, "   7: resource x {"]]
    return "\n".join(["╷", *rows, "╵"])


FORMS: dict[str, Callable[[str], str]] = {
    "wrapped": lambda m: wrapped(one_line(m), 72),
    "wrapped narrow, quoted": lambda m: textwrap.indent(wrapped(one_line(m), 66), "> > "),
    "terminal of 80": lambda m: hard_wrapped(one_line(m), 80),
    "terminal of 132": lambda m: hard_wrapped(f"[root@node ~]# {one_line(m)}", 132),
    "log": log,
    "log in a terminal of 80": lambda m: hard_wrapped(log(m), 80),
    "log, wrapped by words": lambda m: wrapped(log(m), 90),
    "second line of a log": lambda m: f"{log('All is well')}\n{log(m)}",
    "second line of a text": lambda m: f"2026-11-25T22:26:28Z All is well\n\n{one_line(m)}",
    "log with a prefix": lambda m: f"aws-node-x aws-node {log(m)}",
    "log of the container runtime": lambda m: f"2026-11-25T22:26:28.784Z stderr F {log(m)}",
    "log in Fluent Bit": lambda m: json.dumps({"log": log(m) + "\n", "kubernetes": {"pod": "x"}}),
    "log in CloudWatch Logs": lambda m: json.dumps({"timestamp": 17, "message": log(m)}),
    "log with colours": lambda m: f"\x1b[31mERROR\x1b[0m {one_line(m)}",
    "Markdown below a long line": lambda m: (
        "We see this after the upgrade to EKS 1.33 in all three of our clusters, in all Regions:\n"
        f"```\n {wrapped(one_line(m), 70)}\n```"
    ),
    "with spaces of a web page": lambda m: json.dumps([event(m)], indent=4).replace(
        "    ", "\N{NO-BREAK SPACE}   "
    ),
    "grep in colours": lambda m: re.sub(
        "(authorized|error|fail|no)", "\x1b[01;31m\\1\x1b[m\x1b[K", one_line(m), flags=re.IGNORECASE
    ),
    "Markdown": lambda m: f"{PROSE}```\n{log(m)}\n```\n\nThanks!\n",
    "quoted in Markdown": lambda m: textwrap.indent(f"{PROSE}```json\n{log(m)}\n```\n", "> "),
    "as an editor sets it": lambda m: f"We see “{one_line(m)}” in the log.".replace(
        "'", "\N{RIGHT SINGLE QUOTATION MARK}"
    ),
    "in HTML": lambda m: escape(one_line(m), quote=False),
    "code in a sentence": lambda m: f"We see `{one_line(m)}` in the log.",
    "events as YAML": events,
    "events as YAML, quoted": lambda m: textwrap.indent(events(m), "> "),
    "events as JSON": lambda m: json.dumps({"items": [event(m)]}, indent=4),
    "an event in text": lambda m: f"$ kubectl get event -o json\n{json.dumps(event(m), indent=4)}",
    "kubectl describe": described,
    "kubectl get events": lambda m: (
        f"2m29s  Warning  MissingIAMPermissions  pod/aws-node-x  {one_line(m)}"
    ),
    "box of Terraform in a terminal of 80": lambda m: boxed(m, 78),
    "box of Terraform in a wide terminal": lambda m: boxed(m, 1000),
    "Windows": lambda m: f"{PROSE}{log(m)}\n".replace("\n", "\r\n"),
}


def told(text: str) -> tuple[Any, ...]:
    done = run("explain", "-", "--format", "json", stdin=text)
    assert done.code in (0, 1), (done.err, text)
    result = json.loads(done.out)
    denials = [
        (d["action"], d["count"], d["resources"]["first"], d["principals"]["first"], d["reason"])
        for d in result["denials"]
    ]
    errors = [(error["name"], error["count"]) for error in result["errors"]]
    return denials, errors, result["unknown"]


@pytest.mark.parametrize("form", FORMS)
def test_a_message_says_the_same_in_every_form(form: str) -> None:
    for message in MESSAGES:
        text = FORMS[form](message)
        assert told(text) == told(message), f"\n{text}"


@pytest.mark.parametrize("form", FORMS)
def test_several_messages_in_one_text_are_each_told(form: str) -> None:
    first, second = DENIALS[5], DENIALS[6]
    texts = [FORMS[form](message) for message in (first, second, first)]
    denials, errors, unknown = told("\n".join(texts))
    assert {(d[0], d[1]) for d in denials} == {
        ("ec2:DeleteNetworkInterface", 2),
        ("ec2:DescribeSubnets", 1),
    }
    assert not errors and not unknown


@pytest.mark.parametrize("indent", ["", "  "])
def test_xml_of_ec2_and_of_sts_is_read(indent: str) -> None:
    for code, message in [
        ("UnauthorizedOperation", DENIED),
        ("AccessDenied", _ERRORS["clock"]["messages"][0]),
    ]:
        lines = [
            "<Response>",
            f"<Error><Code>{code}</Code>",
            f"<Message>{escape(message)}</Message>",
        ]
        text = "\n".join([lines[0], *(indent + line for line in lines[1:]), "</Response>"])
        assert told(text)[:2] == told(message)[:2]
        assert not told(text)[2]


PIECES = [
    # Members of a record without what is around them.
    '"eventSource": "ec2.amazonaws.com",\n"eventName": "CreateNetworkInterface",\n'
    '"userAgent": "aws-sdk-go/1.33.14 amazon-vpc-cni-k8s",\n'
    '"errorCode": "Client.UnauthorizedOperation",\n"errorMessage": "You are not authorized"',
    "errorCode: Client.UnauthorizedOperation\n  eventName: CreateNetworkInterface\n"
    "  eventSource: ec2.amazonaws.com",
    # The same, as it is copied from a table.
    '"userAgent":"amazon-vpc-cni-k8s","errorCode":"Client.UnauthorizedOperation",'
    '"errorMessage":"You are not authorized to perform this operation ....\n'
    "userIdentity.sessionContext.sessionIssuer.arn:   arn:aws:iam::111122223333:role/ec2\n"
    "eventName : CreateNetworkInterface\neventSource : ec2.amazonaws.com",
    "errorCode: Client.UnauthorizedOperation\n  eventName : CreateNetworkInterface",
    # Operations and calls in the plugin's and in people's words.
    "ipamd: failed to CreateNetworkInterface: UnauthorizedOperation: You are not authorized",
    "Failed calling CreateNetworkInterface for `m6i.large`: UnauthorizedOperation: You are not",
    "Failed to call ec2:CreateNetworkInterface: UnauthorizedOperation: You are not authorized",
    "failed to Create ENI: UnauthorizedOperation: You are not authorized",
    "UnauthorizedOperation: You are not authorized to perform: ec2:CreateNetworkInterface",
    "UnauthorizedOperation ... is not authorized to perform: ec2:CreateNetworkInterface on "
    "resource: arn:aws:ec2:eu-west-1:111122223333:network-interface/* because no session policy "
    "allows the ec2:CreateNetworkInterface action",
    # What strace shows of a log.
    r'27 1592998428.6 write(7, "{\"level\":\"error\",\"msg\":\"Failed to CreateNetworkInterface '
    r'UnauthorizedOperation: You are not authorized to perform this operation.\"}\n", 131) = 131',
    # The error of a library and what it is about, in two members.
    json.dumps({"msg": "Failed to CreateNetworkInterface", "error": "UnauthorizedOperation: no"}),
    json.dumps({"__type": "AccessDeniedException", "Message": DENIED.replace("Delete", "Create")}),
]


@pytest.mark.parametrize("text", PIECES)
def test_what_is_copied_in_part_is_read(text: str) -> None:
    denials, errors, unknown = told(text)
    assert [denial[0] for denial in denials] == ["ec2:CreateNetworkInterface"]
    assert not errors and not unknown


@pytest.mark.parametrize(
    "resource",
    ["XXX", "***", "[REDACTED]", "[my ARN]", "<redacted>", "<my ARN>", "REDACTED",
     "arn:aws:ec2:eu-west-1:XXX:XXXX", "arn:aws:ec2:***:***:***"],
)  # fmt: skip
@pytest.mark.parametrize("action", ["ec2:CreateTags", "ec2:AttachNetworkInterface"])
def test_a_resource_that_cannot_be_read_is_not_known(action: str, resource: str) -> None:
    why = f"because no identity-based policy allows the {action} action"
    text = f"User: {PRINCIPAL} is not authorized to perform: {action} on resource: {{}} {why}"
    assert told(text.format(resource)) == told(text.replace(" on resource: {}", ""))
    out = run("explain", "-", stdin=text.format(resource)).out
    assert f"{action} was denied" in out and "does not make this call" not in out
    # A resource that can be read decides: the plugin makes no such call.
    out = run("explain", "-", stdin=text.format(INTERFACE.replace("network-interface", "volume")))
    assert "does not make this call" in out.out
    context = {"action": action, "resource": resource, "conditions": {"items": []}}
    decoded = json.dumps({"allowed": False, "context": context})
    assert "does not make this call" not in run("explain", "-", stdin=decoded).out


def test_the_health_of_an_add_on_is_read() -> None:
    issue = {"code": "InsufficientNumberOfReplicas", "message": "The add-on is unhealthy"}
    addon = {"addon": {"addonName": "vpc-cni", "health": {"issues": [issue]}}}
    assert told(json.dumps(addon, indent=2))[1] == [("addon-replicas", 1)]


def test_a_log_that_only_waits_for_ipamd_is_refused_with_the_log_that_says_more() -> None:
    text = 'time="2026-11-25T22:26:28Z" level=info msg="Checking for IPAM connectivity... "\n'
    done = run("explain", "-", stdin=text)
    assert done.code == 3 and "aws-node waits for ipamd, and ipamd.log says why" in done.err


def test_two_errors_on_one_line_are_two_answers() -> None:
    event = "failed to call ec2:CreateTags due to missing permissions"
    denials, errors, _ = told(
        f"{DENIALS[6]} {event} {DENIALS[7]} {_ERRORS['throttled']['messages'][0]}"
    )
    assert {d[0]: d[1] for d in denials} == {"ec2:DescribeSubnets": 1, "ec2:CreateTags": 1}
    assert errors == [("throttled", 1)]
    # AWS checks tags that are sent with an interface as their own request: one error.
    text = (
        DENIALS[5].replace("C2: DeleteN", "C2: CreateN").replace("ec2:DeleteNet", "ec2:CreateNet")
    )
    (denial,) = told(
        text.replace("perform: ec2:CreateNetworkInterface", "perform: ec2:CreateTags")
    )[0]
    assert denial[0] == "ec2:CreateTags"


def test_a_line_that_says_it_twice_counts_once() -> None:
    for line in (
        f"{DENIALS[6]} {DENIALS[6]}",
        f"Failed to delete ENI: UnauthorizedOperation: {'x' * 200} {DENIED} {DENIED}",
        f"failed to call ec2:DeleteNetworkInterface due to missing permissions: {DENIED}",
        json.dumps({"msg": DENIALS[5], "error": DENIALS[5], "errorVerbose": f"{DENIALS[5]}\nat x"}),
    ):
        denials, errors, unknown = told(line)
        assert [denial[1] for denial in denials] == [1], line
        assert not errors and not unknown
    # Of two resources, it is two.
    other = DENIED.replace(INTERFACE, INTERFACE.replace("eni-0", "eni-1"))
    assert [denial[1] for denial in told(f"{DENIED} {other}")[0]] == [2]


@pytest.mark.parametrize(
    "text",
    [
        'the aws-node pods were unable to start due to lacking permission "ec2:DescribeSubnets".',
        "The policy is missing the `ec2:DescribeSubnets` permission, and the upgrade fails",
    ],
)
def test_a_missing_permission_is_read_in_a_persons_words(text: str) -> None:
    denials, errors, unknown = told(f"{PROSE}{text}")
    assert [denial[:2] for denial in denials] == [("ec2:DescribeSubnets", 1)]
    assert not errors and not unknown


def test_an_indented_line_below_json_is_a_message_of_its_own() -> None:
    denials, _, _ = told(f"{json.dumps(event(DENIED), indent=4)}\n  {DENIALS[6]}")
    assert [d[0] for d in denials] == ["ec2:DeleteNetworkInterface", "ec2:DescribeSubnets"]


def test_a_code_that_a_terminal_cuts_is_not_passed_over() -> None:
    text = "Unable to get the name of the instance: UnauthorizedOperation: You are not authorized"
    denials, errors, unknown = told(hard_wrapped(text, 60))
    assert not denials and not errors and len(unknown) == 1
