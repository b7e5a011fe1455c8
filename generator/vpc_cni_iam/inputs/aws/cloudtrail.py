"""Reads which actions roles used, from events of CloudTrail or from a query's counts.

Events: files of a trail (``Records``), output of ``aws cloudtrail lookup-events``, and events one
after another. Counts: Athena's CSV, with the columns of `COLUMNS`. Sources: AWS
CloudTrail User Guide, "CloudTrail record contents" and "CloudTrail userIdentity element"; the API
reference of CloudTrail, LookupEvents.
"""

from __future__ import annotations

import csv
import mmap
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, TypeVar

from msgspec import Struct, field

from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.saved import JsonFile, opened
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.texts import STDIN, path_of, unreadable
from vpc_cni_iam.texts.limits import EVENT, ROLE_ACTIONS, TRAIL

# v1.8.0 to v1.18.0 write version/v1.18.0 (pkg/awsutils/awssession/session.go), v1.22.4 to v1.23.2
# write v1.23.2 (pkg/awsutils/awsutils.go). v1.19.4 to v1.20.4 do not name themselves.
AGENT = r"amazon-vpc-cni-k8s/(?:version/)?(v?[0-9]+\.[0-9]+\.[0-9]+)"
# CloudTrail's eventSource names a service by its endpoint, IAM's actions by a prefix.
SERVICES = {"monitoring": "cloudwatch"}
DENIED = r"UnauthorizedOperation|AccessDenied|Client\.Unauthorized"
COLUMNS = (
    "role", "event_source", "event_name", "error_code", "plugin_version", "events", "first_time",
    "last_time",
)  # fmt: skip

_WHAT = "events of CloudTrail"
_ADVICE = (
    "give files of a trail, output of aws cloudtrail lookup-events, events one a line, or the "
    "result of the query that usage --print-sql prints"
)
_AGENT, _DENIED = re.compile(AGENT), re.compile(DENIED)
_COUNT = re.compile("[0-9]{1,19}")  # SQL's bigint
# Members of the objects around lists; an event has none of them.
_AROUND = ("Records", "Events", "NextToken")
_FIRST_KEY = re.compile(rb'\{\s*"(\w+)"')
_REMEMBERED = 1 << 20  # events, in 8 MiB
# CloudTrail User Guide, "CloudTrail digest file structure": in a folder of this name.
_DIGESTS = "CloudTrail-Digest"

T = TypeVar("T")


class Result(Enum):
    """The result of a request."""

    allowed = "allowed"
    denied = "denied"
    failed = "failed for another reason"


class _Issuer(Struct):
    arn: str | None = None


class _Session(Struct, rename="camel"):
    session_issuer: _Issuer | None = None


class _Identity(Struct, rename="camel"):
    session_context: _Session | None = None


class _Event(Struct, rename="camel"):
    event_source: str
    event_name: str
    event_time: str = ""
    event_id: str | None = field(default=None, name="eventID")
    error_code: str | None = None
    user_agent: str | None = None
    user_identity: _Identity | None = None


class _LookedUp(Struct, rename="pascal"):
    cloud_trail_event: str


class Count(Struct):
    """How often a role used an action."""

    results: dict[Result, int] = field(default_factory=dict)  # how often, by result
    first: str = ""  # the time of the first event, as CloudTrail writes it
    last: str = ""  # the time of the last one
    # The plugin versions in user agents.
    versions: set[str] = field(default_factory=set)


class Trail(Struct):
    """The requests of roles."""

    # By the ARN of a role and the action.
    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    events: int = 0  # how many events were read
    repeated: int = 0  # how many were read before: they are counted once
    unread: list[Skipped] = field(default_factory=list)  # what was not read


def read(
    targets: Sequence[str],
    stdin: BinaryIO,
    roles: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Trail:
    """Return the requests of roles; only one event is in memory at a time.

    Targets are files, and directories as ``aws s3 sync`` writes them; ``-`` is standard input.
    `roles` has the ARNs or names of the roles to count; if empty, every role. Raises `UsageError`
    for empty text, or too many roles. `progress` is called after each file with the number of bytes
    read, and of all bytes.
    """
    counter = _Counter(frozenset(roles))
    paths = [path_of(target) for target in targets]
    files = [file for path in paths for file in _files(path)]
    sizes = [file.stat().st_size if file and file.exists() else 0 for file in files]
    total = sum(sizes)
    form = JsonFile(_WHAT, _ADVICE, TRAIL, re.compile(""))  # CSV may begin with anything
    for file, done in zip(files, accumulate(sizes), strict=True):
        with opened(file, stdin, form) as data:
            counter.read(data, str(file or STDIN))
        if progress:
            progress(done, total)
    return counter.trail


def _files(path: Path | None) -> Iterator[Path | None]:
    """Yield the files of a path, at least one, without hidden files and a trail's digests.

    None means standard input.
    """
    if path is None or not path.is_dir():
        yield path
        return
    empty = True
    for folder, folders, names in os.walk(path, onerror=_refuse):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != _DIGESTS)
        for name in sorted(names):
            if not name.startswith("."):
                empty = False
                yield Path(folder, name)
    if empty:
        raise InputError(str(path), "", f"has no file; {_ADVICE}")


def _refuse(error: OSError) -> None:
    raise unreadable(Path(error.filename), error)


class _Counter:
    """Counts the events of files."""

    def __init__(self, roles: frozenset[str]) -> None:
        self.trail = Trail()
        self._roles = roles
        # The last event by a part of its ID: events read twice are usually close together.
        self._seen = memoryview(bytearray(8 * _REMEMBERED)).cast("Q")

    def read(self, data: bytes | mmap.mmap, source: str) -> None:
        """Count the events of a file."""
        reader = Reader(data, source, what=_WHAT)
        reader.skip_mark()
        if not (first := reader.peek()):
            raise InputError(source, "", f"is empty; {_ADVICE}")
        if first not in b"[{":
            self._csv(data, source)
        while first in b"[{" and reader.peek():
            self._value(reader)
        reader.close()

    def _value(self, reader: Reader) -> None:
        """Read an event, a list of events or an object around one."""
        first = _FIRST_KEY.match(reader.data, reader.place)
        if reader.peek() == b"[":
            self._events(reader)
        elif first and first[1].decode() in _AROUND:
            self._around(reader)
        else:
            self._event(_decoded(reader, _Event))

    def _events(self, reader: Reader) -> None:
        for _ in reader.items():
            self._event(_decoded(reader, _Event))

    def _around(self, reader: Reader) -> None:
        for key in reader.members():
            if key == "Records":
                self._events(reader)
            elif key == "Events":
                for _ in reader.items():
                    event = _decoded(reader, _LookedUp).cloud_trail_event
                    self._event(reader.decoded(memoryview(event.encode()), _Event))
            elif _decoded(reader, object) and key == "NextToken":
                detail = (
                    "a page says that more follow, and nothing shows that they are given; let aws "
                    "follow the pages, or let the query count one role with --role"
                )
                self.trail.unread.append(Skipped(reader.source, Reason.not_read, detail))

    def _csv(self, data: bytes | mmap.mmap, source: str) -> None:
        lines = csv.reader(_lines(data, source), strict=True)
        try:
            names = next(lines)
            _check_columns(names, source)
            for row in lines:
                if row:
                    self._row(dict(zip(names, row, strict=False)), source)
        except csv.Error as error:
            raise InputError(source, f"line {lines.line_num}", str(error)) from None

    def _row(self, row: Mapping[str, str | None], source: str) -> None:
        _check_columns(row, source)
        texts = {name: row[name] or "" for name in COLUMNS}
        if not _COUNT.fullmatch(texts["events"]):
            problem = f"{texts['events'][:80]!r} in the column events is not a number"
            raise InputError(source, "", f"{problem}; {_ADVICE}")
        self._count(
            texts["role"],
            _action(texts["event_source"], texts["event_name"]),
            _result(texts["error_code"]),
            int(texts["events"]),
            _time(texts["first_time"]),
            _time(texts["last_time"]),
            f"amazon-vpc-cni-k8s/{texts['plugin_version']}",
        )

    def _event(self, event: _Event) -> None:
        session = event.user_identity.session_context if event.user_identity else None
        role = session.session_issuer.arn if session and session.session_issuer else None
        if self._is_repeated(event.event_id):
            self.trail.events += 1
            self.trail.repeated += 1
            return
        self._count(
            role or "",
            _action(event.event_source, event.event_name),
            _result(event.error_code or ""),
            1,
            event.event_time,
            event.event_time,
            event.user_agent or "",
        )

    def _count(
        self,
        role: str,
        action: str,
        result: Result,
        events: int,
        first: str,
        last: str,
        user_agent: str,
    ) -> None:
        self.trail.events += events
        names = (role, role.rpartition("/")[2])
        if ":role/" not in role or (self._roles and self._roles.isdisjoint(names)):
            return
        key = role, action
        if key not in self.trail.counts:
            if len(self.trail.counts) >= ROLE_ACTIONS.most:
                problem = f"the events are of more than {ROLE_ACTIONS.words()}"
                raise UsageError(f"{problem}; name the plugin's role with --role")
            self.trail.counts[key] = Count()
        count = self.trail.counts[key]
        count.results[result] = count.results.get(result, 0) + events
        count.first = min(filter(None, (count.first, first)), default="")
        count.last = max(count.last, last)
        if agent := _AGENT.search(user_agent):
            count.versions.add("v" + agent[1].removeprefix("v"))

    def _is_repeated(self, event_id: str | None) -> bool:
        if event_id is None:
            return False
        number = int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest())
        place = number % _REMEMBERED
        repeated, self._seen[place] = self._seen[place] == number, number
        return repeated


def _action(event_source: str, event_name: str) -> str:
    service = event_source.partition(".")[0]
    return f"{SERVICES.get(service, service)}:{event_name}"


def _result(error_code: str) -> Result:
    if not error_code:
        return Result.allowed
    return Result.denied if _DENIED.search(error_code) else Result.failed


def _time(text: str) -> str:
    """Return a time of SQL in CloudTrail's format."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)", text)
    return f"{match[1]}T{match[2]}Z" if match else ""


def _check_columns(names: Iterable[str], source: str) -> None:
    if missing := [name for name in COLUMNS if name not in names]:
        problem = f"is not {_WHAT}, and not their counts: there is no column {', '.join(missing)}"
        raise InputError(source, "", f"{problem}; {_ADVICE}")


def _decoded(reader: Reader, shape: type[T]) -> T:
    """Read one value, at most as large as an event, and return it as a type."""
    text = reader.value()
    if len(text) > EVENT.most:
        raise reader.refuse(f"one value is larger than {EVENT.words()}, the limit")
    return reader.decoded(text, shape)


def _lines(data: bytes | mmap.mmap, source: str) -> Iterator[str]:
    start = number = 0
    while start < len(data):
        number += 1
        end = data.find(b"\n", start, start + EVENT.most) + 1 or len(data)
        if end - start > EVENT.most:
            raise InputError(source, f"line {number}", f"is too long; {_ADVICE}")
        try:
            yield data[start:end].decode("utf-8-sig")
        except UnicodeDecodeError:
            problem = f"is not UTF-8 text; {_ADVICE}"
            raise InputError(source, f"line {number}", problem) from None
        start = end
