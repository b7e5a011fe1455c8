"""What a user asks of a review."""

from __future__ import annotations

import datetime
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion


class Options(Struct, frozen=True):
    """What a user asks of a review, besides the plan."""

    version: PluginVersion | None = None  # the version to judge by; None for the plan's
    mode: Mode | None = None  # the IP family of the cluster; None for the plan's
    today: datetime.date = datetime.date.min  # with which entries of the ignore file expire
    source: Path | None = None  # the directory of the root module; None if it is not named
