"""HCL: a file or a module's directory, with its policies as code or text."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, without_policies


def _facts(content: Content, values: ModuleValues) -> Iterable[Fact]:
    from vpc_cni_iam.inputs.module_policies import of_directory, of_file

    return (of_directory if content.is_directory else of_file)(content, values)


DIRECTORY = Kind(
    "a directory",
    "a module's directory, with `.tf` or `.tofu` files",
    lambda c: c.is_directory,
    _facts,
    "directory",
    "the directory of a role and its policies, values of its variables (--var), or a plan in JSON",
)
FILE = Kind(
    "HCL",
    "a `.tf`, `.tofu` or `.hcl` file",
    lambda c: c.has_suffix(".tf", ".tofu", ".hcl"),
    _facts,
    "file",
    "its directory, values of its variables (--var), or a plan in JSON",
)
JSON_SYNTAX = without_policies(
    "configuration in JSON",
    "a `.tf.json` or `.tofu.json` file",
    lambda c: c.has_suffix(".tf.json", ".tofu.json"),
    "only an engine reads it; make a plan, and give the output of terraform show -json",
)
