"""Finds denied requests and known errors in JSON.

- Kubernetes events, and lines of a log.
- CloudTrail records: from S3, LookupEvents or CloudWatch Logs, or a single one. Source: AWS
  CloudTrail User Guide, "CloudTrail record contents".
- The output of ``aws sts decode-authorization-message``. Source: AWS STS API Reference,
  "DecodeAuthorizationMessage".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.explain import known
from vpc_cni_iam.explain.reading import messages
from vpc_cni_iam.explain.reading.denial import Denial, OtherError, ReadError
from vpc_cni_iam.explain.reading.parts import one_line, parts
from vpc_cni_iam.plugin.issuers import SERVICE_ACCOUNTS
from vpc_cni_iam.plugin.trust import AWS_NODE
from vpc_cni_iam.policy.strict_json import load_json

_DEPTH = 50
_DENIED, _NOT_AUTHORIZED = map(re.compile, (messages.DENIED, messages.NOT_AUTHORIZED))
# Members that together are one message, in events, AWS's errors and logs.
_PAIRS = (
    ("reason", "message"), ("reason", "note"), ("code", "message"), ("Code", "Message"),
    ("__type", "message"), ("__type", "Message"), ("msg", "error"),
)  # fmt: skip
_REASONS = {"VpceAccessDenied": "a VPC endpoint policy denies it"}


def findings(value: object, source: str, depth: int = 0) -> Iterator[ReadError]:
    """Yield the findings in a JSON value or a message."""
    if depth > _DEPTH:
        raise InputError(source, "", "is nested too deeply to contain denied requests")
    if isinstance(value, str):
        if "\n" in value or value.startswith("{"):
            yield from _of_parts(parts(value, messages.may_tell), source, depth + 1)
        elif " " in value or value[:1].isupper():  # other words are times or names, not error codes
            yield from messages.findings(one_line(value))
    elif isinstance(value, list):
        for item in value:
            yield from findings(item, source, depth + 1)
    elif isinstance(value, dict):
        yield from _of_object(value, source, depth)


def of_text(text: str, source: str) -> Iterator[ReadError]:
    """Yield the findings in a text."""
    return _of_parts(parts(text, messages.may_tell, source), source, 0)


def _of_parts(parts: Iterable[tuple[object, ...]], source: str, depth: int) -> Iterator[ReadError]:
    """Yield the findings in parts, each from its clearest reading."""
    for readings in parts:
        several = [list(_inside(reading, source, depth)) for reading in readings]
        yield from max(several, key=messages.clarity)


def _inside(reading: object, source: str, depth: int) -> Iterator[ReadError]:
    if isinstance(reading, str):
        return messages.findings(reading)
    return findings(reading, source, depth)


def _of_object(value: Mapping[str, object], source: str, depth: int) -> Iterator[ReadError]:
    pair = next((p for p in _PAIRS if all(isinstance(value.get(name), str) for name in p)), ())
    if all(isinstance(value.get(name), str) for name in ("eventName", "eventSource")):
        yield from _of_record(value)
    elif isinstance(context := value.get("context"), dict) and "action" in context:
        yield from _of_decoded(value, context)
    else:
        members = _of_members(value, pair, source, depth)
        yield from messages.once(members) if pair else members


def _of_members(
    value: Mapping[str, object], pair: Sequence[str], source: str, depth: int
) -> Iterator[ReadError]:
    if pair:
        words = [f"pod/{_pod(value)}"] if _pod(value) else []
        words += [str(value[name]) for name in pair]
        yield from findings(": ".join(words), source, depth + 1)
    for name, inner in value.items():
        if name in pair:
            continue
        if name in ("CloudTrailEvent", "DecodedMessage") and isinstance(inner, str):
            inside = f"{source}: {name}"
            yield from findings(load_json(inner, inside), inside, depth + 1)
        else:
            yield from findings(inner, source, depth + 1)


def _pod(event: Mapping[str, object]) -> str:
    """Return the name of an event's pod, empty if the event is not about a pod."""
    about = _object(event.get("involvedObject") or event.get("regarding"))
    return _text(about.get("name")) if about.get("kind") == "Pod" else ""


def _of_record(record: Mapping[str, object]) -> Iterator[ReadError]:
    code, agent = record.get("errorCode"), record.get("userAgent")
    if not isinstance(code, str):
        return
    agent, text = _text(agent), one_line(_text(record.get("errorMessage")))
    identity = _object(record.get("userIdentity"))
    account = _text(identity.get("userName"))
    words = f"{record['eventName']}: {code}: {text}"
    is_other = account.startswith(SERVICE_ACCOUNTS) and account != AWS_NODE.subject
    if not _DENIED.search(code):
        if not is_other and not known.program_of_agent(agent):
            yield from (e for e in messages.findings(words) if isinstance(e, OtherError))
        return
    match = _NOT_AUTHORIZED.search(text)
    service = str(record["eventSource"]).partition(".")[0].lstrip("[")  # a link in Markdown
    service = messages.SERVICES.get(service, service)
    parameters = _object(record.get("requestParameters"))
    denial = Denial(
        match["action"] if match else f"{service}:{record['eventName']}",
        (messages.resource_of(match) if match else "") or _text(parameters.get("roleArn")),
        _text(identity.get("arn")) or account,
        messages.reason_of(match["reason"] or "") if match else _REASONS.get(code, ""),
        agent,
        encoded=bool(messages.ENCODED.search(text)),
        tags=_tag_keys(parameters),
    )
    yield denial if is_other else messages.denial_or_error(denial, words)


def _tag_keys(parameters: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return the tag keys of an EC2 request, None if it has no tags."""
    sets = [_object(parameters.get("tagSet"))]
    for item in _items(_object(parameters.get("tagSpecificationSet"))):
        sets += [{"items": item.get("tags")}, _object(item.get("tagSet"))]
    keys = [item["key"] for tags in sets for item in _items(tags) if "key" in item]
    return tuple(map(str, keys)) if keys else None


def _of_decoded(message: Mapping[str, object], context: Mapping[str, object]) -> Iterator[Denial]:
    if message.get("allowed") is not False:
        return
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
        messages.readable(str(context.get("resource", ""))),
        str(principal.get("arn", "")),
        "an explicit deny" if message.get("explicitDeny") is True else "no statement allows it",
        context=tuple(sorted(values.items())) if is_whole else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _items(value: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    items = value.get("items", ())
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
