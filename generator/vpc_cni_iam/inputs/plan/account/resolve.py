"""Resolves values of a plan to principals and policies: names, ARNs and references.

Two arguments name the same resource only if both are known, or both refer to one instance.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.iam_resource import (
    IAM_ARN,
    IamResource,
    InPlan,
    Named,
    Place,
    Unresolved,
    named,
)
from vpc_cni_iam.inputs.plan.arguments import NAMED_BY, POLICY, PRINCIPALS, PROFILE
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.inputs.plan.resource import Resource, parts, without_keys
from vpc_cni_iam.inputs.plan.values import Path, one, place_of, text
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Unknown, Value

# Each IAM ARN with an account, in a text.
_ARNS = re.compile(r"arn:[a-z-]*:iam::[0-9]{12}:[a-z-]+/(?:[^\s\"'/]+/)*[\w+=,.@-]+")
_OF_ACCOUNT = re.compile(r"arn:[^:]*:[^:]*:([^:]*):([0-9]{12}):")
_SEVERAL = 2


class Resolver:
    """Finds the resources of one plan by reference, name and ARN."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # Names that fit resources of several accounts, by place.
        self.ambiguous: set[str] = set()
        # The arguments that are taken as the resource that they refer to, by place: the resource
        # with the argument, and its path.
        self.assumed: dict[str, tuple[Resource, Path]] = {}
        self.by_address: dict[str, Resource] = {}
        self._blocks: dict[str, list[Resource]] = defaultdict(list)
        self._names: dict[tuple[Side, str, str], list[Resource]] = defaultdict(list)
        self._accounts: dict[str, set[str]] = defaultdict(set)  # by provider
        self._regions: set[str] = set()
        aws = (resource for resource in plan.resources if resource.type.startswith("aws_"))
        providers = {*map(self._provider, aws)} - {""}
        self._has_several_providers = len(providers) > 1
        for resource in (*plan.resources, *plan.documents, *plan.read):
            if resource.drift or resource.deposed:
                continue
            self._blocks[without_keys(resource.address)].append(resource)
            self.by_address[resource.address] = resource
            if resource.type in (*PRINCIPALS, *NAMED_BY):
                self._index(resource, Side.BEFORE)
                self._index(resource, Side.AFTER)
        for resource in plan.resources:
            for side in Side:
                if match := _OF_ACCOUNT.match(text(resource, "arn", side)):
                    self._accounts[self._provider(resource)].add(match[2])
                    self._regions.add(match[1])

    def _index(self, resource: Resource, side: Side) -> None:
        # A policy whose ARN is known after apply is found by the name in an ARN.
        own = ("name",) if resource.type == POLICY else ()
        for argument in (*NAMED_BY.get(resource.type, ("name", "arn")), *own):
            if name := name_in(one(resource, argument, side)):
                self._names[side, resource.type, name].append(resource)

    def _provider(self, resource: Resource) -> str:
        module = self.plan.configuration.module(resource.module)
        return module.providers.get(resource.block, "") if module else ""

    def may_be_of_one_provider(self, *resources: Resource) -> bool:
        """Return whether all resources may have the same provider."""
        return len({*map(self._provider, resources)} - {""}) <= 1

    def account(self, resource: Resource) -> str:
        """Return the AWS account of a resource; empty if it is unknown.

        A module that is removed has no provider in the plan. With a single provider this does not
        matter.
        """
        own = _OF_ACCOUNT.match(text(resource, "arn", Side.BEFORE))
        accounts = {own[2]} if own else self._accounts.get(self._provider(resource), set())
        if len(accounts) == 1:
            return next(iter(accounts))
        return "" if self._has_several_providers else self.place.account

    @property
    def accounts(self) -> frozenset[str]:
        """The AWS accounts in the ARNs of the plan."""
        return frozenset().union(*self._accounts.values())

    @property
    def place(self) -> Place:
        """The Region and account in the ARNs of the plan, if there is one."""
        regions, accounts = self._regions - {""}, self.accounts
        return Place(*(next(iter(s)) if len(s) == 1 else "" for s in (regions, accounts)))

    def is_changed(self, address: str) -> bool:
        """Return whether the plan changes a resource."""
        return not self.by_address[address].is_unchanged

    def references(self, resource: Resource, path: Path) -> tuple[list[Resource], Resolution]:
        """Return the instances that an argument, or the block around it, refers to."""
        configuration, steps = self.plan.configuration, tuple(map(str, path))
        while steps and configuration.expression(resource.module, resource.block, *steps) is None:
            steps = steps[:-1]
        if not steps:
            return [], Resolution()
        expression = configuration.expression(resource.module, resource.block, *steps)
        if isinstance(expression, list):
            expression = expression[0] if expression else None
        if isinstance(expression, dict) and not {*expression} & {"references", "constant_value"}:
            inner = (e.get("references", ()) for e in expression.values() if isinstance(e, dict))
            expression = {"references": [name for names in inner for name in names]}
        module = configuration.module(resource.module)
        repeated = module.repeats.get(resource.block) if module else None
        resolution = configuration.resolve(
            resource.module, expression, self.plan.variables, repeated
        )
        instances = (
            instance
            for block in resolution.resources
            for instance in self._instances(resource, block, resolution)
        )
        return list({i.address: i for i in instances}.values()), resolution

    def _instances(
        self, asking: Resource, block: tuple[str, str, str], resolution: Resolution
    ) -> list[Resource]:
        address = ".".join(filter(None, block[:2]))
        fitting = [r for r in self._blocks[without_keys(address)] if _fits(r.address, address)]
        if len(fitting) > 1 and resolution.aligned:
            keys = _keys(asking.address)
            fitting = [r for r in fitting if keys and _keys(r.address)[-len(keys) :] == keys]
        return fitting

    def address_of(self, place: str) -> str:
        """Return the address of the resource of a place; empty for no resource."""
        ends = [match.start() for match in re.finditer(r"[.\[]", place)]
        return next((place[:e] for e in reversed(ends) if place[:e] in self.by_address), "")

    def reference_names(self, place: str) -> tuple[str, ...]:
        """Return the names of what the argument at a place refers to, from the configuration."""
        address = self.address_of(place)
        if not address:
            return ()
        path = tuple(
            int(number) if number else name
            for number, name in re.findall(r"\[(\d+)\]|\.([^.\[]+)", place[len(address) :])
        )
        _, resolution = self.references(self.by_address[address], path)
        addresses = (".".join(filter(None, names[:2])) for names in resolution.resources)
        return (*addresses, *resolution.open)

    def resolve(
        self, resource: Resource, path: Path, value: Value, kind: str, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the resources that a value names; several if nothing tells them apart.

        Args:
            kind: The type of resource that the argument names.
        """
        if isinstance(value, Absent):
            return ()
        if isinstance(value, Unknown):
            value = self._written(resource, path) or value
        name = name_in(value)
        if not name:
            return self._referred(resource, path, kind, side)
        match = IAM_ARN.fullmatch(name)
        if match and match[1] == "aws":
            return (Named(kind, "aws", name, name),)
        candidates = self._candidates(resource, path, name, match, kind, side)
        if not candidates:
            if isinstance(value, Sensitive):  # a secret is the same on both sides
                return (Unresolved(name, Side.BEFORE, kind),)
            return self._outside(resource, kind, name)
        if len(candidates) > 1:
            self.ambiguous.add(place_of(resource, path))
        return tuple(InPlan(candidate.address) for candidate in candidates)

    def _outside(self, resource: Resource, kind: str, name: str) -> tuple[Named, ...]:
        """Return what a name is of, if the plan has no resource with it.

        If its account is unknown, it is in each account in which an ARN has the name.
        """
        whole = named(kind, name, self.account(resource))
        if whole.account or kind not in (*PRINCIPALS, PROFILE):
            return (whole,)
        if self._has_several_providers:  # each may be of another account
            whole = replace(whole, provider=self._provider(resource))
        return tuple(self._by_arn.get((kind, name), {whole: None}))

    @cached_property
    def _by_arn(self) -> Mapping[tuple[str, str], Mapping[Named, None]]:
        """The resources in ARNs of the plan, by type and name, in order."""
        every: dict[tuple[str, str], dict[Named, None]] = defaultdict(dict)
        for values in (side for r in self.plan.resources for side in (r.before, r.after) if side):
            for arn in _ARNS.findall(str(values)):
                whole = named("", arn)
                every[whole.kind, whole.name].setdefault(whole)
        return every

    def by_name(self, kind: str, name: str) -> tuple[IamResource, ...]:
        """Return the resources with a name or an ARN, on either side."""
        sides = (self._names[side, kind, name] for side in Side)
        managed = (InPlan(r.address) for side in sides for r in side if r.mode == "managed")
        return tuple(dict.fromkeys(managed)) or (named(kind, name, self.place.account),)

    def _written(self, resource: Resource, path: Path) -> Known | None:
        """Return the constant in the configuration, for a value that is deferred."""
        steps = map(str, path)
        expression = self.plan.configuration.expression(resource.module, resource.block, *steps)
        is_constant = isinstance(expression, Mapping) and "constant_value" in expression
        return Known(expression["constant_value"]) if is_constant else None

    def _referred(
        self, resource: Resource, path: Path, kind: str, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the resources that an argument with an unknown value refers to."""
        instances, resolution = self.references(resource, path)
        targets = [instance for instance in instances if instance.type == kind]
        is_whole = all(self._instances(resource, b, resolution) for b in resolution.resources)
        if is_whole and len(targets) == len(instances) and targets and not resolution.open:
            if all(target.mode == "managed" for target in targets):
                if kind != POLICY:
                    self.assumed[place_of(resource, path)] = resource, path
                return tuple(InPlan(target.address) for target in targets)
            if len(targets) == 1 and (arn := text(targets[0], "arn", Side.AFTER)):
                return (named(kind, arn),)
        return (Unresolved(place_of(resource, path), side, kind),)

    def _candidates(
        self,
        resource: Resource,
        path: Path,
        name: str,
        match: re.Match[str] | None,
        kind: str,
        side: Side,
    ) -> list[Resource]:
        candidates = [r for r in self._names[side, kind, name] if r.mode == "managed"]
        if side is Side.BEFORE and not candidates and match is None:
            # IAM identifies a principal by its name, even if Terraform does not manage it yet.
            candidates = [r for r in self._names[Side.AFTER, kind, name] if r.before is None]
        if match:
            return candidates or [
                r for r in self._names[side, kind, match[4]] if self._may_have(r, match, side)
            ]
        if len(candidates) > 1:
            targets, _ = self.references(resource, path)
            candidates = [r for r in candidates if r in targets] or candidates
        return self._of_account(resource, candidates)

    def _of_account(self, resource: Resource, candidates: list[Resource]) -> list[Resource]:
        """Return the candidates that may be in the account of a resource."""
        if len(candidates) < _SEVERAL:
            return candidates
        own, account = self._provider(resource), self.account(resource)
        same = [r for r in candidates if self._provider(r) == own]
        if len(same) == 1:
            return same
        possible = [r for r in candidates if not account or self.account(r) in ("", account)]
        return possible or candidates

    def _may_have(self, resource: Resource, match: re.Match[str], side: Side) -> bool:
        """Return whether a resource whose ARN is known after apply may have an ARN."""
        path = text(resource, "path", side).strip("/")
        is_open = not text(resource, "arn", side) and self.account(resource) in ("", match[1])
        return is_open and path == match[3].strip("/")


def is_there(resource: Resource, side: Side) -> bool:
    """Return whether a resource exists on a side."""
    return not resource.is_deleted if side is Side.AFTER else resource.before is not None


def name_in(value: Value) -> str:
    """Return the name in a value, or the mark of a secret; empty if it is unknown."""
    match value:
        case Known(str(name)) | Sensitive(str(name)):
            return name
    return ""


def _fits(address: str, reference: str) -> bool:
    """Return whether a reference may mean an instance; it need not have its keys."""
    steps = zip(parts(address), parts(reference), strict=True)
    return all(part == other or "[" not in other for part, other in steps)


def _keys(address: str) -> list[str]:
    return [part[part.index("[") :] for part in parts(address) if "[" in part]
