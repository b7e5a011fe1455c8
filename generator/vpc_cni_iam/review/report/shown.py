"""A review as plain data: the sentences and facts that every format is written from.

The JSON report is this data. Texts from the plan are not made safe: a format neutralises control
characters and escapes its markup itself. Nothing that the plan marks sensitive is in it.
"""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.review.diff.plugin.answers import AnswerVerdict
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.rules import Consequence, Level, Rule, Topic


class ShownRule(Struct, frozen=True):
    """A rule with its texts."""

    id: Rule
    level: Level
    means: tuple[Consequence, ...]
    question: Topic
    summary: str  # what it finds, in a line
    help: str  # why it matters and what to do about it, in Markdown


class ShownFinding(Struct, frozen=True):
    """A finding with its sentences."""

    rule: Rule
    level: Level
    means: tuple[Consequence, ...]
    subject: str  # whom it is about
    address: str
    attribute: str
    message: str
    details: tuple[str, ...]
    fix: str
    place: SourcePlace | None
    fingerprint: str  # the same for the same finding in the next plan: 16 hexadecimal digits


class ShownIgnored(Struct, frozen=True):
    """A finding that the ignore file takes out."""

    finding: ShownFinding
    reason: str
    until: str  # the last day; empty for no end


class ShownLine(Struct, frozen=True):
    """A line of a difference of two policies."""

    change: Change
    text: str


class ShownPolicy(Struct, frozen=True):
    """What changes in one policy of a principal."""

    owner: str
    kind: str  # such as policy, trust policy or permissions boundary
    policy: str  # the managed policy or group; empty for others
    address: str  # the resource that says so
    attribute: str
    action: Change
    lines: tuple[ShownLine, ...]  # the difference of statements
    place: SourcePlace | None


class ShownPlugin(Struct, frozen=True):
    """The plugin in one cluster: the answer to whether it works, and what it is judged by."""

    cluster: str  # empty where the plan names none; the role stands for it then
    region: str
    answer: str  # such as "works with v1.23.2 (IPv4)"
    verdict: AnswerVerdict
    version_before: str  # as the plan has it; empty where it names none
    version_after: str
    judged_version: str
    mode: str
    identity_before: str  # unknown where the plan does not show it
    identity_after: str  # empty where the plan removes the plugin
    roles_before: tuple[str, ...]
    roles_after: tuple[str, ...]
    missing: tuple[str, ...]  # the actions that its role does not allow
    details: tuple[str, ...] = ()  # what is denied with settings that the plan does not show


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
    rules: tuple[ShownRule, ...]  # of its findings; the formats that have them fill them in
    read: int  # how many resources that change are read
    not_read: tuple[str, ...]  # what changes, is about IAM, EKS or credentials, and is not read
    others: int  # how many other resources change
    not_shown: tuple[str, ...]  # what no plan shows of such resources
