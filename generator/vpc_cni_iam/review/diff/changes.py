"""What a plan does to policies, as plain frozen data; every report is written from it.

Texts in here come from the plan and are not made safe: a report neutralises control characters
and escapes its markup itself. Values that the plan marks sensitive are never in here.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.diff.verdicts import Access, CoverageChange, Line, Nearest, Size
from vpc_cni_iam.review.renamed import Shaped

Action = Literal[
    "create", "update", "replace", "delete", "forget", "import", "move", "read", "no-op", "drift"
]
Kind = Literal["permissions", "trust", "attachment", "exclusive", "boundary", "membership"]
# Whether an action is allowed; some: on some resources or under conditions.
Grade = Literal["yes", "some", "no", "unknown"]
# The words of grades; which allow more is their order.
GRADES: dict[Grade, str] = {"no": "no", "unknown": "not known", "some": "in part", "yes": "yes"}
Known = Literal["known", "partly known", "unknown", "sensitive", "unreadable", "absent"]


class Place(Struct, frozen=True):
    """A place in the configuration."""

    file: str  # its path under the directory of ``--source``, with forward slashes
    line: int  # the line at which its block starts, from 1
    end: int  # the block's last line


class State(Struct, frozen=True):
    """A policy on one side of a change."""

    # Whether it is ``known`` in full, ``partly known`` (with places that are only known after
    # apply, or sensitive), ``unknown``, ``sensitive`` (and so not shown), ``unreadable`` (not a
    # policy), or ``absent``.
    known: Known
    # The policy where it is known or partly known; unknown values in it stand as ``(known after
    # apply: aws_iam_role.node.arn)``.
    policy: Policy | None = None
    why: tuple[str, ...] = ()  # what is unknown, or why it is unreadable; empty for what is known
    # Its characters as IAM counts them, without white space; None where not known.
    size: int | None = None


class Attachment(Struct, frozen=True):
    """A managed policy on a principal, or a group that a user is in."""

    # The policy's address in the plan if it has one, else its ARN; what is unknown is in words.
    policy: str
    arn: str  # the policy's ARN, empty where it is not known yet
    principal: str  # the role, user or group: its address in the plan, else its name


class Change(Shaped, Struct, frozen=True):
    """One policy, trust policy or attachment in the plan."""

    judged: ClassVar = ("before", "after", "lines", "access", "coverage", "nearest")
    address: str  # the resource's full address, with module path, count and for_each keys
    type: str  # its type, such as ``aws_iam_policy``
    # Where in it, such as ``policy``, ``assume_role_policy`` or ``inline_policy["cni"]``.
    attribute: str
    # What it is: permissions, trust, the attachment of a managed policy, the name of an inline
    # policy that an exclusive resource keeps, a permissions boundary, the membership of a user in a
    # group.
    kind: Kind
    action: Action  # what the plan does to the resource; ``drift`` for what happened outside of it
    imported: str  # the identifier it is imported by, empty if it is not
    moved_from: str  # the address it is moved from, empty if it is not
    before: State  # the policy before; of an attachment, the policy it attaches, where known
    after: State  # the policy after
    # The semantic difference; every line is a gain, a loss or a proven no-op.
    lines: tuple[Line, ...]
    access: Access | None  # whether the policy newly allows anything; None where nothing changes
    # What it does to what the plugin needs; None for policies that do not concern the plugin or do
    # not change, and where no version applies.
    coverage: CoverageChange | None
    # The nearest document of the catalog to the policy after (before, of a deletion); None for
    # policies that do not concern the plugin.
    nearest: Nearest | None
    sizes: tuple[Size, ...]  # what is measured against IAM's limits
    attachment: Attachment | None  # of an attachment: what is attached to what
    principals: tuple[str, ...]  # the roles, users and groups it applies to: addresses, else names
    document: str  # the address of the data source that renders it, empty where none is known
    place: Place | None  # where the resource is written; None without ``--source``
    document_place: Place | None  # where that data source is written
    concerns_plugin: bool  # whether the policy is one of the plugin's by what it allows
    bounds: tuple[str, ...] = ()  # the roles and users whose permissions boundary the policy is

    @property
    def changes(self) -> bool:
        """Whether the plan, or drift, does anything here: imports, moves and forgets count."""
        return self.action not in ("no-op", "read") or bool(self.imported or self.moved_from)


class MatrixRow(Struct, frozen=True):
    """One action in the permission matrix of a principal."""

    action: str  # such as ``ec2:CreateTags``
    before: Grade
    after: Grade
    needed: Literal["fatal", "degraded", ""]  # where the plugin calls it at the version, else empty
    on_before: tuple[str, ...]  # resources and conditions under which it was allowed, in words
    on_after: tuple[str, ...]  # the same, after


class PrincipalChange(Struct, frozen=True):
    """A role, user or group with all policies that the plan shows of it."""

    name: str  # its address in the plan, else its name
    type: Literal["role", "user", "group"]
    label: str  # its IAM name where known, else empty
    # What makes up its permissions before: addresses with attributes, or ARNs.
    before: tuple[str, ...]
    after: tuple[str, ...]  # the same, after
    # Those of both whose documents are not known, so that nothing about them is said.
    opaque: tuple[str, ...]
    access: Access | None  # whether all its policies together newly allow anything
    coverage: CoverageChange | None  # as for a change, of all its policies together
    # The permission matrix by action, sorted; empty if it does not concern the plugin.
    matrix: tuple[MatrixRow, ...]
    sizes: tuple[Size, ...]  # its inline policies together, its trust policy
    concerns_plugin: bool  # whether its policies are the plugin's by what they allow


class Document(Shaped, Struct, frozen=True):
    """A policy document data source that the plan read, or will read at apply."""

    judged: ClassVar = ("state",)
    address: str
    state: State  # its policy
    deferred: bool  # whether it is only read at apply
    place: Place | None  # where it is written
