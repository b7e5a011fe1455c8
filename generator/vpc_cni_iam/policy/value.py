"""A value of a plan: known, unknown, sensitive or absent.

Like a hole in a text (`vpc_cni_iam.policy.template`), an unknown value equals only itself: its
place and its side identify it. A sensitive value has the mark of its secret.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.template import Side


class Known(Struct, frozen=True):
    """A value that the plan has."""

    value: Any


class Unknown(Struct, frozen=True):
    """A value that is known after apply."""

    place: str  # the argument of a resource instance
    side: Side


class Sensitive(Struct, frozen=True):
    """A value that may not be shown."""

    # Identifies its secret; for one that is unknown until apply, its place.
    mark: str | Unknown


class Absent(Struct, frozen=True):
    """No value."""


ABSENT = Absent()
Value: TypeAlias = Known | Unknown | Sensitive | Absent
