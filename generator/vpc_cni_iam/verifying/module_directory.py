"""Reads the policy documents of a module directory with given values for its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.options import Options, claims, stated
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import module as hcl
from vpc_cni_iam.texts import read as read_text
from vpc_cni_iam.texts.limits import GENERATED_HCL
from vpc_cni_iam.verifying.listing import Listing, listing

# Values for all that a module of ours may ask for; none is a default, so that what ignores its
# variable shows.
SAMPLE = {
    **parameters.SAMPLE,
    "oidc_provider_arn": "arn:aws-us-gov:iam::111122223333:oidc-provider/oidc.example.test/VERIFY",
    "eks_cluster_arn": "arn:aws-us-gov:eks:us-gov-west-1:777788889999:cluster/verify-cluster",
    "source_account_id": "777788889999",
    "pod_identity": "true",
}


@dataclass(frozen=True, slots=True)
class Module:
    """A module directory as read.

    Args:
        directory: Where it is.
        stated: The options its files state, None if they state none.
        files: Its files.
        texts: The texts of its own ``.tf`` files by path.
        read: What its own ``.tf`` files say.
    """

    directory: Path
    stated: Options | None
    files: Listing
    texts: Mapping[str, str]
    read: hcl.Module

    def values(self, sample: bool) -> dict[str, str]:
        """Return what the catalog's documents are to be filled with.

        Args:
            sample: Whether the module's variables have the sample's values, or only those that
                have no default.
        """
        given = SAMPLE if sample else {p.name: SAMPLE[p.name] for p in parameters.NAMES}
        named = {n: v for n, v in given.items() if n in self.read.variables}
        filled = parameters.values({p.name: named.get(p.name) for p in parameters.PARAMETERS})
        arn = SAMPLE[trust.OIDC_PROVIDER_ARN.name]
        return {
            # A module without the variables of the names holds names of its own.
            **{p.name: place for place, p in parameters.PLACES.items()},
            **filled,
            **{p.name: SAMPLE[p.name] for p in trust.PARAMETERS},
            trust.OIDC_ISSUER.name: trust.issuer(arn),
        }


def read(directory: Path) -> Module:
    """Read a module directory.

    Args:
        directory: The directory.

    Raises:
        InputError: No such directory, no module in it, or not HCL.
    """
    files = listing(directory)
    if not files.configuration:
        raise InputError(str(directory), "", "holds no .tf file; name a generated module's")
    texts = {path: text(directory / path) for path in files.configuration}
    own = {str(directory / path): texts[path] for path in texts}
    made_from = None
    for source, content in own.items():
        made_from = made_from or stated(content)
        if made_from is None and claims(content):
            problem = f"was made by {claims(content)!r}, which this version does not know"
            raise InputError(source, "", f"{problem}; update vpc-cni-iam, or say what to compare")
    return Module(directory, made_from, files, texts, hcl.read(own, SAMPLE))


def text(path: Path) -> str:
    """Return the text of a file of a module.

    Args:
        path: The file.

    Raises:
        InputError: It cannot be read, is too large, or is not UTF-8.
    """
    if not path.is_file():
        raise InputError(str(path), "", "is not a file that can be read")
    return read_text(path, "HCL", GENERATED_HCL)
