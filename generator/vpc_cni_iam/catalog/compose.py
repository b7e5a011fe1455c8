"""A variant's policy for what the user chose: the document, its gaps filled, features granted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts import calls, documents, releases
from vpc_cni_iam.catalog.facts.calls import Use
from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.catalog.facts.releases import Release
from vpc_cni_iam.catalog.facts.requests import checked_on, kind_of
from vpc_cni_iam.catalog.harden import harden
from vpc_cni_iam.catalog.hardening import FLAG, Hardening
from vpc_cni_iam.catalog.variants import Variant
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, Statement, dumps

# IAM user guide, "IAM and AWS STS quotas": of a managed policy, white space not counted.
_MOST_CHARACTERS = 6144


@dataclass(frozen=True, slots=True)
class Selection:
    """Which documents, chosen by revision or by the release they must work for.

    Args:
        revision: The revision of upstream's page.
        release: The release that was asked for, None if a revision was.
        gaps: Whether to add what the release calls and the document does not grant.
        features: Optional features to grant, in the catalog's order.
        hardening: How to narrow what is tied to a cluster, None for not at all.
    """

    revision: Revision
    release: Release | None = None
    gaps: bool = False
    features: tuple[str, ...] = ()
    hardening: Hardening | None = None

    @property
    def stands_in(self) -> bool:
        """Whether the release is older than any document, so that the oldest stands in."""
        return self.release is not None and self.release < self.revision.first

    @property
    def word_for_word(self) -> bool:
        """Whether upstream's own variants are as upstream published them."""
        return self.release is None and not self.features

    @property
    def serves(self) -> Release:
        """The release asked for; of a revision the last that shipped it."""
        return self.release or self.revision.last or releases.newest()

    def arguments(self) -> tuple[str, ...]:
        """Return the options that select the same again, in one fixed form."""
        if self.release is None:
            chosen = ["--revision", self.revision.name]
        else:
            chosen = ["--cni-version", str(self.release)] + ([] if self.gaps else ["--no-gaps"])
        for feature in self.features:
            chosen += ["--feature", feature]
        return (*chosen, *(self.hardening.arguments() if self.hardening else ()))


def select(
    revision: str | None = None,
    cni_version: str | None = None,
    features: Iterable[str] = (),
    gaps: bool = True,
    hardening: Hardening | None = None,
) -> Selection:
    """Return the selection that a user's options mean; for the newest release without any.

    Args:
        revision: The date of a revision, for that document exactly.
        cni_version: A release name or ``latest``, for a policy that works with it.
        features: Names of optional features to grant.
        gaps: False to leave the document in force at the release alone.
        hardening: How to narrow it, which no revision goes with.

    Raises:
        UsageError: Unknown or contradicting options.
    """
    if revision is not None and cni_version is not None:
        raise UsageError("--revision and --cni-version choose the document in two ways; give one")
    if revision is not None:
        if hardening is not None:
            raise UsageError(
                f"{FLAG} goes with --cni-version and not with --revision: the tags that the plugin "
                "sends depend on the release"
            )
        if not gaps:
            raise UsageError("--no-gaps goes with --cni-version; a revision is taken as it is")
        found = documents.find(revision)
        chosen = calls.check_features(features, Selection(found).serves)
        return Selection(found, features=chosen)
    release = releases.find(releases.LATEST if cni_version is None else cni_version)
    chosen = calls.check_features(features, release)
    return Selection(documents.in_force(release), release, gaps, chosen, hardening)


@dataclass(frozen=True, slots=True)
class Addition:
    """Statements that the document does not have.

    Args:
        statements: The statements, with upstream's placeholders.
        uses: Why: the uses whose actions they grant.
        feature: The optional feature they serve; None if the release calls them always.
    """

    statements: tuple[Statement, ...]
    uses: tuple[Use, ...]
    feature: str | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A variant's policy with the reason for each part of it.

    Args:
        variant: The variant.
        selection: What was chosen.
        base: The document as upstream has it, or as derived from it.
        additions: What was added to it.
        optional: Uses that are not granted, since they belong to features not chosen.
        remarks: Of each statement of the document how it was narrowed, empty for not at all.
    """

    variant: Variant
    selection: Selection
    base: Policy
    additions: tuple[Addition, ...]
    optional: tuple[Use, ...]
    remarks: tuple[str, ...]

    @property
    def hardened(self) -> bool:
        """Whether it is narrowed."""
        return self.variant.tied and self.selection.hardening is not None

    @property
    def policy(self) -> Policy:
        """The whole document, with upstream's placeholders."""
        added = tuple(s for a in self.additions for s in a.statements)
        return Policy(self.base.statements + added, self.base.version)


def compose(variant: Variant, selection: Selection) -> Composed:
    """Return the policy of a variant for a selection.

    Args:
        variant: The variant.
        selection: The selection.

    Raises:
        UsageError: The release is older than what the variant can serve.
    """
    release = selection.release
    if release is not None and release < variant.minimum:
        raise UsageError(_too_old(variant, release))
    base = documents.base(variant, selection.revision)
    granted = set(base.actions())
    additions: list[Addition] = []
    wanted: list[str | None] = [None] if selection.gaps else []
    for feature in (*wanted, *selection.features):
        # At a revision without a release, a feature is granted for every release that has it.
        lacking = _lacking(variant, release, feature, granted)
        if lacking:
            granted.update(use.action for use in lacking)
            statements = _statements(variant, selection.revision, lacking)
            if feature is None and release is not None:
                statements = tuple(_asked(statements, variant, release, selection.features))
            additions.append(Addition(statements, lacking, feature))
    optional = tuple(
        use
        for name in calls.features()
        if release is not None
        for use in _lacking(variant, release, name, granted)
    )
    plain = ("",) * len(base.statements)
    found = Composed(variant, selection, base, tuple(additions), optional, plain)
    return _hardened(found) if found.hardened else found


def _hardened(composed: Composed) -> Composed:
    """Return a policy narrowed, what was added to it, too."""
    variant, selection = composed.variant, composed.selection
    how, release = selection.hardening, selection.serves
    assert how is not None  # noqa: S101 - for the type
    creates = "ec2:CreateNetworkInterface" in composed.policy.actions()

    def narrowed(policy: Policy) -> tuple[Policy, tuple[str, ...]]:
        found = harden(policy, variant, release, how, creates)
        new = Policy(tuple(statement for statement, _ in found), policy.version)
        if variant.session_tags:
            new = documents.by_session_tags(new)
        return new, tuple(remark for _, remark in found)

    base, remarks = narrowed(composed.base)
    additions = tuple(
        replace(a, statements=narrowed(Policy(a.statements))[0].statements)
        for a in composed.additions
    )
    found = replace(composed, base=base, additions=additions, remarks=remarks)
    size = len(dumps(parameters.fill(found.policy, parameters.SAMPLE), None))
    if size > _MOST_CHARACTERS:
        raise UsageError(
            f"the hardened document of {variant.name} has {size:,} characters, and IAM takes "
            f"{_MOST_CHARACTERS:,}; give fewer or shorter tag keys"
        )
    return found


def _lacking(
    variant: Variant, release: Release | None, feature: str | None, granted: set[str]
) -> tuple[Use, ...]:
    found = calls.uses(variant.modes, release, feature)
    return tuple(use for use in found if use.action not in granted)


def _statements(
    variant: Variant, revision: Revision, lacking: tuple[Use, ...]
) -> tuple[Statement, ...]:
    """Return statements that grant what is lacking, as narrowly as upstream grants it."""
    actions = tuple(dict.fromkeys(use.action for use in lacking))
    ec2 = tuple(a for a in actions if a.startswith("ec2:"))
    # Actions of other services have no condition upstream; they come only with a feature.
    other = tuple(a for a in actions if a not in ec2)
    found: tuple[Statement, ...] = ()
    if variant.tied:
        found = documents.scoped_statements(ec2, revision)
        if variant.session_tags:
            found = documents.by_session_tags(Policy(found)).statements
    elif ec2:
        found = (Statement(actions=ec2, resources=("*",)),)
    by_resources: dict[tuple[str, ...], list[str]] = {}
    for action in other:
        by_resources.setdefault(_resources(action, variant), []).append(action)
    added = (Statement(actions=tuple(a), resources=r) for r, a in by_resources.items())
    return (*found, *added)


def _resources(action: str, variant: Variant) -> tuple[str, ...]:
    """Return the resources of an action, for the cluster if the variant knows which that is."""
    cluster = documents.CLUSTER_TAG if variant.session_tags else "*"
    return tuple(
        resource if variant.scoped else resource.replace("${CLUSTER_NAME}", cluster)
        for resource in calls.call(action).resources
    )


def _asked(
    statements: Iterable[Statement], variant: Variant, release: Release, features: tuple[str, ...]
) -> Iterator[Statement]:
    """Yield statements without actions on resources of which a release never asks them.

    In IPv6, security groups change at start, and an instance is asked about only for a feature.
    """
    for statement in statements:
        kinds = {kind_of(resource) for resource in statement.resources}
        actions = tuple(
            action
            for action in statement.actions
            if "*" in kinds or kinds & checked_on(action, variant.modes, release, features)
        )
        if actions:
            yield replace(statement, actions=actions)


def _too_old(variant: Variant, release: Release) -> str:
    reason = "the plugin has no IPv6 mode before"
    if "ipv6" not in variant.modes and release < variants.SCOPED_SINCE:
        reason = "the plugin does not tag the interfaces it creates with the cluster before"
    serving = ", ".join(v.name for v in variants.VARIANTS if release >= v.minimum)
    return (
        f"variant {variant.name} does not work with plugin {release}: {reason} "
        f"{variants.SCOPED_SINCE if 'tag' in reason else variant.minimum}; "
        f"at {release} these do: {serving} (choose with --variant)"
    )
