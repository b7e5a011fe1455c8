"""What a hardened document leaves open, and what stops the plugin under it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.catalog.options import Options


@dataclass(frozen=True, slots=True)
class Caveat:
    """One thing to know.

    Args:
        identifier: That of the same risk in ``vpc-cni-iam coverage``.
        kind: ``open``: what the document still allows; ``stops``: what ends the plugin's start.
        text: What it is.
    """

    identifier: str
    kind: Literal["open", "stops"]
    text: str

    @property
    def line(self) -> str:
        """It as one line."""
        says = "stays open:" if self.kind == "open" else "stops the plugin at start if"
        return f"{says} {self.text} ({self.identifier})"


def caveats(options: Options) -> tuple[Caveat, ...]:
    """Return what to know about hardened documents; nothing if none is.

    Args:
        options: What was chosen.
    """
    how = options.selection.hardening
    if how is None:
        return ()
    claim = "=".join(how.eni_claim_tag) if how.eni_claim_tag else ""
    listed = ", ".join(how.additional_tag_keys) or "none"
    found = [
        *_open(options, claim),
        Caveat("describe-unscoped", "open", "Describe actions see the account: EC2 scopes none"),
        Caveat(
            "cluster-name-needed",
            "stops",
            "CLUSTER_NAME is empty or names another cluster, or an interface bears the name of "
            "another one",
        ),
        Caveat(
            "tag-keys-closed",
            "stops",
            f"ADDITIONAL_ENI_TAGS has a key that is not listed (listed: {listed}), or a later "
            "release sends another key",
        ),
    ]
    if claim:
        text = f"an attached interface bears neither {CLUSTER} nor {claim}"
        found.append(Caveat("claim-tag-needed", "stops", text))
    return tuple(found)


# What a document that one VPC is not named in cannot close: no session tag names a VPC.
_IN_ANY_VPC = (
    Caveat("instances-unscoped", "open", "its interfaces may be attached to any instance"),
    Caveat("creates-in-any-vpc", "open", "its interfaces may be made in every VPC"),
    Caveat("security-groups-unscoped", "open", "and be given security groups of any VPC"),
)


def _open(options: Options, claim: str) -> Iterator[Caveat]:
    """Yield what the chosen variants allow on things that are not their cluster's."""
    if any(v.scoped for v in options.variants):
        yield _claimable("untagged-interfaces-claimable", "its VPC", claim)
    if any(v.session_tags for v in options.variants):
        yield _claimable("unconditioned-create-tags", "any VPC", claim)
        yield from _IN_ANY_VPC


def _claimable(risk: str, place: str, claim: str) -> Caveat:
    marked = f" with {claim} and" if claim else ""
    text = (
        f"an interface of {place}{marked} without {CLUSTER} can be claimed, then changed or deleted"
    )
    if not claim:
        text += "; --eni-claim-tag asks for a tag that the nodes' maker gives theirs"
    return Caveat(risk, "open", text)
