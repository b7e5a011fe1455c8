"""What runs the query that counts what roles used."""

from enum import StrEnum


class QueryEngine(StrEnum):
    """What runs a query."""

    athena = "athena"
    lake = "lake"
