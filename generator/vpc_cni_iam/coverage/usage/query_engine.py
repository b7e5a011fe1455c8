"""The engines for which the usage query can be written."""

from enum import StrEnum


class QueryEngine(StrEnum):
    """What runs a query."""

    athena = "athena"
    lake = "lake"
