"""The results of a check in each possible Region, if the plugin's Region is unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.settings import RequestSetting

T = TypeVar("T")


class InRegion(Struct, Generic[T], frozen=True):
    """The result of a check in a Region."""

    region: CheckedRegion
    result: T


def in_regions(
    setting: RequestSetting, regions: Sequence[CheckedRegion], check: Callable[[RequestSetting], T]
) -> tuple[InRegion[T], ...]:
    """Return the result of a check in each of some Regions."""
    return tuple(
        InRegion(region, check(replace(setting, names=region.names(setting.names))))
        for region in regions
    )
