"""Renders the policy module: one data source a variant, its variables, outputs, tests, README."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.caveats import caveats
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.hcl.literals import Expression, Literal, code
from vpc_cni_iam.rendering import documents as laid_out
from vpc_cni_iam.rendering.environment import fill
from vpc_cni_iam.rendering.outputs import module_outputs
from vpc_cni_iam.rendering.variables import module_variables

NAME = "vpc-cni-iam-policy"
# The oldest versions that the tests run.
ENGINE_FLOOR = "1.6"
PROVIDER_FLOOR = "3.39"

# The template of each file.
FILES = {
    "main.tf": "main.tf.jinja",
    "variables.tf": "variables.tf.jinja",
    "outputs.tf": "outputs.tf.jinja",
    "versions.tf": "versions.tf.jinja",
    "README.md": "README.md.jinja",
    "tests/policy.tftest.hcl": "policy.tftest.hcl.jinja",
}


def render(options: Options) -> dict[str, str]:
    """Return the files of a policy module.

    Args:
        options: The variants and the documents they are made from.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    return fill(FILES, context(options))


def _served(documents: Iterable[laid_out.Document]) -> dict[str, list[str]]:
    """Return the releases that documents work with, each with the variants that do."""
    found: dict[str, list[str]] = {}
    for document in documents:
        found.setdefault(document.works_with, []).append(document.name)
    return found


def context(options: Options, *, optional: bool = False) -> dict[str, Any]:
    """Return what the templates of a module lay out.

    Args:
        options: The variants and the documents they are made from.
        optional: Whether the names of a scoped variant may be left out even if it stands alone.

    Raises:
        UsageError: A variant that the selected release cannot use.
    """
    composed = options.composed()
    scoped = [c for c in composed if c.variant.scoped]
    # With other variants beside it, a scoped one may be left without its names.
    required = len(scoped) == len(composed) and not optional
    used = laid_out.used_parameters(composed)
    names = [p.name for p in used if p in parameters.NAMES]
    documents = [laid_out.document(c, required) for c in composed]
    return {
        "options": options,
        "selection": options.selection,
        "source": options.selection.revision.source,
        "documents": documents,
        "scoped": [d for d in documents if d.composed.variant.scoped],
        "required": required,
        "used": [p.name for p in used],
        "json": {d.name: laid_out.reference(d, required) for d in documents},
        "variables": module_variables(used, required),
        "outputs": module_outputs(
            [(d.composed.variant, str(d.fit.minimum), d.works_with) for d in documents],
            names,
            required,
        ),
        "sample": {name: laid_out.SAMPLE[name] for name in names},
        "guarded": {
            name: Expression(f"coalesce(var.{name}, {code(Literal(f'{name}-not-given'))})")
            for name in names
        },
        "served": _served(documents),
        "word_for_word": options.selection.word_for_word
        and not any(c.variant.derived for c in composed),
        "scoped_since": min((c.variant.minimum for c in scoped), default=None),
        "caveats": caveats(options),
        "hardened": [f"`{c.variant.name}`" for c in composed if c.hardened],
        "by_session_tags": any(c.variant.session_tags for c in composed),
        "creates": any("ec2:CreateNetworkInterface" in c.policy.actions() for c in scoped),
        "instances": any(
            r.endswith(":instance/*")
            for c in scoped
            for s in c.policy.statements
            for r in s.resources
        ),
        "data_sources": sorted(d.identifier for d in documents),
        "name": NAME,
        "engine_floor": ENGINE_FLOOR,
        "provider_floor": PROVIDER_FLOOR,
    }
