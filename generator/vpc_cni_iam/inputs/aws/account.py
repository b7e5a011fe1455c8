"""Reads output of ``aws iam get-account-authorization-details``, one role at a time.

The shapes are those of the IAM API reference, GetAccountAuthorizationDetails. Files are mapped and
read twice: first the places of managed policies, then the roles. `vpc_cni_iam.inputs.aws.eks` reads
other files with output of EKS for the same accounts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import BinaryIO

from msgspec import Raw, Struct
from msgspec.json import decode
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.account import Account, Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import Document, Gap, GapKind, Grant, GrantPart, characters
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.partitions import partition_in
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.aws.eks import KINDS as EKS_KINDS
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.inputs.aws.eks import read as read_eks
from vpc_cni_iam.inputs.json_documents import TRUST as _TRUST
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.inputs.kubernetes.lists import (
    ClusterNode,
    KubernetesObject,
    ListMetadata,
    PluginPod,
    node_of,
    pod_of,
)
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.saved import JsonFile, opened
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.quotas import INLINE, MANAGED
from vpc_cni_iam.texts import STDIN, path_of
from vpc_cni_iam.texts.limits import ACCOUNT

COMMAND = "aws iam get-account-authorization-details"
_WHAT = f"the output of {COMMAND}"
_FILE = JsonFile(
    _WHAT,
    f"print it with: {COMMAND}",
    ACCOUNT,
    re.compile(r"\ufeff?\s*(?:[\[{]|\Z)"),
    in_memory=False,
)
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
_ARN = re.compile(r"arn:[a-z0-9-]+:iam::([0-9]{12}):")


class _Inline(Struct, rename="pascal"):
    policy_name: str
    policy_document: Raw


class _Attached(Struct, rename="pascal"):
    policy_arn: str


class _Boundary(Struct, rename="pascal"):
    permissions_boundary_arn: str


class _Role(Struct, rename="pascal"):
    role_name: str
    arn: str
    assume_role_policy_document: Raw
    role_policy_list: list[_Inline]
    attached_managed_policies: list[_Attached]
    permissions_boundary: _Boundary | None = None


class _Item(Struct, rename="pascal"):
    arn: str


class _Version(Struct, rename="pascal"):
    document: Raw = Raw()
    is_default_version: bool = False


class _ManagedPolicy(Struct, rename="pascal"):
    policy_version_list: list[_Version] = []


class RoleDetail(Struct, frozen=True, dict=True):
    """A role of an account, of which only the trust policy was read."""

    arn: str
    account: str
    trust: JsonDocument  # its trust policy
    grants: tuple[Grant, ...]
    texts: tuple[JsonDocument, ...]  # those of its policies and its boundary that the input has

    @cached_property
    def access(self) -> RoleAccess:
        """What it has; its policies are read when it is asked, and once."""
        facts: list[Fact] = [*map(_read, self.texts), *self.grants]
        return Account.of(facts, self.trust.source).access(self.arn)


def _read(document: JsonDocument) -> Document:
    """Return a policy, or why IAM or the evaluator does not accept it."""
    name = "/".join(document.names)
    try:
        return Document(name, _policy(document.text, most_characters(document)), document.source)
    except InputError as error:
        place = error.place.replace("$", document.place, 1)
        return Document(name, Gap(GapKind.invalid, f"{place}: {error.problem}"), document.source)


@lru_cache(256)
def _policy(text: str, most: int | None) -> Policy:
    """Return the policy of a text, which many roles may have."""
    policy = parse(JsonDocument("", "$", (), text).decoded(), "", "$")
    if most is not None and (size := characters(policy)) > most:
        problem = f"has {size:,} characters without white space; IAM accepts at most {most:,}"
        raise InputError("", "$", problem)
    compile_policies([policy])
    return policy


class _Place(Struct, frozen=True):
    """The place of a managed policy's text."""

    file: int
    start: int
    end: int


class AccountDetails:
    """The roles in files, opened with ``with``; ``-`` is standard input.

    `progress` is called from time to time with the number of bytes read, and of all bytes.
    """

    def __init__(
        self,
        targets: Sequence[str],
        stdin: BinaryIO,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self._targets = targets
        self._stdin = stdin
        self._progress = progress
        self._readers: list[Reader] = []  # the files with output of IAM
        self._policies: dict[str, list[_Place]] = {}
        # The number of bytes, and of bytes read, in files other than the current one.
        self._size, self._done = sum(map(_size, targets)), 0
        self.clusters: list[ClusterDetail] = []
        self.pods: list[PluginPod] = []
        self.nodes: list[ClusterNode] = []
        self.unread: list[NotKnown] = []

    def __enter__(self) -> AccountDetails:
        """Open the files, and find their managed policies."""
        try:
            self._index()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for reader in self._readers:
            reader.close()

    def _opened(self) -> Iterator[Reader]:
        """Yield each file while it is open; mapped files stay mapped."""
        for target in self._targets:
            path = path_of(target)
            with opened(path, self._stdin, _FILE) as data:
                yield Reader(data, target if path else STDIN, self._passed, _WHAT)

    def _passed(self, place: int) -> None:
        if self._progress:
            self._progress(self._done + place, max(self._size, self._done + place))

    def _index(self) -> None:
        """Find the places of managed policies, and read output of other services."""
        # The accounts of each page of IAM that has a next page, and of each last page.
        continued: list[tuple[str, set[str]]] = []
        ended: set[str] = set()
        for reader in self._opened():
            number, keys = len(self._readers), set[str]()
            for _ in _objects(reader):
                accounts, is_continued = self._index_answer(reader, number, keys)
                if is_continued:
                    continued.append((reader.source, accounts))
                else:
                    ended |= accounts
            self._done += reader.size
            # A cluster may have many files; none is read again.
            if keys.isdisjoint(_LISTS):
                reader.close()
            else:
                self._readers.append(reader)
        self._size = self._done + sum(reader.size for reader in self._readers)
        for source, accounts in continued:
            if not accounts or accounts - ended:
                whose = " and ".join(sorted(accounts)) or "an unknown account"
                detail = (
                    f"a page of {whose} says that more follow, but the last page is missing: let "
                    "aws follow the pages (without --no-paginate and --max-items), or give all"
                )
                self.unread.append(NotKnown(source, Reason.not_read, detail))

    def _index_answer(
        self, reader: Reader, number: int, all_keys: set[str]
    ) -> tuple[set[str], bool]:
        """Skip a page; return its accounts, and whether more pages follow.

        Its keys are added to those of the file.
        """
        accounts, continued, keys, start = set[str](), False, set[str](), reader.place
        for key in reader.members():
            keys.add(key)
            if key in _LISTS:
                for _ in reader.items():
                    arn = self._index_item(reader, number, policy=key == "Policies")
                    if match := _ARN.match(arn):
                        accounts.add(match[1])
            elif key in ("IsTruncated", "NextToken", "Marker", "nextToken"):
                more = reader.decoded(reader.value(), object)
                continued = continued or more not in (False, None, "")
            elif key == "items":
                for _ in reader.items():
                    self._add_kubernetes(reader, f"{reader.source}, byte {start}")
            elif key == "metadata":
                metadata = reader.decoded(reader.value(), ListMetadata)
                continued = continued or metadata.is_continued
            elif key in EKS_KINDS:
                text = bytes(reader.value())
                reader.refuse_twice(text, reader.place - len(text))
                self.clusters += read_eks(key, text, reader.source)
            else:
                reader.value()
        all_keys |= keys
        if "resource_changes" in keys:
            raise InputError(reader.source, "", "is a plan; vpc-cni-iam review reads plans")
        if keys.isdisjoint((*_LISTS, *EKS_KINDS, "items")):
            problem = (
                f"is not {_WHAT}, nor output of aws eks about clusters, or of kubectl about pods "
            )
            problem += "of aws-node and of nodes"
            raise InputError(reader.source, reader.position(start), problem)
        return accounts, continued

    def _add_kubernetes(self, reader: Reader, whole: str) -> None:
        """Read an item of a Kubernetes list; `whole` identifies the list."""
        item = reader.decoded(reader.value(), KubernetesObject)
        if pod := pod_of(item, whole):
            self.pods.append(pod)
        elif node := node_of(item, whole):
            self.nodes.append(node)

    def _index_item(self, reader: Reader, number: int, *, policy: bool) -> str:
        """Skip a user, group, role or policy; return its ARN."""
        reader.peek()
        start = reader.place
        text = reader.value()
        arn = reader.decoded(text, _Item).arn
        reader.refuse_twice(bytes(text), start, arn)
        if policy:
            self._policies.setdefault(arn, []).append(_Place(number, start, reader.place))
        return arn

    def roles(self) -> Iterator[RoleDetail]:
        """Yield each role; raises `InputError` for two different descriptions of a role."""
        seen: dict[str, bytes] = {}
        done = self._done
        for number, reader in enumerate(self._readers):
            reader.rewind()
            self._done = done + sum(before.size for before in self._readers[:number])
            for _ in _objects(reader):
                for key in reader.members():
                    if key != "RoleDetailList":
                        reader.value()
                        continue
                    for index, _ in enumerate(reader.items()):
                        text = reader.value()
                        self._passed(reader.place)
                        role = reader.decoded(text, _Role)
                        digest = hashlib.sha256(bytes(text).strip()).digest()
                        if role.arn not in seen:
                            seen[role.arn] = digest
                            yield self._role(role, number, f"$.RoleDetailList[{index}]")
                        elif seen[role.arn] != digest:
                            problem = "is described twice with differences; give one of the two"
                            raise InputError(reader.source, role.arn, problem)

    def _role(self, role: _Role, number: int, place: str) -> RoleDetail:
        reader = self._readers[number]

        def document(path: str, text: Raw, *names: str) -> JsonDocument:
            return JsonDocument(reader.source, f"{place}.{path}", names, _text(text))

        match = _ARN.match(role.arn)
        if match is None or not role.arn.startswith(":role/", match.end() - 1):
            raise reader.refuse(f"{role.arn[:80]!r} is not the ARN of a role")
        if not partition_in(role.arn):
            problem = "is in a partition that this version does not know; update vpc-cni-iam"
            raise reader.refuse(f"{role.arn[:80]!r} {problem}")
        texts = [
            document(f"RolePolicyList[{i}].PolicyDocument", p.policy_document, p.policy_name)
            for i, p in enumerate(role.role_policy_list)
        ]
        grants = [Grant(role.arn, GrantPart.INLINE, "/".join(text.names)) for text in texts]
        limit = role.permissions_boundary
        boundary = [(GrantPart.BOUNDARY, limit.permissions_boundary_arn)] if limit else []
        attached = [
            (GrantPart.ATTACHED, each.policy_arn) for each in role.attached_managed_policies
        ]
        for part, arn in (*attached, *boundary):
            managed = self._managed(arn, number)
            if managed and managed.names in {text.names for text in texts if text.place[:1] == "$"}:
                managed = replace(managed, names=(arn,))  # an inline policy has its name
            texts += [managed] if managed else []
            grants.append(Grant(role.arn, part, managed.names[0] if managed else arn))
        trust = document(_TRUST, role.assume_role_policy_document, role.role_name, "trust")
        return RoleDetail(role.arn, match[1], trust, tuple(grants), tuple(texts))

    def _managed(self, arn: str, number: int) -> JsonDocument | None:
        """Return the default version of a managed policy; if in several files, the role's."""
        places = self._policies.get(arn, [])
        own = [place for place in places if place.file == number]
        texts: dict[str, str] = {}
        for place in own or places:
            reader = self._readers[place.file]
            policy = reader.decoded(Raw(reader.data[place.start : place.end]), _ManagedPolicy)
            for version in policy.policy_version_list:
                if version.is_default_version and bytes(version.document):
                    texts[_text(version.document)] = reader.source
        if len(texts) != 1:
            return None  # it is not known which of several the account has
        ((text, source),) = texts.items()
        name = aws_managed.name_of(arn) or arn
        return JsonDocument(source, name, (name,), text)


def _size(target: str) -> int:
    """Return the size of a file; 0 if not known."""
    path = path_of(target)
    try:
        return path.stat().st_size if path else 0
    except OSError:
        return 0  # reading it gives the error


def _objects(reader: Reader) -> Iterator[None]:
    """Yield at the start of each object, in sequence or in lists."""
    reader.skip_mark()
    while reader.peek():
        if reader.peek() == b"[":
            yield from reader.items()
        else:
            yield


def most_characters(document: JsonDocument) -> int | None:
    """Return IAM's size limit for a role's policy; None for AWS's own, which may be larger."""
    if document.place.startswith("$"):
        return INLINE["role"]
    return MANAGED if _ARN.match(document.place) else None


def _text(document: Raw) -> str:
    """Return the JSON text of a document, also of JSON in a string."""
    text = bytes(document)
    return decode(text, type=str) if text[:1] == b'"' else text.decode()
