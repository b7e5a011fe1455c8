"""The audit of roles and the explanation of denials, beside the reading of the same input."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plans import document
from rows import COMMAND, PYTHON, Row, Used, in_turns, processor, used

# What the audit of roles with different policies may take, and their numbers.
MOST_MS, MOST_MB = 60_000, 100
FEW, MANY = 1_000, 10_000
ROLES, RECORDS, LINES = 10_000, 20_000, 200_000
_LOAD = "import json, sys; json.load(open(sys.argv[1]))"
ACCOUNT = "111122223333"
MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
# What ipamd writes most of the time, and when EC2 denies a request.
_CALM = (
    '{"level":"debug","ts":"2026-11-25T22:26:28.784Z","caller":"ipamd/ipamd.go:716","msg":"IP pool '
    'stats: Total IPs/Prefixes = 29/0, AssignedIPs/CooldownIPs: 12/0, c.maxIPsPerENI = 14"}\n'
)
_DENIED = (
    '{"level":"debug","ts":"2026-11-25T22:26:28.784Z","caller":"awsutils/awsutils.go:926","msg":'
    '"checkAPIErrorAndBroadcastEvent resulted in operation error EC2: DescribeSubnets, https '
    'response error StatusCode: 403, RequestID: r, api error UnauthorizedOperation: no"}\n'
)


def measure(runs: int) -> Iterator[Row]:
    """Measure `audit` and `explain` on large inputs.

    Args:
        runs: How often each, three times at most.
    """
    runs = min(runs, 3)
    with tempfile.TemporaryDirectory() as temporary:
        account = Path(temporary, "account.json")
        account.write_text(json.dumps(_account(ROLES)))
        yield from _beside_json(["audit"], account, f"`audit`, {ROLES:,} roles", runs)
        trail = Path(temporary, "trail.json")
        trail.write_text(
            json.dumps({"Records": [_record(is_denied=n % 100 == 0) for n in range(RECORDS)]})
        )
        yield from _beside_json(["explain"], trail, f"`explain`, {RECORDS:,} records", runs)
        log = Path(temporary, "ipamd.log")
        log.write_text((_CALM * 99 + _DENIED) * (LINES // 100))
        ours = [COMMAND, "explain", str(log)]
        grep = ["grep", "--count", "UnauthorizedOperation", str(log)]
        own, other = in_turns(lambda: processor(ours, codes=(0, 1)), lambda: processor(grep), runs)
        yield Row(f"`explain`, {LINES:,} lines of a log", own, "`grep -c`", other, "ms")
        yield from _different(Path(temporary, "account.json"))


def _different(path: Path) -> Iterator[Row]:
    """Measure the audit of roles with different policies, each scoped to a cluster of its own."""
    few, many = (_audited(path, roles) for roles in (FEW, MANY))
    what = f"`audit`, {MANY:,} roles with different policies, at most {MOST_MS:,} ms"
    times = [[each.seconds * 1e3] for each in (many, few)]
    yield Row(what, times[0], f"of {FEW:,}", times[1], "ms", f"{1.1 * MANY / FEW:.0f}")
    memory = [[each.megabytes] for each in (many, few)]
    yield Row(f"its peak memory, at most {MOST_MB} MB", memory[0], f"of {FEW:,}", memory[1], "MB")


def _audited(path: Path, roles: int) -> Used:
    """Return what the audit of roles with different policies takes."""
    details = [_role(number, is_plugins=True) for number in range(roles)]
    for number, role in enumerate(details):
        policy = {"PolicyName": "cni", "PolicyDocument": json.loads(document(number))}
        role |= {"RolePolicyList": [policy], "AttachedManagedPolicies": []}
    path.write_text(json.dumps({"RoleDetailList": details, "Policies": []}))
    return used([COMMAND, "audit", str(path)], Path.cwd())


def _beside_json(command: list[str], path: Path, what: str, runs: int) -> Iterator[Row]:
    ours, load = [COMMAND, *command, str(path)], [PYTHON, "-c", _LOAD, str(path)]
    own, other = in_turns(lambda: processor(ours, codes=(0, 1)), lambda: processor(load), runs)
    size = f"{path.stat().st_size / 1e6:.0f} MB"
    yield Row(f"{what}, {size}", own, "`json.load` of the same", other, "ms")
    own, other = ([used(c, Path.cwd()).megabytes] for c in (ours, load))
    yield Row("its peak memory", own, "`json.load` of the same", other, "MB")


def _account(roles: int) -> dict[str, Any]:
    """Return account details of many roles, of which each tenth is the plugin's."""
    return {
        "RoleDetailList": [_role(number, is_plugins=number % 10 == 0) for number in range(roles)],
        "Policies": [],
    }


def _role(number: int, *, is_plugins: bool) -> dict[str, Any]:
    subject = "system:serviceaccount:kube-system:aws-node"
    provider = f"oidc.eks.eu-west-1.amazonaws.com/id/{number:032X}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{provider}:sub": subject}},
    }
    service = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    own = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::bucket-{number}/*",
    }
    name = f"role-{number}"
    return {
        "Path": "/",
        "RoleName": name,
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "AssumeRolePolicyDocument": _policy(trust if is_plugins else service),
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": _policy(own)}],
        "AttachedManagedPolicies": [
            {"PolicyName": MANAGED.rpartition("/")[2], "PolicyArn": MANAGED}
        ][: 1 if is_plugins else 0],
    }


def _policy(statement: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def _record(*, is_denied: bool) -> dict[str, Any]:
    """Return a record of CloudTrail."""
    record: dict[str, Any] = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/eks-node/i-0123456789abcdef0",
        },
        "eventTime": "2026-11-25T22:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeSubnets",
        "awsRegion": "eu-west-1",
        "userAgent": "aws-sdk-go-v2/1.36.1 amazon-vpc-cni-k8s/v1.20.4",
        "requestParameters": {"filterSet": {}, "subnetSet": {}},
        "responseElements": None,
    }
    denial = {"errorCode": "Client.UnauthorizedOperation", "errorMessage": "You are not authorized"}
    return {**record, **denial} if is_denied else record
