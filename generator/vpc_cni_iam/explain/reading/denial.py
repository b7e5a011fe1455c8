"""What text says of a request that AWS denied, or of another error."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.explain.known import (
    PLUGIN,
    is_called,
    program_of_action,
    program_of_agent,
)

_SESSION = re.compile(r"(arn:[^:]*:sts::[0-9]*:assumed-role/[^/]+)/")
# No role of a program.
_PERSON = re.compile(r":(user/|federated-user/|root$|assumed-role/AWSReservedSSO_)")
# Calls that few programs of a node make but the plugin.
_OWN = re.compile("ec2:(?!Describe|CreateTags)")
ACCOUNT = "system:serviceaccount:"
# IAM takes no other characters in the name of a role, so that it can stand in a command.
_NAME = re.compile(
    r"arn:[^:]*:(?:sts::[0-9]*:assumed-role/([\w+=,.@-]+)(?:/|$)"
    r"|iam::[0-9]*:role/(?:[^/]+/)*([\w+=,.@-]+)$)",
    re.ASCII,
)
# The name of the session of a role that an instance has is the instance's ID.
_OF_INSTANCE = re.compile(r":assumed-role/.+/i-[0-9a-f]{8,17}$")


class ProgramBasis(StrEnum):
    """What tells which program sent a request."""

    agent = "user agent"
    principal = "principal"
    event = "event"
    action = "action"  # the program is likely, and there may be others


class OtherProgram(Struct, frozen=True):
    """A program that is not the plugin, and sent a request."""

    name: str
    known_by: ProgramBasis


class Denial(Struct, frozen=True):
    """A request that AWS denied."""

    action: str  # the action
    resource: str = ""  # the ARN that it was checked on, empty if not said
    principal: str = ""  # the ARN of who asked, empty if not said
    reason: str = ""  # why, in AWS's words; empty if not said
    agent: str = ""  # the user agent, empty if not said
    # The name of pods whose events tell of it, empty if they are the plugin's or not said.
    workload: str = ""
    # The values of the condition keys by key, None if not said.
    context: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    encoded: bool = False  # whether there is an encoded message, which says more
    tags: tuple[str, ...] | None = None  # the keys of the tags that were sent, None if not said

    @property
    def is_node(self) -> bool:
        """Whether an instance asked, with its own role."""
        return bool(_OF_INSTANCE.search(self.principal))

    @property
    def is_person(self) -> bool:
        """Whether a person asked: a user, the root user, or a role of IAM Identity Center."""
        return bool(_PERSON.search(self.principal))

    @property
    def is_by_plugin(self) -> bool:
        """Whether the plugin asked: it says so, or few other programs of a node make the call."""
        return PLUGIN in self.agent or bool(not self.agent and _OWN.match(self.action))

    @property
    def program(self) -> OtherProgram | None:
        """The program that asked; None if that may be the plugin, or is not known."""
        if name := program_of_agent(self.agent):
            return OtherProgram(name, ProgramBasis.agent)
        if self.workload:
            return OtherProgram(f"pods of {self.workload}", ProgramBasis.event)
        if self.principal.startswith(ACCOUNT):
            namespace, _, name = self.principal.removeprefix(ACCOUNT).partition(":")
            name = f"pods with the service account {name} of the namespace {namespace}"
            return OtherProgram(name, ProgramBasis.principal)
        if is_called(self.action) or PLUGIN in self.agent:
            return None
        if self.is_person:
            return OtherProgram("a person", ProgramBasis.principal)
        name = program_of_action(self.action)
        return OtherProgram(name, ProgramBasis.action) if name else None


class OtherError(Struct, frozen=True):
    """An error that is no denial of a call of the plugin."""

    name: str  # its name in the table of known errors
    text: str  # where the message says so
    role: str = ""  # the name of the role that it is about, empty if not said


class Unclear(Struct, frozen=True):
    """A message that tells of a denial without saying of which call."""

    text: str


Finding = Denial | OtherError | Unclear


def role_of(principal: str) -> str:
    """Return the ARN of the role of a session without the session; else the principal."""
    match = _SESSION.match(principal)
    return match[1] if match else principal


def role_name(arn: str) -> str:
    """Return the name of the role of an ARN or of its session, empty if it is of no role."""
    match = _NAME.match(arn)
    return (match[1] or match[2]) if match else ""
