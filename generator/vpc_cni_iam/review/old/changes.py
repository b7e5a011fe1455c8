"""What a change of a policy means: what is allowed and no longer, widened and narrowed.

Statements are taken apart into permissions (effect, action, resource, conditions), so that moving
an action from one statement to another, or reordering, is no change. Permissions are compared one
by one, exactly, by `vpc_cni_iam.review.old.containment`; whether the new policy as a whole allows
anything that the old one did not is a question for `vpc_cni_iam.policy.proof.access` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.report import asked_text, condition_text
from vpc_cni_iam.policy.template import folded
from vpc_cni_iam.review.old.containment import Containers, contains
from vpc_cni_iam.review.old.permissions import Key, Permission, permissions


class ChangeKind(StrEnum):
    """What happened to access."""

    # An action on a resource.
    ALLOWED = "allowed"
    NO_LONGER_ALLOWED = "no longer allowed"
    # Actions and resources.
    WIDENED = "widened"
    NARROWED = "narrowed"
    # Conditions.
    WEAKENED = "weakened"
    TIGHTENED = "tightened"
    # Neither contains the other.
    CHANGED = "changed"
    # Deny statements.
    DENIED = "denied"
    NO_LONGER_DENIED = "no longer denied"
    # Without effect; only of `all_changes`.
    REDUNDANT = "redundant"


# A change that may let something happen that could not happen before.
MAY_GAIN_ACCESS = frozenset(
    {
        ChangeKind.ALLOWED,
        ChangeKind.WIDENED,
        ChangeKind.WEAKENED,
        ChangeKind.CHANGED,
        ChangeKind.NO_LONGER_DENIED,
    }
)
# What a change of a Deny statement is.
_OF_A_DENY = {
    ChangeKind.ALLOWED: ChangeKind.DENIED,
    ChangeKind.WIDENED: ChangeKind.DENIED,
    ChangeKind.WEAKENED: ChangeKind.DENIED,
    ChangeKind.NO_LONGER_ALLOWED: ChangeKind.NO_LONGER_DENIED,
    ChangeKind.NARROWED: ChangeKind.NO_LONGER_DENIED,
    ChangeKind.TIGHTENED: ChangeKind.NO_LONGER_DENIED,
}
# Which requests match other conditions, by whether those are a part of the old, and contain them.
_MATCHING = {(True, False): "fewer", (False, True): "more", (False, False): "other"}


class AccessChange(Struct, frozen=True):
    """One change of access.

    Args:
        text: To what, such as ``ec2:CreateTags on *``.
        before: The statements of the old policy it is about, each of one action and resource.
        after: The same of the new policy.
    """

    kind: ChangeKind
    text: str
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class _Replacement(Struct, frozen=True):
    """Permissions in place of others, before those of one meaning are grouped."""

    kind: ChangeKind
    action: str
    text: str
    before: tuple[Permission, ...] = ()
    after: tuple[Permission, ...] = ()


class _Comparison(Struct, frozen=True):
    """The permissions that only one of two policies has."""

    removed: dict[Key, Permission]
    added: dict[Key, Permission]
    narrowed: dict[Key, list[Key]]  # the added ones that each removed one contains
    widened: dict[Key, list[Key]]  # the removed ones that each added one contains
    budget: Budget

    def widenings(self) -> Iterator[_Replacement]:
        """Yield each added permission in place of the removed ones that it contains."""
        for key, permission in self.added.items():
            equal = [self.removed[k] for k in self.widened[key] if key in self.narrowed[k]]
            smaller = [self.removed[k] for k in self.widened[key] if key not in self.narrowed[k]]
            if smaller:
                yield _replaced(smaller, [permission], self.budget)
            # Other conditions of one meaning are shown: their variables may differ in value.
            for twin in equal:
                replacement = _replaced([twin], [permission], self.budget)
                same_text = twin.conditions == permission.conditions
                yield replace(replacement, kind=ChangeKind.REDUNDANT) if same_text else replacement

    def narrowings(self) -> Iterator[_Replacement]:
        """Yield the added permissions that are a part of a removed one, in its place."""
        for key, permission in self.removed.items():
            smaller = [self.added[k] for k in self.narrowed[key] if key not in self.widened[k]]
            if smaller:
                yield _replaced([permission], smaller, self.budget)

    def others(self) -> Iterator[_Replacement]:
        """Yield the permissions that neither contain others nor are a part of them."""
        contained = {k for keys in (*self.narrowed.values(), *self.widened.values()) for k in keys}
        removed = _alone(self.removed, self.narrowed, contained)
        added = _alone(self.added, self.widened, contained)
        alike: dict[Key, dict[Key, Permission]] = {}
        for key, permission in removed.items():
            for likeness in _likenesses(permission):
                alike.setdefault(likeness, {})[key] = permission
        for key, permission in list(added.items()):
            candidates = chain.from_iterable(
                alike.get(likeness, {}).values() for likeness in _likenesses(permission)
            )
            twin = next(candidates, None)
            if twin is not None:
                for likeness in _likenesses(twin):
                    del alike[likeness][twin.key]
                del added[key], removed[twin.key]
                yield _replaced([twin], [permission], self.budget)
        for permission in removed.values():
            yield _removed(ChangeKind.NO_LONGER_ALLOWED, permission)
        for permission in added.values():
            yield _added(ChangeKind.ALLOWED, permission)


def changes(old: Policy, new: Policy) -> tuple[AccessChange, ...]:
    """Return what a change of a policy means, actions of one meaning in one line."""
    return tuple(c for c in all_changes(old, new) if c.kind is not ChangeKind.REDUNDANT)


def all_changes(old: Policy, new: Policy, budget: Budget | None = None) -> tuple[AccessChange, ...]:
    """Return what `changes` does, and as redundant what comes or goes without any effect.

    That is what a permission in both policies contains, and what replaces another of one meaning.
    """
    budget = Budget() if budget is None else budget
    before, after = permissions(old, budget), permissions(new, budget)
    unchanged = Containers((p for key, p in before.items() if key in after), budget)
    removed, redundant_before = _without_redundant(before, after, unchanged)
    added, redundant_after = _without_redundant(after, before, unchanged)
    narrowed, widened = _contained(removed, added, budget), _contained(added, removed, budget)
    comparison = _Comparison(removed, added, narrowed, widened, budget)
    return _grouped(
        [
            *comparison.widenings(),
            *comparison.narrowings(),
            *comparison.others(),
            *(_removed(ChangeKind.REDUNDANT, p) for p in redundant_before),
            *(_added(ChangeKind.REDUNDANT, p) for p in redundant_after),
        ]
    )


def _without_redundant(
    here: Mapping[Key, Permission],
    there: Iterable[Key],
    unchanged: Containers,
) -> tuple[dict[Key, Permission], list[Permission]]:
    """Return the permissions of one policy alone, less those that an unchanged one contains."""
    alone: dict[Key, Permission] = {}
    redundant = []
    for key, permission in here.items():
        if key in there:
            continue
        if any(unchanged.of(permission)):
            redundant.append(permission)
        else:
            alone[key] = permission
    return alone, redundant


def _contained(
    wide: Mapping[Key, Permission], narrow: Mapping[Key, Permission], budget: Budget
) -> dict[Key, list[Key]]:
    """Return for the key of each permission those of others that it contains."""
    containers = Containers(wide.values(), budget)
    contained: dict[Key, list[Key]] = {key: [] for key in wide}
    for key, permission in narrow.items():
        for container in containers.of(permission):
            contained[container.key].append(key)
    return contained


def _alone(
    own: Mapping[Key, Permission], containing: Mapping[Key, list[Key]], contained: set[Key]
) -> dict[Key, Permission]:
    return {k: p for k, p in own.items() if not containing[k] and k not in contained}


def _likenesses(permission: Permission) -> tuple[Key, Key]:
    """Return what a permission and one that replaces it have in common, the likelier first."""
    return (
        (*permission.subject, "on", permission.resource),
        (*permission.subject, "if", permission.conditions),
    )


def _removed(kind: ChangeKind, permission: Permission) -> _Replacement:
    return _Replacement(_by_effect(kind, permission), *permission.line, before=(permission,))


def _added(kind: ChangeKind, permission: Permission) -> _Replacement:
    return _Replacement(_by_effect(kind, permission), *permission.line, after=(permission,))


def _by_effect(kind: ChangeKind, permission: Permission) -> ChangeKind:
    return kind if permission.effect == "Allow" else _OF_A_DENY.get(kind, kind)


def _joined_lines(permissions: list[Permission]) -> str:
    return " and ".join(p.line[1].removeprefix("on ") for p in permissions)


def _replaced(before: list[Permission], after: list[Permission], budget: Budget) -> _Replacement:
    """Return what it means that permissions replace others; one of the sides has only one."""
    old, new, every = before[0], after[0], [*before, *after]
    tighter = all(contains(old, permission, budget) for permission in after)
    looser = all(contains(new, permission, budget) for permission in before)
    one_action = len({p.action.lower() for p in every}) == 1
    one_resource = len({p.resource for p in every}) == 1
    one_condition = len({p.conditions for p in every}) == 1
    kinds = ChangeKind.NARROWED, ChangeKind.WIDENED
    action = new.action
    if not one_action:
        action, text = _actions_replaced(before, after)
    elif one_condition:
        resources, others = (", ".join(p.resource for p in side) for side in (before, after))
        text = f"from {resources} to {others}{new.who}{new.words}"
    elif one_resource:
        kinds = ChangeKind.TIGHTENED, ChangeKind.WEAKENED
        gone = [_conditions_without(new, p) for p in before]
        come = [_conditions_without(old, p) for p in after]
        matching = "" if tighter and looser else f": {_MATCHING[tighter, looser]} requests match"
        text = f"{new.where}: {_conditions_replaced(gone, come)}{matching}"
    else:
        text = f"from {_joined_lines(before)} to {_joined_lines(after)}"
    kind = ChangeKind.CHANGED if tighter == looser else kinds[looser]
    return _Replacement(_by_effect(kind, new), action, text, tuple(before), tuple(after))


def _actions_replaced(before: list[Permission], after: list[Permission]) -> tuple[str, str]:
    """Return the old actions, and in words the new ones."""
    rests = {p.line[1] for p in (*before, *after)}
    if len(rests) == 1:
        old, new = (", ".join(sorted(p.action for p in side)) for side in (before, after))
        return old, f"to {new} {rests.pop()}"
    return _together(before), f"to {_together(after)}"


def _conditions_without(other: Permission, permission: Permission) -> tuple[Condition, ...]:
    """Return the conditions of a permission that another does not have."""
    return tuple(
        c
        for c in permission.statement.conditions
        if (c.operator, folded(c.key), frozenset(c.values)) not in other.conditions
    )


def _conditions_replaced(
    gone: list[tuple[Condition, ...]], come: list[tuple[Condition, ...]]
) -> str:
    """Return in words which conditions go and come, of each permission those that it has alone."""
    if len(gone) == len(come) == 1:
        return "; ".join(_by_key(gone[0], come[0]))
    before, after = (
        "; or ".join(" and ".join(map(condition_text, conditions)) or "none" for conditions in side)
        for side in (gone, come)
    )
    return f"conditions changed from {before} to {after}"


def _by_key(gone: tuple[Condition, ...], come: tuple[Condition, ...]) -> Iterator[str]:
    for key in dict.fromkeys(folded(c.key) for c in (*gone, *come)):
        old, new = ([c for c in side if folded(c.key) == key] for side in (gone, come))
        if old and new:
            before, after = (" and ".join(map(asked_text, side)) for side in (old, new))
            yield f"condition on {new[0].key} changed from {before} to {after}"
        else:
            text = " and ".join(map(condition_text, old or new))
            yield f"condition {text} {'removed' if old else 'added'}"


def _together(some: Iterable[Permission]) -> str:
    """Return several permissions as text, the actions of one meaning together."""
    lines: dict[str, list[str]] = {}
    for permission in some:
        action, rest = permission.line
        lines.setdefault(rest, []).append(action)
    return " and ".join(f"{', '.join(sorted(a))} {rest}" for rest, a in lines.items())


def _grouped(replacements: Iterable[_Replacement]) -> tuple[AccessChange, ...]:
    groups: dict[tuple[ChangeKind, str, bool], list[_Replacement]] = {}
    for each in replacements:
        groups.setdefault((each.kind, each.text, not each.before), []).append(each)
    return tuple(
        AccessChange(
            kind,
            f"{', '.join(sorted(each.action for each in group))} {text}",
            tuple(p.statement for each in group for p in each.before),
            tuple(p.statement for each in group for p in each.after),
        )
        for (kind, text, _), group in groups.items()
    )
