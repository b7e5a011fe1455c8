"""What a plan does to policies, as plain frozen data; every report is written from it.

Texts in here come from the plan and are not made safe: a report neutralises control characters
and escapes its markup itself. Values that the plan marks sensitive are never in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.diff.verdicts import Access, CoverageChange, Line, Nearest, Size

Action = Literal[
    "create", "update", "replace", "delete", "forget", "import", "move", "read", "no-op", "drift"
]
Kind = Literal["permissions", "trust", "attachment", "exclusive", "boundary", "membership"]
Known = Literal["known", "partly known", "unknown", "sensitive", "unreadable", "absent"]
# The members of a change that are about its policies.
JUDGED = ("before", "after", "lines", "access", "coverage", "nearest")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the configuration.

    Args:
        file: Its path under the directory of ``--source``, with forward slashes.
        line: The line at which its block starts, from 1.
        end: The block's last line.
    """

    file: str
    line: int
    end: int


@dataclass(frozen=True, slots=True)
class State:
    """A policy on one side of a change.

    Args:
        known: Whether it is ``known`` in full, ``partly known`` (with places that are only known
            after apply, or sensitive), ``unknown``, ``sensitive`` (and so not shown),
            ``unreadable`` (not a policy), or ``absent``.
        policy: The policy where it is known or partly known; unknown values in it stand as
            ``(known after apply: aws_iam_role.node.arn)``.
        why: What is unknown, or why it is unreadable; empty for what is known.
        size: Its characters as IAM counts them, without white space; None where not known.
    """

    known: Known
    policy: Policy | None = None
    why: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A managed policy on a principal, or a group that a user is in.

    Args:
        policy: The policy's address in the plan if it has one, else its ARN; what is unknown
            is in words.
        arn: The policy's ARN, empty where it is not known yet.
        principal: The role, user or group: its address in the plan, else its name.
    """

    policy: str
    arn: str
    principal: str


@dataclass(frozen=True, slots=True)
class Change:
    """One policy, trust policy or attachment in the plan.

    Args:
        address: The resource's full address, with module path, count and for_each keys.
        type: Its type, such as ``aws_iam_policy``.
        attribute: Where in it, such as ``policy``, ``assume_role_policy`` or
            ``inline_policy["cni"]``.
        kind: What it is: permissions, trust, the attachment of a managed policy, the name of an
            inline policy that an exclusive resource keeps, a permissions boundary, the membership
            of a user in a group.
        action: What the plan does to the resource; ``drift`` for what happened outside of it.
        imported: The identifier it is imported by, empty if it is not.
        moved_from: The address it is moved from, empty if it is not.
        before: The policy before; of an attachment, the policy it attaches, where known.
        after: The policy after.
        lines: The semantic difference; every line is a gain, a loss or a proven no-op.
        access: Whether the policy newly allows anything; None where nothing changes.
        coverage: What it does to what the plugin needs; None for policies that do not concern
            the plugin or do not change, and where no version applies.
        nearest: The nearest document of the catalog to the policy after (before, of a deletion);
            None for policies that do not concern the plugin.
        sizes: What is measured against IAM's limits.
        attachment: Of an attachment: what is attached to what.
        principals: The roles, users and groups it applies to: addresses, else names.
        document: The address of the data source that renders it, empty where none is known.
        place: Where the resource is written; None without ``--source``.
        document_place: Where that data source is written.
        concerns_plugin: Whether the policy is one of the plugin's by what it allows.
        bounds: The roles and users whose permissions boundary the policy is.
    """

    address: str
    type: str
    attribute: str
    kind: Kind
    action: Action
    imported: str
    moved_from: str
    before: State
    after: State
    lines: tuple[Line, ...]
    access: Access | None
    coverage: CoverageChange | None
    nearest: Nearest | None
    sizes: tuple[Size, ...]
    attachment: Attachment | None
    principals: tuple[str, ...]
    document: str
    place: Place | None
    document_place: Place | None
    concerns_plugin: bool
    bounds: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the plan, or drift, does anything here: imports, moves and forgets count."""
        return self.action not in ("no-op", "read") or bool(self.imported or self.moved_from)


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One action in the permission matrix of a principal.

    Args:
        action: Such as ``ec2:CreateTags``.
        before: ``yes``, ``some`` (on some resources or under conditions), ``no`` or ``unknown``.
        after: The same, after.
        needed: ``fatal`` or ``degraded`` where the plugin calls it at the version, else empty.
        on_before: Resources and conditions under which it was allowed, in words.
        on_after: The same, after.
    """

    action: str
    before: Literal["yes", "some", "no", "unknown"]
    after: Literal["yes", "some", "no", "unknown"]
    needed: Literal["fatal", "degraded", ""]
    on_before: tuple[str, ...]
    on_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrincipalChange:
    """A role, user or group with all policies that the plan shows of it.

    Args:
        name: Its address in the plan, else its name.
        label: Its IAM name where known, else empty.
        before: What makes up its permissions before: addresses with attributes, or ARNs.
        after: The same, after.
        opaque: Those of both whose documents are not known, so that nothing about them is said.
        access: Whether all its policies together newly allow anything.
        coverage: As for a change, of all its policies together.
        matrix: The permission matrix by action, sorted; empty if it does not concern the plugin.
        sizes: Its inline policies together, its trust policy.
        concerns_plugin: Whether its policies are the plugin's by what they allow.
    """

    name: str
    type: Literal["role", "user", "group"]
    label: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    opaque: tuple[str, ...]
    access: Access | None
    coverage: CoverageChange | None
    matrix: tuple[MatrixRow, ...]
    sizes: tuple[Size, ...]
    concerns_plugin: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document data source that the plan read, or will read at apply.

    Args:
        state: Its policy.
        deferred: Whether it is only read at apply.
        place: Where it is written.
    """

    address: str
    state: State
    deferred: bool
    place: Place | None
