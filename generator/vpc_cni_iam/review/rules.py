"""The rules of a review, each with its severity, its topic and its `--fail-on` kinds.

``report/rules.toml`` has their texts. A rule is a row here and a table there.
"""

from __future__ import annotations

from enum import StrEnum

from vpc_cni_iam.levels import Level


class Consequence(StrEnum):
    """The kinds of findings that ``--fail-on`` can name."""

    NEW_ACCESS = "new-access"
    COVERAGE_LOST = "coverage-lost"
    ANY_CHANGE = "any-change"


EVERY = tuple(Consequence)
# Something is newly allowed; the plugin loses something; anything else changes.
GAINS = (Consequence.NEW_ACCESS, Consequence.ANY_CHANGE)
LOSES = (Consequence.COVERAGE_LOST, Consequence.ANY_CHANGE)
CHANGES = (Consequence.ANY_CHANGE,)


class Topic(StrEnum):
    """The question that a rule answers."""

    PLUGIN = "plugin"  # does the plugin keep working?
    ACCESS = "access"  # who can do more, or less?
    TRUST = "trust"  # who can assume a role?
    CREDENTIALS = "credentials"  # who gets a role?
    PLAN = "plan"  # what is unknown, or changes besides?


_N, _W, _E = Level.NOTE, Level.WARNING, Level.ERROR
_NEW, _LOST, _ANY = EVERY
_PLUGIN, _ACCESS, _TRUST, _CREDENTIALS, _PLAN = Topic


class Rule(StrEnum):
    """The rules, by the identifier that an ignore file names.

    Each has its level and its kinds; a finding can have others.
    """

    level: Level
    question: Topic
    means: tuple[Consequence, ...]

    def __new__(cls, name: str, level: Level, question: Topic, *means: Consequence) -> Rule:
        """Return a rule that compares and prints as its identifier."""
        rule = str.__new__(cls, name)
        rule._value_ = name
        rule.level, rule.question, rule.means = level, question, means
        return rule

    # Plugin.
    COVERAGE_LOST = "coverage-lost", _E, _PLUGIN, _LOST, _ANY
    COVERAGE_LACKING = "coverage-lacking", _W, _PLUGIN
    PERMISSION_MISSING = "plugin-permission-missing", _E, _PLUGIN, _LOST
    IDENTITY_CHANGED = "plugin-identity-changed", _W, _PLUGIN, _NEW, _LOST, _ANY
    IDENTITY_LOST = "plugin-identity-lost", _E, _PLUGIN, _LOST, _ANY
    PLUGIN_REMOVED = "plugin-removed", _E, _PLUGIN, _LOST, _ANY
    NOT_INSTALLED = "plugin-not-installed", _W, _PLUGIN, _LOST, _ANY
    VERSION_CHANGED = "plugin-version-changed", _N, _PLUGIN, _ANY
    VERSION_UNKNOWN = "plugin-version-unknown", _W, _PLUGIN
    CONFIGURATION_CHANGED = "plugin-configuration-changed", _N, _PLUGIN, _ANY
    MANAGED_ATTACHED = "managed-policy-attached", _N, _PLUGIN
    # Access.
    ADMIN = "admin-attached", _E, _ACCESS, _NEW, _ANY
    NEW_ACCESS = "new-access", _E, _ACCESS, _NEW, _ANY
    NEW_POLICY = "new-policy", _W, _ACCESS, _NEW, _ANY
    NOT_PROVEN = "not-proven", _W, _ACCESS, _NEW, _ANY
    UNREADABLE = "unreadable-policy", _E, _ACCESS, _NEW, _ANY
    UNKNOWN_POLICY = "unknown-policy", _W, _ACCESS, _NEW, _ANY
    SENSITIVE_POLICY = "sensitive-policy", _W, _ACCESS, _NEW, _ANY
    UNKNOWN_ATTACHMENT = "unknown-attachment", _W, _ACCESS, _NEW, _ANY
    BOUNDARY_WEAKENED = "boundary-weakened", _E, _ACCESS, _NEW, _ANY
    ACCESS_REMOVED = "access-removed", _N, _ACCESS, _ANY
    EXCLUSIVE_REMOVES = "exclusive-removes", _W, _ACCESS, _ANY
    CONFLICT = "conflict", _W, _ACCESS, _ANY
    SIZE_LIMIT = "size-limit", _E, _ACCESS
    REWRITTEN = "rewritten", _N, _ACCESS, _ANY
    UPSTREAM_UPDATED = "upstream-document-updated", _N, _ACCESS, _NEW, _ANY
    ARN_CHANGED = "arn-changed", _W, _ACCESS, _LOST, _ANY
    # Trust.
    TRUST_WIDENED = "trust-widened", _E, _TRUST, _NEW, _ANY
    TRUST_ANYBODY = "trust-anybody", _E, _TRUST
    # Credentials.
    NODE_ROLE = "node-role-changed", _W, _CREDENTIALS, _NEW, _LOST, _ANY
    ADMIN_NAMED = "admin-role-named", _W, _CREDENTIALS, _NEW, _ANY
    # Plan.
    DRIFT = "drift", _W, _PLAN, _ANY
    INCOMPLETE = "incomplete", _N, _PLAN, _ANY
    FORMAT_UNKNOWN = "plan-format-unknown", _N, _PLAN
    UNREAD_RESOURCE = "unread-resource", _W, _PLAN, _NEW, _ANY
    IGNORE_EXPIRED = "ignore-expired", _W, _PLAN
    IGNORE_UNUSED = "ignore-unused", _N, _PLAN
