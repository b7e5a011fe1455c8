"""The typed values of conditions: numbers, dates, booleans, bytes and addresses.

Each reader returns None for a text of another type. All follow the IAM User Guide page "IAM JSON
policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address

_REMEMBERED = 4096
# Not compiled: few policies have these values, and `re` caches compiled expressions.
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "(?:[01][0-9]|2[0-3]):[0-9]{2}"
_ZONE = "Z|[+-][0-9]{2}:[0-5][0-9]"
_DATE = (
    rf"(?P<day>[0-9]{{4}}|[0-9]{{4}}-[0-9]{{2}}|{_DAY})"
    rf"|(?P<time>{_DAY}T{_TIME}(?::[0-9]{{2}}(?P<part>\.[0-9]+)?)?)(?P<zone>{_ZONE})"
)
_FIRST = "0000-01-01T00:00:00"
_EPOCH = r"-?[0-9]+(\.[0-9]+)?"
_NETWORK = r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?"
_ADDRESS = r"[0-9A-Fa-f:.]+"
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_OF_A_DAY = 86400


def number(text: str) -> Decimal | None:
    """Read an integer or decimal value, exactly."""
    return Decimal(text) if re.fullmatch(_NUMBER, text) else None


def instant(text: str) -> Decimal | None:
    """Read a date as seconds since 1970-01-01T00:00:00Z.

    The forms are those of the W3C note on date and time formats, from a year alone to fractions
    of a second (a time of day has a zone), and epoch time; four digits are a year.
    """
    match = re.fullmatch(_DATE, text)
    if match is None:
        return Decimal(text) if re.fullmatch(_EPOCH, text) else None
    part = match["part"] or ""
    text = (match["day"] or match["time"]).removesuffix(part)
    try:
        date = datetime.fromisoformat(text + _FIRST[len(text) :] + (match["zone"] or "Z"))
    except ValueError:
        return None
    since = date - _BEGIN
    return since.days * _SECONDS_OF_A_DAY + since.seconds + Decimal("0" + part)


def truth(text: str) -> bool | None:
    """Read a boolean."""
    return {"true": True, "false": False}.get(text.lower())


def octets(text: str) -> bytes | None:
    """Read bytes from their base64 form."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


@lru_cache(_REMEMBERED)
def network(text: str) -> Network | None:
    """Read an address range in CIDR form; one address is a range of one."""
    try:
        return ip_network(text, strict=False) if re.fullmatch(_NETWORK, text) else None
    except ValueError:
        return None


def address(text: str) -> Address | None:
    """Read an IP address."""
    try:
        return ip_address(text) if re.fullmatch(_ADDRESS, text) else None
    except ValueError:
        return None
