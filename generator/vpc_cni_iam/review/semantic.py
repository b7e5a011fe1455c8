"""The semantic difference of two policies: every line is a gain, a loss, or proven to be neither.

What changed comes from `vpc_cni_iam.policy.change`; what each line is, a proof decides. Where
nothing is proven, a line counts as what it looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial

from vpc_cni_iam.policy.change import Change, all_changes
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.review import spelling
from vpc_cni_iam.review.judgements import Effect, Line
from vpc_cni_iam.review.proving import new_access, proven, undenied

_NONE = Policy(())
_GAINS = ("gained", "widened", "weakened", "undenied", "changed")
_LOSSES = ("lost", "narrowed", "tightened", "denied", "changed")
_ALLOWS = "a request that shows it"


@lru_cache(4096)
def lines(
    old: Policy | None,
    new: Policy | None,
    texts: tuple[str, str] = ("", ""),
    exact: bool = True,
    alone: bool = True,
) -> tuple[Line, ...]:
    """Return the semantic difference, gains first.

    Args:
        old: The policy before; None if there was none.
        new: The policy after.
        texts: Both as JSON, for what is only spelled differently; empty where there is no text.
        exact: False if a policy has places that are not known, about which nothing is proven.
        alone: False if other policies may allow what this one denies.
    """
    before, after = old or _NONE, new or _NONE
    if before == after and texts[0] == texts[1]:
        return ()
    judge = partial(_judged, old=before, new=after, exact=exact, alone=alone)
    found = [line for c in all_changes(before, after) for line in judge(c)]
    if old and new:
        found += _version(old, new)
    if exact:
        found += _unsaid(before, after, found)
    if old and new:
        found += spelling.lines(old, new, texts)
    if not found:
        found.append(Line("no-op", "regrouped", "statements that together mean the same"))
    order = ("gain", "loss", "no-op")
    return tuple(sorted(dict.fromkeys(found), key=lambda line: order.index(line.effect)))


def _judged(change: Change, old: Policy, new: Policy, exact: bool, alone: bool) -> Iterator[Line]:
    """Yield the line or lines of one change."""
    statements = (*change.before, *change.after)
    denies = statements[0].effect == "Deny"
    looks: list[Effect] = []
    if change.kind in _GAINS:
        looks.append("gain")
    if change.kind in _LOSSES:
        looks.append("loss")
    if change.kind == "redundant":
        looks.append("loss" if bool(change.before) is not denies else "gain")
    kept = [effect for effect in looks if not (exact and _nothing(effect, change, old, new, alone))]
    for effect in kept:
        kind: str = change.kind
        if kind == "redundant":
            words = ("undenied", "denied") if denies else ("gained", "lost")
            kind = words[0 if effect == "gain" else 1]
        elif kind == "changed" and len(kept) == 1:
            kind = "weakened" if effect == "gain" else "tightened"
        yield Line(effect, kind, change.text)
    if kept:
        return
    if change.before and change.after:
        yield Line("no-op", "respelled", f"{change.text} (proven to decide alike)")
    elif denies:
        still = _why_without_effect(change, old, new)
        yield Line("no-op", "redundant", f"denied: {change.text} ({still})")
    else:
        still = "still allowed by another statement" if change.before else "allowed before, too"
        yield Line("no-op", "redundant", f"{change.text} ({still})")


def _why_without_effect(change: Change, old: Policy, new: Policy) -> str:
    """Return why a Deny that comes or goes changes nothing, which is proven."""
    statements = change.before or change.after
    here, there = (old, new) if change.before else (new, old)
    denied = [Policy(statements, here.version)]
    if not undenied(denied, []):
        return "it applies to no request"
    return "another Deny denies it" if not undenied(denied, [there]) else "nothing allows it"


def _nothing(effect: Effect, change: Change, old: Policy, new: Policy, alone: bool) -> bool:
    """Say whether it is proven that a change is not the gain, or the loss, that it looks like."""
    denies = (change.before or change.after)[0].effect == "Deny"
    if not denies and not (old if effect == "gain" else new).statements:
        return False  # against nothing there is nothing to prove
    if denies and not alone:
        gains = effect == "gain"
        one, other = (change.before, new) if gains else (change.after, old)
        return not undenied([Policy(one, (old if gains else new).version)], [other])
    if effect == "gain":
        if denies:
            return proven([_with(new, change.before)], [new])
        return proven([old], [_with(_denials(new), change.after)])
    if denies:
        return proven([_with(old, change.after)], [old])
    return proven([new], [_with(_denials(old), change.before)])


def _with(policy: Policy, statements: Iterable[Statement]) -> Policy:
    return Policy((*policy.statements, *statements), policy.version)


def _denials(policy: Policy) -> Policy:
    return Policy(tuple(s for s in policy.statements if s.effect == "Deny"), policy.version)


def _version(old: Policy, new: Policy) -> Iterator[Line]:
    if old.version == new.version:
        return
    text = f"Version from {old.version} to {new.version}"
    if spelling.has_variables(old) or spelling.has_variables(new):
        text += ": policy variables such as ${aws:username} mean something only in 2012-10-17"
        yield Line("gain", "changed", text)
        yield Line("loss", "changed", text)
    else:
        yield Line("no-op", "respelled", f"{text} (the policies have no variables)")


def _unsaid(old: Policy, new: Policy, found: list[Line]) -> Iterator[Line]:
    """Yield what the lines do not say, though the documents together mean it."""
    if equal(old, new):
        return
    effects = {line.effect for line in found}
    for effect, one, other in (("gain", old, new), ("loss", new, old)):
        if effect in effects:
            continue
        answer = new_access([one], [other])
        if answer.verdict == "no new access":
            continue
        text = answer.reason
        if answer.witness:
            text = f"{answer.witness.action} on {answer.witness.resource}, {_ALLOWS}"
        yield Line("gain" if effect == "gain" else "loss", "changed", text)
