"""The actions on one instance or interface that a policy allows, by the evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    INSTANCE,
    OWNER,
    request_templates,
    tag_keys,
)
from vpc_cni_iam.catalog.hardening import allowed_tag_keys
from vpc_cni_iam.inputs.aws.ec2 import Interface
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Request, compile_policies
from vpc_cni_iam.policy.template import known

TaggedKind = Literal["instance", "network-interface"]
_RESOURCE_TAG = "aws:ResourceTag/"
_CREATING = "ec2:CreateNetworkInterface"
_ASSIGNING = "ec2:AssignIpv6Addresses"
_TAGGING = ("ec2:CreateTags", _CREATING)
_ARN = "arn:aws:ec2:us-east-1:000000000000:{}/{}"


class Needs(Struct, frozen=True):
    """A policy for one cluster, and what the plugin needs to work with it."""

    cluster: str
    vpc: str  # the ID of its VPC, empty if the policy does not name it
    creates: bool  # whether it allows the plugin to create interfaces
    exits_on_trunk: bool  # whether the plugin exits if it may not change a trunk's security groups
    provisions: bool  # whether the plugin is configured to create, tag and change interfaces
    # The key and the value of the tag that instances need, if any.
    instance_tag: tuple[str, str] | None
    # The tags that the plugin sends when a node starts, except the instance's ID.
    sent: Mapping[str, str]
    unlisted: tuple[str, ...]  # the keys of these that the policy does not allow the plugin to set
    tag_keys: tuple[str, ...]  # the keys of the resource tags that the policy requires
    _compiled: Compiled
    _actions: Mapping[TaggedKind, tuple[str, ...]]

    @staticmethod
    def of(
        composed: Composed,
        cluster: str,
        vpc: str,
        plugin: PluginSettings,
    ) -> Needs:
        """Return the needs of a policy; `vpc` is empty if the policy does not name it.

        A plugin that does not provision interfaces only assigns addresses, in IPv6 mode.
        """
        names = parameters.values({"cluster_name": cluster, "vpc_id": vpc or None})
        policy = parameters.substitute(composed.policy, names)
        version = composed.selection.serves
        values = {CLUSTER: cluster, OWNER: "amazon-vpc-cni"}
        keys, listed = tag_keys(version), allowed_tag_keys(policy)
        sent = {key: values.get(key, "") for key in keys.managed}
        sent |= plugin.additional_tags if keys.additional else {}
        provisions = plugin.provisioning
        change = request_templates()["set-groups"]
        changes = [change.sent(mode, version, ()) for mode in composed.variant.modes]
        return Needs(
            cluster,
            vpc,
            provisions and _CREATING in policy.actions(),
            provisions and any(r.is_fatal for r in changes if r),
            provisions,
            _instance_tag(policy) if provisions else None,
            sent,
            tuple(key for key in sent if listed is not None and key not in listed),
            tuple(_tag_keys(policy)),
            compile_policies([policy]),
            {
                kind: tuple(a for a in _actions(policy, kind) if provisions or a == _ASSIGNING)
                for kind in ("instance", "network-interface")
            },
        )

    def denied(
        self, kind: TaggedKind, name: str, tags: Mapping[str, str], vpc: str = ""
    ) -> tuple[str, ...]:
        """Return the actions of the plugin on one resource that the policy denies.

        Raises `InputError` if two tags that the policy requires differ only in case.
        """
        context = self._context(vpc, tags)
        arn = _ARN.format(kind, name)
        return tuple(
            action
            for action in self._actions[kind]
            if not self._compiled.evaluate(Request(action, arn, "", context)).allowed
        )

    def tagged(self, interface: Interface) -> dict[str, str] | None:
        """Return an interface's tags after a node start, None if the plugin may not set them.

        The plugin sends the tags that are missing or have another value. Raises like `denied`.
        """
        sent = {**self.sent, INSTANCE: interface.instance}
        missing = {k: v for k, v in sent.items() if interface.tags.get(k) != v}
        if not self.provisions:
            missing = {}
        if missing:
            context = self._context(interface.vpc, interface.tags)
            context |= {f"aws:RequestTag/{key}": value for key, value in missing.items()}
            context["aws:TagKeys"] = tuple(missing)
            arn = _ARN.format("network-interface", interface.id)
            if not self._compiled.evaluate(Request("ec2:CreateTags", arn, "", context)).allowed:
                return None
        return {**interface.tags, **missing}

    def _context(self, vpc: str, tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
        keys = {key.lower() for key in self.tag_keys}
        context: dict[str, str | tuple[str, ...]] = {
            f"{_RESOURCE_TAG}{key}": value for key, value in tags.items() if key.lower() in keys
        }
        context["aws:PrincipalTag/eks-cluster-name"] = self.cluster
        if vpc:
            context["ec2:Vpc"] = _ARN.format("vpc", vpc)
        return context


def _actions(policy: Policy, kind: TaggedKind) -> Iterable[str]:
    actions = (
        action
        for statement in policy.statements
        for action in known(statement.actions)
        if any(f":{kind}/" in r for r in known(statement.resources)) and action not in _TAGGING
    )
    return dict.fromkeys(actions)


def _instance_tag(policy: Policy) -> tuple[str, str] | None:
    """Return the tag that instances need, None if no interface is ever added to them."""
    for statement in policy.statements if _CREATING in policy.actions() else ():
        if any(":instance/" in r for r in known(statement.resources)):
            for condition in statement.conditions:
                key = str(condition.key)
                if key.startswith(_RESOURCE_TAG):
                    return key.removeprefix(_RESOURCE_TAG), str(condition.values[0])
    return None


def _tag_keys(policy: Policy) -> Iterable[str]:
    keys = (str(c.key) for s in policy.statements for c in s.conditions)
    tags = (k.removeprefix(_RESOURCE_TAG) for k in keys if k.startswith(_RESOURCE_TAG))
    return dict.fromkeys(tags)
