"""Brings together what a plan says of one policy: its two sides, and who has it on each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from vpc_cni_iam.catalog.documents import managed_policy
from vpc_cni_iam.catalog.store import managed_data
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.changes import Action, State
from vpc_cni_iam.review.instances import Instances
from vpc_cni_iam.review.rebuilding import Rebuilder, referred
from vpc_cni_iam.review.slots import Side, Slot, side, slots
from vpc_cni_iam.review.states import ABSENT, Read, counted, read_side
from vpc_cni_iam.sources.plan import Plan, Resource
from vpc_cni_iam.sources.secrets import alike

MANAGED = managed_data()["arn"].rpartition("/")[2]
# Why nothing is known of a policy that is attached.
NOWHERE = ("its document is not in the plan", "which policy it is, is known after apply")
_MANAGED = re.compile(rf"arn:aws[a-z-]*:iam::aws:policy/{MANAGED}")
_PRINCIPALS = {"role": "aws_iam_role", "user": "aws_iam_user", "group": "aws_iam_group"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a policy.

    Args:
        name: Its address in the plan, else its IAM name, else what is known of it.
        type: ``role``, ``user`` or ``group``.
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Held:
    """One side of a slot.

    Args:
        read: The policy that stands there, or that is attached there.
        policy: Of an attachment: the policy's address, else its ARN, else what is known of it.
        arn: Of an attachment: the ARN, empty where it is not known.
        owners: Who has it.
    """

    read: Read
    policy: str = ""
    arn: str = ""
    owners: tuple[Owner, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A slot with what stands in it.

    Args:
        slot: The slot.
        action: What the plan does to its resource.
        before: What stood there.
        after: What will stand there; of a resource that is forgotten, the same as before.
    """

    slot: Slot
    action: Action
    before: Held
    after: Held


def action_of(resource: Resource) -> Action:
    """Return what a plan does to a resource, in one word.

    Args:
        resource: The resource.
    """
    if resource.drift:
        return "drift"
    actions = set(resource.actions)
    if "create" in actions and actions & {"delete", "forget"}:
        return "replace"
    for action in ("create", "update", "delete", "forget", "read"):
        if action in actions:
            return action
    if resource.imported:
        return "import"
    return "move" if resource.moved_from else "no-op"


class Gatherer:
    """Gathers the policies of one plan.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.instances = Instances(plan)
        self.rebuilder = Rebuilder(self.instances)

    def items(self) -> Iterator[Item]:
        """Yield every slot of every resource, in the plan's order."""
        for resource in self.plan.resources:
            if resource.mode == "managed":
                for slot in slots(resource, self.plan):
                    yield self._item(slot)

    def _item(self, slot: Slot) -> Item:
        action = action_of(slot.resource)
        before = self._held(slot, slot.before, after=False)
        kept = action == "forget"
        return Item(
            slot, action, before, before if kept else self._held(slot, slot.after, after=True)
        )

    def _held(self, slot: Slot, value: Side, *, after: bool) -> Held:
        if value.value is None and not value.unknown:
            return Held(ABSENT)
        owners = tuple(self.owners(slot, after=after))
        if self._secrets and isinstance(value.value, str) and alike(value.value) in self._secrets:
            value = replace(value, hidden=True)
        if slot.kind in ("attachment", "boundary"):
            return replace(self._attached(slot, value, after=after), owners=owners)
        if slot.kind == "exclusive":
            return Held(
                Read(State("unknown")), str(value.value or "(known after apply)"), "", owners
            )
        return Held(read_side(value, slot, self.rebuilder), owners=owners)

    def _attached(self, slot: Slot, value: Side, *, after: bool) -> Held:
        """Return the managed policy whose ARN stands in a slot, with its document if known."""
        if value.hidden:
            return Held(
                Read(State("sensitive", why=("the plan marks its ARN sensitive",))), "a policy"
            )
        found, name = None, ""
        if isinstance(value.value, str):
            if _MANAGED.fullmatch(value.value):
                return Held(_managed(), value.value, value.value)
            found, name = self._by_arn.get(value.value), value.value
        if found is None and (value.unknown or not name):
            meant = self.instances.meant(slot.resource, slot.path)
            texts = [c for c in meant.constants if isinstance(c, str)]
            if len(texts) == 1 and not meant.resources and not meant.open:
                return self._attached(
                    slot, replace(value, value=texts[0], unknown=False), after=after
                )
            for wanted in meant.resources:
                if wanted[1].startswith("aws_iam_policy."):
                    found = self.instances.find(slot.resource, wanted)
            name = name or ", ".join(referred(meant)) or "a policy known after apply"
        if found is None:
            known = isinstance(value.value, str)
            state = State("unknown", why=(NOWHERE[0 if known else 1],))
            return Held(Read(state), name, name if known else "")
        arn = value.value if isinstance(value.value, str) else ""
        # What drifted did so before the plan.
        later = after and not slot.resource.drift
        return Held(self.policy_of(found, after=later), found.address, arn)

    def policy_of(self, resource: Resource, *, after: bool) -> Read:
        """Return the document of an ``aws_iam_policy``.

        Args:
            resource: The resource.
            after: Which side of its change.
        """
        slot = next(slots(resource, self.plan))
        return read_side(slot.after if after else slot.before, slot, self.rebuilder)

    def owners(self, slot: Slot, *, after: bool) -> Iterator[Owner]:
        """Yield who has what stands in a slot.

        Args:
            slot: The slot.
            after: Which side of its resource's change.
        """
        resource = slot.resource
        if not slot.owners:
            for kind, type_ in _PRINCIPALS.items():
                if resource.type == type_:
                    yield Owner(resource.address, kind)
        for argument, kind in slot.owners:
            yield from self._named(resource, argument, kind, after=after)

    def _named(
        self, resource: Resource, argument: str, kind: str, *, after: bool
    ) -> Iterator[Owner]:
        value = side(resource, argument, after=after)
        names = value.value if isinstance(value.value, list) else [value.value]
        for name in names:
            if isinstance(name, str):
                called = f"a {kind} that is sensitive" if value.hidden else f"{kind} {name}"
                yield Owner(self._by_name.get((kind, name), called), kind)
        if not value.unknown:
            return
        meant = self.instances.meant(resource, (argument,))
        found = [
            self.instances.find(resource, wanted)
            for wanted in meant.resources
            if wanted[1].startswith(f"{_PRINCIPALS[kind]}.")
        ]
        for one in found:
            if one is not None:
                yield Owner(one.address, kind)
        if not any(found):
            yield Owner(", ".join(referred(meant)) or f"a {kind} known after apply", kind)

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
                yield resource, self._by_name.get(("role", name), f"role {name}")
                continue
            for wanted in self.instances.meant(resource, (argument,)).resources:
                found = self.instances.find(resource, wanted)
                if found is not None and found.type == "aws_iam_role":
                    yield resource, found.address

    @cached_property
    def _secrets(self) -> frozenset[str]:
        """What is marked sensitive in one place: a role repeats its inline policies unmarked."""
        return frozenset(
            alike(value.value)
            for resource in self.plan.resources
            for slot in slots(resource, self.plan)
            for value in (slot.before, slot.after)
            if value.hidden and isinstance(value.value, str)
        )

    @cached_property
    def _by_arn(self) -> dict[str, Resource]:
        return {
            arn: resource
            for resource in self.plan.resources
            if resource.type == "aws_iam_policy" and not resource.drift
            for values in (resource.before, resource.after)
            if values and isinstance(arn := values.get("arn"), str)
        }

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], str]:
        kinds = {type_: kind for kind, type_ in _PRINCIPALS.items()}
        return {
            (kinds[resource.type], name): resource.address
            for resource in self.plan.resources
            if resource.type in kinds and not resource.drift
            for values in (resource.before, resource.after)
            if values and isinstance(name := values.get("name"), str)
        }


def without_echoes(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return items without drift of a role that only repeats what other resources say.

    A role's ``managed_policy_arns`` and ``inline_policy`` are also computed: what an attachment
    of the same plan made, after the role was read, comes back as drift of the role.

    Args:
        items: What the plan holds.
    """
    said = {
        (owner.name, held.policy, held.read.text)
        for item in items
        if item.action != "drift" and item.slot.kind in ("attachment", "permissions")
        for held in (item.before, item.after)
        for owner in held.owners
    }

    def echoes(item: Item) -> bool:
        role = item.slot.resource.type == "aws_iam_role"
        if item.action != "drift" or not role or item.before.read.state.known != "absent":
            return False
        held = item.after
        return bool(held.owners) and all(
            (owner.name, held.policy, held.read.text) in said for owner in held.owners
        )

    return tuple(item for item in items if not echoes(item))


def _managed() -> Read:
    policy = managed_policy()
    text = dumps(policy, indent=None)
    return Read(State("known", policy, (), counted(text)), text)
