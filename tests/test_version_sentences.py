"""The sentences of the documents about plugin versions that work, beside the matrix."""

import re
from functools import cache
from pathlib import Path

from tools.docs.peers import BREAKING

from conftest import ROOT, facts
from coverage_policies import composed, covered, setting, upstream
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.catalog.variants import VARIANTS, Variant
from vpc_cni_iam.versions.listing import listing

OURS = [variant for variant in VARIANTS if not variant.program]
TRUNK = "on nodes with a trunk interface"
SCENARIOS = ("fresh-node", "trunk-interface")
# Held by tests/test_comparison_page.py and by the corpus of reviews.
_ELSEWHERE = {"development", "rules"}


@cache
def failing(variant: Variant) -> tuple[PluginVersion, ...]:
    """The versions at which the plugin fails, with trunk interfaces, with the policy for them."""
    versions = (v for v in known_versions.known() if v >= variant.minimum)
    where = {v: setting(str(v), variant.modes[0]) for v in versions}
    return tuple(
        version
        for version, there in where.items()
        if covered(composed(variant.name, str(version)), there, *SCENARIOS).verdict == "fails"
    )


def spans(versions: tuple[PluginVersion, ...]) -> str:
    return " and ".join(map(str, known_versions.spans(frozenset(versions))))


def exceptions() -> tuple[str, str]:
    """The variant that fails somewhere, and where."""
    by_variant = {variant.name: failing(variant) for variant in OURS if failing(variant)}
    (versions,) = set(by_variant.values())
    for name in by_variant:
        for version in map(str, versions):  # only the trunk interface is to blame
            there = setting(version, "ipv4")
            assert covered(composed(name, version), there, "fresh-node").verdict == "works"
            assert covered(composed(name, version), there, "trunk-interface").verdict == "fails"
    return " and ".join(f"`{name}`" for name in by_variant), spans(versions)


def works_with(variant: str) -> str:
    """With which versions upstream's newest document of a variant works."""
    assert listing()["revisions"][-1]["revision"] == revisions()[-1].name
    text: str = listing()["revisions"][-1]["works_with"][variant]
    return " and ".join(text.rsplit(", ", 1))


def expected() -> dict[str, list[str]]:
    """The sentences of each page, made from the matrix and the catalog."""
    names, versions = exceptions()
    scoped = min(variant.minimum for variant in OURS if variant.cluster_scoped)
    exits = facts("calls.json")["exits_on_denial"]
    (old, new) = (r for r in calls.call("logs:DescribeLogGroups").ranges if r.mode == "ipv4")
    return {
        "README.md": [
            "coverage reports that plugin v1.22.1 fails if its own role has a policy that several "
            "projects ship",
        ],
        "docs/variants.md": [
            "With `--cni-version`, every variant works with every plugin version from its first "
            f"one on. The exception: {names} fails with {versions} {TRUNK}.",
            f"A scoped policy needs plugin {scoped} or later, ",
            f"`ipv4-pod-identity` needs {POD_IDENTITY_SINCE} or later: before, ",
        ],
        "docs/index.md": [
            f"the days until each project had a policy that works with {BREAKING} and every later ",
        ],
        "docs/coverage.md": [
            f"the scoped document works with {works_with('ipv4-scoped')}](coverage.svg)",
            f"Plugin {exits['first']} to {exits['last']} exits on any denied EC2 call that it ",
            f"up to plugin {old.last} network policies do not apply to new pods, and from "
            f"{new.first} on pods do not start",
        ],
        "docs/troubleshooting.md": [
            f"Plugin {versions} fail with it; later versions continue.",
        ],
        "docs/evidence.md": [
            '"Works with v1.8.0 to v1.21.2" means that, with these plugin versions, '
        ],
    }


def prose(page: Path) -> str:
    """The text of a page, without commands and generated tables, which other tests hold."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    text = re.sub(r"<!-- BEGIN (\w+) -->\n.*?<!-- END \1 -->\n", "", text, flags=re.DOTALL)
    return " ".join(text.split())


def test_each_sentence_says_what_the_matrix_says() -> None:
    of_its_day = upstream("ipv4", "2024-07-22")
    assert covered(of_its_day, setting("v1.22.1", "ipv4"), "fresh-node").verdict == "fails"
    for page, sentences in expected().items():
        for sentence in sentences:
            assert sentence in prose(ROOT / page), (page, sentence)


def test_no_other_sentence_is_of_this_kind() -> None:
    """One that is new belongs into `expected`."""
    kind = re.compile(
        r"works? with [^.|]*(v1\.|every plugin version)"
        r"|(v1\.\d+\.\d+|version) (and later |or later )?(fail|exit|do not work|does not work)"
        r"|needs plugin v1"
    )
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        if _ELSEWHERE & {page.name, page.parent.name}:
            continue
        text = prose(page)
        for sentence in expected().get(page.relative_to(ROOT).as_posix(), ()):
            text = text.replace(sentence, "")
        assert not (match := kind.search(text)), (page, match and match[0])
