"""Policy documents in JSON: a bare one, or one inside of the AWS CLI's output.

The one reader of JSON policies. What the CLI prints is read by its fields, wherever they
stand: ``get-policy-version``, ``get-role-policy``, ``get-user-policy``, ``get-group-policy``,
``get-role`` (its trust), ``get-account-authorization-details``, and, of other services, those that
print a policy as JSON in a string. The fields are those of the AWS CLI Command Reference. IAM's
own API URL-encodes documents (RFC 3986), and some tools hand them on so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, Part, unquoted
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.strict_json import load_json

TRUST = "AssumeRolePolicyDocument"
_DOCUMENTS = ("Document", "PolicyDocument", TRUST)
# Of other services: a policy as JSON in a string, or, of Organizations, an object around one.
_TEXTS = ("Policy", "Content", "policyText", "PolicyText", "ResourcePolicy")
# Of a role in get-account-authorization-details: its instance profiles, which hold it again.
_REPEATING = "InstanceProfileList"
# What the commands that list policies print has these, and no documents.
_LISTINGS = (
    "Policies", "Policy", "PolicyNames", "Versions", "AttachedPolicies",
    "DefaultVersionId", "IsDefaultVersion", "PolicyArn",
)  # fmt: skip
# Lists of policies: each entry holds one.
_VERSIONS = "PolicyVersionList"
_LISTS = ("RolePolicyList", "UserPolicyList", "GroupPolicyList", "Policies", _VERSIONS)
_BOUNDARY = "it is a permissions boundary: give it with --boundary"
# The content of an entry that holds none.
_ABSENT: dict[str, object] = {}
# What only a policy has, also one that is misspelt.
_POLICY = r'(?i)"(?:Version"\s*:\s*"20\d\d-|st\w{0,6}m\w{0,2}n?ts?"\s*:)'
_DEPTH = 50
_NAMES = ("RoleName", "UserName", "GroupName", "PolicyName", "Name", "repositoryName")


class JsonDocument(Struct, frozen=True):
    """A policy document where it was found."""

    source: str  # the file name, or ``standard input``
    place: str  # its JSON path in the file, ``$`` for a bare document
    # What the file calls it, from the outside in: of a role's inline policy, the role and the
    # policy; empty if nothing names it.
    names: tuple[str, ...]
    content: object  # its decoded JSON, or its JSON text where the file has it as a string
    # The versions of the same policy that are not in force, by their ids.
    left_out: tuple[str, ...] = ()

    def decoded(self) -> object:
        """Return the document's decoded JSON, or raise `InputError` for a string without."""
        if not isinstance(self.content, str):
            return self.content
        try:
            return load_json(unquoted(self.content.strip()), self.source)
        except InputError as error:
            inside = f"{self.place}, {error.place} of its text" if error.place else self.place
            raise InputError(self.source, inside, error.problem) from None

    def policy(self) -> Policy:
        """Return the policy, or raise `InputError` with the JSON path in the file."""
        return parse(self.decoded(), self.source, self.place)


def documents(value: object, source: str) -> tuple[JsonDocument, ...]:
    """Return the policy documents of decoded JSON, at least one; each is not yet checked."""
    # A string is such as the output of --query Policy.
    if isinstance(value, str) or (isinstance(value, dict) and _looks_like_a_policy(value)):
        return (JsonDocument(source, "$", (), value),)
    inner = tuple(_walk(value, source, "$", ()))
    if any(document.content is not _ABSENT for document in inner):
        return inner
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict) and not first.keys().isdisjoint(_LISTINGS):
        raise InputError(
            source,
            "$",
            "names policies without their documents; print them with aws iam get-policy-version, "
            "or all at once with aws iam get-account-authorization-details",
        )
    raise InputError(source, "$", "holds no policy document: nothing in it has a Statement")


def _policies(content: Content, _: ModuleValues) -> Iterator[Part]:
    """Yield the policies of a JSON file that are of identities."""
    listed = documents(content.value, content.source)
    for document, name in zip(listed, _names(listed), strict=True):
        try:
            policy = document.policy()
        except InputError as error:
            if len(listed) == 1:
                raise
            yield Skipped(name, Reason.not_read, f"{error.place}: {error.problem}")
            continue
        if policy.names_principals:
            yield Skipped(name or document.place, Reason.other_kind, "it names principals")
        else:
            yield name, policy
        for version in document.left_out:
            detail = "another version is the default"
            yield Skipped(f"{name} {version}".strip(), Reason.not_in_force, detail)
    named = list(_named(content.value))
    documented = {part for part in named if isinstance(part, str)}
    for part in dict.fromkeys(named):
        if isinstance(part, Skipped) and (
            part.reason is Reason.not_applied or part.name not in documented
        ):
            yield part


def _named(value: object) -> Iterator[str | Skipped]:
    """Yield the ARN of each policy that has its document, and policies that are named without."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict) and "Statement" not in value:
        arn = str(value.get("Arn"))
        if _VERSIONS in value:
            yield arn
        elif ":organizations:" in arn:
            why = "its document is not there: aws organizations describe-policy prints it"
            yield Skipped(arn, Reason.not_read, why)
        passed = {_REPEATING, *_DOCUMENTS, *(["PolicySummary"] if "Content" in value else [])}
        owner = str(value.get("RoleName") or value.get("UserName") or "")
        for key, member in value.items():
            if key not in passed:
                yield from _named_by(key, member, owner)


def _named_by(key: str, member: object, owner: str) -> Iterator[str | Skipped]:
    """Yield the same of a member of an object, which may be of the role `owner`."""
    if key == "PermissionsBoundary" and isinstance(member, dict):
        arn = str(member.get("PermissionsBoundaryArn"))
        yield Skipped(f"{owner}/{arn}" if owner else arn, Reason.not_applied, _BOUNDARY)
    elif key == "AttachedManagedPolicies" and isinstance(member, list):
        arns = (str(entry.get("PolicyArn")) for entry in member if isinstance(entry, dict))
        why = "it is attached, and its document is not there"
        yield from (Skipped(arn, Reason.not_read, why) for arn in arns)
    elif key == "IsTruncated" and member is True:
        why = "a page says that more follow; let aws follow the pages"
        yield Skipped(key, Reason.not_read, why)
    else:
        yield from _named(member)


def _names(listed: Sequence[JsonDocument]) -> Iterator[str]:
    """Yield the name of each policy in the file, or its JSON path if the name is not unique."""
    called = ["/".join(document.names) for document in listed]
    times = Counter(called)
    for name, document in zip(called, listed, strict=True):
        unlike = len(listed) == 1 or (name and times[name] == 1)
        yield name if unlike else document.place


def _looks_like_a_policy(value: Mapping[str, object]) -> bool:
    """Tell a bare document, however wrong, from an object that holds some."""
    lowered = {key.lower() for key in value}
    return "statement" in lowered or not value or lowered <= {"version", "id"}


def _walk(
    value: object, source: str, path: str, names: tuple[str, ...], depth: int = 0
) -> Iterator[JsonDocument]:
    if depth > _DEPTH:
        raise InputError(source, "", "nests too deeply to hold policies")
    inner: tuple[JsonDocument, ...] = ()
    if isinstance(value, list) and not _is_statement(value):
        for index, item in enumerate(value):
            yield from _walk(item, source, f"{path}[{index}]", names, depth + 1)
    elif isinstance(value, dict) and "Statement" not in value:
        called = _called(value, names)
        inner = tuple(
            document
            for key, member in value.items()
            for document in _member(key, member, source, f"{path}.{key}", called, depth + 1)
        )
    if all(_is_statement(document.content) for document in inner) and _resembles_a_policy(value):
        yield JsonDocument(source, path, names, value)
    else:
        yield from inner


def _called(value: Mapping[str, object], names: tuple[str, ...]) -> tuple[str, ...]:
    return names + tuple(v for k in _NAMES if isinstance(v := value.get(k), str))


def _member(
    key: str, value: object, source: str, path: str, names: tuple[str, ...], depth: int
) -> Iterator[JsonDocument]:
    """Yield the policy documents of a member of an object."""
    if key in _LISTS and isinstance(value, list):
        entries = [
            (entry, document)
            for index, entry in enumerate(value)
            for document in _entry(entry, source, f"{path}[{index}]", names, depth)
        ]
        yield from _versions(entries, names) if key == _VERSIONS else (d for _, d in entries)
    elif key in _DOCUMENTS or (key in _TEXTS and _is_json(value)):
        called = (*names, "trust") if key == TRUST else names
        yield JsonDocument(source, path, called, value)
    elif key != _REPEATING:
        yield from _walk(value, source, path, names, depth)


def _entry(
    entry: object, source: str, path: str, names: tuple[str, ...], depth: int
) -> Iterator[JsonDocument]:
    """Yield the policy documents of an entry of a list of policies, at least one."""
    if documents := tuple(_walk(entry, source, path, names, depth + 1)):
        yield from documents
    else:
        called = _called(entry, names) if isinstance(entry, dict) else names
        yield JsonDocument(source, path, called, _ABSENT)


def _is_statement(value: object) -> bool:
    """Say whether it is a statement, or a list of some, without a policy around."""
    if isinstance(value, list):
        return any(_is_statement(item) for item in value if isinstance(item, dict))
    return isinstance(value, dict) and value.get("Effect") in ("Allow", "Deny")


def _resembles_a_policy(value: object) -> bool:
    """Say whether it is a policy document, or meant as one: its text, or a part of it."""
    if isinstance(value, dict):
        members = (f'"{k}":"{v if isinstance(v, str) else ""}"' for k, v in value.items())
        return re.search(_POLICY, "".join(members)) is not None or _is_statement(value)
    if isinstance(value, str):
        return _is_json(value) and re.search(_POLICY, unquoted(value)) is not None
    return _is_statement(value)


def _is_json(value: object) -> bool:
    return isinstance(value, str) and unquoted(value.lstrip())[:1] == "{"


def _versions(
    pairs: Sequence[tuple[object, JsonDocument]], names: tuple[str, ...]
) -> Iterator[JsonDocument]:
    """Yield the version of a managed policy that is in force, or all if none is marked as that.

    `pairs` are its versions and their documents.
    """
    if len(pairs) > 1 and not any(_in_force(version) for version, _ in pairs):
        for version, document in pairs:
            number = version.get("VersionId") if isinstance(version, dict) else None
            called = (*names, number) if isinstance(number, str) else names
            yield replace(document, names=called)
        return
    for version, document in pairs:
        if _in_force(version) or len(pairs) == 1:
            others = tuple(
                str(v.get("VersionId"))
                for v, _ in pairs
                if isinstance(v, dict) and v is not version
            )
            yield replace(document, left_out=others)


def _in_force(version: object) -> bool:
    return isinstance(version, dict) and bool(version.get("IsDefaultVersion"))


KIND = Kind(
    "a JSON policy document or what the AWS CLI prints of one",
    "a policy document, `aws iam get-policy-version`, `aws iam get-role-policy`, "
    "`aws iam get-account-authorization-details`",
    lambda c: c.is_json,
    _policies,
)
