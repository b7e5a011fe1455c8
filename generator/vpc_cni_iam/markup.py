"""Fills HTML templates; escapes all values except markup."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from vpc_cni_iam import resources
from vpc_cni_iam.escape import ascii_markup, escape_html

__all__ = ["Markup", "fill"]


def fill(template: str, **values: object) -> str:
    """Return a filled template of the package in ASCII; text is escaped, `Markup` is not."""
    return ascii_markup(_environment().get_template(template).render(values))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(resources.text),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _escaped(value: object) -> Markup:
    """Return a value after `escape_html`, which also shows hidden characters."""
    return value if isinstance(value, Markup) else Markup(escape_html(str(value)))  # noqa: S704
