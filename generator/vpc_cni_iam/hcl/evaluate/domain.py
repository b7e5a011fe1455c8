"""The values of HCL: known, or unknown with a reason, at any depth.

A list or tuple is a Python tuple, a set is a `Set`, a map or object is a dict. Numbers are whole;
others are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, Union

from msgspec import Struct, field

from vpc_cni_iam.errors import Message
from vpc_cni_iam.hcl.literals import normalised
from vpc_cni_iam.hcl.syntax import Block, Node
from vpc_cni_iam.policy.template import Hole, Template

# Engines compute with 512 bits; whole numbers up to this are the same here and in JSON.
MOST_NUMBER = 2**53
_MOST_DIGITS = 15
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
Scalar: TypeAlias = bool | int | str
HclValue: TypeAlias = Union[
    Scalar, tuple["HclValue", ...], dict[str, "HclValue"], "Unevaluated", None
]
DOCUMENT = "data.aws_iam_policy_document"
# Data sources with the provider's partition, Region and account: the parameter of each attribute.
SURROUNDINGS = {
    "data.aws_partition": {"partition": "partition", "id": "partition", "dns_suffix": "dns_suffix"},
    "data.aws_region": {"region": "region", "name": "region", "id": "region"},
    "data.aws_caller_identity": {"account_id": "account_id", "id": "account_id"},
}
# With another argument, such as a provider, its values may differ.
PLAIN_ARGUMENTS = {"count", "for_each", "depends_on"}


class Set(tuple):  # type: ignore[type-arg]
    """The items of a set, in the order of engines."""

    __slots__ = ()


class Unevaluated(Struct, frozen=True, eq=False):
    """A value that only an engine knows."""

    code: str  # the expression that is the reason, such as ``var.name``
    advice: Message = ""  # what a user can do to make it known; empty if nothing
    # Its text, if it is a text and not null. Only other texts can contain it; nothing else is
    # computed from it.
    text: Template | None = None
    # The known attributes of an object; None if it may be something else.
    attributes: Mapping[str, HclValue] | None = None
    is_text: bool = False  # whether it is a text that is not empty

    @property
    def computed(self) -> Unevaluated:
        """The value of any computation with it: unknown for the same reason."""
        return Unevaluated(self.code, self.advice)

    def __str__(self) -> str:
        return f"{self.code} cannot be known without an engine"


class ExpressionError(Exception):
    """An expression without a value, for one of the reasons below."""


class EvaluationError(ExpressionError):
    """An expression that every engine refuses."""


class UnknownError(ExpressionError):
    """An expression that cannot be known without an engine."""


class TooLargeError(ExpressionError):
    """The evaluation takes more steps than the limit."""


class UndecidedError(Exception):
    """A part of an expression whose meaning this evaluator does not know."""


class EvaluationBudget:
    """The limit of evaluation for one module: steps, and items of lists and maps."""

    MOST = 1_000_000

    def __init__(self) -> None:
        self._left = self.MOST

    def take(self, steps: int = 1) -> None:
        """Use up steps; raises `TooLargeError` at the limit."""
        self._left -= steps
        if self._left < 0:
            problem = f"takes more than {self.MOST:,} steps to evaluate, which is the limit"
            raise TooLargeError(problem)

    def weigh(self, value: HclValue) -> None:
        """Use up a step for each part of a value; shared parts are counted each time."""
        self.take(1 + len(value) // 64 if isinstance(value, str) else 1)
        for item in items(value):
            self.weigh(item)


def items(value: HclValue) -> Iterable[HclValue]:
    """Return the items of a list, set or map; nothing for other values."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, tuple) else ()


def unknown_in(value: HclValue) -> Unevaluated | None:
    """Return the first unknown part of a value; None if everything is known."""
    if isinstance(value, Unevaluated):
        return value
    return next((part for item in items(value) if (part := unknown_in(item))), None)


def kind(value: HclValue) -> str:
    """Return the type of a value in HCL's words: string, number, bool, list, set, map or null."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "number"
    if isinstance(value, Set):
        return "set"
    names: dict[type, str] = {str: "string", tuple: "list", dict: "map", Unevaluated: "unknown"}
    return names.get(type(value), "null")


def scalar_kinds(*values: HclValue) -> set[str]:
    """Return the types of the known scalars in values; null may be a string."""
    kinds = set()
    for value in values:
        if isinstance(value, tuple | dict):
            kinds |= scalar_kinds(*items(value))
        elif not isinstance(value, Unevaluated):
            kinds.add("string" if value is None else kind(value))
    return kinds


def text(value: HclValue) -> str | Unevaluated:
    """Return a value as text, converted as engines do; raises `EvaluationError` if not a scalar."""
    match value:
        case Unevaluated():
            return value
        case str():
            return normalised(value)  # a concatenated text is not yet normalised
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
    raise EvaluationError(f"{kind(value)} where a string is needed")


def flag(value: HclValue) -> bool | Unevaluated:
    """Return a value as a boolean, converted as engines do; raises `EvaluationError`."""
    if isinstance(value, Unevaluated):
        return value.computed
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _FLAGS:
        return _FLAGS[value]
    raise EvaluationError(f"{kind(value)} where true or false is needed")


def number(code: str) -> int:
    """Return a whole number as text; raises `UndecidedError` for other numbers, and for -0."""
    digits = code.removeprefix("-")
    if (
        not digits.isdecimal()
        or len(digits) > _MOST_DIGITS
        or (code[0] == "-" and int(digits) == 0)
    ):
        raise UndecidedError
    return int(code)


def same_kind(*values: HclValue) -> None:
    """Raise `UndecidedError` unless the scalars in values have one type.

    Otherwise engines may convert some of them, depending on declared types.
    """
    if len(scalar_kinds(*values)) > 1:
        raise UndecidedError


def one_type(values: Iterable[HclValue]) -> None:
    """Raise `UndecidedError` if the items of a list or map have several types.

    Engines convert scalars to one type, also in attributes of objects, and refuse other mixtures.
    """
    values = [value for value in values if not isinstance(value, Unevaluated)]
    parts = [value for value in values if value is not None]
    if all(isinstance(value, tuple) for value in parts):
        if parts:
            one_type(item for value in parts for item in items(value))
    elif all(isinstance(value, dict) for value in parts):
        _one_type_of_fields([value for value in parts if isinstance(value, dict)])
    else:
        same_kind(*values)
        if any(isinstance(value, tuple | dict) for value in parts):
            raise UndecidedError


def _one_type_of_fields(objects: Sequence[Mapping[str, HclValue]]) -> None:
    names = {name: None for fields in objects for name in fields}
    if any(fields.keys() != names.keys() for fields in objects):
        one_type(item for fields in objects for item in fields.values())  # of a map
    for name in names:
        one_type(fields[name] for fields in objects if name in fields)


class ValueScope(Struct, frozen=True):
    """The values of names."""

    # The values of variables, by reference such as ``var.partition``. A template is a text that a
    # caller passes.
    values: Mapping[str, Template | HclValue] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)  # expressions by reference, for locals
    texts: Mapping[Hole, str | Template] = field(
        default_factory=dict
    )  # the holes' values that a caller passes
    # Whether a module is read for any values: other references are holes in a text, and no count or
    # for_each is evaluated. If not, the values are those of one caller, and such a text is unknown.
    holes: bool = False
    strings: frozenset[str] = frozenset()  # the variables of type string, by reference
    # The variables that are lists of strings. In a text, a hole stands for each item.
    lists: frozenset[Hole] = frozenset()
    # Its resources, data sources and called modules, by address.
    blocks: Mapping[str, Block] = field(default_factory=dict)
    # Its provider's partition, Region and account, if known.
    surroundings: Mapping[str, str] = field(default_factory=dict)

    def attributes(
        self, address: str, key: str, arguments: Mapping[str, HclValue]
    ) -> dict[str, HclValue]:
        """Return the known attributes of an instance of a resource, data source or module.

        `arguments` has the arguments of a data source about the provider, by name.
        """
        kind = address.rpartition(".")[0]
        if kind == DOCUMENT:
            code = f"{address}{key}.json"
            return dict.fromkeys(("json", "minified_json"), Unevaluated(code, is_text=True))
        names, known = SURROUNDINGS.get(kind, {}), self.surroundings
        others = {name: value for name, value in arguments.items() if value is not None}
        if kind == "data.aws_region" and others.keys() == {"region"}:
            return dict.fromkeys(names, others["region"])
        if others:
            return {name: Unevaluated(f"{address}{key}.{name}", is_text=True) for name in names}
        return {
            name: known.get(value, Unevaluated(code, advice(code), is_text=True))
            for name, value in names.items()
            for code in [f"{address}{key}.{name}"]
        }


def advice(code: str) -> Message:
    """Return what a user can do to make a reference known; empty if nothing."""
    kind, _, name = code.partition(".")
    if kind == "var":
        return f"give --var {name.partition('.')[0].partition('[')[0]}=VALUE"
    for address, names in SURROUNDINGS.items():
        if code.startswith(f"{address}."):
            option = next(iter(names.values())).replace("_", "-")
            return f"give --set {option}={option.rpartition('-')[2].upper()}"
    return ""


def address_of(block: Block) -> str:
    """Return the address of a resource, data source or module, as expressions name it."""
    return ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))
