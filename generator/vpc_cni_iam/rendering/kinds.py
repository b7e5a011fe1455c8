"""Renders a module of any kind."""

from __future__ import annotations

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.rendering import policy_module, role_module

# The files that a module of each kind consists of.
FILES = {"policy": policy_module.FILES, "role": role_module.FILES}
# Every file that some module consists of.
PATHS = frozenset(path for files in FILES.values() for path in files)


def render(options: Options) -> dict[str, str]:
    """Return the files of a module.

    Args:
        options: What it is made from, its kind included.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    return role_module.render(options) if options.kind == "role" else policy_module.render(options)
