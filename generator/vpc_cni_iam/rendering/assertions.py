"""The assertions about documents in the tests of a generated policy module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.rendering.documents import RenderedDocument


def assertions(document: RenderedDocument) -> Iterator[str]:
    """Yield the arguments of the assertions that a document equals the catalog's."""
    rendered, count = f"jsondecode(output.{document.identifier}_json)", len(document.expected)
    message = f"{document.name} does not have {count} statements."
    yield _holds(f"length({rendered}.Statement) == {count}", message)
    for number, statement in enumerate(document.expected):
        value, place = f"{rendered}.Statement[{number}]", f"{document.name}, statement {number + 1}"
        for name, texts in (("Action", statement.actions), ("Resource", statement.resources)):
            message = f"{place}: the {name.lower()}s differ from the catalog."
            yield _equals(f"{value}.{name}", known(texts), message)
        if not statement.conditions:
            yield _holds(f"!can({value}.Condition)", f"{place} has a condition.")
            continue
        count = len(statement.conditions)
        yield _holds(
            f"sum([for keys in {value}.Condition : length(keys)]) == {count}",
            f"{place} does not have {count} condition{'s' if count > 1 else ''}.",
        )
        for c in statement.conditions:
            keys = f"[{code(Literal(c.operator))}][{code(Literal(str(c.key)))}]"
            message = f"{place}: the condition differs from the catalog."
            yield _equals(f"try({value}.Condition{keys}, [])", known(c.values), message)


def _holds(condition: str, message: str) -> str:
    return f"    condition     = {condition}\n    error_message = {code(Literal(message))}"


def _equals(value: str, texts: Iterable[str], message: str) -> str:
    items = "\n".join(f"      {code(Literal(text))}," for text in texts)
    condition = f"toset(flatten([{value}])) == toset([\n{items}\n    ])"
    return f"    condition = {condition}\n    error_message = {code(Literal(message))}"
