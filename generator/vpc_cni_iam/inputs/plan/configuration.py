"""The configuration in a plan: which resource refers to which, also through modules.

A plan has the constants and references of an expression, not the expression itself: an expression
that refers to one document may still change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from vpc_cni_iam.inputs.plan.arguments import NODE_ROLES
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.resource import call_names, parent, split_first, without_keys
from vpc_cni_iam.inputs.plan.role_names import may_name_role
from vpc_cni_iam.inputs.plan.shapes import ResourceBlock

_DEPTH = 100
_PREFIXES = (
    *("aws_iam_", "aws_eks_", "helm_release"),
    *("kubernetes_annotations", "kubernetes_service_account"),
    *("kubernetes_manifest", "kubectl_manifest"),
    *NODE_ROLES,
)
# Types that pass on their argument's values, such as a cluster's name after a pause.
_PASSING = {"null_resource": "triggers", "terraform_data": "input", "time_sleep": "triggers"}


class Module(Struct):
    """A module of the configuration."""

    # The expressions of its IAM and EKS resources by address in the module.
    blocks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    # The expressions of their ``for_each``, if they refer to anything.
    repeats: dict[str, Any] = field(default_factory=dict)
    # The types of provisioners, by the resource's address in the module.
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # The provider configuration of each of its resources, by address in the module.
    providers: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Module] = field(default_factory=dict)  # the modules it calls, by name
    outputs: dict[str, Any] = field(default_factory=dict)  # the expressions of its outputs, by name
    source: str = ""  # its source in the call
    # The call's expressions for its variables.
    arguments: Mapping[str, Any] = field(default_factory=dict)
    repeated: Any = None  # the expression of the call's ``for_each``
    # The defaults of its variables, except sensitive ones.
    defaults: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)  # the defaults of its sensitive variables


class Resolution(Struct):
    """The final references of an expression."""

    # Resources and data sources: the module's address, the address in it as written (maybe with an
    # index), and the attribute if any.
    resources: list[tuple[str, str, str]] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)  # its constant values
    open: list[str] = field(default_factory=list)  # unfollowed references, such as ``local.x``
    # Whether it uses the key of ``count`` or ``for_each``, which may choose an instance of its
    # references.
    aligned: bool = False


class _Trail(Resolution, kw_only=True):
    """A step still to follow: a module, an expression in it, and the ``for_each`` around."""

    pending: list[tuple[str, Any, Any]]
    variables: Mapping[str, Any]


class PlanConfiguration(Struct, frozen=True):
    """The configuration of a plan."""

    root: Module = field(default_factory=Module)

    def module(self, address: str) -> Module | None:
        """Return a module by its address, with or without keys; empty for the root."""
        module = self.root
        for name in call_names(address):
            if name not in module.calls:
                return None
            module = module.calls[name]
        return module

    def expression(self, module: str, block: str, *path: str) -> Any:
        """Return an argument's expression; None if there is none.

        `block` is the resource's address in the module, without index; `path` has the names and
        positions of the blocks around the argument, then its name.
        """
        owner = self.module(module)
        value: Any = owner.blocks.get(block) if owner else None
        for name in path:
            if isinstance(value, list):
                value = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
            elif isinstance(value, Mapping):
                value = value.get(name)
            else:
                return None
        return value

    def resolve(
        self, module: str, expression: Any, variables: Mapping[str, Any], repeated: Any = None
    ) -> Resolution:
        """Follow an expression through variables and outputs to resources and constants.

        `module` contains the expression, `variables` are the root module's, and `repeated` is the
        ``for_each`` of its block.
        """
        trail = _Trail(pending=[(module, expression, repeated)], variables=variables)
        for _ in range(_DEPTH):
            if not trail.pending:
                break
            here, node, each = trail.pending.pop()
            if not isinstance(node, Mapping):
                continue
            if "constant_value" in node:
                trail.constants.append(node["constant_value"])
            for reference in _longest(node.get("references")):
                self._follow(here, reference, each, trail)
        trail.open += ["and more"] if trail.pending else []
        # A key may also choose a value of a variable, which then chooses the instance.
        lookup = any(isinstance(value, Mapping | list) for value in trail.constants)
        trail.resources = [*dict.fromkeys(trail.resources)]
        trail.open = [*dict.fromkeys(trail.open)]
        trail.aligned = trail.aligned and not lookup
        return trail

    def is_null(self, module: str, expression: Any, variables: Mapping[str, Any]) -> bool:
        """Return whether an expression is null, also through variables of modules."""
        end = self.resolve(module, expression, variables)
        is_known = not (end.resources or end.open) and bool(end.constants)
        return is_known and all(constant is None for constant in end.constants)

    def _follow(self, here: str, reference: str, each: Any, trail: _Trail) -> None:
        head, rest = split_first(reference)
        if head == "var":
            self._follow_variable(here, reference, trail)
        elif head == "module":
            self._follow_output(here, reference, trail)
        elif head in ("local", "self"):
            trail.open.append(reference)
        elif head == "each" and rest != "key":
            self._follow_each(here, rest, each, trail)
        elif head in ("each", "count"):
            trail.aligned = True
        elif head not in ("path", "terraform"):  # which are known
            kind, name_rest = (head, rest) if head != "data" else split_first(rest)
            name, attribute = split_first(name_rest)
            prefix = "data." if head == "data" else ""
            if passed := _PASSING.get(kind):
                trail.open.append(reference)  # it may pass on only a part, or an earlier value
                inner = self.expression(here, f"{kind}.{without_keys(name)}", passed)
                trail.pending.append((here, inner, None))
                return
            trail.resources.append((here, f"{prefix}{kind}.{name}", split_first(attribute)[0]))

    def _follow_variable(self, here: str, reference: str, trail: _Trail) -> None:
        name = split_first(split_first(reference)[1])[0]
        module = self.module(here)
        if not here and name in trail.variables:
            trail.constants.append(trail.variables[name])
        elif module and name in module.arguments:
            trail.pending.append((parent(here), module.arguments[name], module.repeated))
        elif module and name in module.defaults and (here or module.defaults[name] is not None):
            trail.constants.append(module.defaults[name])  # a variable of a call may be null
        else:
            trail.open.append(reference)

    def _follow_output(self, here: str, reference: str, trail: _Trail) -> None:
        call, output = split_first(split_first(reference)[1])
        address = f"{here}.module.{call}".lstrip(".")
        module = self.module(address)
        name = split_first(output)[0]
        if module and name in module.outputs:
            trail.pending.append((address, module.outputs[name], None))
        else:
            trail.open.append(reference)

    def _follow_each(self, here: str, rest: str, each: Any, trail: _Trail) -> None:
        """Follow ``each.value`` to the value in ``for_each``; for a set, it is the key."""
        over = self.resolve(here, each, trail.variables)
        trail.resources += over.resources
        trail.open += over.open
        whole = [name for _, name, attribute in over.resources if not attribute]
        if len(whole) == len(over.resources) == 1 and not over.constants and not over.open:
            # A chained for_each: each key of a resource uses the instance with the same key.
            trail.aligned = True
        listed = all(isinstance(value, list) for value in over.constants)
        if rest == "value" and listed and not over.resources and not over.open:
            trail.aligned = True


def _longest(references: Any) -> Iterator[str]:
    """Yield references that are no prefix of another; the plan lists each prefix."""
    listed = references if isinstance(references, list) else ()
    every = [r for r in listed if isinstance(r, str)]
    for reference in every:
        longer = f"{reference}.", f"{reference}["
        if not any(other.startswith(longer) for other in every):
            yield reference


def read_configuration(reader: Reader) -> PlanConfiguration:
    """Read the configuration of a plan; return its parts about IAM."""
    configuration = PlanConfiguration()
    for key in reader.members():
        if key == "root_module":
            _module(reader, configuration.root, 0)
        else:
            reader.value()
    return configuration


def _module(reader: Reader, module: Module, depth: int) -> None:
    if depth > _DEPTH:
        raise reader.refuse("its modules nest too deeply to be a plan")
    for key in reader.members():
        if key == "resources":
            for block in reader.each(ResourceBlock):
                _block(reader, block, module)
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


def _block(reader: Reader, block: ResourceBlock, module: Module) -> None:
    if block.provisioners:
        types = dict.fromkeys(provisioner.type for provisioner in block.provisioners)
        module.commands[f"{block.type}.{block.name}"] = tuple(types)
    is_followed = block.type.startswith(_PREFIXES) or block.type in _PASSING
    if not (is_followed or may_name_role(bytes(block.expressions))):
        return
    name = f"{'data.' if block.mode == 'data' else ''}{block.type}.{block.name}"
    module.blocks[name] = reader.decoded(block.expressions, dict[str, Any])
    if over := reader.decoded(block.for_each_expression, object):
        module.repeats[name] = over
    module.providers[name] = block.provider_config_key


def _variable(name: str, variable: Mapping[str, Any], module: Module) -> None:
    if variable.get("sensitive"):
        module.secrets[name] = variable.get("default")
    else:
        module.defaults[name] = variable.get("default")


def _call(reader: Reader, depth: int) -> Module:
    module = Module()
    for key in reader.members():
        if key == "module":
            _module(reader, module, depth + 1)
        elif key == "expressions":
            module.arguments = _object(reader)
        elif key == "for_each_expression":
            module.repeated = _object(reader)
        elif key == "source":
            module.source = str(reader.decoded(reader.value(), object))
        else:
            reader.value()
    return module


def _object(reader: Reader) -> dict[str, Any]:
    value: Any = reader.decoded(reader.value(), object)
    return value if isinstance(value, dict) else {}
