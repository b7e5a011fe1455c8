"""Finds the policy documents on upstream's page, also on a copy of it.

Documents are found by their JSON and distinguished by what they allow: headings, fences and line
breaks may be missing or different. Placeholders in any usual spelling become the catalog's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.errors import InputError, not_json
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.strict_json import Number, load_json

_OBJECT = re.compile(r'\{\s*"[^"]*"\s*:')
_POLICY = re.compile(r'\{\s*"(Version|Id|Statement)"\s*:')
_LARGEST = 1 << 19  # characters, a hundred times what upstream's page has
_STATEMENT = re.compile(r'"Statement"\s*:')
# An IAM policy variable, which no placeholder is, or one of the spellings of a placeholder.
_PLACE = re.compile(
    r"(?P<variable>\$\{[^}]*:[^}]*\})"
    r"|(?P<open>\$\{|\{\{|<|\[|\$|%)\s*(?:(?:your|my|eks)[-_ ]?)*"
    r"(?P<name>cluster[-_ ]?name|vpc[-_ ]?id)\s*(?P<close>\}\}|\}|>|\]|%)?"
    r"|(?<![A-Za-z0-9_])(?:YOUR_|MY_|EKS_)*(?P<bare>CLUSTER_NAME|VPC_ID)(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_CLOSES = {"${": "}", "{{": "}}", "<": ">", "[": "]", "%": "%", "$": None}


@dataclass(frozen=True, slots=True)
class Found:
    """One document of the page.

    Args:
        kind: The upstream variant it is, ``hyperpod`` for what that feature needs besides, or
            ``other`` for one that the catalog has no name for.
        place: Where it starts, such as ``line 12``.
        value: Its JSON as the page has it, with the catalog's placeholders.
        policy: What it means.
    """

    kind: str
    place: str
    value: object
    policy: Policy


def documents(text: str, source: str) -> tuple[Found, ...]:
    """Return the policy documents of a page, in its order.

    Trust policies, which name principals, are skipped.

    Args:
        text: The page.
        source: The file name that errors name.

    Raises:
        InputError: No document, half a one, broken JSON, no policy, two of one kind, or too large.
    """
    if len(text) > _LARGEST:
        raise InputError(source, "", "is too large to be upstream's page; give that alone")
    results: list[Found] = []
    for start, end in _spans(text, source):
        place = _place(text, start)
        # The lines before it count, so that errors name those of the page.
        value = load_json("\n" * text.count("\n", 0, start) + text[start:end], source)
        document = _found(value, place, f"{source}: the document at {place}")
        if not document.policy.names_principals:
            twin = next((f for f in results if f.kind == document.kind != "other"), None)
            if twin:
                problem = f"is an {twin.kind} document, as is the one at {twin.place}; keep one"
                raise InputError(source, place, problem)
            results.append(document)
    if not results:
        problem = "holds no policy document; give the text of docs/iam-policy.md, with its JSON"
        raise InputError(source, "", problem)
    return tuple(results)


def placeholders(text: str) -> str:
    """Return a string of a document with the catalog's spelling of its placeholders.

    Args:
        text: Such as ``kubernetes.io/cluster/<cluster-name>``.
    """

    def spelled(match: re.Match[str]) -> str:
        name = match["name"] or match["bare"]
        wrong_end = match["name"] and _CLOSES[match["open"]] != match["close"]
        shouted = match["name"] or match["bare"].isupper() if name else False
        if match["variable"] or wrong_end or not shouted:
            return match[0]
        return "${CLUSTER_NAME}" if name.lower().startswith("cluster") else "${VPC_ID}"

    return _PLACE.sub(spelled, text)


def _spans(text: str, source: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each policy document; refuses a part of one."""
    position = 0
    while match := _OBJECT.search(text, position):
        start = match.start()
        try:
            value, end = json.JSONDecoder().raw_decode(text, start)
        except RecursionError:
            raise InputError(source, _place(text, start), "nests too deeply") from None
        except json.JSONDecodeError as error:
            if _POLICY.match(text, start):
                raise _broken(text, source, start, error) from None
            value, end = None, start + 1
        except ValueError:  # Python reads no longer ones
            problem = "holds a number of more than 4300 digits"
            raise InputError(source, _place(text, start), problem) from None
        if isinstance(value, dict) and "Statement" in value:
            _refuse_parts(text, source, position, start)
            yield start, end
            position = end
        else:
            _refuse_parts(text, source, position, start)
            position = start + 1
    _refuse_parts(text, source, position, len(text))


def _refuse_parts(text: str, source: str, start: int, end: int) -> None:
    if match := _STATEMENT.search(text, start, end):
        problem = "half a policy document: its Statement stands in no object; copy it whole"
        raise InputError(source, f"line {_line(text, match.start())}", problem)


def _broken(text: str, source: str, start: int, error: json.JSONDecodeError) -> InputError:
    rest = text[error.pos :].lstrip()
    begun = _place(text, start)
    ends = not rest or error.msg.startswith("Unterminated string")
    if ends or rest.startswith(("```", "~~~", "</")):
        problem = f"half a policy document: the one begun at {begun} ends before its last bracket"
    else:
        problem = f"the document begun at {begun} {not_json(error.msg)}"
    return InputError(source, f"line {error.lineno}, column {error.colno}", problem)


def _found(decoded: object, place: str, source: str) -> Found:
    value = _respelled(decoded, source)
    policy = parameters.read(parse(value, source))
    return Found(_kind(policy), place, value, policy)


def _respelled(value: object, source: str) -> object:
    if isinstance(value, str):
        return placeholders(value)
    if isinstance(value, Number):  # as the text that it is in a condition
        return value.text
    if isinstance(value, list):
        return [_respelled(v, source) for v in value]
    if isinstance(value, dict):
        result = {placeholders(k): _respelled(v, source) for k, v in value.items()}
        if len(result) < len(value):
            raise InputError(source, "", "has two keys that differ in their placeholder only")
        return result
    return value


def _kind(policy: Policy) -> str:
    allowed = {a.lower() for a in policy.actions()}
    if "sagemaker:attachclusternodenetworkinterface" in allowed:
        return "hyperpod"
    ipv4 = "ec2:assignprivateipaddresses" in allowed
    ipv6 = "ec2:assignipv6addresses" in allowed
    scoped = any(s.conditions for s in policy.statements)
    if ipv4 == ipv6 or (ipv6 and scoped):
        return "other"
    return ("ipv4-scoped" if scoped else "ipv4") if ipv4 else "ipv6"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _place(text: str, position: int) -> str:
    line = _line(text, position)
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return f"line {line}" if column == 1 else f"line {line}, column {column}"
