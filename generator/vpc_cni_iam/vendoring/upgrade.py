"""Changes the pins of a configuration, and nothing else in its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.tree import write
from vpc_cni_iam.vendoring.configuration.config import Config, TomlLineIndex, VendoredModule, parse
from vpc_cni_iam.vendoring.sync import SyncOutcome, plan_all, sync_all


class Pin(Struct, frozen=True):
    """The version or revision to pin modules to."""

    key: str  # ``cni_version`` or ``revision``, as in the configuration
    value: str
    keep_newer: bool = False  # whether to leave pins that are newer than the catalog

    @property
    def option(self) -> tuple[str, str]:
        """The option and value for this pin."""
        return f"--{self.key.replace('_', '-')}", self.value


def find_pin(
    cni_version: str | None = None, revision: str | None = None, *, latest: bool = False
) -> Pin:
    """Return the pin of a user's options; without options, the newest version."""
    if (cni_version is not None) + (revision is not None) + latest > 1:
        raise UsageError("use only one of --cni-version, --revision and --latest")
    if revision is not None:
        return Pin("revision", documents.find(revision).name)
    if cni_version is not None:
        return Pin("cni_version", str(known_versions.find(cni_version)))
    return Pin("cni_version", str(known_versions.newest()), keep_newer=True)


def repin(config: Config, pin: Pin, only: Iterable[str] = ()) -> Config:
    """Return a configuration with new pins for all modules, or for those at `only`.

    Comments, order and layout of the file do not change. A pin of the other kind is replaced in its
    place. Raises `InputError`.
    """
    names = tuple(only)
    chosen = [
        number
        for number, module in enumerate(config.modules)
        if (not names or module.path in names) and not (pin.keep_newer and module.unknown_version)
    ]
    lines, places = config.text.split("\n"), TomlLineIndex(config.text)
    inline = []
    for number in chosen:
        line = places.key(number, pin.key) or places.key(number, _OTHER[pin.key])
        new = rf'\g<1>{pin.key}\g<2>"{pin.value}"'
        pinned, replaced = _PIN.subn(new, lines[line - 1]) if line is not None else ("", 0)
        if line is None or not replaced:
            inline.append(number)
        else:
            lines[line - 1] = pinned
    text = "\n".join(lines)
    return parse(_repin_inline(text, inline, pin) if inline else text, config.path)


_OTHER = {"cni_version": "revision", "revision": "cni_version"}
_PIN = re.compile(
    r"""^(\s*["']?)(?:cni_version|revision)(["']?\s*=\s*)(?!\"{3}|'{3})(?:"(?:[^"\\]|\\.)*"|'[^']*')"""
)


def _repin_inline(text: str, numbers: Iterable[int], pin: Pin) -> str:
    """Change pins that share a line with other keys, as in inline tables."""
    import tomlkit

    document = tomlkit.parse(text)
    for number in numbers:
        table = document["module"][number]
        table[pin.key] = pin.value
        if _OTHER[pin.key] in table:
            del table[_OTHER[pin.key]]
    return tomlkit.dumps(document)


class Upgrade(Struct, frozen=True):
    """The plan of an upgrade."""

    old: Config
    new: Config
    outcomes: tuple[SyncOutcome, ...]  # the planned outcome of each module

    @property
    def stopped(self) -> bool:
        """Whether the upgrade may change nothing."""
        return any(o.failure or o.refused for o in self.outcomes)

    @property
    def changed(self) -> bool:
        """Whether the configuration changes."""
        return self.old.text != self.new.text

    @property
    def idle(self) -> bool:
        """Whether neither the configuration nor a file changes."""
        plans = [o.plan for o in self.outcomes if o.plan]
        return not self.changed and all(plan.before == plan.after for plan in plans)


def prepare(
    old: Config, pin: Pin, modules: Iterable[VendoredModule], checkout: Checkout
) -> Upgrade:
    """Return the plan of an upgrade of some modules of a configuration."""
    names = [module.path for module in modules]
    new = repin(old, pin, names)
    outcomes = plan_all(new, [m for m in new.modules if m.path in names], checkout)
    return Upgrade(old, new, tuple(outcomes))


def upgrade(prepared: Upgrade, checkout: Checkout) -> Sequence[SyncOutcome]:
    """Write a configuration and sync its modules.

    If any plan was refused or failed, nothing is written. The configuration is written first; a
    later sync finishes an upgrade that was interrupted or failed.
    """
    if prepared.stopped:
        return prepared.outcomes
    before, after = prepared.old, prepared.new
    if prepared.changed:
        folder, name = after.path.absolute().parent, after.path.name
        with locked(folder / name, folder):
            before.refuse_changed()
            observed = {name: before.text.encode()}
            write(folder, {name: after.text}, observed=observed, top=folder)
    return sync_all(after, [o.module for o in prepared.outcomes], checkout)
