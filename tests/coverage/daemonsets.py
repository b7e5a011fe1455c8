"""The DaemonSet of aws-node, as tests write it."""

import json
from typing import Any

ENVIRONMENT = {
    "ADDITIONAL_ENI_TAGS": "{}",
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
    "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
    "CLUSTER_NAME": "prod",
    "DISABLE_NETWORK_RESOURCE_PROVISIONING": "false",
    "ENABLE_IPv4": "true",
    "ENABLE_IPv6": "false",
    "ENABLE_POD_ENI": "false",
    "ENABLE_SUBNET_DISCOVERY": "true",
    "VPC_CNI_VERSION": "v1.20.4",
    "VPC_ID": "vpc-0123456789abcdef0",
}
REGISTRY = "602401143452.dkr.ecr.eu-west-1.amazonaws.com"


def daemonset(
    image: str = "amazon-k8s-cni:v1.20.4-eksbuild.1",
    logs: str = "false",
    more: tuple[dict[str, Any], ...] = (),
    **environment: str | None,
) -> str:
    """What kubectl prints of the DaemonSet of upstream's aws-k8s-cni.yaml."""
    values = {k: v for k, v in {**ENVIRONMENT, **environment}.items() if v is not None}
    name = {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}
    containers = [
        {
            "name": "aws-node",
            "image": f"{REGISTRY}/{image}",
            "env": [
                *({"name": k, "value": v} for k, v in values.items()),
                {"name": "MY_NODE_NAME", "valueFrom": name},
                *more,
            ],
        },
        {
            "name": "aws-eks-nodeagent",
            "image": f"{REGISTRY}/amazon/aws-network-policy-agent:v1.4.3",
            "args": ["--enable-ipv6=false", f"--enable-cloudwatch-logs={logs}"],
        },
    ]
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "aws-node", "namespace": "kube-system"},
            "spec": {"template": {"spec": {"containers": containers}}},
        }
    )
