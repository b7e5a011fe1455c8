"""The rules of a review; a file of `checks` defines each with its texts, evidence and sentence."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

from vpc_cni_iam import formats
from vpc_cni_iam.levels import Level

CHECKS = "vpc_cni_iam.review.checks"


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


class Rule(str):
    """A rule, by the identifier that an ignore file names."""

    level: Level
    question: Topic
    means: tuple[Consequence, ...]
    summary: str  # what it reports, in one sentence
    help: str  # why it matters and what to do, in Markdown
    fix: str  # on its page

    def __new__(
        cls,
        identifier: str,
        about: tuple[Level, Topic, tuple[Consequence, ...]],
        *,
        summary: str,
        help: str,  # noqa: A002 - the word of SARIF
        fix: str,
    ) -> Rule:
        """Return a rule that compares and prints as its identifier.

        A finding can have another level, and other kinds of ``--fail-on``.
        """
        rule = str.__new__(cls, identifier)
        rule.level, rule.question, rule.means = about
        rule.summary, rule.help, rule.fix = summary, help, fix
        return rule

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "string", "enum": sorted(every())}


@cache
def every() -> tuple[Rule, ...]:
    """Return all rules, by question and severity."""
    modules = (formats.load(CHECKS, name) for name in formats.names(CHECKS))
    defined = {v: v for module in modules for v in vars(module).values() if isinstance(v, Rule)}
    topics = list(Topic)
    return tuple(sorted(defined, key=lambda r: (topics.index(r.question), -r.level.rank)))
