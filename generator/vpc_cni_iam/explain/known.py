"""Errors other than denied calls of the plugin, and programs other than the plugin.

``report/errors.toml`` and ``report/programs.toml`` are the tables.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.policy import wildcard

# The user agent of the plugin contains this, except in v1.19.4 to v1.20.4.
PLUGIN = "amazon-vpc-cni-k8s"
_TABLES = "explain/report"


class ErrorKind(StrEnum):
    """What an error is about, in the order of the report."""

    credentials = "credentials"
    cluster_role = "cluster-role"
    not_iam = "not-iam"
    no_cause = "no-cause"


class KnownError(resources.Facts, frozen=True):
    """An error that a text can contain."""

    kind: ErrorKind
    says: str  # the text that people see
    cause: str  # what it proves
    alternatives: tuple[str, ...]  # what else can cause it
    commands: tuple[str, ...]  # what to run next
    pattern: str  # of a message on one line; empty if only `actions` show the error
    actions: tuple[str, ...]  # the denied actions that mean the same
    general: bool  # whether it is used only if a message has nothing more specific


class Program(resources.Facts, frozen=True):
    """A program that is not the plugin."""

    name: str
    agent: str  # a pattern of the user agent
    actions: tuple[str, ...]  # patterns of actions that the plugin does not call


class ProgramsFile(resources.Facts, frozen=True):
    """The known programs."""

    program: tuple[Program, ...]


def errors() -> dict[str, KnownError]:
    """Return the known errors by name, in the order of their table."""
    return resources.data(f"{_TABLES}/errors.toml", dict[str, KnownError])


@cache
def error_of_action(action: str) -> str:
    """Return the name of the error that an action's denial means, empty if it means none."""
    return next((name for name, e in errors().items() if action in e.actions), "")


def _programs() -> tuple[Program, ...]:
    return resources.data(f"{_TABLES}/programs.toml", ProgramsFile).program


@cache
def program_of_agent(agent: str) -> str:
    """Return the program that a user agent names, empty if it is the plugin or not known."""
    return next((p.name for p in _programs() if re.search(p.agent, agent)), "")


@cache
def program_of_action(action: str) -> str:
    """Return a program that calls an action, empty if the plugin does or none is known."""
    names = (
        p.name for p in _programs() for pattern in p.actions if wildcard.matches(pattern, action)
    )
    return "" if is_called(action) else next(names, "")


@cache
def is_called(action: str) -> bool:
    """Return whether some version of the plugin calls an action."""
    return any(call.action == action and call.ranges for call in calls.calls())
