"""Reads a text, and counts its incidents."""

from __future__ import annotations

import re

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.explain.reading import records
from vpc_cni_iam.explain.reading.denial import Denial, OtherError, Unclear, role_of
from vpc_cni_iam.explain.reading.messages import ENCODED

# The image of the plugin, and the first line of ipamd.log.
_VERSION = re.compile(r"(?:amazon-k8s-cni:|Starting L-IPAMD )(v[0-9]+\.[0-9]+\.[0-9]+)")
# Only IPv6 has this error: v1.22.0 to v1.23.2:pkg/ipamd/ipamd.go, nodeInit.
_IPV6 = re.compile(r"checking\s+to\s+exclude\s+configured\s+subnet")
# How many different values are stored, and how many messages without a call.
_REMEMBERED, _UNCLEAR = 1000, 100
_ENCODED_MESSAGE = r"\s*[\w-]{100,}\s*"


class Distinct(Struct):
    """Counts different values, and stores the first thousand of them."""

    values: dict[str, int] = field(default_factory=dict)
    others: int = 0  # how often there are values that are not stored

    def add(self, value: str, count: int = 1) -> None:
        """Count a value, empty if it is not known."""
        if value in self.values:
            self.values[value] += count
        elif value and len(self.values) < _REMEMBERED:
            self.values[value] = count
        elif value:
            self.others += count

    def merge(self, other: Distinct) -> None:
        """Count the values of another one, too."""
        for value, count in other.values.items():
            self.add(value, count)
        self.others += other.others


class Incident(Struct):
    """A denied request, however often it was repeated."""

    first: Denial
    count: int = 0
    resources: Distinct = field(default_factory=Distinct)
    principals: Distinct = field(default_factory=Distinct)


class Repeated(Struct):
    """An error, however often it is in a text."""

    first: OtherError
    count: int = 0


class Incidents(Struct):
    """The incidents in a text."""

    denials: dict[tuple[Denial, bool], Incident] = field(default_factory=dict)
    errors: dict[tuple[str, str], Repeated] = field(default_factory=dict)
    unclear: dict[str, None] = field(default_factory=dict)  # the first messages without a call
    unclear_count: int = 0
    version: str = ""  # the plugin version that the text names, empty if none or several
    is_ipv6: bool = False  # whether the text has an error that only IPv6 has

    def add(self, finding: Denial | OtherError | Unclear) -> None:
        """Count what was found."""
        if isinstance(finding, Unclear):
            self.unclear_count += 1
            if len(self.unclear) < _UNCLEAR:
                self.unclear[finding.text] = None
        elif isinstance(finding, OtherError):
            error = self.errors.setdefault((finding.name, finding.role), Repeated(finding))
            error.count += 1
        else:
            same = replace(
                finding,
                resource=finding.resource.rpartition("/")[0],  # without its ID
                principal=role_of(finding.principal),
            )
            incident = self.denials.setdefault((same, finding.is_node), Incident(finding))
            incident.count += 1
            incident.resources.add(finding.resource)
            incident.principals.add(finding.principal)


def read(text: str, source: str) -> Incidents:
    """Return the incidents in a text; raises `InputError` if there is none."""
    versions = set(_VERSION.findall(text))
    version = versions.pop() if len(versions) == 1 else ""
    incidents = Incidents(version=version, is_ipv6=bool(_IPV6.search(text)))
    for finding in records.of_text(text, source):
        incidents.add(finding)
    if not incidents.denials and not incidents.errors and not incidents.unclear:
        raise _nothing(text, source)
    return incidents


def _nothing(text: str, source: str) -> InputError:
    if ENCODED.search(text) or re.fullmatch(_ENCODED_MESSAGE, text):
        how = "decode it first: aws sts decode-authorization-message --encoded-message MESSAGE"
        return InputError(source, "", f"is an encoded message; {how}")
    problem = (
        "has no denied request and no known error of the plugin" if text.strip() else "is empty"
    )
    if "IPAM connectivity" in text:
        problem += "; aws-node waits for ipamd, and ipamd.log says why"
    advice = (
        "paste lines of ipamd.log, an event with the reason MissingIAMPermissions, CloudTrail "
        "records with an errorCode, or the output of aws sts decode-authorization-message"
    )
    return InputError(source, "", f"{problem}; {advice}")
