"""Renders a module of any kind."""

from __future__ import annotations

from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.rendering import policy_module, role_module

# The files that a module of each kind consists of.
FILES = {ModuleKind.policy: policy_module.FILES, ModuleKind.role: role_module.FILES}
_RENDER = {ModuleKind.policy: policy_module.render, ModuleKind.role: role_module.render}
# Every file that some module consists of.
PATHS = frozenset(path for files in FILES.values() for path in files)


def render(options: Options, *, vendored: bool = False) -> dict[str, str]:
    """Return the text of each file of a module, by its path.

    Args:
        options: What the module is made from.
        vendored: Whether `sync` keeps the module: its files then name the configuration, and not
            the options that are there.

    Raises:
        UsageError: A variant that the selected version cannot use.
    """
    return _RENDER[options.kind](options, vendored=vendored)
