"""Renders the policy module: a data source for each variant, variables, outputs, tests, README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.notes import hardening_notes
from vpc_cni_iam.catalog.options import KEPT, REFERENCE, Options
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
# The oldest versions with which the tests run.
ENGINE_FLOOR = "1.6"
PROVIDER_FLOOR = "3.39"
# Replaces a name that is not set. No cluster and no VPC can have this name, so it matches nothing.
ABSENT = "(none)"

# The names of a cluster in the README's example.
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


def render(options: Options, *, vendored: bool = False) -> dict[str, str]:
    """Return the text of each file of a policy module, by its path."""
    return fill(FILES, context(options, vendored=vendored))


def context(options: Options, *, optional: bool = False, vendored: bool = False) -> dict[str, Any]:
    """Return the context of the templates of a module; for `vendored`, see `kinds.render`.

    With `optional`, callers may omit the names of a scoped variant even if it is the only variant.
    """
    policies = options.composed()
    scoped = [c for c in policies if c.variant.scope is Scope.CLUSTER_NAME]
    # If there are other variants, callers may omit the names of a scoped one.
    required = len(scoped) == len(policies) and not optional
    used = laid_out.used_parameters(policies)
    own = [p for p in used if p in parameters.NAMES or p.is_list]
    documents = [laid_out.document(c, required=required) for c in policies]
    return {
        "options": options,
        "selection": options.selection,
        "header": "\n".join(f"# {line}" for line in ([KEPT] if vendored else _header(options))),
        "reference": KEPT if vendored else REFERENCE,
        "service_account": options.service_account,
        "documents": documents,
        "required": required,
        "used": [p.name for p in used],
        "json": {d.name: laid_out.reference(d, required=required) for d in documents},
        "variables": module_variables(used, required=required),
        "outputs": module_outputs(documents, [p.name for p in used], required=required),
        "region_condition": region_condition(),
        "resources": (),
        **_values(own),
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


def _values(own: Sequence[Parameter]) -> dict[str, dict[str, Any]]:
    """Return the values of a module's parameters in its tests, in a call and in its documents."""
    lists, names = [p for p in own if p.is_list], [p for p in own if not p.is_list]
    # Terraform 1.6 allows no function calls here.
    many = {p.name: f"[for n in {[*range(10, 90)]} : {_numbered(p)}]" for p in lists}
    return {
        "sample": {p.name: _given(p, laid_out.SAMPLE[p.name]) for p in own},
        "wrong": {p.name: _given(p, "not a name") for p in own},
        "too_many": many,
        "call": {p.name: Expression(_CALL[p.name]) for p in own},
        # For a document that may also be planned without its names.
        "guarded": {
            p.name: Expression(f"coalesce(var.{p.name}, {code(Literal(ABSENT))})") for p in names
        },
    }


def _numbered(parameter: Parameter) -> str:
    return f'"{laid_out.SAMPLE[parameter.name][:-2]}${{n}}"'


def _given(parameter: Parameter, value: str) -> str | Expression:
    """Return a value as the argument of a variable."""
    return Expression(f"[{code(Literal(value))}]") if parameter.is_list else value


def _header(options: Options) -> list[str]:
    """Return the lines at the start of main.tf: how to generate it again, and its source."""
    selection, source = options.selection, options.selection.revision.source
    place = f"Source: https://github.com/{source.repository},"
    lines = ["Generated by vpc-cni-iam. To generate it again:", f"  {options.command}"]
    if options.program:
        lines += [place, f"{calls.program_of(options.program).source}."]
    else:
        place += f" {source.path}, revision {selection.revision.name},"
        lines += [place, f"{source.pin}."]
    if selection.stands_in:
        problem = f"There was no document yet at plugin {selection.version}"
        lines.append(f"{problem}; the oldest one is used instead.")
    return lines


def _scoping(documents: Sequence[RenderedDocument], scoped: Sequence[Composed]) -> dict[str, Any]:
    """Return the context for documents that are limited to one cluster."""
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
    """Return how documents are hardened and what they still allow; empty if none is hardened."""
    names = [f"`{c.variant.name}`" for c in policies if c.hardened]
    scoped = any(c.variant.scope is Scope.CLUSTER_NAME for c in policies)
    vpc = " and to the cluster's VPC" if scoped else ""
    hardening = options.selection.hardening
    limits = [f"`{x.parameter.name}`" for x in (hardening.limits if hardening else ())]
    listed = f". New interfaces are limited to {' and '.join(limits)}"
    lines = [
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} narrowed to the tags that "
        f"the plugin sends{vpc}{listed if limits else ''}.",
        "They allow no more than before. Still allowed:",
        "",
        *(f"- {n.line[0].upper()}{n.line[1:]}." for n in hardening_notes(options)),
    ]
    return "\n".join(lines) if names else ""


def _by_works_with(documents: Iterable[RenderedDocument]) -> dict[str, list[str]]:
    """Return the variants by the plugin versions that they work with."""
    names: dict[str, list[str]] = {}
    for document in documents:
        names.setdefault(document.versions.works_with, []).append(document.name)
    return names
