"""The configuration files of a directory, chosen as an engine does."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import InputError, first_of, reason
from vpc_cni_iam.hcl.attributes import may_hold_policy
from vpc_cni_iam.hcl.evaluate.domain import HclValue
from vpc_cni_iam.hcl.syntax import OVERRIDE
from vpc_cni_iam.texts import content_together, decode
from vpc_cni_iam.texts import read as read_text
from vpc_cni_iam.texts.limits import HCL, MODULE, MODULE_FILES

_HCL = (".tf", ".tofu")
_JSON = (".tf.json", ".tofu.json")
_VALUES = ("terraform.tfvars", "terraform.tfvars.json")
_AUTOMATIC = (".auto.tfvars", ".auto.tfvars.json")
_IRREGULAR = "is not a regular file or a link to one"
_NONE = "has no .tf or .tofu file; name a module's directory or a file"
# Blocks that decide texts of policies elsewhere in the module, or add policies.
_MATTERS = re.compile(r"\b(variable|locals|module)\b")
# The same in an override file: also the number of a block's instances.
_CHANGES = re.compile(r"\b(variable|locals|module|data|count|for_each)\b")


class Directory(Struct, frozen=True):
    """The files of a module."""

    texts: dict[str, str]  # the texts of its files in HCL by path
    # Its other files that may contain policies or change their meaning, by path.
    skipped: tuple[NotKnown, ...]


def read_directory(path: Path) -> Directory:
    """Read the configuration files directly in a directory, at least one.

    If ``main.tofu`` is beside ``main.tf``, only ``main.tofu`` is read, as by OpenTofu.
    """
    files = _configuration_files(path)
    if not files:
        raise InputError(str(path), "", _NONE)
    return _read(files, path)


def _read(files: Sequence[Path], path: Path) -> Directory:
    names = {p.name for p in files}
    skipped = [
        NotKnown(str(file), Reason.not_read, _IRREGULAR) for file in files if not file.is_file()
    ]
    files = [file for file in files if file.is_file()]
    contents = content_together(files, str(path), HCL, MODULE, MODULE_FILES)
    decoded = {file: decode(data, str(file), "HCL") for file, data in contents.items()}
    texts: dict[str, str] = {}
    for file, text in decoded.items():
        if why := _why_skipped(file.name, names):
            matters = _CHANGES if why[0] is Reason.overrides else _MATTERS
            if may_hold_policy(text) or matters.search(text):
                skipped.append(NotKnown(str(file), *why))
        else:
            texts[str(file)] = text
    return Directory(texts, tuple(skipped))


def read_beside(path: Path) -> Directory:
    """Read the other files of a file's module that can change the file's meaning.

    JSON files are left out: their declarations are unknown, and reported where they are used.
    """
    if OVERRIDE.fullmatch(path.name):  # of the others, only override files change it
        overrides = [p for p in _configuration_files(path.parent) if OVERRIDE.fullmatch(p.name)]
        return Directory({}, _read(overrides, path.parent).skipped)
    is_tofu = path.suffix == ".tofu"
    twin = path.with_suffix(".tf" if is_tofu else ".tofu")
    files = [file for file in _configuration_files(path.parent) if file not in (path, twin)]
    directory = _read(files, path.parent)
    deciding = (
        s for s in directory.skipped if s.reason is Reason.overrides or not s.name.endswith(_JSON)
    )
    detail = f"by Terraform; OpenTofu reads {twin.name} in its place"
    if is_tofu:
        detail = f"by OpenTofu, in the place of {twin.name}"
    note = NotKnown(str(path), Reason.assumed, f"is read {detail}")
    return Directory(directory.texts, (*deciding, *[note] * twin.exists()))


def automatic_values(path: Path) -> tuple[dict[str, HclValue], list[NotKnown]]:
    """Return the values that an engine reads automatically in a root module, with notes.

    Source: Terraform's documentation, "Variable definition precedence": ``terraform.tfvars``, then
    the same in JSON, then files that end in ``.auto.tfvars`` in the order of their names. Later
    ones override earlier ones.
    """
    from vpc_cni_iam.hcl.module.variables import read_file  # noqa: PLC0415 - a parser

    every = sorted(p for p in path.iterdir() if p.name.endswith(_AUTOMATIC) and not p.is_dir())
    first = [path / name for name in _VALUES if (path / name).exists()]
    known: dict[str, HclValue] = {}
    skipped, names = list[NotKnown](), list[str]()
    for file in (*first, *every):
        if not file.is_file():
            skipped.append(NotKnown(str(file), Reason.overrides, _IRREGULAR))
            continue
        try:
            known |= read_file(read_text(file, "HCL", HCL), str(file))
        except InputError as error:
            skipped.append(NotKnown(str(file), Reason.overrides, f"{error.place}: {error.problem}"))
        else:
            names.append(file.name)
    if names:
        detail = f"{', '.join(names)}, with values of variables, as an engine reads them"
        skipped.append(NotKnown(str(path), Reason.read_with_it, detail))
    return known, skipped


def other_values(path: Path) -> list[NotKnown]:
    """Return notes on files of values in a root module that only an option can read."""
    every = {p.name for p in path.iterdir() if p.name.endswith((".tfvars", ".tfvars.json"))}
    if names := [n for n in sorted(every.difference(_VALUES)) if not n.endswith(_AUTOMATIC)]:
        detail = f"variables have no value of {first_of(names)}; --var-file reads one"
        return [NotKnown(str(path), Reason.assumed, detail)]
    return []


def _configuration_files(path: Path) -> list[Path]:
    try:
        return sorted(
            file
            for file in path.iterdir()
            # Engines ignore hidden files.
            if file.name.endswith((*_HCL, *_JSON)) and file.name[0] != "." and not file.is_dir()
        )
    except OSError as error:
        raise InputError(str(path), "", f"cannot be read: {reason(error)}") from None


def _why_skipped(name: str, names: Collection[str]) -> tuple[Reason, str] | None:
    if name.endswith(".tf") and (twin := f"{name[:-3]}.tofu") in names:
        detail = f"OpenTofu reads {twin} in its place, and Terraform does not; name one of them"
        return Reason.overrides, detail
    if OVERRIDE.fullmatch(name):
        detail = "an override file changes blocks of the others; only an engine merges them"
        return Reason.overrides, detail
    if name.endswith(_JSON):
        detail = "configuration in JSON is not read; render it with an engine and give the JSON"
        return Reason.not_read, detail
    return None
