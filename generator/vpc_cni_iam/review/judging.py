"""Turns what a plan does into findings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vpc_cni_iam.review.changes import Change, Place, Principal
from vpc_cni_iam.review.findings import Finding, Level, Meaning
from vpc_cni_iam.review.gathering import NOWHERE
from vpc_cni_iam.review.judgements import Access, CoverageChange, Line, Size, Witness
from vpc_cni_iam.review.rules import BY_ID

_MOST = 20


def finding(
    rule: str,
    message: str,
    *,
    address: str = "",
    attribute: str = "",
    details: tuple[str, ...] = (),
    place: Place | None = None,
    level: Level | None = None,
    means: tuple[Meaning, ...] | None = None,
) -> Finding:
    """Return a finding of a rule.

    Args:
        rule: The rule's identifier.
        message: What was found.
        address: The resource.
        attribute: Where in it.
        details: More lines.
        place: Where it is written.
        level: How bad it is, if not as the rule says.
        means: What it counts for, if not as the rule says.
    """
    known = BY_ID[rule]
    key = "\0".join((rule, address, attribute))
    return Finding(
        rule,
        level or known.level,
        known.means if means is None else means,
        address,
        attribute,
        message,
        details,
        place,
        hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16],
    )


def of_change(change: Change, principals: Mapping[str, Principal]) -> Iterator[Finding]:
    """Yield what is found about one change.

    Args:
        change: The change.
        principals: Roles, users and groups by name.
    """
    judge = _Judge(change, principals)
    if not change.changes:
        return
    yield from judge.kept()
    if change.action == "drift":
        yield judge.drift()
        return
    yield from judge.access()
    yield from judge.size()
    yield from judge.coverage()


@dataclass(frozen=True, slots=True)
class _Judge:
    change: Change
    principals: Mapping[str, Principal]

    def make(
        self,
        rule: str,
        message: str,
        details: tuple[str, ...] = (),
        level: Level | None = None,
        means: tuple[Meaning, ...] | None = None,
    ) -> Finding:
        change = self.change
        return finding(
            rule,
            message,
            address=change.address,
            attribute=change.attribute,
            details=details,
            place=change.place,
            level=level,
            means=means,
        )

    def drift(self) -> Finding:
        change = self.change
        real = any(line.effect != "no-op" for line in change.lines) or not change.lines
        message = f"{self.what} was changed outside of the configuration"
        return self.make("drift", message, said(change.lines), None if real else "note")

    @property
    def what(self) -> str:
        """What the change is about, at the beginning of a sentence."""
        kinds = {"trust": "The trust policy", "attachment": "The attachment"}
        kinds |= {"boundary": "The permissions boundary", "exclusive": "An exclusive list"}
        return kinds.get(self.change.kind, "The policy")

    def kept(self) -> Iterator[Finding]:
        """Yield that what is managed changes, though the policy may not."""
        change = self.change
        if change.kind == "exclusive":
            return
        if change.imported:
            yield self.make("moved", f"{self.what} is imported as {change.imported}")
        if change.moved_from:
            yield self.make("moved", f"{self.what} is moved from {change.moved_from}")
        if change.action == "forget":
            yield self.make(
                "moved", f"{self.what} is forgotten: it stays in IAM, and is no longer managed"
            )

    def access(self) -> Iterator[Finding]:
        change = self.change
        gains = tuple(line for line in change.lines if line.effect == "gain")
        losses = tuple(line for line in change.lines if line.effect == "loss")
        if change.after.known == "unreadable" and change.access:
            why = "; ".join(change.after.why)
            yield self.make("unreadable-policy", f"{self.what} is not a policy: {why}")
        elif change.kind in ("boundary", "exclusive") or change.type.endswith("_exclusive"):
            yield from self.held_back(gains, losses)
        elif change.action == "delete":
            yield self.make("access-removed", f"{self.what} is deleted", said(losses))
        elif change.access and change.access.verdict == "new access":
            yield self.gained(change.access, gains)
        elif change.access and change.access.verdict == "not proven":
            reason = change.access.reason
            message = f"{self.what} changes, and whether it allows more is not decided: {reason}"
            yield self.make("not-proven", message, said(change.lines))
        elif change.access and change.access.verdict == "unknown":
            yield from self.unknown(change.access)
        elif losses:
            yield self.make("access-removed", f"{self.what} allows less", said(losses))
        elif change.action == "replace":
            message = f"{self.what} is replaced by one that means the same"
            yield self.make("moved", message, said(change.lines))
        elif change.lines:
            message = f"{self.what} is written differently and means the same"
            yield self.make("rewritten", message, said(change.lines))

    def held_back(self, gains: tuple[Line, ...], losses: tuple[Line, ...]) -> Iterator[Finding]:
        """Yield what a boundary, or an exclusive list, holds back or lets go."""
        if self.change.kind == "boundary":
            if gains:
                yield self.make("boundary-weakened", "The boundary goes", said(gains))
            elif losses:
                yield self.make("access-removed", "A boundary comes", said(losses))
        elif losses:
            yield self.make("exclusive-removes", losses[0].text, said(losses))
        elif self.change.access and self.change.access.verdict == "new access":
            yield self.gained(self.change.access, gains)
        elif self.change.access and self.change.access.verdict == "unknown":
            yield from self.unknown(self.change.access)

    def unknown(self, access: Access) -> Iterator[Finding]:
        change = self.change
        if change.after.known == "sensitive" or change.before.known == "sensitive":
            yield self.make("sensitive-policy", f"{self.what} is sensitive, so it is not judged")
        elif change.kind == "attachment":
            # What is wrong with a policy of the plan is said where the policy is.
            if change.attachment and change.after.why[0] in NOWHERE:
                yield self.make(
                    "unknown-attachment",
                    f"{change.attachment.policy} is attached to {change.attachment.principal}, "
                    "and the plan does not hold its document",
                )
        else:
            details = (*change.after.why, *said(change.lines))
            yield self.make("unknown-policy", f"{self.what} is only known after apply", details)

    def gained(self, access: Access, gains: tuple[Line, ...]) -> Finding:
        """Return a finding of new access, as grave as it is for the roles that have it."""
        change = self.change
        details = said(gains)
        if access.witness:
            details += (f"for instance {shown(access.witness)}",)
        if change.kind == "trust":
            if change.before.known == "absent":
                return self.make("new-policy", "A new role can be assumed", details, "note")
            return self.make("trust-widened", "The trust policy lets somebody new in", details)
        held = [self.principals.get(name) for name in change.principals]
        proven = [p.name for p in held if p and p.access and p.access.verdict == "no new access"]
        if held and len(proven) == len(held):
            message = f"{self.what} allows more, and {', '.join(proven)} had all of it before"
            rule = "new-policy" if change.before.known == "absent" else "new-access"
            return self.make(rule, message, details, "note", ("any-change",))
        if change.before.known != "absent" and change.kind != "attachment":
            return self.make("new-access", f"{self.what} allows more than before", details)
        message = "A new policy"
        if change.attachment:
            message = f"{change.attachment.policy} is attached to {change.attachment.principal}"
        nearest = change.nearest
        if nearest and nearest.equal and nearest.variant != "managed":
            return self.make("new-policy", f"{message}, equal to {nearest.name}", details, "note")
        return self.make("new-policy", message, details)

    def size(self) -> Iterator[Finding]:
        if self.change.action != "delete":
            for size in self.change.sizes:
                if size.over:
                    yield self.make("size-limit", oversize(size))

    def coverage(self) -> Iterator[Finding]:
        """Yield what the plugin lacks, where no role says it of all its policies together."""
        change = self.change
        together = [self.principals.get(name) for name in change.principals]
        if change.coverage and not any(p and p.coverage for p in together):
            new = change.before.known == "absent"
            place = (change.address, change.attribute, change.place)
            yield from of_coverage(change.coverage, *place, new=new)


def of_coverage(
    coverage: CoverageChange, address: str, attribute: str, place: Place | None, *, new: bool
) -> Iterator[Finding]:
    """Yield what the plugin can no longer do, or cannot do.

    Args:
        coverage: What a change does to it.
        address: Whose change.
        attribute: Where in it.
        place: Where it is written.
        new: Whether there was nothing before, so that what is lacking is of this plan's making.
    """
    where = f"plugin {coverage.release}, {coverage.mode}"
    levels: tuple[tuple[str, Level], ...] = (("fatal", "error"), ("degraded", "warning"))
    for impact, level in levels:
        lost = tuple(lack for lack in coverage.lost if lack.impact == impact)
        if lost:
            yield finding(
                "coverage-lost",
                f"{where} can no longer call {', '.join(lack.action for lack in lost)}",
                address=address,
                attribute=attribute,
                details=tuple(f"{lack.action}: {lack.breaks}" for lack in lost),
                place=place,
                level=level,
            )
    lost_actions = {lack.action for lack in coverage.lost}
    lacking = [k for k in coverage.lacking if k.impact == "fatal" and k.action not in lost_actions]
    if new and lacking:
        yield finding(
            "coverage-lacking",
            f"{where} cannot call {', '.join(lack.action for lack in lacking)}",
            address=address,
            attribute=attribute,
            details=tuple(f"{lack.action}: {lack.breaks}" for lack in lacking),
            place=place,
        )


def oversize(size: Size) -> str:
    """Return what is too large, in a sentence.

    Args:
        size: The size.
    """
    return f"The {size.what}: {size.size} characters without white space; IAM takes {size.limit}"


def said(lines: tuple[Line, ...]) -> tuple[str, ...]:
    """Return lines of a difference as text, the first of them.

    Args:
        lines: The lines.
    """
    found = tuple(f"{line.kind}: {line.text}" for line in lines[:_MOST])
    more = len(lines) - len(found)
    return (*found, f"and {more} more") if more > 0 else found


def shown(witness: Witness) -> str:
    """Return a request that is newly allowed, in words.

    Args:
        witness: The request.
    """
    text = f"{witness.action} on {witness.resource}"
    if witness.principal:
        text += f" by {witness.principal}"
    if witness.context:
        text += " with " + ", ".join(f"{k} = {' or '.join(v)}" for k, v in witness.context)
    return text
