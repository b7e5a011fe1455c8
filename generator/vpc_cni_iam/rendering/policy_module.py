"""Renders the policy module: one data source a variant, its variables, outputs, tests, README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.notes import hardening_notes
from vpc_cni_iam.catalog.options import REFERENCE, Options
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.catalog.variants import Scope
from vpc_cni_iam.hcl.literals import Expression, Literal, code
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.rendering import documents as laid_out
from vpc_cni_iam.rendering.documents import RenderedDocument
from vpc_cni_iam.rendering.environment import fill
from vpc_cni_iam.rendering.outputs import module_outputs
from vpc_cni_iam.rendering.variables import module_variables, region_condition

NAME = "vpc-cni-iam-policy"
# The oldest versions that the tests run.
ENGINE_FLOOR = "1.6"
PROVIDER_FLOOR = "3.39"
# In the place of a name that is not set; no cluster and no VPC can have it, so it matches nothing.
ABSENT = "(none)"

# What the README passes for the names of a cluster.
_CALL = {
    "cluster_name": "aws_eks_cluster.this.name",
    "vpc_id": "aws_eks_cluster.this.vpc_config[0].vpc_id",
    "subnet_ids": "var.node_subnet_ids",
    "security_group_ids": "[aws_eks_cluster.this.vpc_config[0].cluster_security_group_id]",
}

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
    """Return the text of each file of a policy module, by its path."""
    return fill(FILES, context(options))


def context(options: Options, *, optional: bool = False) -> dict[str, Any]:
    """Return the context of the templates of a module.

    With `optional`, the names of a scoped variant may be left out even if it stands alone.
    """
    policies = options.composed()
    scoped = [c for c in policies if c.variant.scope is Scope.CLUSTER_NAME]
    # With other variants beside it, a scoped one may be left without its names.
    required = len(scoped) == len(policies) and not optional
    used = laid_out.used_parameters(policies)
    documents = [laid_out.document(c, required=required) for c in policies]
    return {
        "options": options,
        "selection": options.selection,
        "header": "\n".join(f"# {line}" for line in _header(options)),
        "reference": REFERENCE,
        "service_account": options.service_account,
        "documents": documents,
        "required": required,
        "used": [p.name for p in used],
        "json": {d.name: laid_out.reference(d, required=required) for d in documents},
        "variables": module_variables(used, required=required),
        "outputs": module_outputs(documents, [p.name for p in used], required=required),
        "region_condition": region_condition(),
        "resources": (),
        **_names([p for p in used if p in parameters.REQUIRED]),
        "works_with": _by_works_with(documents),
        "word_for_word": options.selection.word_for_word
        and not any(v.derived for v in options.variants),
        "data_sources": sorted(d.identifier for d in documents),
        "name": NAME,
        "call_name": "vpc_cni_policy",
        "engine_floor": ENGINE_FLOOR,
        "provider_floor": PROVIDER_FLOOR,
        **_scoping(documents, scoped),
        "hardened": _hardened(policies, options),
    }


def _names(own: Sequence[Parameter]) -> dict[str, Any]:
    """Return the context about the names and lists of a cluster that documents have."""
    return {
        "sample": {p.name: _argument(p, laid_out.SAMPLE[p.name]) for p in own},
        "wrong": {p.name: _argument(p, "not a name") for p in own},
        "too_many": {
            # Tests of Terraform 1.6 call no functions here.
            p.name: f'[for n in {[*range(10, 90)]} : "{laid_out.SAMPLE[p.name][:-2]}${{n}}"]'
            for p in own
            if p.is_list
        },
        "call": {p.name: Expression(_CALL[p.name]) for p in own},
        # For a document that is also planned without its names.
        "guarded": {
            p.name: Expression(f"coalesce(var.{p.name}, {code(Literal(ABSENT))})")
            for p in own
            if not p.is_list
        },
    }


def _argument(parameter: Parameter, value: str) -> str | Expression:
    """Return a value as the argument of a variable."""
    return Expression(f"[{code(Literal(value))}]") if parameter.is_list else value


def _header(options: Options) -> list[str]:
    """Return the lines at the start of main.tf: how to make it again, and from what it is."""
    selection, source = options.selection, options.selection.revision.source
    place = f"Source: https://github.com/{source.repository},"
    lines = ["Generated by vpc-cni-iam. To make it again:", f"  {options.command}"]
    if options.program:
        lines += [place, f"{calls.program_source(options.program)}."]
    else:
        place += f" {source.path}, revision {selection.revision.name},"
        lines += [place, f"{source.pin}."]
    if selection.stands_in:
        problem = f"No document existed yet at plugin {selection.version}"
        lines.append(f"{problem}; the oldest one stands in.")
    return lines


def _scoping(documents: Sequence[RenderedDocument], scoped: Sequence[Composed]) -> dict[str, Any]:
    """Return the context about documents that are limited to a cluster."""
    return {
        "scoped": [d for d in documents if d.scope is Scope.CLUSTER_NAME],
        "by_session_tags": [d.name for d in documents if d.scope is Scope.SESSION_TAGS],
        "scoped_since": min((c.variant.minimum for c in scoped), default=None),
        "creates": any("ec2:CreateNetworkInterface" in c.policy.actions() for c in scoped),
        "instances": any(
            resource.endswith(":instance/*")
            for composed in scoped
            for statement in composed.policy.statements
            for resource in known(statement.resources)
        ),
    }


def _hardened(policies: Sequence[Composed], options: Options) -> str:
    """Return what hardened documents are narrowed to and what remains; empty if none is."""
    names = [f"`{c.variant.name}`" for c in policies if c.hardened]
    scoped = any(c.variant.scope is Scope.CLUSTER_NAME for c in policies)
    vpc = " and to the cluster's VPC" if scoped else ""
    hardening = options.selection.hardening
    limits = [f"`{x.parameter.name}`" for x in (hardening.limits if hardening else ())]
    listed = f". New interfaces are limited to {' and '.join(limits)}"
    lines = [
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} narrowed to the tags that "
        f"plugin {options.selection.version} sends{vpc}{listed if limits else ''}.",
        "Nothing is allowed that was not before. What remains:",
        "",
        *(f"- {n.line[0].upper()}{n.line[1:]}." for n in hardening_notes(options)),
    ]
    return "\n".join(lines) if names else ""


def _by_works_with(documents: Iterable[RenderedDocument]) -> dict[str, list[str]]:
    """Return the variants by the versions that they work with."""
    names: dict[str, list[str]] = {}
    for document in documents:
        names.setdefault(document.compatibility.works_with, []).append(document.name)
    return names
