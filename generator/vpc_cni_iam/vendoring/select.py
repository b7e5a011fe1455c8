"""Finds the modules and files that the arguments of a command name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import UsageError, first_of
from vpc_cni_iam.rendering.kinds import FILES
from vpc_cni_iam.vendoring.configuration.config import Config, VendoredModule, one_form
from vpc_cni_iam.vendoring.observe import remembered


class ModuleSelection(Struct, frozen=True):
    """A module, or some of its files."""

    module: VendoredModule
    files: frozenset[str] = frozenset()  # the paths of those in it; none for the whole module


def select(config: Config, here: Path, words: Iterable[str]) -> list[ModuleSelection]:
    """Return the modules and files that a user's words name; all modules without any word.

    A word is a path as in the configuration, or relative to the directory the user is in; of a
    module, or of a file that sync keeps in one, whether it exists or not. Raises `UsageError` for a
    word that names neither, or two of them.
    """
    top = config.path.parent.absolute()
    folders = {one_form(os.path.normpath(top / m.path)): m for m in config.modules}
    selections: dict[str, ModuleSelection] = {}
    for word in words:
        selection = _named(config, folders, word, (here.absolute(), top))
        module, files = selection.module, selection.files
        before = selections.get(module.path, selection).files
        # The whole module, if it is named too.
        both = before | files if before and files else frozenset[str]()
        selections[module.path] = ModuleSelection(module, both)
    return list(selections.values()) or [ModuleSelection(m) for m in config.modules]


def _named(
    config: Config, folders: Mapping[str, VendoredModule], word: str, tops: Iterable[Path]
) -> ModuleSelection:
    named: dict[str, ModuleSelection] = {}
    for top in tops:
        place = one_form(os.path.normpath(top / word))
        for folder in (place, *map(str, Path(place).parents)):
            if word and folder in folders:
                file = Path(place).relative_to(folder).as_posix()
                named[place] = ModuleSelection(folders[folder], frozenset({file} - {"."}))
    if not named:
        raise UsageError(
            f"{word or 'an empty text'}: is not a module of {config.path}; "
            f"its modules: {first_of(m.path for m in config.modules)}"
        )
    kept_files = {}
    for place, selection in named.items():
        known = remembered(config.folder(selection.module)) if selection.files else None
        own = FILES[selection.module.options.kind]
        kept_files[place] = frozenset({*own, *(known.files if known else ())})
    real = [place for place, selection in named.items() if selection.files <= kept_files[place]]
    if not real:
        place, selection = next(iter(named.items()))
        raise UsageError(
            f"{word}: is not a file that sync writes into {selection.module.path}; "
            f"its files: {first_of(sorted(kept_files[place]))}"
        )
    if len(real) > 1 and not word.startswith("."):
        raise UsageError(f"{word}: may mean {' or '.join(real)}; write ./{word} for the former")
    return named[real[0]]
