"""Add-ons, associations and node groups that a replacement makes those of something else."""

import pytest

from eks import CNI, NODE_TRUST, POD_TRUST, VERSION, addon, arn_of, irsa, own_role, same
from synthetic import Json, block, configured, levels, refers, resource, reviewed, rules

PLUGIN = {"addon_name": "vpc-cni", **VERSION, "service_account_role_arn": arn_of("cni")}
IDENTITY = {"namespace": "kube-system", "service_account": "aws-node", "role_arn": arn_of("pod")}
DNS = {"addon_name": "coredns", "addon_version": "v1.11.4-eksbuild.2"}
AGENT = {"addon_name": "eks-pod-identity-agent", "addon_version": "v1.3.0"}
ANEW = ["delete", "create"]
# The plan does not say whether the add-on is deleted at one number before it is created at another.
CONFLICT = {"conflict": "warning"}


def _counted(number: int, before: Json, after: Json | None) -> Json:
    """One of the add-ons that count makes."""
    old, new = ({"cluster_name": "prod", **v} if v else None for v in (before, after))
    actions = {"actions": ANEW} if new else {}
    return resource("aws_eks_addon", "x", old, new, address=f"aws_eks_addon.x[{number}]", **actions)


def _moved(kind: str, values: Json, argument: str = "cluster_name") -> Json:
    """A resource that moves to another cluster, or to the cluster of another Region."""
    values = {"cluster_name": "prod", **values}
    sides = ({**values, argument: value} for value in ("us-east-1", "eu-west-1"))
    return resource(kind, "x", *sides, actions=ANEW)


def test_an_add_on_in_whose_place_another_comes_is_removed() -> None:
    role = own_role("cni", irsa(), CNI)
    gone = reviewed(*role, _counted(0, PLUGIN, DNS), _counted(1, DNS, None))
    assert levels(gone) == {"plugin-removed": "error", **CONFLICT}


def test_an_add_on_that_another_number_of_count_has_stays() -> None:
    role = own_role("cni", irsa(), CNI)
    stays = reviewed(*role, _counted(0, DNS, PLUGIN), _counted(1, PLUGIN, DNS))
    assert levels(stays) == CONFLICT


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (AGENT, None, True),
        ({**AGENT, "preserve": False}, None, True),
        (AGENT, AGENT, False),
        ({**AGENT, "preserve": True}, None, False),  # it goes on to run
    ],
)
def test_the_agent_goes_only_if_no_add_on_is_it(
    before: Json, after: Json | None, *, lost: bool
) -> None:
    association = {"cluster_name": "prod", **IDENTITY}
    review = reviewed(
        *own_role("pod", POD_TRUST, CNI),
        same("aws_eks_pod_identity_association", "x", association),
        addon(VERSION, VERSION),
        _counted(0, before, DNS),
        _counted(1, DNS, after),
    )
    assert levels(review) == {**CONFLICT, **({"plugin-identity-lost": "error"} if lost else {})}


@pytest.mark.parametrize(
    ("kind", "values", "argument", "rule"),
    [
        ("aws_eks_pod_identity_association", IDENTITY, "cluster_name", "plugin-identity-lost"),
        ("aws_eks_addon", PLUGIN, "cluster_name", "plugin-removed"),
        ("aws_eks_addon", PLUGIN, "region", "plugin-removed"),
    ],
)
def test_the_first_cluster_loses_what_moves_to_another(
    kind: str, values: Json, argument: str, rule: str
) -> None:
    roles = (*own_role("pod", POD_TRUST, CNI), *own_role("cni", irsa(), CNI))
    assert levels(reviewed(*roles, _moved(kind, values, argument)))[rule] == "error"


def test_what_moves_with_its_cluster_is_not_removed() -> None:
    sides = ({"name": name} for name in ("us-east-1", "eu-west-1"))
    cluster = resource("aws_eks_cluster", "c", *sides, actions=ANEW)
    review = reviewed(*own_role("cni", irsa(), CNI), cluster, _moved("aws_eks_addon", PLUGIN))
    assert "plugin-removed" not in levels(review)


def test_nothing_is_left_of_an_add_on_in_the_cluster_that_it_moves_from() -> None:
    """What is known after apply is that of the other cluster."""
    argument = "pod_identity_association"
    configuration = configured(block("aws_eks_addon.x", **{argument: refers("var.associations")}))
    sides = ({"cluster_name": name, "addon_name": "vpc-cni"} for name in ("prod", "other"))
    moves = resource("aws_eks_addon", "x", *sides, actions=ANEW, after_unknown={argument: True})
    review = reviewed(moves, configuration=configuration)
    identities = {plugin.cluster: plugin.identity_after for plugin in review.plugins}
    assert identities == {"prod": "", "other": "EKS Pod Identity"}


@pytest.mark.parametrize("argument", ["cluster_name", "addon_name"])
def test_what_is_for_something_known_after_apply_is_not_said_to_be_for_another(
    argument: str,
) -> None:
    before = {"cluster_name": "prod", **PLUGIN}
    after = {name: value for name, value in before.items() if name != argument}
    change = resource(
        "aws_eks_addon", "x", before, after, actions=ANEW, after_unknown={argument: True}
    )
    lost = {"plugin-removed", "plugin-identity-lost"}
    assert not lost & rules(reviewed(*own_role("cni", irsa(), CNI), change))


def test_the_last_node_group_takes_no_identity_from_others() -> None:
    values = {"cluster_name": "prod", "node_role_arn": arn_of("node")}
    group = resource("aws_eks_node_group", "n", values, None)
    there = (*own_role("node", NODE_TRUST, CNI), addon(VERSION, VERSION))
    assert reviewed(*there, group).findings == ()
