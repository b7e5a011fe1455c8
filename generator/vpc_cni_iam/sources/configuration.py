"""The configuration inside a plan: which resource refers to which, through modules too.

A plan has the constants of an expression and the names it refers to, not the expression itself:
what refers to one document may still do something to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vpc_cni_iam.sources.addresses import call_names, parent, split_first
from vpc_cni_iam.sources.json_stream import Reader
from vpc_cni_iam.sources.shapes import Block

_DEPTH = 100
_PREFIXES = ("aws_iam_", "aws_eks_")


@dataclass(slots=True)
class Module:
    """A module of the configuration.

    Args:
        blocks: The expressions of its IAM and EKS resources by address in the module.
        calls: The modules it calls, by name.
        outputs: The expressions of its outputs, by name.
        source: Where the call that made it takes it from.
        arguments: The expressions that the call gives its variables.
        defaults: The defaults of its variables, but for those that are sensitive.
        secrets: The defaults of its sensitive variables.
    """

    blocks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: dict[str, Module] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Meant:
    """What an expression refers to in the end.

    Args:
        resources: Resources and data sources: the module's address, the address in it as written
            (it may have an index), and the attribute if one is named.
        constants: Constant values that stand for it.
        open: What cannot be followed, such as ``local.policy``.
    """

    resources: tuple[tuple[str, str, str], ...] = ()
    constants: tuple[Any, ...] = ()
    open: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """The configuration of a plan.

    Args:
        root: The root module.
    """

    root: Module = field(default_factory=Module)

    def module(self, address: str) -> Module | None:
        """Return a module by its address, whose keys do not matter.

        Args:
            address: Such as ``module.a["x"].module.b``; empty for the root module.
        """
        found = self.root
        for name in call_names(address):
            if name not in found.calls:
                return None
            found = found.calls[name]
        return found

    def expression(self, module: str, block: str, *path: str) -> Any:
        """Return an argument's expression, None if there is none.

        Args:
            module: The module's address.
            block: The resource's address in it, without index.
            path: The argument's name, after those of the blocks around it and their positions.
        """
        found = self.module(module)
        value: Any = found.blocks.get(block) if found else None
        for name in path:
            if isinstance(value, list):
                value = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
            elif isinstance(value, Mapping):
                value = value.get(name)
            else:
                return None
        return value

    def meant(self, module: str, expression: Any, variables: Mapping[str, Any]) -> Meant:
        """Follow an expression through variables and outputs to resources and constants.

        Args:
            module: The address of the module it stands in.
            expression: The expression, as the plan has it.
            variables: The values of the root module's variables.
        """
        resources: list[tuple[str, str, str]] = []
        constants: list[Any] = []
        opened: list[str] = []
        pending = [(module, expression)]
        for _ in range(_DEPTH):
            if not pending:
                break
            here, node = pending.pop()
            if not isinstance(node, Mapping):
                continue
            if "constant_value" in node:
                constants.append(node["constant_value"])
            for reference in _longest(node.get("references", ())):
                self._follow(here, reference, variables, (resources, constants, opened, pending))
        unique = dict.fromkeys
        return Meant(tuple(unique(resources)), tuple(constants), tuple(unique(opened)))

    def _follow(
        self, here: str, reference: str, variables: Mapping[str, Any], found: tuple[Any, ...]
    ) -> None:
        resources, constants, opened, pending = found
        head, rest = split_first(reference)
        if head == "var":
            name = split_first(rest)[0]
            own = self.module(here)
            if not here and name in variables:
                constants.append(variables[name])
            elif own and name in own.arguments:
                pending.append((parent(here), own.arguments[name]))
            elif own and own.defaults.get(name) is not None:
                constants.append(own.defaults[name])
            else:
                opened.append(reference)
        elif head == "module":
            call, output = split_first(rest)
            below = f"{here}.module.{call}".lstrip(".")
            child = self.module(below)
            name = split_first(output)[0]
            if child and name in child.outputs:
                pending.append((below, child.outputs[name]))
            else:
                opened.append(reference)
        elif head in ("local", "path", "terraform", "self"):
            opened.append(reference)
        elif head not in ("each", "count"):
            kind, name_rest = (head, rest) if head != "data" else split_first(rest)
            name, attribute = split_first(name_rest)
            prefix = "data." if head == "data" else ""
            resources.append((here, f"{prefix}{kind}.{name}", split_first(attribute)[0]))


def _longest(references: Any) -> Iterator[str]:
    """Yield references that are not the beginning of another; the plan lists each beginning."""
    listed = references if isinstance(references, list) else ()
    every = [r for r in listed if isinstance(r, str)]
    for reference in every:
        if not any(
            o != reference and o.startswith((f"{reference}.", f"{reference}[")) for o in every
        ):
            yield reference


def read_configuration(reader: Reader) -> Configuration:
    """Pass the configuration of a plan, and return what of it concerns IAM.

    Args:
        reader: Before its object.

    Raises:
        InputError: Not a configuration.
    """
    found = Configuration()
    for key in reader.members():
        if key == "root_module":
            _module(reader, found.root, 0)
        else:
            reader.value()
    return found


def _module(reader: Reader, module: Module, depth: int) -> None:
    if depth > _DEPTH:
        raise reader.refuse("its modules nest too deeply to be a plan")
    for key in reader.members():
        if key == "resources":
            for block in reader.each(Block):
                if block.type.startswith(_PREFIXES):
                    prefix = "data." if block.mode == "data" else ""
                    name = f"{prefix}{block.type}.{block.name}"
                    module.blocks[name] = reader.decoded(block.expressions, dict[str, Any])
        elif key == "module_calls":
            for name in reader.members():
                module.calls[name] = _call(reader, depth)
        elif key == "outputs":
            for name in reader.members():
                output = _object(reader)
                module.outputs[name] = output.get("expression")
        elif key == "variables":
            for name in reader.members():
                _variable(name, _object(reader), module)
        else:
            reader.value()


def _variable(name: str, variable: Mapping[str, Any], module: Module) -> None:
    if variable.get("sensitive"):
        module.secrets[name] = variable.get("default")
    else:
        module.defaults[name] = variable.get("default")


def _call(reader: Reader, depth: int) -> Module:
    found = Module()
    for key in reader.members():
        if key == "module":
            _module(reader, found, depth + 1)
        elif key == "expressions":
            found.arguments = _object(reader)
        elif key == "source":
            found.source = str(reader.decoded(reader.value(), object))
        else:
            reader.value()
    return found


def _object(reader: Reader) -> dict[str, Any]:
    found: Any = reader.decoded(reader.value(), object)
    return found if isinstance(found, dict) else {}
