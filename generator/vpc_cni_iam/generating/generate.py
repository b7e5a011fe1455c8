"""Writes a module into a directory, and replaces no file that this tool did not write."""

from __future__ import annotations

from pathlib import Path

from vpc_cni_iam.catalog.options import COMMAND_IN, Options, claims, in_directory, refers, stated
from vpc_cni_iam.errors import TreeError, VpcCniIamError, first_of
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents, decoded
from vpc_cni_iam.files.replacement import SUFFIX, backup_name
from vpc_cni_iam.files.tree import FileChange, entries, write
from vpc_cni_iam.rendering.kinds import PATHS, render
from vpc_cni_iam.vendoring.manifest import FOLDER, MANIFEST


def generate(directory: Path, options: Options, *, force: bool = False) -> tuple[FileChange, ...]:
    """Write the module of these options to a directory, and return what was done to each file.

    This tool wrote a file if the file, or main.tf, states the options that generated it. The file
    is unedited if these options generate the same text again. Unedited files are replaced. If there
    are others, `TreeError` is raised and nothing changes. `force` writes beside files that this
    tool did not write, and replaces edited files, of which it keeps a copy.
    """
    options = in_directory(options, directory.resolve())
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
            f"{directory}: has files that this tool did not write and would replace: "
            f"{first_of(sorted(in_the_way), 5)}; move them away, or choose another directory"
        )
    if foreign and not force:
        raise TreeError(
            f"{directory}: has files that this tool did not write: {first_of(sorted(foreign), 5)}; "
            "choose another directory, or write beside them with --force"
        )
    clobbered = [p for p in edited if texts[p] != new.get(p)]
    if clobbered and not force:
        raise TreeError(
            f"{directory}: has files that were edited, or written by another version of this tool: "
            f"{first_of(sorted(clobbered), 5)}; --force replaces them and keeps copies named "
            f"*{SUFFIX}"
        )
    backups = {backup_name(directory, p): contents_by_path[p] for p in clobbered}
    left_over = [p for p in own if p not in new]
    # main.tf is last: if this run is killed, the next run still recognises the other files.
    files: dict[str, str | bytes] = {**backups, **new}
    files[COMMAND_IN] = files.pop(COMMAND_IN)
    changes = write(directory, files, left_over, observed=contents_by_path)
    return tuple(sorted(changes, key=lambda change: change.path != COMMAND_IN))


def _kept_by(directory: Path) -> str:
    """Return the error text for a directory with a manifest of sync."""
    # Imported here, because only this error needs a configuration and the TOML parser.
    from vpc_cni_iam.vendoring.configuration.config import NAME
    from vpc_cni_iam.vendoring.repository import find

    try:
        config = find(directory.absolute(), None)
    except VpcCniIamError:
        config = None
    if config is not None and any(
        config.folder(m).resolve() == directory.resolve() for m in config.modules
    ):
        return f"is managed by sync; change {config.path.name} and run vpc-cni-iam sync"
    return (
        f"was written by sync, but no {NAME} above it names it; add it to one, or remove "
        f"{directory / FOLDER} if sync should no longer manage it"
    )


def _own(
    texts: dict[str, str], rendered: dict[Options, dict[str, str]]
) -> tuple[list[str], list[str]]:
    """Return the files that this tool wrote, and the edited ones; adds trees to `rendered`."""
    own, edited = [], []
    for path, text in texts.items():
        made_from = stated(text, texts.get(COMMAND_IN, ""))
        if made_from is None:
            if claims(text) or refers(text):  # e.g. a plugin version that only a newer tool knows
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
