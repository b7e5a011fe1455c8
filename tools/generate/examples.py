"""The options of the examples' modules, and the page that lists the examples."""

import re
from pathlib import Path

from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.rendering.policy_module import NAME
from vpc_cni_iam.vendoring.init import first_options
from vpc_cni_iam.versions.works_with import document_versions

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

_HARDENED = Hardening()
POLICY = options(["ipv4", "ipv6", "ipv4-scoped", "ipv4-ipv6"], hardening=_HARDENED)
NARROWED = options(["ipv4-scoped"], cni_version="latest", hardening=Hardening(limits=tuple(IdList)))
IPV6_SCOPED = options(["ipv6-scoped"], hardening=_HARDENED)
ROLE = options(kind="role", hardening=_HARDENED)
MANY = options(["ipv4-pod-identity"], kind="role", hardening=_HARDENED)
VENDORED = first_options()
UPSTREAM = options(revision="2022-01-31")

# The policy that each example attaches; the publisher chooses the one from a registry.
_ATTACHED: dict[str, tuple[Options, str] | None] = {
    "ipv4": (POLICY, "ipv4"),
    "ipv6": (POLICY, "ipv6"),
    "ipv4-scoped": (POLICY, "ipv4-scoped"),
    "ipv4-narrowed": (NARROWED, "ipv4-scoped"),
    "ipv6-scoped": (IPV6_SCOPED, "ipv6-scoped"),
    "ipv4-ipv6": (POLICY, "ipv4-ipv6"),
    "role-irsa": (ROLE, "ipv4"),
    "role-ipv6": (ROLE, "ipv6"),
    "role-scoped-pod-identity": (ROLE, "ipv4-scoped"),
    "role-many-clusters": (MANY, "ipv4-pod-identity"),
    "several-clusters": (ROLE, "ipv4-scoped"),
    "moving-to-scoped": (ROLE, "ipv4-scoped"),
    "add-on": (ROLE, "ipv4"),
    "vendored": (VENDORED, "ipv4-scoped"),
    "from-registry": None,
    "upstream-2022-01-31": (UPSTREAM, "ipv4"),
}
_FIRST_SENTENCE = re.compile(r"\A((?:# .*\n)+)")


def page() -> str:
    """Return the page that lists the examples."""
    lines = [
        "# Examples",
        "",
        "Each example is a root module that you can plan as it is. The generated modules that they",
        f"call are for plugin {newest()}, except the one with upstream's document. For your own",
        "configuration, generate the module and use it as the `source`:",
        "",
        "```sh",
        f"vpc-cni-iam generate modules/{NAME}",
        "vpc-cni-iam generate modules/vpc-cni-iam-role --kind role",
        "```",
        "",
        "| example | what it shows | works with plugin |",
        "| --- | --- | --- |",
    ]
    lines += [f"| [{n}]({n}) | {_shows(n)} | {_works(n)} |" for n in _ATTACHED]
    return "\n".join(lines) + "\n"


def _shows(name: str) -> str:
    """Return the first sentence of an example, up to a colon."""
    text = (EXAMPLES / name / "main.tf").read_text(encoding="utf-8")
    result = _FIRST_SENTENCE.match(text)
    comment = " ".join(result[1].replace("# ", "").split()) if result else ""
    return re.split(r"[.:] |\.$", comment)[0]


def _works(name: str) -> str:
    attached = _ATTACHED[name]
    if attached is None:
        return "the plugin versions of the published module"
    made_from, name = attached
    (variant,) = find([name])
    (policy,) = (c.policy for c in made_from.composed() if c.variant == variant)
    return document_versions(policy, variant).works_with
