"""Files that a user names; ``-`` is standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vpc_cni_iam import texts
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.texts.limits import POLICIES, Limit

if TYPE_CHECKING:
    from vpc_cni_iam.plugin.settings import PluginSettings
    from vpc_cni_iam.preflight.eni_configs import EniConfig


def check_once(files: Sequence[str]) -> None:
    """Raise `UsageError` for files that name ``-``, standard input, more than once."""
    if files.count("-") > 1:
        raise UsageError("- is given twice, but standard input can be read only once")


def source(file: str) -> str:
    """Return a file's name in errors; ``-`` is standard input."""
    return texts.STDIN if file == "-" else file


def content(file: str, limit: Limit = POLICIES) -> bytes:
    """Return the bytes of a file that a user named; ``-`` is standard input."""
    if (path := texts.path_of(file)) is None:
        return texts.bounded(sys.stdin.buffer, texts.STDIN, limit)
    return texts.content(path, limit)


def plugin_settings(file: str | None) -> PluginSettings:
    """Return the plugin's settings in a DaemonSet or in values of its chart; else the defaults."""
    from vpc_cni_iam.inputs import daemonset
    from vpc_cni_iam.plugin.settings import PluginSettings

    return PluginSettings() if file is None else daemonset.read(text(file), source(file))


def eni_configs(file: str | None, *, hardened: bool) -> tuple[EniConfig, ...] | None:
    """Return the ENIConfigs of a cluster, None without a file.

    Raises `UsageError` for a policy that is not hardened, which has no use for them.
    """
    from vpc_cni_iam.preflight.eni_configs import read

    if file is not None and not hardened:
        raise UsageError("--eni-configs needs --harden")
    return None if file is None else read(text(file), source(file))


def text(file: str, form: str = "", limit: Limit = POLICIES) -> str:
    """Return the text of a file that a user named; see `content` and `texts.decode`."""
    data = content(file, limit)
    # Engines read no compressed HCL.
    data = data if form == "HCL" else texts.unpacked(data, source(file), limit)
    return texts.decode(data, source(file), form)
