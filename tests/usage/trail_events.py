"""Events of CloudTrail, as a trail writes them of the plugin."""

import itertools
import uuid
from typing import Any

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/eks/prod-aws-node"
NODES = f"arn:aws:iam::{ACCOUNT}:role/prod-nodes"
SDK = "aws-sdk-go-v2/1.41.4 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux api/ec2#1.276"
PLUGIN = f"{SDK} amazon-vpc-cni-k8s/v1.23.2"
NUMBERS = itertools.count(1)
DENIED = "Client.UnauthorizedOperation"


def event(
    name: str,
    *,
    code: str | None = None,
    role: str = ROLE,
    agent: str = PLUGIN,
    service: str = "ec2",
    time: str = "2026-11-20T10:00:00Z",
) -> dict[str, Any]:
    """A record of CloudTrail of a role's session."""
    role_name = role.rpartition("/")[2]
    record: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEEXAMPLEEX:eks-prod-aws-node-f2e1",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role_name}/eks-prod-aws-node-f2e1",
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLEEXAMPLEEX",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": "AROAEXAMPLEEXAMPLEEX",
                    "arn": role,
                    "accountId": ACCOUNT,
                    "userName": role_name,
                },
                "attributes": {"creationDate": "2026-11-20T09:00:00Z", "mfaAuthenticated": "false"},
            },
        },
        "eventTime": time,
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "10.0.1.17",
        "userAgent": agent,
        "requestParameters": {"networkInterfaceIdSet": {}, "filterSet": {}},
        "responseElements": None,
        "requestID": "5c3a6d5c-98f1-4d3f-b6a5-1e5ad1f0d1f5",
        "eventID": str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(NUMBERS)))),
        "readOnly": name.startswith("Describe"),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    }
    return record if code is None else record | {"errorCode": code, "errorMessage": "no"}


CONSOLE = {
    "eventVersion": "1.11",
    "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": ACCOUNT},
    "eventTime": "2026-11-20T08:00:00Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "us-east-1",
    "userAgent": "Mozilla/5.0",
}
LATER = event("CreateNetworkInterface", time="2026-11-21T10:00:00Z")
EVENTS = (
    event("DescribeNetworkInterfaces", time="2026-11-19T07:00:00Z"),
    event("CreateNetworkInterface"),
    LATER,
    event("CreateTags", code=DENIED),
    event("AttachNetworkInterface", code="Client.InvalidNetworkInterfaceID.NotFound"),
    event("GetAuthorizationToken", service="ecr", role=NODES, agent="kubelet/v1.33"),
    CONSOLE,
)
