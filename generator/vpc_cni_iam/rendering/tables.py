"""The rows of the tables in a module's README; its interface is in terraform-docs' format."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from vpc_cni_iam.escape import escape_emphasis, markdown_cell
from vpc_cni_iam.rendering.documents import RenderedDocument
from vpc_cni_iam.rendering.outputs import Output
from vpc_cni_iam.rendering.variables import Variable

_PROVIDER = "https://registry.terraform.io/providers/hashicorp/aws/latest/docs"


def resource_rows(resources: Iterable[str], data_sources: Iterable[str]) -> str:
    """Return a row for each resource and each document."""
    rows = []
    for address in resources:
        page = address.partition(".")[0].removeprefix("aws_")
        rows.append(f"| [{address}]({_PROVIDER}/resources/{page}) | resource |")
    page = f"{_PROVIDER}/data-sources/iam_policy_document"
    rows += [f"| [aws_iam_policy_document.{d}]({page}) | data source |" for d in data_sources]
    return "\n".join(rows)


def input_rows(variables: Iterable[Variable]) -> str:
    """Return a row for each variable."""
    rows = []
    for v in sorted(variables, key=attrgetter("name")):
        default, required = ("n/a", "yes") if v.default is None else (f"`{v.default}`", "no")
        rows.append(f"{_named('input', v)} | `{v.type}` | {default} | {required} |")
    return "\n".join(rows)


def output_rows(outputs: Iterable[Output]) -> str:
    """Return a row for each output."""
    return "\n".join(f"{_named('output', o)} |" for o in sorted(outputs, key=attrgetter("name")))


def _named(kind: str, entry: Variable | Output) -> str:
    name, link = entry.name, escape_emphasis(entry.name)
    anchor = f'<a name="{kind}_{name}"></a> [{name}](#{kind}\\_{link})'
    return f"| {anchor} | {markdown_cell(entry.description)}"


def variant_rows(documents: Iterable[RenderedDocument]) -> str:
    """Return a row for each variant."""
    return "\n".join(
        f"| `{d.name}` | {d.composed.variant.summary} | {d.published_by} | "
        f"{_missing_actions(d) or 'none'} |"
        for d in documents
    )


def _missing_actions(document: RenderedDocument) -> str:
    """Return the missing actions that make the plugin fail, with the plugin versions."""
    return "; ".join(
        f"`{action}` at {', '.join(map(str, spans))}"
        for (action, _), spans in document.versions.failures().items()
    )


def evidence(documents: Iterable[RenderedDocument]) -> str:
    """Return all missing and added actions by variant, empty if there are none."""
    return "\n\n".join(
        "\n".join([f"### {d.name}", "", *(f"- {line}" for line in d.evidence)])
        for d in documents
        if d.evidence
    )
