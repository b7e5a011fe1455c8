"""The rules of a review: what each one counts for, and its topic.

``report/rules.toml`` has their texts. A rule is a row here and a table there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """The severity of a finding, the lowest first."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return _LEVELS.index(self)


_LEVELS = tuple(Level)


def most_severe(levels: Iterable[Level]) -> Level:
    """Return the most severe of levels; a note without any."""
    return max(levels, key=_LEVELS.index, default=Level.NOTE)


def at_most(level: Level, limit: Level) -> Level:
    """Return a level, or the limit if it is more severe."""
    return min(level, limit, key=_LEVELS.index)


class Consequence(StrEnum):
    """What a finding counts for with ``--fail-on``, besides its level."""

    NEW_ACCESS = "new-access"
    COVERAGE_LOST = "coverage-lost"
    ANY_CHANGE = "any-change"


class Topic(StrEnum):
    """The question that a rule is about."""

    PLUGIN = "plugin"  # does the plugin keep working?
    ACCESS = "access"  # who can do more, or less?
    TRUST = "trust"  # who can assume a role?
    CREDENTIALS = "credentials"  # who gets a role?
    PLAN = "plan"  # what does the plan not say, or change besides?


class Rule(StrEnum):
    """The rules by the identifier that an ignore file names."""

    # Plugin.
    COVERAGE_LOST = "coverage-lost"
    COVERAGE_LACKING = "coverage-lacking"
    PERMISSION_MISSING = "plugin-permission-missing"
    IDENTITY_CHANGED = "plugin-identity-changed"
    IDENTITY_LOST = "plugin-identity-lost"
    PLUGIN_REMOVED = "plugin-removed"
    NOT_INSTALLED = "plugin-not-installed"
    VERSION_CHANGED = "plugin-version-changed"
    VERSION_UNKNOWN = "plugin-version-unknown"
    CONFIGURATION_CHANGED = "plugin-configuration-changed"
    TAG_REMOVED = "plugin-tag-removed"
    MANAGED_ATTACHED = "managed-policy-attached"
    PROVIDER_CHANGED = "oidc-provider-changed"
    # Access.
    ADMIN = "admin-attached"
    NEW_ACCESS = "new-access"
    NEW_POLICY = "new-policy"
    NOT_PROVEN = "not-proven"
    UNREADABLE = "unreadable-policy"
    UNKNOWN_POLICY = "unknown-policy"
    SENSITIVE_POLICY = "sensitive-policy"
    UNKNOWN_ATTACHMENT = "unknown-attachment"
    GROUP_JOINED = "group-joined"
    BOUNDARY_WEAKENED = "boundary-weakened"
    ACCESS_REMOVED = "access-removed"
    EXCLUSIVE_REMOVES = "exclusive-removes"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous-principal"
    TAGS_CHANGED = "principal-tags-changed"
    SIZE_LIMIT = "size-limit"
    REWRITTEN = "rewritten"
    PUBLISHED = "published-document"
    UPSTREAM_UPDATED = "upstream-document-updated"
    ARN_CHANGED = "arn-changed"
    # Trust.
    TRUST_WIDENED = "trust-widened"
    TRUST_ANYBODY = "trust-anybody"
    IRSA_NO_AUDIENCE = "irsa-no-audience"
    IRSA_OTHER_AUDIENCE = "irsa-other-audience"
    IRSA_NO_SUBJECT = "irsa-no-subject"
    IRSA_WILDCARD = "irsa-subject-wildcard"
    IRSA_NEVER = "irsa-never-matches"
    IRSA_LIKE = "irsa-string-like"
    IRSA_OTHER_SUBJECT = "irsa-other-subject"
    IRSA_ISSUER = "irsa-issuer-differs"
    OIDC_NO_SUBJECT = "oidc-no-subject"
    OIDC_WILDCARD = "oidc-subject-wildcard"
    OIDC_NO_AUDIENCE = "oidc-no-audience"
    PODS_NO_TAGS = "pod-identity-no-tag-session"
    PODS_UNSCOPED = "pod-identity-unscoped"
    PODS_TAGS_OFF = "pod-identity-tags-disabled"
    PODS_SOURCE_ARN = "pod-identity-source-arn"
    # Credentials.
    NODE_ROLE = "node-role-changed"
    WORKLOAD_ROLE = "workload-role"
    SERVICE_ACCOUNT_ROLE = "service-account-role"
    CLUSTER_ACCESS = "cluster-access-widened"
    METADATA = "instance-metadata-opened"
    # Plan.
    DRIFT = "drift"
    MOVED = "moved"
    INCOMPLETE = "incomplete"
    FORMAT_UNKNOWN = "plan-format-unknown"
    UNREAD_RESOURCE = "unread-resource"
    UNREAD_COMMAND = "unread-command"
    UNREAD_RESOURCE_POLICY = "unread-resource-policy"
    IGNORE_EXPIRED = "ignore-expired"
    IGNORE_UNUSED = "ignore-unused"


class RuleRow(Struct, frozen=True):
    """What a rule counts for where a finding does not say otherwise."""

    level: Level
    means: tuple[Consequence, ...]
    question: Topic


def _row(level: Level, question: Topic, *means: Consequence) -> RuleRow:
    return RuleRow(level, tuple(m for m in Consequence if m in means), question)


_N, _W, _E = Level.NOTE, Level.WARNING, Level.ERROR
_NEW, _LOST, _ANY = Consequence
_PLUGIN, _ACCESS, _TRUST, _CREDENTIALS, _PLAN = Topic

RULES: Mapping[Rule, RuleRow] = {
    Rule.COVERAGE_LOST: _row(_E, _PLUGIN, _LOST, _ANY),
    Rule.COVERAGE_LACKING: _row(_W, _PLUGIN),
    Rule.PERMISSION_MISSING: _row(_E, _PLUGIN, _LOST),
    Rule.IDENTITY_CHANGED: _row(_W, _PLUGIN, _NEW, _LOST, _ANY),
    Rule.IDENTITY_LOST: _row(_E, _PLUGIN, _LOST, _ANY),
    Rule.PLUGIN_REMOVED: _row(_E, _PLUGIN, _LOST, _ANY),
    Rule.NOT_INSTALLED: _row(_W, _PLUGIN, _LOST, _ANY),
    Rule.VERSION_CHANGED: _row(_N, _PLUGIN, _ANY),
    Rule.VERSION_UNKNOWN: _row(_W, _PLUGIN),
    Rule.CONFIGURATION_CHANGED: _row(_N, _PLUGIN, _ANY),
    Rule.TAG_REMOVED: _row(_W, _PLUGIN, _LOST, _ANY),
    Rule.MANAGED_ATTACHED: _row(_W, _PLUGIN),
    Rule.PROVIDER_CHANGED: _row(_W, _PLUGIN, _LOST, _ANY),
    Rule.ADMIN: _row(_E, _ACCESS, _NEW, _ANY),
    Rule.NEW_ACCESS: _row(_E, _ACCESS, _NEW, _ANY),
    Rule.NEW_POLICY: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.NOT_PROVEN: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.UNREADABLE: _row(_E, _ACCESS, _NEW, _ANY),
    Rule.UNKNOWN_POLICY: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.SENSITIVE_POLICY: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.UNKNOWN_ATTACHMENT: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.GROUP_JOINED: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.BOUNDARY_WEAKENED: _row(_E, _ACCESS, _NEW, _ANY),
    Rule.ACCESS_REMOVED: _row(_N, _ACCESS, _ANY),
    Rule.EXCLUSIVE_REMOVES: _row(_W, _ACCESS, _ANY),
    Rule.CONFLICT: _row(_W, _ACCESS, _ANY),
    Rule.AMBIGUOUS: _row(_W, _ACCESS, _NEW, _LOST, _ANY),
    Rule.TAGS_CHANGED: _row(_W, _ACCESS, _NEW, _ANY),
    Rule.SIZE_LIMIT: _row(_E, _ACCESS),
    Rule.REWRITTEN: _row(_N, _ACCESS, _ANY),
    Rule.PUBLISHED: _row(_N, _ACCESS),
    Rule.UPSTREAM_UPDATED: _row(_N, _ACCESS, _NEW, _ANY),
    Rule.ARN_CHANGED: _row(_W, _ACCESS, _LOST, _ANY),
    Rule.TRUST_WIDENED: _row(_E, _TRUST, _NEW, _ANY),
    Rule.TRUST_ANYBODY: _row(_E, _TRUST),
    Rule.IRSA_NO_AUDIENCE: _row(_W, _TRUST),
    Rule.IRSA_OTHER_AUDIENCE: _row(_W, _TRUST),
    Rule.IRSA_NO_SUBJECT: _row(_E, _TRUST),
    Rule.IRSA_WILDCARD: _row(_W, _TRUST),
    Rule.IRSA_NEVER: _row(_E, _TRUST),
    Rule.IRSA_LIKE: _row(_N, _TRUST),
    Rule.IRSA_OTHER_SUBJECT: _row(_W, _TRUST),
    Rule.IRSA_ISSUER: _row(_E, _TRUST),
    Rule.OIDC_NO_SUBJECT: _row(_E, _TRUST),
    Rule.OIDC_WILDCARD: _row(_W, _TRUST),
    Rule.OIDC_NO_AUDIENCE: _row(_W, _TRUST),
    Rule.PODS_NO_TAGS: _row(_E, _TRUST),
    Rule.PODS_UNSCOPED: _row(_W, _TRUST),
    Rule.PODS_TAGS_OFF: _row(_E, _TRUST),
    Rule.PODS_SOURCE_ARN: _row(_E, _TRUST),
    Rule.NODE_ROLE: _row(_W, _CREDENTIALS, _NEW, _LOST, _ANY),
    Rule.WORKLOAD_ROLE: _row(_W, _CREDENTIALS, _NEW, _ANY),
    Rule.SERVICE_ACCOUNT_ROLE: _row(_W, _CREDENTIALS, _NEW, _ANY),
    Rule.CLUSTER_ACCESS: _row(_W, _CREDENTIALS, _NEW, _ANY),
    Rule.METADATA: _row(_W, _CREDENTIALS, _NEW, _ANY),
    Rule.DRIFT: _row(_W, _PLAN, _ANY),
    Rule.MOVED: _row(_N, _PLAN, _ANY),
    Rule.INCOMPLETE: _row(_N, _PLAN, _ANY),
    Rule.FORMAT_UNKNOWN: _row(_N, _PLAN),
    Rule.UNREAD_RESOURCE: _row(_W, _PLAN, _NEW, _ANY),
    Rule.UNREAD_COMMAND: _row(_N, _PLAN, _NEW, _ANY),
    Rule.UNREAD_RESOURCE_POLICY: _row(_N, _PLAN, _NEW, _ANY),
    Rule.IGNORE_EXPIRED: _row(_W, _PLAN),
    Rule.IGNORE_UNUSED: _row(_N, _PLAN),
}
