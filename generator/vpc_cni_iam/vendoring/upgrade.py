"""Changes the pins of a configuration and nothing else of its text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vpc_cni_iam.catalog import documents, releases
from vpc_cni_iam.errors import TreeError, UsageError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.tree import texts, write
from vpc_cni_iam.vendoring.config import Config, parse
from vpc_cni_iam.vendoring.places import Places
from vpc_cni_iam.vendoring.sync import Outcome, Way, sync


def repin(
    config: Config, only: Iterable[str] = (), *, cni_version: str = "", revision: str = ""
) -> Config:
    """Return a configuration whose modules are pinned to a release or a revision.

    Comments, order and layout of the file stay as they are. The module table keeps its other
    keys; a pin of the other kind is replaced in its place.

    Args:
        config: The configuration.
        only: The paths of the modules to pin; all without any.
        cni_version: The release to pin.
        revision: The revision to pin, if no release is given.

    Raises:
        InputError: The pin does not hold for a module; with the line.
    """
    key, value = ("cni_version", cni_version) if cni_version else ("revision", revision)
    names = tuple(only)
    chosen = [n for n, m in enumerate(config.modules) if not names or m.path in names]
    lines, places = config.text.split("\n"), Places(config.text)
    dropped, inline = set(), []
    for number in chosen:
        line = places.key(number, key) or places.key(number, _OTHER[key])
        if line is None:
            inline.append(number)
            continue
        lines[line - 1] = _PIN.sub(rf'\g<1>{key}\g<2>"{value}"', lines[line - 1], count=1)
        if key == "revision" and (gaps := places.key(number, "gaps")):
            dropped.add(gaps - 1)
    text = "\n".join(line for n, line in enumerate(lines) if n not in dropped)
    return parse(_repin_inline(text, inline, key, value) if inline else text, config.path)


_OTHER = {"cni_version": "revision", "revision": "cni_version"}
_PIN = re.compile(
    r"""^(\s*["']?)(?:cni_version|revision)(["']?\s*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*')"""
)


def _repin_inline(text: str, numbers: Iterable[int], key: str, value: str) -> str:
    """Change pins that stand on no line of their own, in inline tables."""
    import tomlkit

    document = tomlkit.parse(text)
    for number in numbers:
        table = document["module"][number]
        table[key] = value
        for gone in (_OTHER[key], "gaps" if key == "revision" else ""):
            if gone in table:
                del table[gone]
    return tomlkit.dumps(document)


def pin(cni_version: str | None, revision: str | None, latest: bool) -> dict[str, str]:
    """Return the pin that a user's options mean, as `repin` takes it.

    Args:
        cni_version: A release, None if not given.
        revision: A revision, None if not given.
        latest: Whether the newest release was asked for, which is meant without any too.

    Raises:
        UsageError: More than one of them, or one that is not known.
    """
    if (cni_version is not None) + (revision is not None) + latest > 1:
        raise UsageError("--cni-version, --revision and --latest exclude each other; give one")
    if revision is not None:
        return {"revision": documents.find(revision).name}
    return {"cni_version": str(releases.find(cni_version or releases.LATEST))}


def upgrade(old: Config, new: Config, only: Iterable[str], way: Way) -> list[Outcome]:
    """Write a configuration and make its modules what it says.

    Nothing is written if an edited file would have to be refused. The configuration is written
    first, so that a sync finishes what was interrupted.

    Args:
        old: The configuration as it is.
        new: The configuration as it is to be.
        only: The paths of the modules to sync.
        way: What to do with edited files.

    Raises:
        TreeError: The configuration was changed meanwhile, or a directory may not be written.
    """
    chosen = [m for m in new.modules if m.path in set(only)]
    trial = [sync(new, module, way, dry_run=True) for module in chosen]
    if any(outcome.refused for outcome in trial):
        return [outcome for outcome in trial if outcome.refused]
    if new.text != old.text:
        folder = new.path.absolute().parent
        with locked(folder / new.path.name):
            if texts(folder, [new.path.name]).get(new.path.name) != old.text.replace("\r\n", "\n"):
                raise TreeError(f"{new.path}: was changed meanwhile; run upgrade again")
            write(folder, {new.path.name: new.text})
    return [sync(new, module, way) for module in chosen]
