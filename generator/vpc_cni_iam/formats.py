"""Report formats: each is a module of a package, with the format's name; subpackages are not.

No list is written by hand: a new file is a new format in choices, help and dispatch.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def names(package: str) -> tuple[str, ...]:
    """Return the formats of a package, text first, without importing them."""
    every = pkgutil.iter_modules(import_module(package).__path__)
    modules = (module.name for module in every if not module.ispkg)
    return tuple(sorted(modules, key=lambda name: (name != "text", name)))


def load(package: str, name: str) -> ModuleType:
    """Return the module of a format in `names`."""
    return import_module(f"{package}.{name}")
