"""Collects each policy of a plan: before, after, and who has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, managed_policy
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.policy.document import Policy, dumps
from vpc_cni_iam.policy.quotas import counted
from vpc_cni_iam.review.account.attribute_value import UNKNOWN, AttributeValue, listed
from vpc_cni_iam.review.account.binding import Binding, Owner, PolicyChange, action_of
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.account.owners import PRINCIPALS, Owners
from vpc_cni_iam.review.account.policy_attributes import (
    ATTACHING,
    EXCLUSIVE,
    PolicyAttribute,
    computed_attributes,
    inline_name,
    slots,
    whole,
)
from vpc_cni_iam.review.account.policy_state import ABSENT, ReadPolicy, read_side
from vpc_cni_iam.review.account.rebuild import Rebuilder, referred
from vpc_cni_iam.review.account.references import References
from vpc_cni_iam.review.diff.changes import State

# Why nothing is known of a policy that is attached.
NOWHERE = (
    "its document is not in the plan",
    "which policy it is, is known after apply",
    "what a list holds is known after apply, but for what it refers to",
    "it comes from a local value, which a plan does not hold",
)
_OWN_POLICY = r"arn:aws[a-z-]*:iam::([0-9]{12}):policy(/(?:.*/)?)([^/]+)"
_MANAGED = rf"arn:aws[a-z-]*:iam::aws:policy/{CNI_POLICY}"


class PlanPolicies:
    """The policies of one plan, and who has them.

    `dynamic` has addresses of roles whose inline policies a dynamic block makes; `locator` finds
    what a policy that is known after apply is written like.
    """

    def __init__(self, plan: Plan, dynamic: frozenset[str], locator: Locator) -> None:
        self.plan = plan
        self._locator = locator
        self.dynamic = dynamic
        self.references = References(plan)
        self.owners = Owners(plan, self.references, locator)
        self.rebuilder = Rebuilder(self.references)

    def items(self) -> Iterator[PolicyChange]:
        """Yield every slot of every resource, in the plan's order."""
        for resource in self.plan.resources:
            if resource.mode == "managed":
                for each in slots(resource, self.plan, self.dynamic):
                    slot = self._renamed(each) if each.kind == "membership" else each
                    if slot is None:
                        continue
                    if slot.whole:
                        yield from self._listed(slot)
                    else:
                        yield self._item(slot)

    def _renamed(self, slot: PolicyAttribute) -> PolicyAttribute | None:
        """Return a slot of a member with the name that it had; None for the slot of that name."""
        argument = slot.path[0]
        names = self.owners.renamed[argument.removesuffix("s")]
        before, after = (
            {
                names.get(name, name): name
                for name in listed(slot.resource, argument, after=later)[0]
            }
            for later in (False, True)
        )
        old, new = slot.before.value, slot.after.value
        if new is None and names.get(old, old) in after:
            return None
        return replace(slot, before=AttributeValue.of(before.get(new))) if old is None else slot

    def _item(self, slot: PolicyAttribute) -> PolicyChange:
        action = action_of(slot.resource)
        before = self._held(slot, slot.before, after=False)
        lists = slot.resource.type in (*ATTACHING, *EXCLUSIVE)
        given_up = action == "delete" and lists
        if action == "forget" or given_up:
            if slot.kind in ("attachment", "boundary"):
                # It stays attached, to what the policy will be.
                later = self._held(slot, slot.before, after=True)
                return PolicyChange(slot, action, before, replace(later, owners=before.owners))
            return PolicyChange(slot, action, before, before)
        if lists and action == "replace" and self.owners.of(slot, after=True) != before.owners:
            before = Binding(ABSENT)  # it lists for another role; the one before keeps what it has
        return PolicyChange(slot, action, before, self._held(slot, slot.after, after=True))

    def computed_attributes(self) -> Iterator[PolicyChange]:
        """Yield what roles repeat of what others made, and the boundary of who goes."""
        for resource in self.plan.resources:
            ends = action_of(resource) in ("replace", "delete")
            for slot in computed_attributes(resource, self.plan):
                binding = self._held(slot, slot.before, after=False)
                yield PolicyChange(slot, "no-op", binding, Binding(ABSENT) if ends else binding)

    def _held(self, slot: PolicyAttribute, value: AttributeValue, *, after: bool) -> Binding:
        # The provider writes an empty text for no permissions boundary.
        if value.value in (None, "") and not value.unknown:
            return Binding(ABSENT)
        owners = self.owners.of(slot, after=after)
        if value.value == []:
            return Binding(ABSENT, owners=owners)
        if is_mark(value.value):
            # A role repeats its inline policies, without what the plan says of them.
            value = AttributeValue.of(value.value, hidden=True)
        if slot.kind in ("attachment", "boundary"):
            return replace(self._attached(slot, value, after=after), owners=owners)
        if slot.kind == "exclusive":
            if value.hidden:
                state = State("sensitive", why=("the plan marks its name sensitive",))
                name = _hidden("name", slot, after=after)
            else:
                state, name = State("unknown"), str(value.value or UNKNOWN)
            return Binding(ReadPolicy(state), name, "", owners, name)
        if slot.kind == "membership":
            return self._member(slot, value, owners, after=after)
        name = inline_name(slot, after=after)
        read = self._read(value, slot)
        return Binding(read, owners=owners, name=name)

    def _member(
        self,
        slot: PolicyAttribute,
        value: AttributeValue,
        owners: tuple[Owner, ...],
        *,
        after: bool,
    ) -> Binding:
        """Return the group that stands in a slot, or stands for it, with the user who is in it."""
        argument = slot.path[0]
        kind = argument.removesuffix("s")
        member = f"{argument} known after apply"
        if value.hidden:
            member = _hidden(kind, slot, after=after)
        elif isinstance(value.value, str):
            member = self.owners.address(slot.resource, argument, kind, value.value)
        if kind == "group":
            return Binding(ReadPolicy(State("unknown")), member, "", owners)
        return Binding(ReadPolicy(State("unknown")), owners[0].name, "", (Owner(member, "user"),))

    def _attached(self, slot: PolicyAttribute, value: AttributeValue, *, after: bool) -> Binding:
        """Return the managed policy whose ARN stands in a slot, with its document if known."""
        if value.hidden:
            why = ("the plan marks its ARN sensitive",)
            return Binding(
                ReadPolicy(State("sensitive", why=why)), _hidden("policy", slot, after=after)
            )
        known = isinstance(value.value, str)
        name = arn = value.value if known else ""
        if document := _of_aws(arn) if known else None:
            return Binding(_known(document), arn, arn, (), arn)
        policy = (self._by_arn.get(arn) or self._created(arn)) if known else None
        if policy is None and not arn:
            resolution = self.references.resolve(slot.resource, slot.path)
            if (text := _only_text(resolution)) is not None:
                constant = AttributeValue.of(text, hidden=is_mark(text))
                return self._attached(slot, constant, after=after)
            if len(resolution.resources) == 1 and not resolution.open:
                policy = self._policy(slot.resource, resolution.resources[0], resolution)
            name = ", ".join(referred(resolution)) or "a policy known after apply"
        if policy is None:
            return _without_document(name, known_arn=known)
        # What drifted did so before the plan.
        later = after and not slot.resource.drift
        return Binding(self.policy_of(policy, after=later), policy.address, arn, (), policy.address)

    def _policy(
        self, asking: Resource, reference: tuple[str, str, str], resolution: Resolution
    ) -> Resource | None:
        """Return the policy that a reference means, if it means one."""
        if not reference[1].startswith("aws_iam_policy."):
            return None
        return self.references.find(asking, reference, resolution)

    def _listed(self, slot: PolicyAttribute) -> Iterator[PolicyChange]:
        """Yield what a list that is not known holds: what it refers to, and what else it may.

        A plan has the references in a list, and not the literals beside them.
        """
        action = action_of(slot.resource)
        owners = self.owners.of(slot, after=True)
        if slot.kind == "membership":
            yield PolicyChange(
                slot, action, Binding(ABSENT), self._member(slot, slot.after, owners, after=True)
            )
            return
        resolution = self.references.resolve(slot.resource, slot.path)
        before = listed(slot.resource, slot.path[0], after=False)[0]
        there = [self._by_arn.get(arn) for arn in before]
        for reference in resolution.resources if slot.kind == "attachment" else ():
            policy = self._policy(slot.resource, reference, resolution)
            if policy is not None and policy not in there:
                read = self.policy_of(policy, after=True)
                later = Binding(read, policy.address, "", owners, policy.address)
                attribute = replace(
                    slot, attribute=f'{slot.path[0]}["{policy.address}"]', whole=False
                )
                yield PolicyChange(attribute, action, Binding(ABSENT), later)
        names = ", ".join(referred(resolution)) or "nothing that the plan says"
        why = (NOWHERE[2], f"it refers to {names}")
        name = UNKNOWN if slot.kind == "exclusive" else f"what else {slot.path[0]} holds"
        binding = Binding(ReadPolicy(State("unknown", why=why)), name, owners=owners)
        yield PolicyChange(slot, action, Binding(ABSENT), binding)

    def policy_of(self, resource: Resource, *, after: bool) -> ReadPolicy:
        """Return the document of an ``aws_iam_policy``, which keeps it if it is forgotten."""
        slot = whole(resource, "permissions", "policy")
        later = after and action_of(resource) != "forget"
        return self._read(slot.after if later else slot.before, slot)

    def session_policy(self, association: Resource, *, after: bool) -> ReadPolicy:
        """Return the session policy of an association of EKS Pod Identity."""
        slot = whole(association, "permissions", "policy")
        where = association.module, association.block, slot.attribute
        value = slot.after if after else slot.before
        if value.unknown and self.plan.configuration.expression(*where) is None:
            return ABSENT
        return self._read(value, slot)

    def _read(self, value: AttributeValue, slot: PolicyAttribute) -> ReadPolicy:
        """Return the policy that stands in a slot, as far as the plan or the source says it."""
        read = read_side(value, slot, self.rebuilder, self.plan.secrets)
        resource = slot.resource
        if read.known != "unknown" or len(slot.path) > 1:
            return read
        policy = self._locator.written(resource.module, resource.block, slot.path[0])
        if policy is None:
            return read
        masked = policy.map_texts(self.plan.secrets.masked)
        why = (f"as {resource.block} is written in --source", *read.state.why)
        return ReadPolicy(State("partly known", masked, why))

    @cached_property
    def replaced(self) -> frozenset[str]:
        """The addresses of roles, users and groups that are replaced."""
        return frozenset(
            resource.address
            for resource in self.plan.resources
            if resource.type in PRINCIPALS.values() and action_of(resource) == "replace"
        )

    def _created(self, arn: str) -> Resource | None:
        """Return the policy that the plan creates under the name in an ARN, if there is one."""
        match = re.fullmatch(_OWN_POLICY, arn)
        created = self._created_policies.get((match[2], match[3]), []) if match else []
        accounts = ("", match[1] if match else "")
        created = [policy for policy in created if self.owners.account_of(policy) in accounts]
        return created[0] if len(created) == 1 else None

    @cached_property
    def _created_policies(self) -> dict[tuple[str, str], list[Resource]]:
        created: dict[tuple[str, str], list[Resource]] = {}
        for resource in self.plan.resources:
            if resource.type == "aws_iam_policy" and resource.before is None and resource.after:
                key = str(resource.after.get("path") or "/"), str(resource.after.get("name"))
                created.setdefault(key, []).append(resource)
        return created

    @cached_property
    def _by_arn(self) -> dict[str, Resource]:
        return {
            arn: resource
            for resource in (*self.plan.read, *self.plan.resources)
            if resource.type == "aws_iam_policy" and not resource.drift
            for values in (resource.before, resource.after)
            if values and isinstance(arn := values.get("arn"), str)
        }


def _hidden(what: str, slot: PolicyAttribute, *, after: bool) -> str:
    """Return what stands for a sensitive value: another word for another value."""
    other = after and slot.before.hidden and slot.before.value != slot.after.value
    return f"another {what}" if other else f"a {what}"


def is_managed(arn: str) -> bool:
    """Say whether an ARN is that of AWS's managed policy for the plugin."""
    return re.fullmatch(_MANAGED, arn) is not None


def without_computed(items: tuple[PolicyChange, ...]) -> tuple[PolicyChange, ...]:
    """Return items without drift of a role that only repeats what other resources say.

    A role's ``managed_policy_arns`` and ``inline_policy`` are also computed: what an attachment
    of the same plan made, after the role was read, comes back as drift of the role.
    """
    bound = {
        (owner.name, binding.policy, binding.read.text)
        for item in items
        if item.action != "drift" and item.slot.kind in ("attachment", "permissions")
        for binding in (item.before, item.after)
        for owner in binding.owners
    }

    def computed_attributes(item: PolicyChange) -> bool:
        role = item.slot.resource.type == "aws_iam_role"
        if item.action != "drift" or not role or item.before.read.known != "absent":
            return False
        binding = item.after
        return bool(binding.owners) and all(
            (owner.name, binding.policy, binding.read.text) in bound for owner in binding.owners
        )

    return tuple(item for item in items if not computed_attributes(item))


def _of_aws(arn: str) -> Policy | None:
    """Return the document of an AWS managed policy, if the catalog has it."""
    if is_managed(arn):
        return managed_policy()
    policy = aws_managed.find(arn)
    return policy.document if policy else None


def _only_text(resolution: Resolution) -> str | None:
    """Return the text that an expression always is, None if it may be anything else."""
    if len(resolution.constants) != 1 or resolution.resources or resolution.open:
        return None
    text = resolution.constants[0]
    return text if isinstance(text, str) else None


def _without_document(name: str, *, known_arn: bool) -> Binding:
    why = NOWHERE[0 if known_arn else 3 if name.startswith("local.") else 1]
    arn = name if known_arn else ""
    return Binding(ReadPolicy(State("unknown", why=(why,))), name, arn, (), arn)


def _known(policy: Policy) -> ReadPolicy:
    text = dumps(policy, indent=None)
    return ReadPolicy(State("known", policy, (), counted(text)), text, exact=policy)
