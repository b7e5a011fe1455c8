"""The jinja2 environment of the templates, with filters that write HCL and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from vpc_cni_iam import resources
from vpc_cni_iam.hcl import write
from vpc_cni_iam.hcl.literals import Expression, Literal, code
from vpc_cni_iam.rendering.assertions import assertions
from vpc_cni_iam.rendering.tables import (
    evidence,
    input_rows,
    output_rows,
    resource_rows,
    variant_rows,
)

if TYPE_CHECKING:
    from jinja2 import Environment


def fill(templates: Mapping[str, str], context: Mapping[str, object]) -> dict[str, str]:
    """Return the text of each file, by path, from its template and the context."""
    return {
        path: _environment().get_template(template).render(context)
        for path, template in templates.items()
    }


@cache
def _environment() -> Environment:
    # Imported here, because a check of an unchanged module only compares hashes.
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FunctionLoader(lambda name: resources.text(f"rendering/templates/{name}")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is HCL, whose only escape is in hcl.literals
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["hcl"] = lambda text: code(Literal(text))
    environment.filters["comment"] = lambda text: "\n".join(write.comment([text]))
    environment.filters["object"] = _object
    environment.filters["assignments"] = _assignments
    environment.globals["dict"] = dict
    environment.globals["assertions"] = assertions
    for rows in (resource_rows, input_rows, output_rows, variant_rows, evidence):
        environment.globals[rows.__name__] = rows
    return environment


def _object(values: dict[str, str], indent: int = 4) -> str:
    """Return the lines of an object with quoted keys, aligned as by ``terraform fmt``."""
    return _aligned({code(Literal(name)): text for name, text in values.items()}, indent)


def _aligned(texts: Mapping[str, str], indent: int) -> str:
    width = max(map(len, texts))
    return "\n".join(f"{' ' * indent}{key.ljust(width)} = {text}" for key, text in texts.items())


def _assignments(values: dict[str, str | Expression | None], indent: int = 2) -> str:
    """Return the lines that assign values to names, aligned as by ``terraform fmt``."""
    literals = {n: Literal(v) if isinstance(v, str) else v for n, v in values.items()}
    return _aligned({n: "null" if v is None else code(v) for n, v in literals.items()}, indent)
