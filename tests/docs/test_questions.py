"""The questions that operators ask are found by their words in the site's search."""

import json
from pathlib import Path

import pytest

from site_build import site

__all__ = ["site"]

# Words as people type them, and the section that has the answer.
QUESTIONS = [
    ("Checking for IPAM connectivity", "aws-node-is-stuck-at-checking-for-ipam-connectivity"),
    ("Retrying waiting for IPAM-D", "aws-node-is-stuck-at-checking-for-ipam-connectivity"),
    ("order Pod Identity agent CNI cluster", "in-which-order-are-the-pod-identity-agent"),
    ("before_compute", "in-which-order-are-the-pod-identity-agent"),
    ("IRSA is set node still used", "irsa-is-set-up-but-the-node-role-is-still-used"),
    ("security groups for pods role of the cluster", "security-groups-for-pods"),
    ("TrunkENICreationFailed", "security-groups-for-pods"),
    ("policy for IPv6", "which-policy-for-ipv6"),
    ("China", "china-and-govcloud"),
    ("GovCloud", "china-and-govcloud"),
    ("shared VPC", "shared-vpc"),
    ("not the owner of network interface", "shared-vpc"),
    ("Auto Mode", "eks-auto-mode"),
    ("Outposts", "outposts-and-local-zones"),
    ("Local Zones", "outposts-and-local-zones"),
    ("Windows nodes", "windows-nodes"),
    ("enable-windows-ipam", "windows-nodes"),
    ("Hybrid nodes", "eks-hybrid-nodes"),
    ("Karpenter node role tags", "karpenter-the-node-role"),
    ("custom networking ENIConfig", "custom-networking"),
    ("CNI permissions off the node role", "can-i-take-the-cni-permissions"),
    ("No OpenIDConnect provider", "explain.html#credentials-come-first"),
    ("Not authorized to perform sts:AssumeRoleWithWebIdentity", "explain.html#credentials"),
    ("failed to refresh cached credentials", "explain.html#credentials-come-first"),
    ("no EC2 IMDS role found", "explain.html#credentials-come-first"),
    ("169.254.170.23", "explain.html#credentials-come-first"),
    ("InsufficientCidrBlocks", "explain.html#credentials-come-first"),
]


@pytest.mark.parametrize(("words", "section"), QUESTIONS)
def test_a_question_is_found_by_its_words(words: str, section: str, site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    wanted_words = words.lower().split()
    hits = {
        entry["location"]: sum(word in entry["title"].lower() for word in wanted_words)
        for entry in index["docs"]
        if all(word in f"{entry['title']} {entry['text']}".lower() for word in wanted_words)
    }
    # Headings count for more: the section is among the first that a search shows.
    first = sorted(hits, key=lambda location: -hits[location])[:5]
    place = section if ".html" in section else f"troubleshooting.html#{section}"
    assert any(location.startswith(place) for location in first), first
