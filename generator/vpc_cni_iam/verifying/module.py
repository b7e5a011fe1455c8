"""Reads the policy documents of a module directory with given values for its variables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.options import Options, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import module as hcl


@dataclass(frozen=True, slots=True)
class Module:
    """A module directory as read.

    Args:
        directory: Where it is.
        stated: The options its files state, None if they state none.
        read: What its files say.
    """

    directory: Path
    stated: Options | None
    read: hcl.Module

    @property
    def expected_values(self) -> dict[str, str]:
        """What the catalog's documents are filled with: the values, or upstream's own."""
        return parameters.values({name: self.read.values.get(name) for name in parameters.SAMPLE})


def read(directory: Path) -> Module:
    """Read a module directory.

    Args:
        directory: The directory; its ``*.tf`` files are read, as an engine would.

    Raises:
        InputError: No such directory, no module in it, or not HCL.
    """
    if not directory.is_dir():
        raise InputError(str(directory), "", "is not a directory; name a generated module's")
    paths = sorted(p for p in directory.glob("*.tf") if p.is_file())
    if not paths:
        raise InputError(str(directory), "", "holds no .tf file; name a generated module's")
    texts = {str(path): _text(path) for path in paths}
    made_from = next(filter(None, map(stated, texts.values())), None)
    return Module(directory, made_from, hcl.read(texts, parameters.SAMPLE))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "", "is not UTF-8 text") from None
    except OSError as error:
        raise InputError(str(path), "", f"cannot be read: {error.strerror}") from None
