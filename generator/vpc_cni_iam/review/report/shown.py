"""A review as plain data: the sentences and facts that every format writes.

The JSON report is this data. Texts from the plan are not escaped: each format escapes control
characters and its markup. No value that the plan marks sensitive is in it.
"""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.rules import Consequence, Rule, Topic


class ShownRule(Struct, frozen=True):
    """A rule with its texts."""

    id: Rule
    level: Level
    means: tuple[Consequence, ...]
    question: Topic
    summary: str  # what it reports, in one sentence
    help: str  # why it matters and what to do, in Markdown


class ShownFinding(Struct, frozen=True):
    """A finding with its sentences."""

    rule: Rule
    level: Level
    means: tuple[Consequence, ...]
    subject: str  # the principal or cluster
    address: str
    attribute: str
    message: str
    details: tuple[str, ...]
    fix: str
    place: SourcePlace | None
    fingerprint: str  # 16 hexadecimal digits; the same if the next plan has the finding


class ShownIgnored(Struct, frozen=True):
    """A finding that the ignore file suppresses."""

    finding: ShownFinding
    reason: str
    until: str  # the last day; empty for no end


class ShownLine(Struct, frozen=True):
    """One line of the differences between two policies."""

    change: Change
    text: str
    conditions: tuple[str, ...] = ()  # of a whole statement


class ShownPolicy(Struct, frozen=True):
    """The changes of one policy of a principal."""

    owner: str
    kind: str  # such as policy, trust policy or permissions boundary
    policy: str  # the managed policy or group; empty for others
    address: str  # the resource that grants it
    attribute: str
    action: Change
    lines: tuple[ShownLine, ...]  # the difference of statements
    place: SourcePlace | None


class ShownPlugin(Struct, frozen=True):
    """The plugin in one cluster: whether it works, and the facts behind the answer."""

    cluster: str  # empty if the plan names none; the answer is then for a role
    region: str
    answer: str  # such as "works with v1.23.2 (IPv4)"
    verdict: Verdict
    version_before: str  # as the plan has it; empty if it names none
    version_after: str
    judged_version: str
    mode: str
    identity_before: str  # unknown if the plan does not show it
    identity_after: str  # empty if the plan removes the plugin
    roles_before: tuple[str, ...]
    roles_after: tuple[str, ...]
    missing: tuple[str, ...]  # the actions that its role does not allow
    details: tuple[str, ...] = ()  # calls denied only with settings that the plan does not show


class ShownReview(Struct, frozen=True):
    """A review: whether aws-node works in each cluster, the findings and the changed policies."""

    plan: str
    engine: str
    fail_on: tuple[str, ...]
    failed: bool
    plugins: tuple[ShownPlugin, ...]
    findings: tuple[ShownFinding, ...]  # the worst first, by harm
    ignored: tuple[ShownIgnored, ...]
    policies: tuple[ShownPolicy, ...]
    rules: tuple[ShownRule, ...]  # of its findings; filled in by the formats that show them
    read: int  # the number of changed resources that are read
    not_read: tuple[str, ...]  # changed resources about IAM, EKS or credentials that are not read
    others: int  # the number of other changed resources
    not_shown: tuple[str, ...]  # what no plan shows of resources that are read
