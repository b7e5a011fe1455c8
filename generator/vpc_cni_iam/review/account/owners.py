"""Finds the roles, users and groups that a policy or an attachment belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from vpc_cni_iam.inputs.plan.arguments import KINDS
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.review.account.attribute_value import AttributeValue, listed, side
from vpc_cni_iam.review.account.binding import Owner
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute
from vpc_cni_iam.review.account.rebuild import referred
from vpc_cni_iam.review.account.references import References

_ARN = r"arn:aws[a-z-]*:iam::([0-9]{12}):"
_ANY_ARN = r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):"
_ROLE_ARN = r"arn:aws[a-z-]*:iam::([0-9]*):role/(?:.*/)?([^/]+)"
UNKNOWN_ROLE = "a role known after apply"
_MADE_ANEW = ("aws_iam_role", "aws_iam_user")
PRINCIPALS = {"role": "aws_iam_role", "user": "aws_iam_user", "group": "aws_iam_group"}
_SAY_ROLE = (*PRINCIPALS.values(), *KINDS)


class Owners:
    """The roles, users and groups of one plan."""

    def __init__(self, plan: Plan, references: References, locator: Locator) -> None:
        self.plan = plan
        self.references = references
        self._locator = locator
        self.ambiguous: dict[tuple[str, str], tuple[str, ...]] = {}
        # What is taken to name what it refers to: addresses, each with that of the other.
        self.assumed: dict[str, str] = {}

    def targets(
        self, resource: Resource, path: tuple[str, ...], resolution: Resolution
    ) -> Iterator[tuple[tuple[str, str, str], Resource | None]]:
        """Yield what an argument that is known after apply refers to, and which resource it names.

        None for what is not in the plan, and where a function makes another name of it.
        """
        argument = next((name for name in reversed(path) if not name.isdecimal()), "")
        for reference in resolution.resources:
            other = self.references.find(resource, reference, resolution)
            if other is not None and other.type in _SAY_ROLE:
                another = self._locator.makes_another(resource.module, resource.block, argument)
                if another is None:
                    self.assumed[resource.address] = other.address
                other = None if another else other
            yield reference, other

    def of(self, slot: PolicyAttribute, *, after: bool) -> tuple[Owner, ...]:
        """Return who has what stands in a slot, each once."""
        resource = slot.resource
        owners = [
            Owner(resource.address, kind)
            for kind, type_ in PRINCIPALS.items()
            if resource.type == type_ and not slot.owners
        ]
        for argument, kind in slot.owners:
            owners += self._named(resource, argument, kind, after=after)
        return tuple(dict.fromkeys(owners))

    def _named(
        self, resource: Resource, argument: str, kind: str, *, after: bool
    ) -> Iterator[Owner]:
        value = side(resource, argument, after=after)
        if value.hidden:
            yield from self._sensitive(resource, argument, kind, value, after=after)
            return
        known, whole = listed(resource, argument, after=after)
        if value.unknown and whole:
            # Of a list that is not known, nothing says who is taken from it.
            known += listed(resource, argument, after=False)[0]
        for name in known:
            addresses = self.addresses(resource, (argument,), kind, name, after=after)
            yield from (Owner(address, kind) for address in addresses or [f"{kind} {name}"])
        if value.unknown:
            yield from self._referred(resource, argument, kind, whole=whole)

    def _sensitive(
        self, resource: Resource, argument: str, kind: str, value: AttributeValue, *, after: bool
    ) -> Iterator[Owner]:
        # The name is hidden, not which resource of the plan has it.
        addresses = (
            self.addresses(resource, (argument,), kind, value.value, after=after)
            if isinstance(value.value, str)
            else []
        )
        before = side(resource, argument, after=False)
        other = after and before.hidden and before.value != value.value
        hidden = f"{'another' if other else 'a'} {kind} that is sensitive"
        yield from (Owner(name, kind) for name in addresses or [hidden])

    def _referred(
        self, resource: Resource, argument: str, kind: str, *, whole: bool
    ) -> Iterator[Owner]:
        """Yield who an argument refers to, and what stands for the others."""
        resolution = self.references.resolve(resource, (argument,))
        rest = list(resolution.open)
        for reference, principal in self.targets(resource, (argument,), resolution):
            if principal is not None and principal.type == PRINCIPALS[kind]:
                yield Owner(principal.address, kind)
            else:
                rest += referred(Resolution((reference,)))
        if whole:
            yield Owner(f"{kind}s known after apply", kind)
        elif rest or not resolution.resources:
            yield Owner(", ".join(rest) or f"a {kind} known after apply", kind)

    def roles(self, kind: str, argument: str) -> Iterator[tuple[Resource, str]]:
        """Yield resources of a type, each with the address of the role whose ARN it names."""
        for resource in self.plan.resources:
            if resource.type != kind or resource.after is None or resource.drift:
                continue
            value = side(resource, argument, after=True)
            if isinstance(value.value, str):
                yield resource, self.role_of(resource, (argument,), value.value)
                continue
            resolution = self.references.resolve(resource, (argument,))
            for reference in resolution.resources:
                role = self.references.find(resource, reference, resolution)
                if role is not None and role.type == "aws_iam_role":
                    yield resource, role.address

    def address(self, resource: Resource, argument: str, kind: str, name: str) -> str:
        """Return the address of who has a name, or the name where that is not one of the plan."""
        addresses = self.addresses(resource, (argument,), kind, name, after=True)
        return addresses[0] if len(addresses) == 1 else f"{kind} {name}"

    def role_of(self, resource: Resource, path: tuple[str, ...], arn: str) -> str:
        """Return the address of the role that has an ARN, the ARN if no role of the plan has it."""
        match = re.fullmatch(_ROLE_ARN, arn)
        if match is None:
            return arn
        addresses = self.addresses(resource, path, "role", match[2], after=True, account=match[1])
        # IAM knows a role by its whole ARN, with the path.
        same = len(addresses) == 1 and self.role_arns.get(addresses[0], arn) == arn
        return addresses[0] if same else arn

    def role_at(self, resource: Resource, path: tuple[str, ...], arn: object) -> str:
        """Return the role whose ARN stands at a place, in the plan or as far as it is known."""
        if isinstance(arn, str):
            return self.role_of(resource, path, arn)
        resolution = self.references.resolve(resource, path)
        roles = dict.fromkeys(
            role.address
            for _, role in self.targets(resource, path, resolution)
            if role is not None and role.type == PRINCIPALS["role"]
        )
        return " or ".join(roles) or ", ".join(referred(resolution)) or UNKNOWN_ROLE

    def role_below(self, resource: Resource, path: tuple[str, ...], arn: object) -> str:
        """Return `role_at` of a place, or of the argument or block that it is in."""
        configuration = self.plan.configuration
        while path and configuration.expression(resource.module, resource.block, *path) is None:
            path = path[:-1]
        return self.role_at(resource, path, arn)

    def role_named(
        self, resource: Resource, path: tuple[str, ...], name: str, *, after: bool
    ) -> str:
        """Return the role that has a name or an ARN, in the plan or as far as it is known."""
        if name.startswith("arn:"):
            return self.role_of(resource, path, name)
        addresses = self.addresses(resource, path, "role", name, after=after)
        return " or ".join(addresses) or f"role {name}"

    def addresses(
        self,
        resource: Resource,
        path: tuple[str, ...],
        kind: str,
        name: str,
        *,
        after: bool,
        account: str = "",
    ) -> list[str]:
        """Return the addresses of who has a name: several if nothing tells two accounts apart.

        `path` is the place of the name in the resource's expressions; `account` is empty where it
        is not known.
        """
        sides = [self._by_name[there].get((kind, name), []) for there in (after, not after)]
        candidates = sides[0] or sides[1]
        if account:
            candidates = _of_account(candidates, account)
        if len(candidates) > 1:
            resolution = self.references.resolve(resource, path)
            targets = [
                self.references.find(resource, reference, resolution)
                for reference in resolution.resources
            ]
            referred_to = [r for r in candidates if r in targets]
            candidates = referred_to or candidates
        if len(candidates) > 1:
            # IAM has a name once in an account, and a provider has one account.
            own = self._provider(resource)
            same = [r for r in candidates if own and self._provider(r) == own]
            candidates = same if len(same) == 1 else candidates
        addresses = [r.address for r in candidates]
        if len(addresses) > 1:
            self.ambiguous[resource.address, name] = tuple(addresses)
        return addresses

    @cached_property
    def renamed(self) -> dict[str, dict[str, str]]:
        """The new names of users and groups by their old ones, by kind: IAM renames in place."""
        names: dict[str, dict[str, str]] = {kind: {} for kind in PRINCIPALS}
        for kind, type_ in PRINCIPALS.items():
            for resource in self.plan.resources:
                if resource.type == type_ and resource.actions == ("update",):
                    old, new = ((v or {}).get("name") for v in (resource.before, resource.after))
                    if isinstance(old, str) and isinstance(new, str) and not resource.drift:
                        names[kind][old] = new
        return names

    @cached_property
    def anew(self) -> dict[str, tuple[str, ...]]:
        """The addresses of roles and users that another address had before, and its addresses.

        So it is where a key of for_each is renamed without a moved block.
        """
        gone: dict[tuple[str, str], list[Resource]] = {}
        made: list[Resource] = []
        for resource in self.plan.resources:
            if resource.type in _MADE_ANEW and not resource.drift:
                if resource.after is None and resource.before:
                    gone.setdefault(_name_of(resource.type, resource.before), []).append(resource)
                elif resource.before is None and resource.after:
                    made.append(resource)
        pairs = {
            resource.address: self._alike(resource, gone[key])
            for resource in made
            if (key := _name_of(resource.type, resource.after)) in gone
        }
        return {address: others for address, others in pairs.items() if others}

    @cached_property
    def deleted(self) -> frozenset[str]:
        """The addresses of what the plan deletes, and does not make anew at another address."""
        resources = (r for r in self.plan.resources if r.actions == ("delete",) and not r.deposed)
        gone = {resource.address for resource in resources if not resource.drift}
        return frozenset(gone.difference(*self.anew.values()))

    def _alike(self, made: Resource, gone: list[Resource]) -> tuple[str, ...]:
        """Return which of some that go may be of the account in which another is made."""
        own = self._accounts.get(self._provider(made), "")
        accounts = {resource.address: _account(resource) for resource in gone}
        return tuple(a for a, other in accounts.items() if other == own or not (other and own))

    @cached_property
    def _accounts(self) -> dict[str, str]:
        """The accounts of providers, as far as the ARNs of what they make say."""
        accounts: dict[str, str] = {}
        for resource in self.plan.resources:
            provider = self._provider(resource)
            if provider and provider not in accounts and (account := _account(resource)):
                accounts[provider] = account
        return accounts

    @cached_property
    def known_accounts(self) -> frozenset[str]:
        """The accounts of what the plan has, as far as ARNs say."""
        arns = (str((r.before or r.after or {}).get("arn")) for r in self.plan.resources)
        return frozenset(match[1] for arn in arns if (match := re.match(_ANY_ARN, arn)))

    @cached_property
    def role_arns(self) -> dict[str, str]:
        """The ARNs of roles by address, as far as they are known."""
        return {
            resource.address: str(arn)
            for resource in self.plan.resources
            if not (resource.drift or resource.deposed)
            for arn in [(resource.after or resource.before or {}).get("arn")]
            if re.fullmatch(_ROLE_ARN, str(arn))
        }

    def account_of(self, resource: Resource) -> str:
        """Return the account of a resource of IAM, or of its provider; empty if unknown."""
        return _account(resource) or self._accounts.get(self._provider(resource), "")

    def _provider(self, resource: Resource) -> str:
        module = self.plan.configuration.module(resource.module)
        return module.providers.get(resource.block, "") if module else ""

    @cached_property
    def _by_name(self) -> dict[bool, dict[tuple[str, str], list[Resource]]]:
        kinds = {type_: kind for kind, type_ in PRINCIPALS.items()}
        index: dict[bool, dict[tuple[str, str], list[Resource]]] = {False: {}, True: {}}
        for resource in self.plan.resources:
            if resource.type not in kinds or resource.drift or resource.deposed:
                continue
            for after, values in ((False, resource.before), (True, resource.after)):
                if values and isinstance(name := values.get("name"), str):
                    index[after].setdefault((kinds[resource.type], name), []).append(resource)
        return index


def _of_account(candidates: list[Resource], account: str) -> list[Resource]:
    """Return the one of an account, else those that may be of it."""
    accounts = {r.address: _account(r) for r in candidates}
    exact = [r for r in candidates if accounts[r.address] == account]
    if len(exact) == 1:
        return exact
    return [r for r in candidates if accounts[r.address] in ("", account)]


def _name_of(kind: str, values: Mapping[str, Any] | None) -> tuple[str, str]:
    return kind, str((values or {}).get("name"))


def _account(resource: Resource) -> str:
    """Return the account of a resource of IAM, empty where it is not known."""
    for values in (resource.after, resource.before):
        if values and isinstance(arn := values.get("arn"), str):
            match = re.match(_ARN, arn)
            return match[1] if match else ""
    return ""
