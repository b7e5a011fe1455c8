"""Who has the policies of a module in HCL: inline ones, and those that are attached."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.hcl.evaluate.domain import (
    DOCUMENT,
    EvaluationError,
    TooLargeError,
    Unevaluated,
    Value,
    address_of,
)
from vpc_cni_iam.hcl.evaluate.excerpt import Declaration, declarations, dependencies
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.syntax import Block, Conditional, FunctionCall, Node, Reference, Text
from vpc_cni_iam.inputs.kind import PolicyOwner, PolicyPart
from vpc_cni_iam.inputs.plan.arguments import GRANTS, POLICY, PRINCIPALS, GrantArgument, Part
from vpc_cni_iam.inputs.plan.resource import parts, without_keys
from vpc_cni_iam.inputs.skipped import BOUNDARY, Reason, Skipped

_ATTACHED = (Part.ATTACHMENT, Part.ATTACHMENT_LIST)
# Functions that return one of their arguments, or an item of it, as it is.
_CHOICES = ("try", "one", "element", "coalesce", "concat", "tostring")
_DATA_POLICY, _OF_AWS = "data.aws_iam_policy", "arn:aws:iam::aws:policy/"


class Principals(Struct, frozen=True):
    """The principals of a module, with their policies."""

    blocks: dict[str, set[str]] = field(default_factory=dict)  # who has what a block writes out
    documents: dict[str, set[str]] = field(default_factory=dict)  # or a data source, by its name
    attached: list[PolicyOwner | Skipped] = field(default_factory=list)  # the policies with an ARN

    def grants(self, part: PolicyPart, address: str = "") -> Iterator[PolicyOwner]:
        """Yield who has a policy of a data source, or of an attribute by its address."""
        if isinstance(part, Skipped):
            return
        block = ".".join(address.split(".")[:2])
        document = part[0].partition("[")[0]
        yield from (
            PolicyOwner(owner, part[0])
            for owner in self.blocks.get(block, ()) or self.documents.get(document, ())
        )


def principals(own: Iterable[Block], blocks: Iterable[Block], evaluator: Evaluator) -> Principals:
    """Return who has the policies of some blocks of a module; an empty name is not known."""
    reader = _PrincipalReader({address_of(b) for b in own if b.type == "resource"}, evaluator)
    return reader.read(list(blocks))


class _PrincipalReader:
    def __init__(self, own: Collection[str], evaluator: Evaluator) -> None:
        self._own = own  # the resources whose policies are read
        self._evaluator = evaluator
        self._known = Principals()
        self._addresses: dict[str, str] = {}  # of principals, by their names as far as known
        self._attached: dict[str, set[str]] = {}  # the instances of policies, by block
        # What policies are written of: locals, and documents, alone and with those that they join.
        self._direct: dict[str, Declaration] = {}
        self._joined: dict[str, Declaration] = {}

    def read(self, blocks: Sequence[Block]) -> Principals:
        known, resources = self._known, [b for b in blocks if b.type == "resource"]
        for address, each in (pair for block in blocks for pair in declarations(block)):
            if address.startswith(("local.", f"{DOCUMENT}.")):
                self._direct[address] = Declaration("", each.block) if each.block else each
                self._joined[address] = (
                    self._direct[address] if self._overrides(each.block) else each
                )
        for block in resources:
            if block.labels[0] in PRINCIPALS and "name" in block.attributes:
                for key, inner in self._instances(block).items():
                    for name in _items(self._value(block.attributes["name"], inner)):
                        if isinstance(name, str):  # one of two accounts has no address
                            twice = name in self._addresses
                            self._addresses[name] = "" if twice else f"{address_of(block)}{key}"
        for block in resources:
            self._block(block)
        for block in resources:
            owners, number = known.blocks.get(address_of(block), set()), len(self._instances(block))
            attached = len(self._attached.get(address_of(block), range(number)))
            if number > 1 and (len(owners) > 1 or attached != number):
                known.blocks[address_of(block)] = owners = {""}  # which instance is whose
            for code in _texts_of(block) if owners else ():
                self._note_documents(code, number, owners)
        return known

    def _note_documents(self, code: str, number: int, owners: set[str]) -> None:
        """Note who has the data sources of which the policy of some instances is written."""
        self._direct[""] = self._joined[""] = Declaration(code)
        several = sum(n.startswith(DOCUMENT) for n in dependencies([""], self._direct)) > 1
        for name in dependencies([""], self._joined):
            if document := self._joined[name].block:
                numbers = {number, len(self._instances(document))}
                certain = not several and (numbers == {1} or (len(numbers) == len(owners) == 1))
                known = self._known.documents.setdefault(name.removeprefix(f"{DOCUMENT}."), set())
                known |= owners if certain else {""}

    def _block(self, block: Block) -> None:
        """Note what a resource gives to principals."""
        address, rows = address_of(block), GRANTS.get(block.labels[0], ())
        instances, unknown = self._counted(block)
        attaches = any(row.part in _ATTACHED and row.owners for row in rows)
        if not instances and attaches:
            detail = "it is counted or repeated zero times"
            self._known.attached.append(Skipped(address, Reason.not_in_force, detail))
        for key, inner in instances.items():
            for row in rows:
                owners = [*self._owners(row, block, key, inner)]
                if row.part is Part.PERMISSIONS:
                    self._known.blocks.setdefault(address, set()).update(owners)
                elif row.part in (*_ATTACHED, Part.BOUNDARY):
                    self._attach(f"{address}{key}", row, block, inner, owners)
                if attaches and unknown:
                    detail = "it may be counted or repeated zero times"
                    self._known.attached.extend(
                        Skipped(address, Reason.may_be_absent, detail, owner) for owner in owners
                    )

    def _attach(
        self, place: str, row: GrantArgument, block: Block, inner: Evaluator, owners: Sequence[str]
    ) -> None:
        """Note the managed policies that an argument names."""
        name = row.path.partition(".")[0]
        if (node := block.attributes.get(name)) is None:
            return
        for value in _items(self._value(node, inner)):
            arn = self._arn(node, value)
            for owner in owners:
                if row.part is Part.BOUNDARY:
                    detail = f"{place} has it; {BOUNDARY}"
                    part = Skipped(arn or f"{place}.{name}", Reason.not_applied, detail, owner)
                    self._known.attached.append(part)
                elif (policy := without_keys(arn)) in self._own:
                    self._known.blocks.setdefault(policy, set()).add(owner)
                    self._attached.setdefault(policy, set()).add(arn)
                elif arn.startswith("arn:"):
                    self._known.attached.append(PolicyOwner(owner, arn, place))
                else:
                    what = arn or (value.code if isinstance(value, Unevaluated) else str(value))
                    detail = f"it attaches {what}, a policy that is not in the input"
                    self._known.attached.append(Skipped(place, Reason.not_read, detail, owner))

    def _arn(self, node: Node, value: Value) -> str:
        """Return the ARN of a policy, or the address of one; empty if it is not known."""
        if not isinstance(value, Unevaluated):
            return str(value)
        steps = parts(value.code) if self._is_plain(node) else []
        if steps[:1] == [POLICY]:
            return ".".join(steps[:2])
        block = self._evaluator.scope.blocks.get(without_keys(".".join(steps[:3])))
        if block and address_of(block).startswith(f"{_DATA_POLICY}."):
            for name, argument in block.attributes.items():
                arn = self._value(argument, self._evaluator)
                if name == "name" and aws_managed.published(f"{_OF_AWS}{arn}"):
                    return f"{_OF_AWS}{arn}"
                if name == "arn" and isinstance(arn, str):
                    return arn
        return ""

    def _owners(
        self, row: GrantArgument, block: Block, key: str, inner: Evaluator
    ) -> Iterator[str]:
        """Yield the principals that an argument is about; an empty name is not known."""
        if not row.owners:
            yield f"{address_of(block)}{key}"
        for path, _ in row.owners:
            if (node := block.attributes.get(path.partition(".")[0])) is not None:
                for value in _items(self._value(node, inner)):
                    yield self._owner(node, value)

    def _owner(self, node: Node, value: Value) -> str:
        if not isinstance(value, Unevaluated):
            return self._addresses.get(str(value), str(value))
        steps = parts(value.code)
        is_principal = self._is_plain(node) and steps[0] in PRINCIPALS
        return ".".join(steps[:2]) if is_principal else ""

    def _is_plain(self, node: Node) -> bool:
        """Say whether an expression is what it refers to, and not computed of it."""
        match node:
            case Reference(path=path) if path in self._evaluator.scope.nodes:
                return self._is_plain(self._evaluator.scope.nodes[path])
            case Text(parts=texts):
                return len(texts) <= 1
            case FunctionCall(name="join", arguments=(Text(parts=()), joined)):
                return self._is_plain(joined)
            case FunctionCall(name=name, arguments=inner):
                return name in _CHOICES and all(map(self._is_plain, inner))
            case Conditional(options=inner):
                return all(map(self._is_plain, inner))
        return True

    def _overrides(self, document: Block | None) -> bool:
        """Say whether a document may have statements in place of those that it joins."""
        node = document.attributes.get("override_policy_documents") if document else None
        return node is not None and self._value(node, self._evaluator) not in (None, ())

    def _instances(self, block: Block) -> Mapping[str, Evaluator]:
        return self._counted(block)[0]

    def _counted(self, block: Block) -> tuple[Mapping[str, Evaluator], bool]:
        """Return the instances of a block, or one where they are not known; whether that is so."""
        try:
            instances = self._evaluator.instances(block)
        except (EvaluationError, TooLargeError):
            return {"": self._evaluator}, True
        if isinstance(instances, Unevaluated):
            return {"": self._evaluator.where_it_exists(block)}, True
        return instances, False

    def _value(self, node: Node, inner: Evaluator) -> Value:
        try:
            return inner.evaluate(node)
        except (EvaluationError, TooLargeError):
            return Unevaluated(node.span.code)


def _texts_of(block: Block) -> Iterator[str]:
    """Yield the code of each policy that a resource writes."""
    rows = GRANTS.get(block.labels[0], ())
    names = {row.path.partition(".")[0] for row in rows if row.part is Part.PERMISSIONS}
    names |= {"policy"} if block.labels[0] == POLICY else set()
    yield from (node.outer.code for name, node in block.attributes.items() if name in names)
    yield from (inner.span.code for inner in block.blocks if {inner.type, *inner.labels} & names)


def _items(value: Value) -> tuple[Value, ...]:
    """Return the items of a list, or a single value; none of null."""
    if isinstance(value, tuple):
        return value
    return () if value is None or value == "" else (value,)
