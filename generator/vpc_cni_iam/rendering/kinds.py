"""Renders a module of any kind."""

from __future__ import annotations

from collections.abc import Mapping

from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.rendering import policy_module, role_module

# The files of a module of each kind.
FILES = {ModuleKind.policy: policy_module.FILES, ModuleKind.role: role_module.FILES}
_NAMES = {ModuleKind.policy: policy_module.NAME, ModuleKind.role: role_module.NAME}
_RENDER = {ModuleKind.policy: policy_module.render, ModuleKind.role: role_module.render}
# The files of modules of all kinds.
PATHS = frozenset(path for files in FILES.values() for path in files)


def render(options: Options, *, vendored: bool = False) -> dict[str, str]:
    """Return the text of each file of a module, by its path.

    Args:
        options: The options of the module.
        vendored: Whether `sync` manages the module. Its files then name the configuration instead
            of the options.

    Raises:
        UsageError: A variant that the selected version cannot use.
    """
    return called(_RENDER[options.kind](options, vendored=vendored), options)


def called(files: Mapping[str, str], options: Options) -> dict[str, str]:
    """Return the files of a module; the calls in its README name the options' directory."""
    readme, own = files["README.md"], code(Literal(f"./{_NAMES[options.kind]}"))
    directory = code(Literal(f"./{options.directory}")) if options.directory else own
    call = "  source = {}\n".format
    return {**files, "README.md": readme.replace(call(own), call(directory))}
