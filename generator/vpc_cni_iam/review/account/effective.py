"""The policies of each role, user and group before and after a plan.

IAM knows one inline policy of a name, and one attachment of a policy, whatever number of resources
make it: who takes it away takes it from all. An exclusive resource removes what it does not name,
and a role that is replaced comes back with nothing of what the plan leaves alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.review.account.attribute_value import listed
from vpc_cni_iam.review.account.binding import Binding, PolicyChange
from vpc_cni_iam.review.account.policy_attributes import ATTACHING, EXCLUSIVE
from vpc_cni_iam.review.account.policy_state import ABSENT, ReadPolicy, judged_policies

# A policy of somebody: who, whether it is attached or inline, and its address, ARN or name.
_Thing = tuple[str, str, str]
_STAYS = ("no-op", "import", "move", "read")


class PrincipalPolicies(Struct):
    """What a principal has."""

    type: str  # ``role``, ``user`` or ``group``
    before: dict[str, ReadPolicy] = field(default_factory=dict)  # what it had, by what it is called
    after: dict[str, ReadPolicy] = field(default_factory=dict)  # what it will have
    # The sizes of its inline policies after; None for one that is not known.
    inline: dict[str, int | None] = field(default_factory=dict)
    trust: ReadPolicy | None = None  # its trust policy after
    # Its permissions boundary before and after, None for none.
    bounds: tuple[ReadPolicy | None, ReadPolicy | None] = (None, None)


class Removal(Struct, frozen=True):
    """Something that goes though a resource of the plan is to keep it."""

    rule: str  # the rule that it breaks
    item: PolicyChange  # the slot that it is said of
    owner: str  # who has it
    denies: bool  # whether it denies anything, so that its going may give
    message: str  # what goes, and why


class EffectivePolicies:
    """What the principals of a plan have.

    `computed_attributes` are what roles repeat of its items, and of what was made elsewhere;
    `replaced` has the addresses of roles, users and groups that are replaced.
    """

    def __init__(
        self,
        items: Iterable[PolicyChange],
        computed_attributes: Iterable[PolicyChange],
        replaced: frozenset[str],
    ) -> None:
        self.by_principal: dict[str, PrincipalPolicies] = {}
        self.removals: list[Removal] = []
        self.trusts: dict[tuple[str, str], tuple[ReadPolicy, ReadPolicy]] = {}
        self._keys: dict[_Thing, list[str]] = {}
        counted = [i for i in items if i.action != "drift" and not _other_owner(i)]
        for item in counted:
            self._add(item)
            if item.slot.kind == "trust":
                key = (item.slot.resource.address, item.slot.attribute)
                self.trusts[key] = (item.before.read, item.after.read)
        holding = [i for i in counted if i.slot.kind != "exclusive"]
        self._add_computed(computed_attributes, holding)
        self._add_named(counted)
        self._made = {thing for item in counted for thing in _made(item)}
        self._disagreeing(holding)
        self._left_alone(holding, replaced)
        self._excluded(counted)

    def _add(self, item: PolicyChange) -> None:
        for binding, after in ((item.before, False), (item.after, True)):
            for owner in binding.owners:
                has = self.by_principal.setdefault(owner.name, PrincipalPolicies(owner.type))
                self._add_to(has, item, binding, after=after)
            for thing in _things(item, after=after):
                self._keys.setdefault(thing, []).append(_key(item, binding))

    def _add_to(
        self, has: PrincipalPolicies, item: PolicyChange, binding: Binding, *, after: bool
    ) -> None:
        kind = item.slot.kind
        if kind == "trust" and after:
            has.trust = binding.read
        if kind == "boundary":
            has.bounds = (has.bounds[0], binding.read) if after else (binding.read, has.bounds[1])
        if kind not in ("permissions", "attachment"):
            return
        key = _key(item, binding)
        (has.after if after else has.before)[key] = binding.read
        if after and kind == "permissions":
            has.inline[key] = binding.read.size

    def _add_computed(
        self, computed_attributes: Iterable[PolicyChange], others: Iterable[PolicyChange]
    ) -> None:
        """Add what roles repeat, but for what it repeats of other items."""
        before, after = _all_things(others, after=False), _all_things(others, after=True)
        for item in computed_attributes:
            things = set(_things(item, after=False))
            if things.isdisjoint(before):
                # What the plan makes takes the place of what was made elsewhere.
                stays = things.isdisjoint(after)
                self._add(item if stays else replace(item, after=Binding(ABSENT)))

    def _add_named(self, items: Iterable[PolicyChange]) -> None:
        """Add inline policies of which a plan has no more than the name, in an exclusive list.

        Those that the list no longer names are removed later.
        """
        for item in items:
            for thing in _things(item, after=False):
                has, keys = self.by_principal[thing[0]], self._keys[thing]
                if has.before.keys().isdisjoint(keys):
                    keys.append(f"inline policy {thing[2]!r}")
                    has.before[keys[-1]] = has.after[keys[-1]] = item.before.read

    def _remove(self, thing: _Thing) -> None:
        if thing in self._made:
            return
        has = self.by_principal[thing[0]]
        for key in self._keys[thing]:
            has.after.pop(key, None)
            has.inline.pop(key, None)

    def _disagreeing(self, items: Iterable[PolicyChange]) -> None:
        """Find what one resource takes away and another keeps, or makes at the same time."""
        goes: dict[_Thing, PolicyChange] = {}
        for item in items:
            after = set(_things(item, after=True))
            if item.slot.resource.type not in ATTACHING:
                goes |= {t: item for t in _things(item, after=False) if t not in after}
        for item in items:
            had = set(_things(item, after=False))
            for thing in _things(item, after=True):
                other = goes.get(thing)
                if other is None or other.slot.resource is item.slot.resource:
                    continue
                taken = f"{_said(thing)} is taken away by {other.slot.resource.address}"
                if thing in had:
                    self._remove(thing)
                    self._note("conflict", item, thing, f"{taken}, though it is to stay")
                else:
                    message = f"{taken}, and made here: the last one wins"
                    self._note("conflict", item, thing, message)

    def _left_alone(self, items: Iterable[PolicyChange], replaced: frozenset[str]) -> None:
        """Find what a principal that is replaced had, and the plan does not make again."""
        for item in items:
            if not _left(item):
                continue
            for thing in set(_things(item, after=True)) & set(_things(item, after=False)):
                if thing[0] in replaced and thing[0] != item.slot.resource.address:
                    self._remove(thing)
                    message = f"{_said(thing)} goes with {thing[0]}, which is replaced"
                    message += "; the plan does not make it again"
                    self._note("conflict", item, thing, message)

    def _excluded(self, items: Iterable[PolicyChange]) -> None:
        """Find what an exclusive resource removes that it did not name before."""
        resources: dict[str, list[PolicyChange]] = {}
        for item in items:
            if item.slot.resource.type in (*ATTACHING, *EXCLUSIVE):
                resources.setdefault(item.slot.resource.address, []).append(item)
        by_owner: dict[tuple[str, str], list[_Thing]] = {}
        for thing in self._keys:
            by_owner.setdefault(thing[:2], []).append(thing)
        for items_of_resource in resources.values():
            if items_of_resource[0].action not in ("delete", "forget", *_STAYS):
                self._remove_unlisted(items_of_resource, by_owner)

    def _remove_unlisted(
        self, items: list[PolicyChange], by_owner: Mapping[tuple[str, str], list[_Thing]]
    ) -> None:
        """Remove what the lists of one exclusive resource do not name, if they are known."""
        if any(item.slot.whole or item.after.read.known == "sensitive" for item in items):
            return
        kind = "inline" if items[0].slot.kind == "exclusive" else "attachment"
        before, after = _all_things(items, after=False), _all_things(items, after=True)
        owners = {o.name for item in items for b in (item.before, item.after) for o in b.owners}
        for thing in [t for owner in sorted(owners) for t in by_owner.get((owner, kind), ())]:
            policies = self.by_principal[thing[0]]
            if thing in after or policies.after.keys().isdisjoint(self._keys[thing]):
                continue
            self._remove(thing)
            if thing not in before or thing in self._made:
                message = f"{_said(thing)} is removed, since the list does not name it"
                self._note("exclusive-removes", items[0], thing, message)

    def _note(self, rule: str, item: PolicyChange, thing: _Thing, message: str) -> None:
        has = self.by_principal[thing[0]]
        reads = [side.get(key) for key in self._keys[thing] for side in (has.before, has.after)]
        denies = any(policy.only("Deny").statements for policy in judged_policies(*reads))
        self.removals.append(Removal(rule, item, thing[0], denies, message))


def _key(item: PolicyChange, binding: Binding) -> str:
    if item.slot.kind == "attachment":
        return binding.policy
    resource = item.slot.resource
    left = f" (deposed {resource.deposed})" if resource.deposed else ""
    return f"{resource.address}{left} {item.slot.attribute}"


def _other_owner(item: PolicyChange) -> bool:
    """Say whether a slot is of a principal that a replacement left behind at one's address."""
    return bool(item.slot.resource.deposed) and not item.slot.owners


def _things(item: PolicyChange, *, after: bool) -> Iterator[_Thing]:
    """Yield what somebody has in a slot, by what IAM tells it from others."""
    binding = item.after if after else item.before
    kind = "attachment" if item.slot.kind == "attachment" else "inline"
    if item.slot.kind in ("permissions", "attachment", "exclusive") and binding.name:
        for owner in binding.owners:
            yield owner.name, kind, binding.name


def _all_things(items: Iterable[PolicyChange], *, after: bool) -> set[_Thing]:
    return {thing for item in items for thing in _things(item, after=after)}


def _left(item: PolicyChange) -> bool:
    """Say whether a plan leaves what stands in a slot alone, though it may change the rest."""
    if item.action in (*_STAYS, "forget"):
        return True
    resource = item.slot.resource
    lists = item.slot.kind == "attachment" and resource.type not in ATTACHING
    if item.action != "update" or not lists:
        return False
    names = [
        set(listed(resource, argument, after=after)[0])
        for argument, _ in item.slot.owners
        for after in (False, True)
    ]
    return any(before & after for before, after in zip(names[::2], names[1::2], strict=True))


def _made(item: PolicyChange) -> set[_Thing]:
    """Return what a resource makes in this plan, so that it is there in the end."""
    if item.slot.kind == "exclusive":
        return set()
    after = set(_things(item, after=True))
    if item.slot.resource.type in ATTACHING:
        return set() if item.action in ("delete", "forget", *_STAYS) else after
    written = item.slot.kind == "permissions" and item.before.read != item.after.read
    if written or item.action == "replace":
        return after
    return after - set(_things(item, after=False))


def _said(thing: _Thing) -> str:
    owner, kind, name = thing
    return f"Inline policy {name!r} of {owner}" if kind == "inline" else f"{name} on {owner}"
