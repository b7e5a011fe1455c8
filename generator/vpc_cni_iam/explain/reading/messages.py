"""Finds denied requests and known errors in one message.

- Logs of ipamd, from versions with the AWS SDK for Go 1 and 2.
- Events of pods with the reason MissingIAMPermissions, from v1.11.3 on.
- AWS's own words. Source: IAM User Guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.explain import known
from vpc_cni_iam.explain.known import ErrorKind
from vpc_cni_iam.explain.reading.denial import Denial, OtherError, ReadError, Unclear, role_name

# The error codes of denied requests.
DENIED = r"UnauthorizedOperation|AccessDenied|Client\.Unauthorized"
# AWS's own words.
_OF_REASON = r"(?:(?!User: | status code:|, fault:)[^.(\"'<\\])"
NOT_AUTHORIZED = (
    r"(?:User: (?P<principal>\S+) is )?not authorized to perform: (?P<action>[a-z0-9-]+:\w+)"
    r"(?: on resource: (?:(?:policy|role|user|group|instance profile) )?"
    r"(?P<resource>\[[^\]]{1,60}\]|<[\w -]{1,60}>|[^\s\"<&]+))?"
    # What follows is not AWS's, such as the ID of the request, which is another each time.
    rf"(?P<reason> because {_OF_REASON}{{0,200}}? action\b"
    rf"| with an explicit deny in {_OF_REASON}{{0,60}}?: arn:[^\s\"'<\\]+"
    rf"| (?:because|with an explicit deny){_OF_REASON}{{0,300}})?"
)
# A denial has one of these. v1.23.2:pkg/awsutils/awsutils.go:2693 writes the first.
_DENIALS = re.compile(
    r"failed to call (?P<call>[a-z0-9-]+:[A-Za-z0-9]+) due to missing permissions"
    rf"|{NOT_AUTHORIZED}"
    rf"|(?P<code>{DENIED})(?:\w{{0,20}}\) when calling the (?P<operation>\w+) operation)?"
)
# As people describe a denial.
_DESCRIBED = re.compile(
    r"(?:lack(?:ing|s)?|missing) (?:the )?(?:IAM )?(?:permissions? )?\"?([a-z0-9-]+:[A-Z]\w+)"
)
_EC2_CODE = "UnauthorizedOperation"
# People replace a resource, or parts of its ARN, before they publish a text.
_REDACTED = re.compile(
    r"(?!arn:|\*$)|(?:[^:]*:){5}(?:[xX]{2,}|\*{2,}|[<\[]|redacted)", re.IGNORECASE
)
# The plugin and people name the operation that failed.
_FAILED = re.compile(
    r"\b(?:failed|failure|unable) (?:to (?:call )?|calling )(?:[a-z0-9-]+:)?"
    r"(?P<operation>(?-i:[A-Z][a-z]+[A-Z]\w+))",
    re.IGNORECASE,
)
# The SDK for Go 2 names service and operation.
_OPERATION = re.compile(r"operation error (?P<service>[\w ]{1,40}): (?P<operation>\w+),")
# Part of a CloudTrail record.
_EVENT = re.compile(r"\beventName\W{1,5}(?P<operation>\w+)")
_SOURCE = re.compile(r"\beventSource\W{1,5}(?P<service>[a-z0-9-]+)\.amazonaws")
# The SDK wraps errors of credentials, which fail before the call itself.
_CREDENTIALS = re.compile("(?:get|load|refresh cached|retrieve) credentials")
ENCODED = re.compile(r"[Ee]ncoded authorization failure message")
SERVICES = {
    "ec2": "ec2", "sagemaker": "sagemaker", "sts": "sts", "cloudwatch": "cloudwatch",
    "monitoring": "cloudwatch", "cloudwatch logs": "logs", "logs": "logs", "eks auth": "eks-auth",
}  # fmt: skip
# With the SDK for Go 1, only ipamd's own words name the call that failed.
# Source: the errors and warnings of pkg/awsutils/awsutils.go at v1.8.0 and v1.14.0.
_WORDS = tuple(
    (re.compile(words, re.IGNORECASE), f"ec2:{action}")
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
        ("Failed to (?:assign|allocate) (?:an )?IPv6 Prefix", "AssignIpv6Addresses"),
        ("Failed to deallocate a private IP|Failed to deallocate IPv4 Prefixes",
         "UnassignPrivateIpAddresses"),
        ("Failed to call ec2:DescribeSubnets", "DescribeSubnets"),
    )
)  # fmt: skip
_CAUSE = re.compile(r"because (.+)|with an (explicit deny.*)")
# Each denial and each known error has one of these words; most lines of a log have none.
_WORDS_OF_ERRORS = (
    "denied", "authorized", "permission", "credential", "token", "forbidden", "sufficient",
    "exceeded", "capacity", "throttling", "toomanyrequests", "retrieve", "openidconnect", "expired",
    "signature", "skewed", "invalid", "malformed", "not the owner", "not allowed", "enough free",
    "exception", "fail", "imds", "ec2metadata", "trunk", "for ipam", "169.254.170.23",
    "fd00:ec2::23", "sts:", "sts.", "eks auth", "unable to", "decodedmessage", "explicitdeny",
    "initialized", "refused",
)  # fmt: skip
# The distance between an error's code and AWS's words about it, and how many of them are shown.
_NEAR, _BEFORE, _SHOWN = 100, 80, 320
# The pod of an event, before its message, in a table of kubectl and in YAML.
_POD = re.compile(
    r"(?:\bpod/|\bkind: Pod name: )"
    r"(?!aws-node|cni-metrics-helper|eks-pod-identity-agent)([\w.-]+)"
)
_HEAD = 400
# The suffixes that a Deployment and a DaemonSet add to the names of their pods.
_SUFFIX = re.compile("(?:-[a-z0-9]{5,10})?-[a-z0-9]{5}$")


def may_tell(line: str) -> bool:
    """Return whether a line may contain a denial or a known error."""
    lower = line.lower()
    return "\\u" in line or any(word in lower for word in _WORDS_OF_ERRORS)


def findings(text: str) -> Iterator[ReadError]:
    """Yield the denials and known errors in a message on one line."""
    errors = list(_known_errors(text, general=False))
    denials = list(_denials(text, [place for place, _ in errors]))
    clear = once(d for d in denials if not isinstance(d, Unclear))
    if not errors and not denials:
        clear = once(Denial(match[1]) for match in _DESCRIBED.finditer(text))
    if not errors and not clear:
        errors = list(_known_errors(text, general=True))[:1]
    every = [*(error for _, error in errors), *(clear or ([] if errors else denials[:1]))]
    pod = _POD.search(text, 0, _HEAD) if every else None
    yield from every if pod is None else _of_pod(every, pod[1])


def once(findings: Iterable[ReadError]) -> list[ReadError]:
    """Return what a message says, once: AWS's words about a call repeat the plugin's."""
    every = list(findings)
    if not every[1:]:  # as in most messages; to hash a denial takes time
        return every
    different = list(dict.fromkeys(every))
    full = {d.action for d in different if isinstance(d, Denial) and d.principal}
    return [
        d for d in different if not isinstance(d, Denial) or d.principal or d.action not in full
    ]


def _of_pod(findings: list[ReadError], pod: str) -> Iterator[ReadError]:
    """Yield the findings about another pod, without errors of its credentials."""
    for finding in findings:
        if isinstance(finding, Denial):
            yield replace(finding, workload=_SUFFIX.sub("", pod))
        elif isinstance(finding, OtherError) and not _is_about_credentials(finding):
            yield finding


def _is_about_credentials(error: OtherError) -> bool:
    return known.errors()[error.name].kind is ErrorKind.credentials


def clarity(findings: list[ReadError]) -> tuple[int, bool, bool]:
    """Return how much the findings say; the best reading of a text has the highest value."""
    is_clear = any(not isinstance(f, Unclear) for f in findings)
    return sum(map(_clarity, findings)), is_clear, bool(findings)


def _clarity(finding: ReadError) -> int:
    if isinstance(finding, OtherError):
        return 0 if known.errors()[finding.name].general else 3
    if isinstance(finding, Unclear):
        return 0
    is_known = known.is_called(finding.action) or bool(known.program_of_action(finding.action))
    details = finding.resource, finding.principal, finding.reason
    return 2 * is_known + sum(map(bool, details))


def reason_of(text: str) -> str:
    """Return the reason of a denial in AWS's words, empty if there is none."""
    match = _CAUSE.search(text)
    return (match[1] or match[2]).strip(" .,") if match else ""


def resource_of(match: re.Match[str]) -> str:
    """Return the resource of a denial in AWS's words without what stands around them."""
    return readable((match["resource"] or "").rstrip(".,;')]"))


def readable(resource: str) -> str:
    """Return a resource, empty if its kind cannot be read."""
    return "" if _REDACTED.match(resource) else resource


def denial_or_error(denial: Denial, text: str) -> Denial | OtherError:
    """Return a denial, or the known error that its action means."""
    if name := known.error_of_action(denial.action):
        role = role_name(denial.resource) or role_name(denial.principal)
        return OtherError(name, text, role)
    return denial


def _known_errors(text: str, *, general: bool) -> Iterator[tuple[int, OtherError]]:
    for name, pattern in _patterns(general=general):
        if match := pattern.search(text):
            yield match.start(), OtherError(name, _around(text, match))


@cache
def _patterns(*, general: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (name, re.compile(error.pattern))
        for name, error in known.errors().items()
        if error.pattern and error.general is general
    )


def _around(text: str, match: re.Match[str]) -> str:
    """Return the text around a match."""
    start = max(match.start() - _BEFORE, 0)
    if start:
        start = text.find(" ", start, match.start()) + 1 or start
    return ("..." if start else "") + text[start : start + _SHOWN]


def _denials(text: str, errors: list[int]) -> Iterator[ReadError]:
    encoded = bool(ENCODED.search(text))
    matches = list(_DENIALS.finditer(text))
    # Once for all matches, and not in a text without one.
    event = _EVENT.search(text) if matches else None
    source = _SOURCE.search(text) if event else None
    starts = sorted((*errors, *(m.start() for m in matches if m["action"])))
    end = 0
    for match in matches:
        if match["call"]:
            yield Denial(match["call"])
        elif match["action"]:
            denial = Denial(
                match["action"],
                resource_of(match),
                match["principal"] or "",
                reason_of(match["reason"] or ""),
                encoded=encoded,
            )
            yield denial_or_error(denial, _around(text, match))
        elif not _is_near(match.start(), starts):
            before = text[end : match.start()]
            action = _operation_action(before, match)
            if event and not action:
                service = SERVICES.get(source["service"], source["service"]) if source else ""
                operation = event["operation"]
                action = f"{service}:{operation}" if service else _action(operation, match)
            if action:
                yield denial_or_error(Denial(action, encoded=encoded), _around(text, match))
            else:
                yield Unclear(_around(text, match))
        end = match.end()


def _is_near(code: int, starts: list[int]) -> bool:
    """Return whether AWS's words about an error begin near its code."""
    after = bisect_left(starts, code)
    return after < len(starts) and starts[after] - code <= _NEAR


def _operation_action(before: str, denial: re.Match[str]) -> str:
    """Return the action that the text before an error's code names, empty if it names none.

    The AWS CLI names only the operation, after the code. Only EC2 has its own code.
    """
    if operation := denial["operation"]:
        return _action(operation, denial)
    request = _CREDENTIALS.split(before)[-1]
    places = [(m.start(), action) for words, action in _WORDS for m in words.finditer(request)]
    for call in _OPERATION.finditer(request):
        service = call["service"].lower()
        action = f"{SERVICES.get(service, service.replace(' ', '-'))}:{call['operation']}"
        places.append((call.start(), action))
    for named in _FAILED.finditer(request):
        if action := _action(named["operation"], denial):
            places.append((named.start(), action))
    return max(places)[1] if places else ""


def _action(operation: str, denial: re.Match[str]) -> str:
    """Return the action of an operation, empty if its service is not known."""
    known = (c.action for c in calls.calls() if c.action.endswith(f":{operation}"))
    is_ec2 = denial["code"] and denial["code"].endswith(_EC2_CODE)
    return next(known, f"ec2:{operation}" if is_ec2 else "")
