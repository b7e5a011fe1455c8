"""Policy documents in JSON: a bare one, or one inside of the AWS CLI's output.

The one reader of JSON policies. What the CLI prints is read by its fields, wherever they
stand: ``get-policy-version``, ``get-role-policy``, ``get-user-policy``, ``get-group-policy``,
``get-role`` (its trust), ``get-account-authorization-details``, and, of other services, those that
print a policy as JSON in a string. The fields are those of the AWS CLI Command Reference. IAM's
own API URL-encodes documents (RFC 3986), and some tools hand them on so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
_DEPTH = 50
_NAMES = ("RoleName", "UserName", "GroupName", "PolicyName", "Name", "repositoryName")


@dataclass(frozen=True, slots=True)
class JsonDocument:
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
    if inner := tuple(_walk(value, source, "$", ())):
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
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, source, f"{path}[{index}]", names, depth + 1)
    if not isinstance(value, dict):
        return
    if "Statement" in value:
        yield JsonDocument(source, path, names, value)
        return
    names += tuple(v for k in _NAMES if isinstance(v := value.get(k), str))
    for key, inner in value.items():
        place = f"{path}.{key}"
        if key == "PolicyVersionList" and isinstance(inner, list):
            yield from _versions(inner, source, place, names)
        elif key in _DOCUMENTS or (key in _TEXTS and _is_json(inner)):
            called = (*names, "trust") if key == TRUST else names
            yield JsonDocument(source, place, called, inner)
        elif key != _REPEATING:
            yield from _walk(inner, source, place, names, depth + 1)


def _is_json(value: object) -> bool:
    return isinstance(value, str) and unquoted(value.lstrip())[:1] == "{"


def _versions(
    versions: list[object], source: str, path: str, names: tuple[str, ...]
) -> Iterator[JsonDocument]:
    """Yield the version of a managed policy that is in force, or all if none is marked as that."""
    pairs = [
        (version, document)
        for index, version in enumerate(versions)
        for document in _walk(version, source, f"{path}[{index}]", names)
    ]
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
