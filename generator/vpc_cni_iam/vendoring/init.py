"""Writes a first vpc-cni-iam.toml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tomlkit

from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts import calls, documents
from vpc_cni_iam.catalog.facts.plugin_version import LATEST
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import Options, hardened_by_default, options
from vpc_cni_iam.errors import InputError, TreeError, UsageError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.tree import write
from vpc_cni_iam.rendering.policy_module import NAME as MODULE
from vpc_cni_iam.vendoring.configuration.config import NAME, parse
from vpc_cni_iam.vendoring.repository import inside, refuse_bare

_TEMPLATE = """\
# The modules that vpc-cni-iam manages in this repository. After a change here: vpc-cni-iam sync
# In CI or a pre-commit hook: vpc-cni-iam check
# One module serves many clusters. For another plugin version, add another [[module]].

[[module]]
# The module's directory, relative to this file.
path = {path}

# The plugin version that the policies must work with.
# renovate: datasource=github-releases depName=aws/amazon-vpc-cni-k8s
cni_version = "{version}"
# Instead of cni_version, use an upstream document unchanged: {revisions}.
# revision = "{revision}"

# "policy" is a module of policy documents, "role" a module of the plugin's IAM role with a policy.
kind = "policy"

# The policies:
{variants}
variants = [{selected}]

# Optional features of the plugin whose calls to allow:
# {features}.
features = []

# The plugin's calls at cni_version to add if upstream's document does not allow them: "needed",
# "none", or "all" (also calls whose denial has no effect).
additions = "needed"

# true narrows scoped policies to the tags and the VPC that the plugin at cni_version needs.
harden = {harden}
# With harden: allow only subnets and security groups that are listed in the module's variables.
# limit_to = ["subnets", "security-groups"]
"""


def first_options(
    selected: Sequence[str] = (), cni_version: str = LATEST, *, harden: bool | None = None
) -> Options:
    """Return the options of a first module; by default, scoped variants are hardened.

    Raises `UsageError` if a variant does not work with the version.
    """
    names = selected or ("ipv4-scoped",)
    hardening = Hardening.of(harden=hardened_by_default(names) if harden is None else harden)
    chosen = options(names, cni_version=cni_version, hardening=hardening)
    chosen.composed()
    return chosen


def text(path: str, chosen: Options) -> str:
    """Return a configuration with one module, pinned to a plugin version."""
    known = [r.name for r in documents.revisions()]
    return _TEMPLATE.format(
        path=tomlkit.string(path).as_string(),
        version=chosen.selection.version,
        revision=known[-1],
        revisions=", ".join(known),
        variants="\n".join(f"#   {v.name:<17}  {v.summary}" for v in variants.VARIANTS),
        harden="true" if chosen.selection.hardening else "false",
        selected=", ".join(f'"{v.name}"' for v in chosen.variants),
        features=", ".join(calls.features()),
    )


def init(
    folder: Path,
    path: str = f"modules/{MODULE}",
    chosen: Options | None = None,
) -> Path:
    """Write a configuration into a directory that has none, and return its file.

    Raises `TreeError` if there is a configuration; `UsageError` for a path that no module can have
    or that leaves the repository; `InputError` in a bare repository.
    """
    refuse_bare(folder)
    target, first = folder / NAME, text(path, chosen or first_options())
    try:
        inside(parse(first, target))
    except InputError as error:
        # The error has a line of a file that does not exist.
        raise UsageError(f"--path: {error.problem}") from None
    with locked(target):
        if target.exists() or target.is_symlink():
            keys = ("[[module]]", "path", "cni_version", "variants", "harden")
            entry = "\n".join(line for line in first.splitlines() if line.startswith(keys))
            raise TreeError(
                f"{target}: already exists; to add a module, add this to it:", f"\n\n{entry}"
            )
        write(folder, {NAME: first}, observed={})
    return target
