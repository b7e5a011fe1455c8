"""Policy documents in JSON: a bare document, or one in the AWS CLI's output.

The only reader of JSON policies. It reads the CLI's output by its fields, at any depth:
``get-policy-version``, ``get-role-policy``, ``get-user-policy``, ``get-group-policy``, ``get-role``
(its trust), ``get-account-authorization-details``, and commands of other services that print a
policy as JSON in a string. The fields are those of the AWS CLI Command Reference. IAM's API
URL-encodes documents (RFC 3986), and some tools pass them on like that.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import UNKNOWN, Document, Grant, GrantPart
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, unquoted
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.strict_json import load_json

TRUST = "AssumeRolePolicyDocument"
_DOCUMENTS = ("Document", "PolicyDocument", TRUST)
# Other services: a policy as JSON in a string; Organizations has an object around it.
_TEXTS = ("Policy", "Content", "policyText", "PolicyText", "ResourcePolicy")
# Members that repeat a part of an object: a role's instance profiles, and the summary of an
# Organizations policy.
_REPEATING = {"InstanceProfileList": "RoleName", "PolicySummary": "Content"}
# Lists of policies: each entry has one.
_VERSIONS = "PolicyVersionList"
_LISTS = ("RolePolicyList", "UserPolicyList", "GroupPolicyList", "Policies", _VERSIONS)
# The policies of a principal by their ARNs; the last is of list-attached-role-policies.
_ATTACHED = ("AttachedManagedPolicies", "AttachedPolicies")
# EKS API reference, AddonPodIdentityConfiguration: what AWS recommends for an add-on, by ARNs.
_RECOMMENDED, _MANAGED = "podIdentityConfiguration", "recommendedManagedPolicies"
# IAM's member, the AWS CLI's with --max-items, and that of other services.
_CONTINUED = ("IsTruncated", "NextToken", "nextToken")
# The content of an entry without a document.
_ABSENT: dict[str, object] = {}
# Members that only a policy has, also a misspelt one.
_POLICY = r'(?i)"(?:Version"\s*:\s*"20\d\d-|st\w{0,6}m\w{0,2}n?ts?"\s*:)'
_DEPTH = 50
# CloudFormation's role: the ARNs of its managed policies; its boundary is an ARN, too.
_ARNS = "ManagedPolicyArns"
_OF_ROLES = {_ARNS, TRUST, "PermissionsBoundary"}
_PRINCIPALS = ("RoleName", "UserName", "GroupName")
# The entry of a principal in a list of all, as IAM prints it.
_ENTRY = r"DetailList\[\d+\]$"
_NAMES = (*_PRINCIPALS, "PolicyName", "Name", "repositoryName")


class _Principal(Struct, frozen=True):
    """A principal as an object of the file names it."""

    name: str
    arn: str = ""
    entry: str = ""  # without an ARN, the place of its entry in a list of all principals


class _Grant(Struct, frozen=True):
    """A managed policy that a principal has."""

    owner: _Principal
    part: GrantPart
    arn: str


class JsonDocument(Struct, frozen=True):
    """A policy document, with its place."""

    source: str  # the file name, or ``standard input``
    place: str  # its JSON path in the file, ``$`` for a bare document
    # Its names in the file, from the outside in, such as the role and the inline policy; empty if
    # nothing names it.
    names: tuple[str, ...]
    content: object  # its decoded JSON, or its JSON text if it is a string in the file
    # The non-default versions of the same policy, by their IDs.
    left_out: tuple[str, ...] = ()
    owner: _Principal | None = None  # the principal whose inline policy it is
    arn: str = ""  # the ARN of a managed policy
    role: _Principal | None = None  # the role whose trust policy it is

    @property
    def text(self) -> str:
        """Its JSON text."""
        return self.content if isinstance(self.content, str) else json.dumps(self.content)

    def decoded(self) -> object:
        """Return the document's decoded JSON; raises `InputError` for a string that is not JSON."""
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
    """Return the policy documents of decoded JSON; each is not yet checked."""
    return tuple(p for p in _parts(value, source) if isinstance(p, JsonDocument))


def _parts(value: object, source: str) -> tuple[_JsonPart, ...]:
    """Return the policies in decoded JSON; empty without a document or an attachment."""
    # A string, such as the output of --query Policy.
    if isinstance(value, str) or (isinstance(value, dict) and _looks_like_a_policy(value)):
        return (JsonDocument(source, "$", (), value),)
    parts = tuple(_walk(value, _JsonPlace(source)))
    is_empty = all(isinstance(p, JsonDocument) and p.content is _ABSENT for p in parts)
    return () if is_empty else parts


def _facts(content: Content, _: ModuleValues) -> Iterator[Fact]:
    """Yield the policies of a JSON file, and who has them."""
    parts = _parts(content.value, content.source)
    listed = [part for part in parts if isinstance(part, JsonDocument)]
    grants = [part for part in parts if isinstance(part, _Grant)]
    named = [each for document in listed for each in (document.owner, document.role)]
    keys = _keys(filter(None, [*named, *(grant.owner for grant in grants)]))
    arns: dict[str, str] = {}
    for document, name in zip(listed, _names(listed), strict=True):
        arns[document.arn] = name
        try:
            policy = document.policy()
        except InputError as error:
            if len(listed) == 1:
                raise
            yield NotKnown(name, Reason.not_read, f"{error.place}: {error.problem}")
        else:
            yield from _of_document(document, name, policy, keys)
    for grant in grants:
        yield Grant(keys[grant.owner], grant.part, arns.get(grant.arn, grant.arn))
    yield from (part for part in parts if isinstance(part, NotKnown) and part.name not in arns)


def _of_document(
    document: JsonDocument, name: str, policy: Policy, keys: Mapping[_Principal, str]
) -> Iterator[Fact]:
    """Yield a policy, who has it, and what is left out."""
    yield Document(name, policy)
    if policy.names_principals:
        yield NotKnown(name or document.place, Reason.other_kind, "it names principals")
        if document.role:
            yield Grant(keys[document.role], GrantPart.TRUST, name)
        return
    if document.owner:
        yield Grant(keys[document.owner], GrantPart.INLINE, name)
    for version in document.left_out:
        detail = "another version is the default"
        yield NotKnown(f"{name} {version}".strip(), Reason.not_in_force, detail)


def _keys(principals: Iterable[_Principal]) -> dict[_Principal, str]:
    """Return the key of each principal: its ARN, its place, or a name that is its alone.

    A name without an ARN is that of the only principal with it; of one of several, it is not known.
    """
    every = {*principals}
    same: dict[str, set[str]] = {}
    for principal in every:
        same.setdefault(principal.name, set()).update(
            filter(None, [principal.arn or principal.entry])
        )

    def key(principal: _Principal) -> str:
        others = same[principal.name]
        if principal.arn or (principal.entry and len(others) > 1):
            return principal.arn or principal.entry
        if len(others) > 1:
            return UNKNOWN
        (only,) = others or {principal.name}
        return only if only.startswith("arn:") else principal.name

    return {principal: key(principal) for principal in every}


def _names(listed: Sequence[JsonDocument]) -> Iterator[str]:
    """Yield the name of each policy in the file, or its JSON path if the name is not unique."""
    called = ["/".join(document.names) for document in listed]
    times = Counter(called)
    for name, document in zip(called, listed, strict=True):
        unlike = len(listed) == 1 or (name and times[name] == 1)
        yield name if unlike else document.place


def _looks_like_a_policy(value: Mapping[str, object]) -> bool:
    """Return whether a value is a bare document, valid or not, and not an object with documents."""
    lowered = {key.lower() for key in value}
    return "statement" in lowered or not value or lowered <= {"version", "id"}


class _JsonPlace(Struct, frozen=True):
    """A place in a file, with the facts of the objects around it."""

    source: str
    path: str = "$"
    names: tuple[str, ...] = ()
    owner: _Principal | None = None
    arn: str = ""
    depth: int = 0

    def at(self, step: str) -> _JsonPlace:
        return replace(self, path=f"{self.path}{step}", depth=self.depth + 1)

    def within(self, value: Mapping[str, object]) -> _JsonPlace:
        """Return the same place with the facts of an object there."""
        called = {k: v for k in (*_NAMES, "Arn") if isinstance(v := value.get(k), str)}
        owner = _Principal(self.path) if _OF_ROLES & value.keys() else self.owner
        match value.get("Roles"):  # of CloudFormation's AWS::IAM::Policy
            case [{"Ref": str(role)}]:
                owner = _Principal(f"$.Resources.{role}.Properties")
        if name := next((called[k] for k in _PRINCIPALS if k in called), ""):
            entry = self.path if re.search(_ENTRY, self.path) and "Arn" not in called else ""
            owner = _Principal(name, called.get("Arn", ""), entry)
        names = (*self.names, *(called[k] for k in _NAMES if k in called))
        return replace(self, names=names, owner=owner, arn=called.get("Arn", self.arn))

    def document(self, content: object) -> JsonDocument:
        is_trust = self.path.endswith(f".{TRUST}")
        names = (*self.names, "trust") if is_trust else self.names
        owner, role = (None, self.owner) if is_trust else (self.owner, None)
        return JsonDocument(self.source, self.path, names, content, (), owner, self.arn, role)

    def grant(self, part: GrantPart, arn: str) -> _Grant:
        """Return a grant to the principal there, or to that of the whole file."""
        return _Grant(self.owner or _Principal(self.source), part, arn)


_JsonPart = JsonDocument | _Grant | NotKnown


def _walk(value: object, place: _JsonPlace) -> Iterator[_JsonPart]:
    if place.depth > _DEPTH:
        raise InputError(place.source, "", "nests too deeply to hold policies")
    inner: tuple[_JsonPart, ...] = ()
    if isinstance(value, list) and not _is_statement(value):
        for index, item in enumerate(value):
            yield from _walk(item, place.at(f"[{index}]"))
    elif isinstance(value, dict) and "Statement" not in value:
        within = place.within(value)
        inner = tuple(
            part
            for key, member in value.items()
            if _REPEATING.get(key) not in value
            for part in _member(key, member, within.at(f".{key}"))
        )
    listed = [part for part in inner if isinstance(part, JsonDocument)]
    if all(_is_statement(document.content) for document in listed) and _resembles_a_policy(value):
        yield place.document(value)
        return
    yield from inner
    if isinstance(value, dict) and not listed and ":organizations:" in str(value.get("Arn")):
        why = "its document is missing: aws organizations describe-policy prints it"
        yield NotKnown(str(value["Arn"]), Reason.not_read, why)


def _member(key: str, value: object, place: _JsonPlace) -> Iterator[_JsonPart]:
    """Yield the policies in a member of an object."""
    match value:
        case list() if key in _LISTS:
            entries = [_entry(entry, place.at(f"[{index}]")) for index, entry in enumerate(value)]
            yield from _versions(value, entries) if key == _VERSIONS else chain(*entries)
        case list() if key in (*_ATTACHED, _RECOMMENDED):
            yield from _attached(value, place)
        case list() if key == _ARNS:
            yield from (place.grant(GrantPart.ATTACHED, arn_of(each)) for each in value)
        case dict() | str() if key == "PermissionsBoundary":
            arn = value.get("PermissionsBoundaryArn") if isinstance(value, dict) else value
            yield place.grant(GrantPart.BOUNDARY, arn_of(arn or value))
        case True | str() if key in _CONTINUED and value:
            why = "a page says that more follow; let aws follow the pages"
            yield NotKnown(key, Reason.not_read, why)
        case _ if key in _DOCUMENTS or (key in _TEXTS and _is_json(value)):
            yield place.document(value)
        case _:
            yield from _walk(value, place)


def _attached(entries: Sequence[object], place: _JsonPlace) -> Iterator[_Grant]:
    """Yield the policies in a list of ARNs."""
    for entry in (entry for entry in entries if isinstance(entry, dict)):
        # Lists of one principal's policies do not name the principal.
        account = entry.get("serviceAccount")
        owner = replace(place, owner=_Principal(str(account))) if account else place
        arns = entry.get(_MANAGED, entry.get("PolicyArn"))
        listed = arns if isinstance(arns, list) else [arns]
        yield from (owner.grant(GrantPart.ATTACHED, str(arn)) for arn in listed)


def arn_of(value: object) -> str:
    """Return an ARN, also one that CloudFormation's functions write; else their text."""
    match value:
        case {"Fn::Sub": str(text)}:
            return text.replace("${AWS::Partition}", "aws")
        case {"Fn::Join": ["", list(texts)]}:
            known = ("aws" if text == {"Ref": "AWS::Partition"} else text for text in texts)
            return "".join(text if isinstance(text, str) else json.dumps(text) for text in known)
        case {"Ref": str(name)}:
            return name
    return value if isinstance(value, str) else json.dumps(value)


def _entry(entry: object, place: _JsonPlace) -> list[_JsonPart]:
    """Return the documents in an entry of a list of policies, at least one."""
    parts = list(_walk(entry, place))
    if not any(isinstance(part, JsonDocument) for part in parts):
        within = place.within(entry) if isinstance(entry, dict) else place
        parts.append(within.document(_ABSENT))
    return parts


def _is_statement(value: object) -> bool:
    """Return whether it is a statement or a list of statements, without a policy around."""
    if isinstance(value, list):
        return any(_is_statement(item) for item in value if isinstance(item, dict))
    return isinstance(value, dict) and value.get("Effect") in ("Allow", "Deny")


def _resembles_a_policy(value: object) -> bool:
    """Return whether it is or looks like a policy document: its text, or a part of it."""
    if isinstance(value, dict):
        members = (f'"{k}":"{v if isinstance(v, str) else ""}"' for k, v in value.items())
        return re.search(_POLICY, "".join(members)) is not None or _is_statement(value)
    if isinstance(value, str):
        return _is_json(value) and re.search(_POLICY, unquoted(value)) is not None
    return _is_statement(value)


def _is_json(value: object) -> bool:
    return isinstance(value, str) and unquoted(value.lstrip())[:1] == "{"


def _versions(
    versions: Sequence[object], entries: Sequence[Sequence[_JsonPart]]
) -> Iterator[_JsonPart]:
    """Yield the default version of a managed policy, or all if none is marked as default.

    `entries` has the documents of each version.
    """
    members = [version if isinstance(version, dict) else {} for version in versions]
    ids = [str(version.get("VersionId", "")) for version in members]
    is_default = [bool(version.get("IsDefaultVersion")) for version in members]
    for parts, number, in_force in zip(entries, ids, is_default, strict=True):
        for part in parts:
            if not isinstance(part, JsonDocument):
                yield part
            elif in_force or len(members) == 1:
                others = tuple(other for other in ids if other not in (number, ""))
                yield replace(part, left_out=others)
            elif not any(is_default):
                yield replace(part, names=(*part.names, *filter(None, [number])))


KIND = Kind(
    "a JSON policy document, or output of the AWS CLI with one",
    "a policy document, `aws iam get-policy-version`, `aws iam get-role-policy`, "
    "`aws iam get-account-authorization-details`, `aws eks describe-addon-configuration`",
    lambda c: c.is_json,
    _facts,
    "JSON",
    "a policy document, or the output of aws iam get-role-policy or get-policy-version",
)
