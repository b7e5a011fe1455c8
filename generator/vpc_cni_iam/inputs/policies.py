"""The policies of an input, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from vpc_cni_iam.errors import InputError, UsageError, first_of
from vpc_cni_iam.inputs.kind import Part
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy

# The details of an account name thousands.
_SHOWN = 20


class NamedPolicy(Struct, frozen=True):
    """One policy of an input."""

    name: str  # what the input calls it: the name of its data source; empty if it has none
    policy: Policy
    source: str  # the input, as errors name it


class InputPolicies(Struct, frozen=True):
    """The identity policies of an input; `choose` takes those that a verdict is about."""

    source: str  # the input, as errors name it
    policies: tuple[NamedPolicy, ...]
    # Its other parts, and why they are not among them, without those that a user left out by naming
    # policies.
    skipped: tuple[Skipped, ...]


def collect(parts: Iterable[Part], source: str) -> InputPolicies:
    """Return the policies of an input, apart from the skipped parts."""
    policies: list[NamedPolicy] = []
    skipped: list[Skipped] = []
    for part in parts:
        if isinstance(part, Skipped):
            skipped.append(part)
        else:
            policies.append(NamedPolicy(*part, source))
    return InputPolicies(source, tuple(policies), tuple(skipped))


def choose(opened: InputPolicies, names: Iterable[str]) -> InputPolicies:
    """Return the policies of these names, or the only one that can be read.

    Raises `InputError` for the name of a skipped policy, `UsageError` for one that is not there, or
    several policies and no name.
    """
    known = [o.name for o in opened.policies if o.name]
    chosen = {_resolve(name, opened, known) for name in names}
    if chosen:
        policies = tuple(o for o in opened.policies if o.name in chosen)
        owners = {name.partition("/")[0] for name in chosen}
        skipped = (
            s
            for s in opened.skipped
            if s.reason is Reason.overrides
            or s.reason.is_note
            or (s.reason is Reason.not_applied and s.name.partition("/")[0] in owners)
        )
        return InputPolicies(opened.source, policies, tuple(skipped))
    if len(opened.policies) > 1:
        problem = f"{opened.source} holds several policies, {first_of(known)}; "
        unread = [s.name for s in opened.skipped if s.counts]
        if unread:
            problem += f"choose with --document\nof the others: {first_of(unread)} cannot be read"
        else:
            problem += "choose with --document"
        raise UsageError(problem)
    return opened


def _resolve(name: str, opened: InputPolicies, known: Sequence[str]) -> str:
    for skipped in opened.skipped:
        if skipped.name == name and name not in known:
            raise InputError(opened.source, "", f"{name} is {skipped.reason}: {skipped.detail}")
    return resolve(name, known, "document", "--document", source=opened.source)


def why_none(skipped: Sequence[Skipped]) -> str:
    """Say why no policy of an input can be taken."""
    left_out = [s for s in skipped if not s.reason.is_note]
    if not left_out:
        return "holds no policy of an identity"
    listed = [f"{s.name}: {s.reason}: {s.detail}" for s in left_out[:_SHOWN]]
    if len(left_out) > _SHOWN:
        listed.append(f"and {len(left_out) - _SHOWN:,} more")
    return f"holds no policy of an identity that can be read; {'; '.join(listed)}"
