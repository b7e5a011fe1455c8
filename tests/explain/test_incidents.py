"""One answer an incident, whatever the size of the text and whatever stands in it."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import run

ACCOUNT = "111122223333"
ARN = f"arn:aws:ec2:eu-west-1:{ACCOUNT}"
# Prints the processor time in seconds and the peak memory in MB of the command that it runs.
MEASURE = """
import resource, subprocess, sys
with open(sys.argv[1], "wb") as out:
    subprocess.run(sys.argv[2:], stdout=out)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def denied(number: int, action: str = "DeleteNetworkInterface", role: str = "prod-cni") -> str:
    """A line of ipamd.log about another interface and another node each."""
    text = (
        f"Failed to delete ENI: operation error EC2: {action}, https response error StatusCode: "
        f"403, RequestID: {number}, api error UnauthorizedOperation: You are not authorized to "
        "perform this operation. User: "
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/eks-{number:05d} is not authorized to "
        f"perform: ec2:{action} on resource: {ARN}:network-interface/"
        f"eni-{number:017x} because no identity-based policy allows the ec2:{action} action"
    )
    caller = "awsutils/awsutils.go:926"
    time = "2026-11-25T22:26:28.784Z"
    return json.dumps({"level": "error", "ts": time, "caller": caller, "msg": text})


def decoded(number: int) -> str:
    items = [{"key": "ec2:NetworkInterfaceID", "values": {"items": [{"value": f"eni-{number}"}]}}]
    context = {
        "principal": {"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/prod-cni/eks-{number:05d}"},
        "action": "ec2:DeleteNetworkInterface",
        "resource": f"{ARN}:network-interface/eni-{number:017x}",
        "conditions": {"items": items},
    }
    message = {"allowed": False, "explicitDeny": False, "context": context}
    return json.dumps({"DecodedMessage": json.dumps(message)})


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        ("log", ""),
        ("log", "ipv4"),
        ("log", "ipv4-scoped"),
        ("log", "ipv6"),
        ("decoded", "ipv4-scoped"),
    ],
)
def test_300_interfaces_of_one_incident_are_one_short_answer(
    kind: str, variant: str, tmp_path: Path
) -> None:
    words: list[str] = []
    if variant:
        names = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")
        scoped = names if variant == "ipv4-scoped" else ()
        (tmp_path / "p.json").write_text(run("policy", variant, *scoped).out)
        words = ["--policy", str(tmp_path / "p.json")]
    line = denied if kind == "log" else decoded
    text = "\n".join(line(number) for number in range(300))
    out = run("explain", "-", *words, stdin=text).out
    assert len(out.splitlines()) < 40
    assert out.startswith("ec2:DeleteNetworkInterface on 300 resources was denied (300 times)\n")
    assert f"such as {ARN}:network-interface/eni-{0:017x}, " in out
    assert "assumed-role/prod-cni, 300 sessions such as eks-00000, eks-00001, eks-00002" in out
    (denial,) = json.loads(run("explain", "-", "--format", "json", *words, stdin=text).out)[
        "denials"
    ]
    assert denial["count"] == denial["resources"]["count"] == 300
    assert len(denial["resources"]["first"]) == 3


def test_incidents_are_told_apart_by_action_role_and_reason() -> None:
    lines = [
        denied(1),
        denied(2, role="test-cni"),
        denied(3, "DetachNetworkInterface"),
        denied(4).replace("because no identity-based", "because no permissions boundary"),
        denied(5),
    ]
    done = run("explain", "-", "--format", "json", stdin="\n".join(lines))
    denials = json.loads(done.out)["denials"]
    assert [d["count"] for d in denials] == [2, 1, 1, 1]
    out = run("explain", "-", stdin="\n".join(lines)).out
    assert "assumed-role/prod-cni, 2 sessions such as eks-00001, eks-00005\n" in out


@pytest.mark.parametrize(
    "end",
    [
        "\n\tstatus code: 403, request id: {}",
        " (Service: Ec2, Status Code: 403, Request ID: {})",
        ", fault: client {}",
    ],
)
def test_requests_of_different_ids_are_one_incident(end: str) -> None:
    text = (
        "User: arn:aws:sts::111122223333:assumed-role/prod-cni/eks-1 is not authorized to perform: "
        "ec2:DescribeTags because no identity-based policy allows the ec2:DescribeTags action"
    )
    lines = [json.dumps({"msg": text + end.format(f"5c3f9ce5-{number}")}) for number in range(3)]
    done = run("explain", "-", "--format", "json", stdin="\n".join(lines))
    (denial,) = json.loads(done.out)["denials"]
    assert denial["count"] == 3
    assert denial["reason"] == "no identity-based policy allows the ec2:DescribeTags action"


def test_an_event_without_the_role_is_the_incident_of_the_log() -> None:
    event = "failed to call ec2:DeleteNetworkInterface due to missing permissions"
    text = f"{event}\n\n{denied(1)}\n{event}\n"
    (denial,) = json.loads(run("explain", "-", "--format", "json", stdin=text).out)["denials"]
    assert denial["count"] == 3 and denial["role"].endswith("/prod-cni")
    # Of which of two roles it is, is not known.
    text += denied(2, role="test-cni")
    denials = json.loads(run("explain", "-", "--format", "json", stdin=text).out)["denials"]
    assert [d["count"] for d in denials] == [2, 1, 1]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("    Image: example.com/eks/amazon-k8s-cni:v1.22.1-eksbuild.1", "v1.22.1"),
        ('{"level":"info","msg":"Starting L-IPAMD v1.22.1  ..."}', "v1.22.1"),
        ("    Image: example.com/eks/amazon-k8s-cni-init:v1.22.1-eksbuild.1", "v1.23.2"),
        # During an upgrade, it is not known which pod wrote the message.
        ("amazon-k8s-cni:v1.22.1 amazon-k8s-cni:v1.21.1", "v1.23.2"),
    ],
)
def test_the_version_that_the_text_names_is_the_plugins(text: str, version: str) -> None:
    event = "failed to call ec2:CreateTags due to missing permissions"
    done = run("explain", "-", "--format", "json", stdin=f"{text}\n\n{event}\n")
    assert json.loads(done.out)["denials"][0]["cni_version"] == version


def test_resources_that_a_policy_tells_apart_are_two_answers(tmp_path: Path) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": f"{ARN}:network-interface/eni-{7:017x}"}
    allow = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    text = "\n".join(denied(number) for number in range(20))
    done = run("explain", "-", "--policy", str(path), "--format", "json", stdin=text)
    denials = json.loads(done.out)["denials"]
    causes = {cause["name"]: d["count"] for d in denials for cause in d["causes"]}
    assert causes["explicit-deny"] == 1 and sum(d["count"] for d in denials) == 20


def test_what_was_not_put_to_the_policy_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(run("policy", "ipv4").out)
    text = "\n".join(denied(number) for number in range(1100))
    done = run("explain", "-", "--policy", str(tmp_path / "p.json"), stdin=text)
    assert "100 more denials on other resources were not checked" in done.out
    assert done.code == 1
    assert (
        "on more than 1,000 resources was denied (1,100 times)"
        in run("explain", "-", stdin=text).out
    )


def test_100_000_lines_take_less_than_100_mb(tmp_path: Path) -> None:
    calm = json.dumps({"level": "debug", "ts": "2026-11-25T22:26:28.784Z", "msg": "x" * 150})
    lines = (denied(n) if n % 3 == 0 else calm for n in range(100_000))
    log, out = tmp_path / "ipamd.log", tmp_path / "out.txt"
    log.write_text("\n".join(lines))
    command = [sys.executable, "-m", "vpc_cni_iam", "explain", str(log)]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(out), *command],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = map(float, measured.stdout.split())
    assert len(out.read_text().splitlines()) < 40
    assert "was denied (33,334 times)" in out.read_text()
    assert seconds < 60, "it hangs"  # make bench measures the time
    assert megabytes < 100


# Texts that repeat what a pattern begins with, or what opens and never closes.
PIECES = [
    "User: ", "User: a is not authorized to perform: ec2:X because ", "operation error ",
    "AccessDenied", "UnauthorizedOperation ", "failed to call a:b due to missing permissions ",
    "load credentials ", "ec2imds: ", "STS: AssumeRoleWithWebIdentity, ", 'is forbidden: User "',
    "caused by:\n", "> ", "\\ ", "\\\\n", "{\n", "[\n", '{"a": "', "[", "```\n", "<a>\n", "''",
    "169.254.170.23 ", "EKS Auth: AssumeRoleForPodIdentity", "Insufficient", "\x1b[", "\0", "é",
    "unable to read file at ", "(AccessDenied) when calling the ", "User: \u202e ", "a" * 59 + "\n",
    "https response error StatusCode: 403, api error AccessDenied: ", "\r", "\u2028", "  ", "}\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES, ids=range(len(PIECES)))
def test_a_text_that_repeats_one_piece_is_answered_or_refused_soon(piece: str) -> None:
    before = os.times()
    done = run("explain", "-", stdin=piece * (300_000 // len(piece)))
    after = os.times()
    # In proportion to the length, and not to its square: one of that would take 10 seconds.
    seconds = after.children_user - before.children_user
    assert 0 < seconds < 4
    assert done.code in (0, 1, 3) and "Traceback" not in done.err
    assert "\x1b" not in done.out and "\u202e" not in done.out


def test_hostile_texts_are_answered_or_refused() -> None:
    chance = random.Random(36)
    for _ in range(150):
        text = "".join(chance.choices(PIECES, k=chance.randrange(1, 60)))
        done = run("explain", "-", "--format", "json", stdin=text)
        assert done.code in (0, 1, 3), (done.err, text)
        assert "Traceback" not in done.err


def test_a_line_that_is_no_message_is_refused_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{denied(1)}\n" + "word " * 10_000_000)
    done = run("explain", "a.log", cwd=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("error: a.log: line 2: is longer than 1 MiB, the limit\n")
    (tmp_path / "a.log").write_text(f"{denied(1)}\n" + "word word\n" * 300_000)
    assert run("explain", "a.log", cwd=tmp_path).code == 0, "only the text is long"
    record = {"errorCode": "AccessDenied", "eventName": "RunInstances", "text": "x" * (2 << 20)}
    (tmp_path / "a.log").write_text(f"{denied(1)}\n{json.dumps(record)}\n")
    assert run("explain", "a.log", cwd=tmp_path).code == 1, "JSON has its own limits"
