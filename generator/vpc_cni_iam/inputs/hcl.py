"""HCL: a file, or the directory of a module, with the policies it writes as code or as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues, Part, without_policies
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.texts import read
from vpc_cni_iam.texts.limits import HCL

# The variable through which a generated module joins documents of a caller; empty by default.
_JOINED = ("additional_policy_documents",)


def _file(content: Content, values: ModuleValues) -> Iterator[Part]:
    assert content.path is not None  # noqa: S101 - it has a suffix
    # Another file of its module may declare them.
    values.user_values.declared.update(values.user_values.names)
    yield from _policies({content.source: read(content.path, "HCL", HCL)}, values)


def _directory(content: Content, values: ModuleValues) -> Iterator[Part]:
    from vpc_cni_iam.inputs.directory import read_directory

    assert content.path is not None  # noqa: S101 - it is a directory
    directory = read_directory(content.path)
    yield from _policies(directory.texts, values)
    yield from directory.skipped


def _policies(texts: Mapping[str, str], values: ModuleValues) -> Iterator[Part]:
    """Yield the policies of a module's files by name, and the parts that may be one."""
    from vpc_cni_iam.hcl.module import reader
    from vpc_cni_iam.hcl.parse import parse
    from vpc_cni_iam.inputs.embedded import embedded_policies

    files = [parse(texts[name], name) for name in sorted(texts)]
    blocks = [(file.source, block) for file in files for block in file.blocks]
    module = reader.read_blocks(blocks, values.names, values.user_values)
    for document in module.documents:
        place = f"line {document.line}: it"
        if document.policy.names_principals:
            yield Skipped(document.name, Reason.other_kind, f"{place} names principals")
        elif not reader.joins_nothing(document, module, _JOINED):
            problem = "joins other documents, which needs an engine; render it and give the JSON"
            yield Skipped(document.name, Reason.not_read, f"{place} {problem}")
        elif not document.policy.statements:
            problem = "has no statement with these values; --var gives others"
            yield Skipped(document.name, Reason.not_in_force, f"{place} {problem}")
        else:
            yield document.name, document.policy
            if document.doubt:
                yield Skipped(document.name, Reason.may_be_absent, document.doubt)
    for name, why in module.unread.items():
        yield Skipped(name, Reason.not_read, why)
    for name, why in module.absent.items():
        yield Skipped(name, Reason.not_in_force, why)
    names = {d.name.partition("[")[0] for d in module.documents}
    names |= {*module.unread, *module.absent}
    yield from embedded_policies(files, module.evaluator, names)
    for place, block in module.calls:
        detail = f"{place}, line {block.span.line}: the policies of a called module are not read"
        yield Skipped(".".join(("module", *block.labels)), Reason.not_read, detail)


DIRECTORY = Kind(
    "a directory",
    "a module's directory, with `.tf` or `.tofu` files",
    lambda c: c.is_directory,
    _directory,
)
FILE = Kind(
    "HCL", "a `.tf`, `.tofu` or `.hcl` file", lambda c: c.has_suffix(".tf", ".tofu", ".hcl"), _file
)
JSON_SYNTAX = without_policies(
    "configuration in JSON",
    "a `.tf.json` or `.tofu.json` file",
    lambda c: c.has_suffix(".tf.json", ".tofu.json"),
    "only an engine reads it; make a plan, and give the output of terraform show -json",
)


def kind_of(target: str) -> Kind | None:
    """Return the kind of a path that is read as HCL, None for any other."""
    content = Content.of(target, str)
    return next((kind for kind in (DIRECTORY, FILE) if kind.matches(content)), None)
