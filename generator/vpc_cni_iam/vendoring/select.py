"""Finds the modules and files that the arguments of a command name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vpc_cni_iam.errors import UsageError, first_of
from vpc_cni_iam.rendering.kinds import FILES
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule, one_form


def select(config: Config, here: Path, words: Iterable[str]) -> list[VendoredModule]:
    """Return the modules that a user's words name; without words, all modules.

    A word is a path in the configuration, or relative to the user's directory. Raises `UsageError`
    for a word that names no module, or two of them.
    """
    modules: dict[str, VendoredModule] = {}
    for word in words:
        module, file = _named(config, here, word)
        if file:
            raise UsageError(f"{file} is a file in {module.path}; name the module")
        modules[module.path] = module
    return list(modules.values()) or list(config.modules)


def select_file(config: Config, here: Path, word: str) -> tuple[VendoredModule, str]:
    """Return the module of a file that a user names, and its path in it; it may not exist."""
    module, file = _named(config, here, word)
    if not file:
        raise UsageError(f"{word}: is a module; name a file in it")
    return module, file


def _named(config: Config, here: Path, word: str) -> tuple[VendoredModule, str]:
    top = config.path.parent.absolute()
    folders = {one_form(os.path.normpath(top / m.path)): m for m in config.modules}
    named: dict[str, tuple[VendoredModule, str]] = {}
    for start in (here.absolute(), top):
        place = one_form(os.path.normpath(start / word))
        for folder in (place, *map(str, Path(place).parents)):
            if word and folder in folders:
                file = Path(place).relative_to(folder).as_posix()
                named[place] = folders[folder], "" if file == "." else file
    if not named:
        raise UsageError(
            f"{word or 'an empty path'}: is not a module of {config.path}; "
            f"its modules: {first_of(m.path for m in config.modules)}"
        )
    real = [p for p, (module, file) in named.items() if _may_be(config, module, file)] or [*named]
    if len(real) > 1 and not word.startswith("."):
        raise UsageError(f"{word}: may mean {' or '.join(real)}; write ./{word} for the former")
    return named[real[0]]


def _may_be(config: Config, module: VendoredModule, file: str) -> bool:
    generated = FILES[module.options.kind]
    return not file or file in generated or os.path.lexists(config.folder(module) / file)
