"""The options of a review."""

from __future__ import annotations

import datetime
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion


class ReviewOptions(Struct, frozen=True):
    """The options of a review."""

    version: PluginVersion | None = None  # the plugin version to check; None for the plan's
    # the plugin version that vpc-cni-iam.toml pins for the plan's module, if it is one
    pin: PluginVersion | None = None
    mode: Mode | None = None  # the IP family of the cluster; None for the plan's
    # the day that decides which entries of the ignore file have expired
    today: datetime.date = datetime.date.min
    source: Path | None = None  # the directory of the root module; None if it is not named
