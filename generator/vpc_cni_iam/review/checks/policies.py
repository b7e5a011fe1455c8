"""Turns what a plan does into findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vpc_cni_iam.review.account.collect import NOWHERE
from vpc_cni_iam.review.checks.make_finding import (
    finding,
    of_coverage,
    may_gain_access,
    oversize_text,
    said,
    shown,
)
from vpc_cni_iam.review.checks.trust_flaws import trusts_plugin
from vpc_cni_iam.review.diff.changes import Attachment, Change, Principal, State
from vpc_cni_iam.review.diff.coverage import concerns_plugin
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED
from vpc_cni_iam.review.diff.verdicts import Access, Line
from vpc_cni_iam.review.findings import MEANINGS, Finding, Level, Meaning


def of_change(
    change: Change,
    principals: Mapping[str, Principal],
    staying: Mapping[tuple[str, str], State],
) -> Iterator[Finding]:
    """Yield what is found about one change.

    Args:
        change: The change.
        principals: Roles, users and groups by name.
        staying: What the plan leaves in each place, by address and attribute.
    """
    judge = _Judge(change, principals)
    if not change.changes:
        return
    yield from judge.kept()
    if change.action == "drift":
        stays = staying.get((change.address, change.attribute), change.after) == change.after
        yield judge.drift(stays)
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

    def drift(self, stays: bool) -> Finding:
        change = self.change
        real = any(line.effect != "no-op" for line in change.lines) or not change.lines
        message = f"{self.what} was changed outside of the configuration"
        if not (real and stays):
            return self.make("drift", message, said(change.lines), None if real else "note")
        means: list[Meaning] = ["any-change"]
        if change.access and change.access.verdict != "no new access":
            means.append("new-access")
        if change.coverage and change.coverage.lost:
            means.append("coverage-lost")
        message += ", and the plan leaves it so"
        return self.make("drift", message, said(change.lines), means=tuple(means))

    @property
    def what(self) -> str:
        """What the change is about, at the beginning of a sentence."""
        kinds = {"trust": "The trust policy", "attachment": "The attachment"}
        kinds |= {"boundary": "The permissions boundary", "exclusive": "An exclusive list"}
        kinds |= {"membership": "The membership"}
        return kinds.get(self.change.kind, "The policy")

    def kept(self) -> Iterator[Finding]:
        """Yield that what is managed changes, though the policy may not."""
        change = self.change
        exclusive = change.type.endswith("_exclusive")
        if exclusive and change.action in ("delete", "forget") and not change.lines:
            message = "An exclusive list is given up: from then on nothing is removed for it"
            yield self.make("moved", message)
        elif change.kind == "exclusive" and any(line.kind == "kept" for line in change.lines):
            message = "An exclusive list keeps it, and removes what it does not name"
            yield self.make("moved", message)
        if change.imported:
            yield self.make("moved", f"{self.what} is imported as {change.imported}")
        if change.moved_from:
            yield self.make("moved", f"{self.what} is moved from {change.moved_from}")
        if change.action == "forget" and not exclusive:
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
        elif change.kind == "membership":
            yield from self.joined(gains, losses)
        elif change.access and change.access.reason == DENY_REMOVED:
            yield self.deny_removed()
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
        elif change.attachment and gains:
            yield self.idle(change.attachment)
        elif change.lines:
            message = f"{self.what} is written differently and means the same"
            yield self.make("rewritten", message, said(change.lines))

    def joined(self, gains: tuple[Line, ...], losses: tuple[Line, ...]) -> Iterator[Finding]:
        """Yield who joins a group, or leaves it."""
        if gains:
            message = f"{gains[0].text.replace(' to ', ' joins ', 1)}, and has what it has"
            yield self.make("group-joined", message, said(gains))
        if losses:
            message = f"{losses[0].text.replace(' from ', ' leaves ', 1)}"
            yield self.make("access-removed", message, said(losses))

    def held_back(self, gains: tuple[Line, ...], losses: tuple[Line, ...]) -> Iterator[Finding]:
        """Yield what a boundary, or an exclusive list, holds back or lets go."""
        if self.change.kind == "boundary":
            if gains:
                message = "The boundary goes, or another takes its place"
                yield self.make("boundary-weakened", message, said(gains))
            elif losses:
                yield self.make("access-removed", "A boundary comes", said(losses))
            return
        if losses:
            # What goes may have denied something.
            opened = any(
                may_gain_access(self.principals.get(name)) for name in self.change.principals
            )
            means: list[Meaning] = ["any-change"]
            means += ["new-access"] if opened else []
            means += ["coverage-lost"] if self.change.concerns_plugin else []
            message = losses[0].text
            yield self.make("exclusive-removes", message, said(losses), means=tuple(means))
        elif self.change.kind == "exclusive" and self.change.after.why:
            message = "Which inline policies stay is known after apply; the others are removed"
            yield self.make("exclusive-removes", message, self.change.after.why)
        access = self.change.access
        if access and access.verdict == "new access":
            yield self.gained(access, gains)
        elif access and access.verdict == "unknown":
            yield from self.unknown(access)
        elif access and access.reason == DENY_REMOVED:
            yield self.deny_removed()
        elif gains and self.change.attachment:
            yield self.idle(self.change.attachment)

    def idle(self, attached: Attachment) -> Finding:
        """Return that a policy is attached that allows nothing."""
        message = f"{attached.policy} is attached to {attached.principal}, and allows nothing"
        details = said(self.change.lines)
        return self.make("new-policy", message, details, "note", ("any-change",))

    def unknown(self, access: Access) -> Iterator[Finding]:
        change = self.change
        means = None
        before = change.before.policy
        about = trusts_plugin if change.kind == "trust" else concerns_plugin
        if before and about(before):
            means = MEANINGS
        if change.after.known == "sensitive" or change.before.known == "sensitive":
            message = f"{self.what} is sensitive, so it is not judged"
            yield self.make("sensitive-policy", message, means=means)
        elif change.kind == "attachment":
            # What is wrong with a policy of the plan is said where the policy is.
            attached = change.attachment
            if attached and change.after.why[0] in NOWHERE:
                message = (
                    f"{attached.policy} is attached to {attached.principal}, "
                    "and the plan does not hold its document"
                )
                if change.after.why[0] == NOWHERE[2]:
                    message = f"{attached.policy} for {attached.principal} is known after apply"
                yield self.make("unknown-attachment", message, change.after.why)
        elif change.before.known == "unreadable":
            message = f"{self.what} changes, and what stood there is not a policy"
            yield self.make("not-proven", message, (*change.before.why, *said(change.lines)))
        else:
            details = (*change.after.why, *said(change.lines))
            message = f"{self.what} is only known after apply"
            yield self.make("unknown-policy", message, details, means=means)

    def deny_removed(self) -> Finding:
        """Return what comes of a Deny that goes, for those who had it."""
        change = self.change
        held = [self.principals.get(name) for name in change.principals]
        verdicts = [p.access.verdict if p and p.access else "unknown" for p in held]
        if held and set(verdicts) == {"no new access"}:
            return self.make("access-removed", f"{self.what} allows less", said(change.lines))
        for principal in held:
            access = principal.access if principal else None
            if principal and access and access.verdict == "new access":
                message = f"{self.what} denies less, and {principal.name} may do more than before"
                details = (*said(change.lines), _example(access))
                return self.make("new-access", message, details)
        message = f"{self.what} denies less, and the plan may not show what other policies allow"
        return self.make("not-proven", message, said(change.lines))

    def gained(self, access: Access, gains: tuple[Line, ...]) -> Finding:
        """Return a finding of new access, as grave as it is for the roles that have it."""
        change = self.change
        details = (*said(gains), _example(access))
        if change.kind == "trust":
            return self.trusted(details)
        held = [self.principals.get(name) for name in change.principals]
        opened = [p for p in held if may_gain_access(p)]
        if opened and all(p and p.access and p.access.reason == DENY_REMOVED for p in opened):
            return self.deny_removed()
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

    def trusted(self, details: tuple[str, ...]) -> Finding:
        """Return that somebody new may assume a role."""
        if self.change.before.known == "absent":
            return self.make("new-policy", "A new role can be assumed", details, "note")
        return self.make("trust-widened", "The trust policy lets somebody new in", details)

    def size(self) -> Iterator[Finding]:
        if self.change.action != "delete":
            for size in self.change.sizes:
                if size.over:
                    yield self.make("size-limit", oversize_text(size))

    def coverage(self) -> Iterator[Finding]:
        """Yield what the plugin lacks, where no role says it of all its policies together."""
        change = self.change
        together = [self.principals.get(name) for name in change.principals]
        if change.coverage and not any(p and p.coverage for p in together):
            new = change.before.known == "absent"
            place = (change.address, change.attribute, change.place)
            yield from of_coverage(change.coverage, *place, new=new)


def _example(access: Access) -> str:
    """Return a request that is newly allowed, or why none is shown."""
    return f"for instance {shown(access.witness)}" if access.witness else access.reason
