"""What a text says about a request that AWS denied, or about another error."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.explain.known import PLUGIN, is_called, program_of_action, program_of_agent
from vpc_cni_iam.plugin.issuers import SERVICE_ACCOUNTS

_SESSION = re.compile(r"(arn:[^:]*:sts::[0-9]*:assumed-role/[^/]+)/")
# Roles that no program uses.
_PERSON = re.compile(r":(user/|federated-user/|root$|assumed-role/AWSReservedSSO_)")
# Calls that few other programs on a node make.
_OWN = re.compile("ec2:(?!Describe|CreateTags)")
# The characters that IAM allows in a role's name; all of them are safe in a command.
_NAME = re.compile(
    r"arn:[^:]*:(?:sts::[0-9]*:assumed-role/([\w+=,.@-]+)(?:/|$)"
    r"|iam::[0-9]*:role/(?:[^/]+/)*([\w+=,.@-]+)$)",
    re.ASCII,
)
# If an instance uses its role, the session is named after the instance's ID.
_OF_INSTANCE = re.compile(r":assumed-role/.+/i-[0-9a-f]{8,17}$")


class ProgramBasis(StrEnum):
    """How it is known which program sent a request."""

    agent = "user agent"
    principal = "principal"
    event = "event"
    action = "action"  # the program is likely; other programs may send it too


class OtherProgram(Struct, frozen=True):
    """A program other than the plugin that sent a request."""

    name: str
    known_by: ProgramBasis


class Denial(Struct, frozen=True):
    """A request that AWS denied."""

    action: str  # the action
    resource: str = ""  # the ARN that AWS checked, empty if not known
    principal: str = ""  # the ARN of the principal, empty if not known
    reason: str = ""  # why, in AWS's words; empty if not known
    agent: str = ""  # the user agent, empty if not known
    # The name of pods with an event about it, empty if they are the plugin's or not known.
    workload: str = ""
    # The values of the condition keys by key, None if not known.
    context: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    encoded: bool = False  # whether there is an encoded message with more details
    tags: tuple[str, ...] | None = None  # the keys of the tags that were sent, None if not known

    @property
    def is_node(self) -> bool:
        """Whether an instance sent the request with its own role."""
        return bool(_OF_INSTANCE.search(self.principal))

    @property
    def is_person(self) -> bool:
        """Whether a person sent it: a user, the root user, or a role of IAM Identity Center."""
        return bool(_PERSON.search(self.principal))

    @property
    def is_by_plugin(self) -> bool:
        """Whether the plugin sent it: it says so, or few other programs on a node make the call."""
        return PLUGIN in self.agent or bool(not self.agent and _OWN.match(self.action))

    @property
    def program(self) -> OtherProgram | None:
        """The program that sent it; None if it may be the plugin, or is not known."""
        if name := program_of_agent(self.agent):
            return OtherProgram(name, ProgramBasis.agent)
        if self.workload:
            return OtherProgram(f"pods of {self.workload}", ProgramBasis.event)
        if self.principal.startswith(SERVICE_ACCOUNTS):
            namespace, _, name = self.principal.removeprefix(SERVICE_ACCOUNTS).partition(":")
            name = f"pods with the service account {name} of the namespace {namespace}"
            return OtherProgram(name, ProgramBasis.principal)
        if is_called(self.action) or PLUGIN in self.agent:
            return None
        if self.is_person:
            return OtherProgram("a person", ProgramBasis.principal)
        name = program_of_action(self.action)
        return OtherProgram(name, ProgramBasis.action) if name else None


class OtherError(Struct, frozen=True):
    """An error other than a denied call of the plugin."""

    name: str  # its name in the table of known errors
    text: str  # the part of the message that says so
    role: str = ""  # the name of the role that it is about, empty if not known


class Unclear(Struct, frozen=True):
    """A message about a denial that does not name the call."""

    text: str


ReadError = Denial | OtherError | Unclear


def role_of(principal: str) -> str:
    """Return the ARN of a session's role, without the session; else the principal."""
    match = _SESSION.match(principal)
    return match[1] if match else principal


def role_name(arn: str) -> str:
    """Return the role's name in the ARN of a role or a session, empty for another ARN."""
    match = _NAME.match(arn)
    return (match[1] or match[2]) if match else ""
