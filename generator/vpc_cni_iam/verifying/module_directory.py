"""A module directory as read: its files, and its policy documents with sample values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.options import Options, claims, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module import reader as hcl
from vpc_cni_iam.texts import read as read_text
from vpc_cni_iam.texts.limits import GENERATED_HCL
from vpc_cni_iam.verifying.listing import Listing, list_files

SAMPLE = trust.VARIABLES


@dataclass(frozen=True, slots=True)
class ModuleDirectory:
    """A module directory as read."""

    directory: Path
    stated: Options | None  # the options that its files state; None if they state none
    files: Listing
    texts: Mapping[str, str]  # the texts of its own ``.tf`` files by path
    content: hcl.HclModule  # the content of its own ``.tf`` files

    def sample_values(self) -> dict[str, str]:
        """Return the values of a document's parameters where variables have their sample values."""
        return self._values(SAMPLE)

    def default_values(self) -> dict[str, str]:
        """Return the defaults of a document's parameters, or their samples."""
        return self._values({p.name: SAMPLE[p.name] for p in parameters.NAMES})

    def _values(self, variables: Mapping[str, str]) -> dict[str, str]:
        own = {n: v for n, v in variables.items() if n in self.content.variables}
        filled = parameters.values({p.name: own.get(p.name) for p in parameters.PARAMETERS})
        arn = SAMPLE[trust.OIDC_PROVIDER_ARN.name]
        return {
            # A module without the variables of the names holds names of its own.
            **{p.name: place for place, p in parameters.PLACES.items()},
            **filled,
            **{p.name: SAMPLE[p.name] for p in trust.PARAMETERS},
            trust.OIDC_ISSUER.name: trust.issuer(arn),
        }


def read_module(directory: Path) -> ModuleDirectory:
    """Read a module directory."""
    files = list_files(directory)
    if not files.configuration:
        raise InputError(str(directory), "", "holds no .tf file; name a generated module's")
    texts = {path: read_file(directory / path) for path in files.configuration}
    own = {str(directory / path): texts[path] for path in texts}
    options = None
    for source, content in own.items():
        options = options or stated(content)
        if options is None and claims(content):
            problem = f"was made by {claims(content)!r}, which this version does not know"
            raise InputError(source, "", f"{problem}; update vpc-cni-iam, or say what to compare")
    return ModuleDirectory(directory, options, files, texts, hcl.read(own, SAMPLE))


def read_file(path: Path) -> str:
    """Return the text of a file of a module."""
    if not path.is_file():
        raise InputError(str(path), "", "is not a file that can be read")
    return read_text(path, "HCL", GENERATED_HCL)
