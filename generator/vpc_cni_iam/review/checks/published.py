"""Which documents that other projects publish a changed policy was, or becomes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from vpc_cni_iam.catalog.facts.peers import peer_documents
from vpc_cni_iam.catalog.known_documents import listed, recognise
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.gains import upstream_update
from vpc_cni_iam.review.make_finding import finding_of
from vpc_cni_iam.review.old.names import names_in
from vpc_cni_iam.review.renamed import answer

rule(
    "published-document",
    "note",
    "",
    "A policy that changes was, or becomes, a document that a project publishes.",
    "The finding names up to three documents on each side, such as the IPv6 policy of eksctl with "
    "the versions that make it, and says how many more there are. What the plugin cannot call by "
    "them is a finding of its own.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what is published of the two sides of each policy that changes."""
    for change in context.changes:
        changes = change.changes and change.action not in ("delete", "drift", "forget")
        if changes and change.kind == "permissions" and change.concerns_plugin:
            yield from _published(change, context)


def _published(change: Change, context: Context) -> Iterator[Finding]:
    texts = answer(change, _texts)
    close = change.nearest
    comes = change.before.known == "absent" and close is not None and close.equal
    # Otherwise the finding of the access names the document.
    if texts and not comes and not upstream_update(change, context):
        yield finding_of(change, "published-document", f"The policy {', and '.join(texts)}")


def _texts(change: Change) -> tuple[str, ...]:
    """Return which documents the policy was and will be."""
    sides = {"was": change.before, "will be": change.after}
    known = {v: _names(s.policy) for v, s in sides.items() if s.known == "known" and s.policy}
    if known.get("was") == known.get("will be"):
        known = {"is still": known.get("was", ())}
    return tuple(f"{verb} {'; '.join(names)}" for verb, names in known.items() if names)


@lru_cache(16_384)
def _names(policy: Policy) -> tuple[str, ...]:
    if _actions(policy) not in _known_actions():
        return ()  # which is decided faster than what they are on
    return tuple(listed(recognise(policy, names_in([policy]))))


@cache
def _known_actions() -> frozenset[frozenset[str]]:
    return frozenset(_actions(peer.policy) for peer in peer_documents())


def _actions(policy: Policy) -> frozenset[str]:
    return frozenset(action.lower() for action in policy.actions())
