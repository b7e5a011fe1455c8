"""Reads which requests AWS denied, from logs, events and messages that say so.

- Lines of ipamd.log: JSON or plain, of versions with the AWS SDK for Go 1 and 2.
- Events of pods with the reason MissingIAMPermissions, from v1.11.3 on.
- Records of CloudTrail: from S3, of LookupEvents, or one by itself. Source: AWS CloudTrail User
  Guide, "CloudTrail record contents".
- What ``aws sts decode-authorization-message`` prints, whose fields the AWS STS API Reference lists
  under DecodeAuthorizationMessage.
- AWS's own words. Source: IAM User Guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.aws.cloudtrail import AGENT, DENIED
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.policy.strict_json import load_json

_DEPTH = 50
# v1.23.2:pkg/awsutils/awsutils.go:2693, and AWS's own words.
_CALL = re.compile(r"failed to call ([a-z0-9-]+:[A-Za-z0-9]+) due to missing permissions")
_NOT_AUTHORIZED = re.compile(
    r"User: (?P<principal>\S+) is not authorized to perform: (?P<action>[a-z0-9-]+:\w+)"
    r"(?: on resource: (?P<resource>\S+))?(?P<reason>(?:(?!User: )[^\n\"])*)"
)
# The SDK for Go 2 names service and operation.
_OPERATION = re.compile(r"operation error (?P<service>[\w ]+): (?P<operation>\w+),")
_DENIED = re.compile(DENIED)
# The SDK wraps what went wrong before the call itself: its credentials were refused.
_CREDENTIALS = re.compile("(?:get|load|refresh cached|retrieve) credentials")
_SERVICES = {
    "ec2": "ec2", "sagemaker": "sagemaker", "sts": "sts", "cloudwatch": "cloudwatch",
    "monitoring": "cloudwatch", "cloudwatch logs": "logs", "logs": "logs",
}  # fmt: skip
# With the SDK for Go 1, ipamd's own words say which call failed.
# Source: the errors and warnings of pkg/awsutils/awsutils.go at v1.8.0 and v1.14.0.
_WORDS = tuple(
    (re.compile(words), f"ec2:{action}")
    for words, action in (
        ("Failed to add tag to ENI|Failed to tag the newly created ENI", "CreateTags"),
        ("Failed to CreateNetworkInterface|failed to create ENI", "CreateNetworkInterface"),
        ("Failed to attach ENI", "AttachNetworkInterface"),
        ("Failed to detach ENI", "DetachNetworkInterface"),
        ("Failed to delete ENI|Failed to clean up leaked ENI", "DeleteNetworkInterface"),
        ("Unable to retrieve instance data from EC2", "DescribeInstances"),
        ("Failed to get ENI|Failed to call ec2:DescribeNetworkInterfaces",
         "DescribeNetworkInterfaces"),
        ("Failed to allocate a private IP", "AssignPrivateIpAddresses"),
        ("Failed to deallocate a private IP|Failed to deallocate IPv4 Prefixes",
         "UnassignPrivateIpAddresses"),
        ("Failed to call ec2:DescribeSubnets", "DescribeSubnets"),
    )
)  # fmt: skip
_AGENT = re.compile(AGENT)
# A log's line may begin with a bracket, too.
_JSON = re.compile(r"\s*(\{|\[\s*[\[{\"\]])")
_ENCODED = re.compile(r"[Ee]ncoded authorization failure message")
_REASONS = {"VpceAccessDenied": "a VPC endpoint policy denies it"}
_CAUSE = re.compile(r"because ([^.\n\"]+)|with an (explicit deny[^.\n\"]*)")


class Denial(Struct, frozen=True):
    """A request that AWS denied."""

    action: str  # the action
    resource: str = ""  # the ARN that it was checked on, empty if not said
    principal: str = ""  # the ARN of who asked, empty if not said
    reason: str = ""  # why, in AWS's words; empty if not said
    version: str = ""  # the plugin's version, empty if not said
    # The values of the condition keys by key, None if not said.
    context: tuple[tuple[str, tuple[str, ...]], ...] | None = None
    encoded: bool = False  # whether there is an encoded message, which says more
    tags: tuple[str, ...] | None = None  # the keys of the tags that were sent, None if not said


class Denials(Struct):
    """The denials of a text."""

    # How often each stands there, in their order.
    counts: dict[Denial, int] = field(default_factory=dict)
    # Lines that tell of a denial without saying of which call.
    unknown: list[str] = field(default_factory=list)


def read(text: str, source: str) -> Denials:
    """Return the denials that a text tells of, at least one."""
    denials = Denials()
    for value in _values(text, source):
        for denial in _walk(value, source):
            if isinstance(denial, str):
                denials.unknown.append(denial)
            else:
                denials.counts[denial] = denials.counts.get(denial, 0) + 1
    if not denials.counts and not denials.unknown:
        if _ENCODED.search(text) or re.fullmatch(r"\s*[\w-]{100,}\s*", text):
            how = "decode it first: aws sts decode-authorization-message --encoded-message MESSAGE"
            raise InputError(source, "", f"is an encoded message; {how}")
        problem = "has no denied request" if text.strip() else "is empty"
        advice = (
            "give lines of ipamd.log, an event with the reason MissingIAMPermissions, records of "
            "CloudTrail with an errorCode, or what aws sts decode-authorization-message prints"
        )
        raise InputError(source, "", f"{problem}; {advice}")
    return denials


def _values(text: str, source: str) -> Iterator[object]:
    """Yield the values of a JSON text, one after another, else each line as JSON or as it is."""
    if not _JSON.match(text):
        yield from map(_of_line, text.splitlines())
        return
    reader = Reader(text.encode(), source)
    try:
        values = [load_json(bytes(v).decode(), source) for v in iter(reader.next_value, None)]
    except InputError:
        lines = text.strip().splitlines()
        if isinstance(_of_line(lines[0]), str):
            raise  # one value over all lines, in which what follows the mistake would be missed
        values = list(map(_of_line, lines))
    yield from values


def _of_line(line: str) -> object:
    """Return a line of a log: its value if it is JSON, else the line."""
    if not _JSON.match(line):
        return line
    try:
        return load_json(line, "")
    except InputError:
        return line


def _walk(value: object, source: str, depth: int = 0) -> Iterator[Denial | str]:
    if depth > _DEPTH:
        raise InputError(source, "", "nests too deeply to hold denied requests")
    if isinstance(value, str):
        for line in value.splitlines():
            yield from _of_words(line)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item, source, depth + 1)
    elif isinstance(value, dict):
        if all(isinstance(value.get(name), str) for name in ("eventName", "eventSource")):
            yield from _of_record(value)
        elif isinstance(value.get("context"), dict) and "action" in value["context"]:
            yield from _of_decoded(value)
        else:
            for name, inner in value.items():
                if name in ("CloudTrailEvent", "DecodedMessage") and isinstance(inner, str):
                    inside = f"{source}: {name}"
                    yield from _walk(load_json(inner, inside), inside, depth + 1)
                else:
                    yield from _walk(inner, source, depth + 1)


def _of_words(text: str) -> Iterator[Denial | str]:
    encoded = bool(_ENCODED.search(text))
    if actions := _CALL.findall(text):
        yield from map(Denial, actions)
    elif _NOT_AUTHORIZED.search(text):
        for match in _NOT_AUTHORIZED.finditer(text):
            resource = (match["resource"] or "").rstrip(".,")
            reason = _reason(match["reason"] or "")
            yield Denial(match["action"], resource, match["principal"], reason, encoded=encoded)
    elif _DENIED.search(text):
        request = _CREDENTIALS.split(text)[-1]
        if operation := _OPERATION.search(request):
            service = operation["service"].lower()
            action = f"{_SERVICES.get(service, service)}:{operation['operation']}"
            yield Denial(action, encoded=encoded)
        else:
            actions = [action for words, action in _WORDS if words.search(request)]
            yield Denial(actions[0]) if actions else text


def _reason(text: str) -> str:
    match = _CAUSE.search(text)
    return (match[1] or match[2]).strip() if match else ""


def _of_record(record: Mapping[str, object]) -> Iterator[Denial]:
    code = record.get("errorCode")
    if not isinstance(code, str) or not _DENIED.search(code):
        return
    message = record.get("errorMessage")
    message = message if isinstance(message, str) else ""
    match = _NOT_AUTHORIZED.search(message)
    service = str(record["eventSource"]).partition(".")[0]
    identity = _object(record.get("userIdentity"))
    agent = _AGENT.search(str(record.get("userAgent", "")))
    principal = identity.get("arn")
    yield Denial(
        match["action"] if match else f"{_SERVICES.get(service, service)}:{record['eventName']}",
        ((match["resource"] if match else "") or "").rstrip(".,"),
        principal if isinstance(principal, str) else "",
        _reason(match["reason"] or "") if match else _REASONS.get(code, ""),
        "v" + agent[1].removeprefix("v") if agent else "",
        encoded=bool(_ENCODED.search(message)),
        tags=_tag_keys(_object(record.get("requestParameters"))),
    )


def _tag_keys(parameters: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the keys of the tags of a request of EC2, None if it has none."""
    sets = [_object(parameters.get("tagSet"))]
    for item in _items(_object(parameters.get("tagSpecificationSet"))):
        sets += [{"items": item.get("tags")}, _object(item.get("tagSet"))]
    keys = [item["key"] for tags in sets for item in _items(tags) if "key" in item]
    return tuple(map(str, keys)) if keys else None


def _of_decoded(message: Mapping[str, object]) -> Iterator[Denial]:
    if message.get("allowed") is not False:
        return
    context = _object(message["context"])
    principal, conditions = map(_object, (context.get("principal"), context.get("conditions")))
    values = {
        str(item.get("key")): tuple(
            str(value.get("value")) for value in _items(_object(item.get("values")))
        )
        for item in _items(conditions)
    }
    is_whole = "resource" in context and isinstance(conditions.get("items"), list)
    yield Denial(
        str(context["action"]),
        str(context.get("resource", "")),
        str(principal.get("arn", "")),
        "an explicit deny" if message.get("explicitDeny") is True else "no statement allows it",
        context=tuple(sorted(values.items())) if is_whole else None,
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    items = value.get("items", ())
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
