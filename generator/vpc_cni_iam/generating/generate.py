"""Writes a module into a directory, and replaces no file that this tool did not write."""

from __future__ import annotations

from pathlib import Path

from vpc_cni_iam.catalog.options import COMMAND_IN, Options, claims, refers, stated
from vpc_cni_iam.errors import TreeError, VpcCniIamError, first_of
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents, decoded
from vpc_cni_iam.files.replacement import SUFFIX, backup_name
from vpc_cni_iam.files.tree import FileChange, entries, write
from vpc_cni_iam.rendering.kinds import PATHS, render
from vpc_cni_iam.vendoring.manifest import FOLDER, MANIFEST


def generate(directory: Path, options: Options, *, force: bool = False) -> tuple[FileChange, ...]:
    """Make a directory the module of these options, and return what was done to each file.

    A file is this tool's own if it, or main.tf for it, states the options it was made from, and
    unedited if making it from them gives the same text again. Own files are replaced; anything else
    is refused with a `TreeError`, and nothing changed. `force` writes beside files that are not
    this tool's, and over its own edited ones, of which a copy is kept.
    """
    new = render(options)
    with locked(directory):
        return _generate(directory, options, new, force=force)


def _generate(
    directory: Path, options: Options, new: dict[str, str], *, force: bool
) -> tuple[FileChange, ...]:
    present = entries(directory)
    if MANIFEST in present:
        raise TreeError(f"{directory}: {_kept_by(directory)}")
    contents_by_path = contents(directory, [p for p in present if p in PATHS])
    texts = {path: decoded(content) for path, content in contents_by_path.items()}
    own, edited = _own(texts, {options: new})
    foreign = [p for p in present if p not in own and not _is_backup(p, own)]
    in_the_way = [p for p in foreign if p in new]
    if in_the_way:
        raise TreeError(
            f"{directory}: has {first_of(sorted(in_the_way), 5)}, which this tool did not write "
            "and would replace; move it away, or choose another directory"
        )
    if foreign and not force:
        raise TreeError(
            f"{directory}: has {first_of(sorted(foreign), 5)}, which this tool did not write; "
            "choose another directory, or write beside it with --force"
        )
    clobbered = [p for p in edited if texts[p] != new.get(p)]
    if clobbered and not force:
        raise TreeError(
            f"{directory}: {first_of(sorted(clobbered), 5)}: edited, or written by another "
            f"version of this tool; --force replaces it and keeps a copy named *{SUFFIX}"
        )
    backups = {backup_name(directory, p): contents_by_path[p] for p in clobbered}
    left_over = [p for p in own if p not in new]
    # Last the one with which the next run knows the others, if this one is killed.
    files: dict[str, str | bytes] = {**backups, **new}
    files[COMMAND_IN] = files.pop(COMMAND_IN)
    changes = write(directory, files, left_over, observed=contents_by_path)
    return tuple(sorted(changes, key=lambda change: change.path != COMMAND_IN))


def _kept_by(directory: Path) -> str:
    """Return the error text for a directory with a manifest of sync."""
    # Imported here, since only this refusal needs a configuration and the parser of TOML.
    from vpc_cni_iam.vendoring.configuration.config import NAME
    from vpc_cni_iam.vendoring.repository import find

    try:
        config = find(directory.absolute(), None)
    except VpcCniIamError:
        config = None
    if config is not None and any(
        config.folder(m).resolve() == directory.resolve() for m in config.modules
    ):
        return f"is kept by sync; change {config.path.name} and run vpc-cni-iam sync"
    return (
        f"was written by sync, but no {NAME} above names it; add it to one, or remove "
        f"{directory / FOLDER} if no sync is to keep it"
    )


def _own(
    texts: dict[str, str], rendered: dict[Options, dict[str, str]]
) -> tuple[list[str], list[str]]:
    """Return the files that this tool wrote, and the edited ones; adds trees to `rendered`."""
    own, edited = [], []
    for path, text in texts.items():
        made_from = stated(text, texts.get(COMMAND_IN, ""))
        if made_from is None:
            if claims(text) or refers(text):  # of a version, say, that only another version knows
                own.append(path)
                edited.append(path)
            continue
        if made_from not in rendered:
            rendered[made_from] = render(made_from)
        if path in rendered[made_from]:
            own.append(path)
            if text != rendered[made_from][path]:
                edited.append(path)
    return own, edited


def _is_backup(path: str, own: list[str]) -> bool:
    name, mark, number = path.rpartition(SUFFIX)
    return bool(mark) and name in own and (not number or number.lstrip(".").isdigit())
