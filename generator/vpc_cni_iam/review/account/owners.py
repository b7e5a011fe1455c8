"""Who has what stands in a slot: roles, users and groups of the plan, or names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.review.account.attribute_value import listed, side
from vpc_cni_iam.review.account.binding import Owner
from vpc_cni_iam.review.account.policy_attributes import PolicyAttribute
from vpc_cni_iam.review.account.rebuild import referred
from vpc_cni_iam.review.account.references import References

PRINCIPALS = {"role": "aws_iam_role", "user": "aws_iam_user", "group": "aws_iam_group"}


class Owners:
    """The roles, users and groups of one plan.

    Args:
        plan: The plan.
        instances: Its resources.
    """

    def __init__(self, plan: Plan, instances: References) -> None:
        self.plan = plan
        self.instances = instances

    def of(self, slot: PolicyAttribute, *, after: bool) -> Iterator[Owner]:
        """Yield who has what stands in a slot.

        Args:
            slot: The slot.
            after: Which side of its resource's change.
        """
        resource = slot.resource
        if not slot.owners:
            for kind, type_ in PRINCIPALS.items():
                if resource.type == type_:
                    yield Owner(resource.address, kind)
        for argument, kind in slot.owners:
            yield from self._named(resource, argument, kind, after=after)

    def _named(
        self, resource: Resource, argument: str, kind: str, *, after: bool
    ) -> Iterator[Owner]:
        value = side(resource, argument, after=after)
        if value.hidden and isinstance(value.value, str) and (kind, value.value) in self._by_name:
            # The name is hidden, not which resource of the plan has it.
            yield Owner(self.address(resource, argument, kind, value.value), kind)
            return
        if value.hidden:
            before = side(resource, argument, after=False)
            other = after and before.hidden and before.value != value.value
            yield Owner(f"{'another' if other else 'a'} {kind} that is sensitive", kind)
            return
        known, whole = listed(resource, argument, after=after)
        if value.unknown and whole:
            # Of a list that is not known, nothing says who is taken from it.
            known += listed(resource, argument, after=False)[0]
        for name in known:
            yield Owner(self.address(resource, argument, kind, name), kind)
        if not value.unknown:
            return
        resolve = self.instances.resolve(resource, (argument,))
        rest = list(resolve.open)
        for wanted in resolve.resources:
            one = self.instances.find(resource, wanted, resolve)
            if one is not None and one.type == PRINCIPALS[kind]:
                yield Owner(one.address, kind)
            else:
                rest += referred(Resolution((wanted,)))
        if whole:
            yield Owner(f"{kind}s known after apply", kind)
        elif rest or not resolve.resources:
            yield Owner(", ".join(rest) or f"a {kind} known after apply", kind)

    def roles(self, kind: str, argument: str) -> Iterator[tuple[Resource, str]]:
        """Yield resources of a type, each with the address of the role whose ARN it names.

        Args:
            kind: The resources' type.
            argument: The argument that names the role.
        """
        for resource in self.plan.resources:
            if resource.type != kind or resource.after is None or resource.drift:
                continue
            value = side(resource, argument, after=True)
            if isinstance(value.value, str):
                name = value.value.rpartition("/")[2]
                yield resource, self.address(resource, argument, "role", name)
                continue
            resolve = self.instances.resolve(resource, (argument,))
            for wanted in resolve.resources:
                found = self.instances.find(resource, wanted, resolve)
                if found is not None and found.type == "aws_iam_role":
                    yield resource, found.address

    def address(self, resource: Resource, argument: str, kind: str, name: str) -> str:
        """Return the address of who has a name; of several, as in two accounts, who is meant.

        Args:
            resource: The resource that names it.
            argument: The argument that does.
            kind: ``role``, ``user`` or ``group``.
            name: The name.
        """
        found = self._by_name.get((kind, name), [])
        if len(found) > 1:
            resolve = self.instances.resolve(resource, (argument,))
            ones = [self.instances.find(resource, wanted, resolve) for wanted in resolve.resources]
            found = [one.address for one in ones if one is not None and one.address in found]
        return found[0] if len(found) == 1 else f"{kind} {name}"

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[str]]:
        kinds = {type_: kind for kind, type_ in PRINCIPALS.items()}
        found: dict[tuple[str, str], list[str]] = {}
        for resource in self.plan.resources:
            if resource.type not in kinds or resource.drift:
                continue
            for values in (resource.before, resource.after):
                if values and isinstance(name := values.get("name"), str):
                    known = found.setdefault((kinds[resource.type], name), [])
                    known += [] if resource.address in known else [resource.address]
        return found
