"""Who has the policies of an HCL module: inline and attached policies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct, field

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import UNKNOWN, Document, Gap, GapKind, Grant, GrantPart, Use
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.evaluate.domain import (
    DOCUMENT,
    ExpressionError,
    HclValue,
    Unevaluated,
    address_of,
)
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.parse import expression
from vpc_cni_iam.hcl.resolve import JOINS, is_document, read_documents, text_of
from vpc_cni_iam.hcl.syntax import Block, Conditional, FunctionCall, Node, Reference, Text
from vpc_cni_iam.inputs.kind import PolicyPart
from vpc_cni_iam.inputs.plan.arguments import GRANTS, POLICY, PRINCIPALS, ROLE, USES, GrantArgument
from vpc_cni_iam.inputs.plan.resource import parts, without_keys
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Hole, PolicyText, fill

_ATTACHED = (GrantPart.ATTACHED, GrantPart.ATTACHED_LIST)
# Functions that return an argument, or an item of it, unchanged.
_CHOICES = ("try", "one", "element", "coalesce", "concat", "tostring")
_DATA_POLICY, _OF_AWS = "data.aws_iam_policy", "arn:aws:iam::aws:policy/"


class Principals(Struct, frozen=True):
    """The principals of a module, with their policies."""

    # The principals of a policy in a resource or data source, by address; an only instance has no
    # key. An empty name is an unknown principal.
    owners: dict[str, set[str]] = field(default_factory=dict)
    attached: list[Fact] = field(default_factory=list)  # by an ARN; boundaries, trust policies
    # The data sources that these policies join: they are not policies themselves.
    joined: set[str] = field(default_factory=set)

    def owned(self, part: PolicyPart) -> Iterator[Fact]:
        """Yield a policy and its principals, by a data source's name or an address's beginning."""
        if isinstance(part, NotKnown):
            yield part
            if part.counts:
                yield from self._having(part.name)
            return
        if not self.joined.isdisjoint(addresses(part[0])):
            yield NotKnown(part[0], Reason.read_with_it, "it is a part of another policy")
            return
        yield Document(part[0], part[1])
        yield from self._having(part[0])

    def _having(self, name: str) -> Iterator[Grant]:
        """Yield who has a policy."""
        owners = (self.owners[each] for each in addresses(name) if each in self.owners)
        yield from (Grant(owner, GrantPart.INLINE, name) for owner in next(owners, ()))


def principals(
    own: Iterable[Block],
    blocks: Iterable[Block],
    evaluator: Evaluator,
    trusts: Mapping[str, Policy],
) -> Principals:
    """Return the principals of the policies in some blocks of a module.

    `trusts` are its data sources that name principals.
    """
    resources = {address_of(b) for b in own if b.type == "resource"}
    reader = _PrincipalReader(resources, evaluator, trusts)
    reader.read([*blocks])
    return reader.known


class _PrincipalReader:
    def __init__(
        self, own: Collection[str], evaluator: Evaluator, trusts: Mapping[str, Policy]
    ) -> None:
        self.known = Principals()
        self._trusts = trusts
        self._own = own  # the resources whose policies are read
        self._evaluator = evaluator
        self._addresses: dict[str, str] = {}  # principals by their names, if known
        # Data sources of documents, and the resources that use them as policies.
        self._documents: list[tuple[str, str]] = []

    def read(self, blocks: Collection[Block]) -> None:
        resources = [block for block in blocks if block.type == "resource"]
        for block in resources:
            if block.labels[0] in PRINCIPALS and "name" in block.attributes:
                for key, inner in self._counted(block)[0].items():
                    for name in _items(self._value(block.attributes["name"], inner)):
                        if isinstance(name, str):  # a name in two accounts has no address
                            twice = name in self._addresses
                            self._addresses[name] = "" if twice else f"{address_of(block)}{key}"
        for block in resources:
            self._block(block)
        for document, resource in self._documents:
            if owners := self.known.owners.get(resource):
                self.known.owners.setdefault(document, set()).update(owners)
        joins = [pair for block in blocks if is_document(block) for pair in self._joins(block)]
        reached, apart = {*map(without_keys, self.known.owners)}, {*self.known.owners}
        while more := {source for source, joining in joins if joining in reached} - apart:
            reached.update(map(without_keys, more))
            apart |= more
            self.known.joined.update(more)

    def _joins(self, block: Block) -> Iterator[tuple[str, str]]:
        """Yield the data sources that a data source joins, each with its address."""
        for node in (block.attributes[name] for name in JOINS if name in block.attributes):
            for value in _items(self._value(node, self._evaluator)):
                if isinstance(value, Unevaluated) and value.is_text:
                    source = ".".join(parts(value.code)[:3])
                    yield self._instance(source), address_of(block)

    def _block(self, block: Block) -> None:
        """Note the policies that a resource gives to principals."""
        address, rows = address_of(block), GRANTS.get(block.labels[0], ())
        instances, unknown = self._counted(block)
        attaches = any(row.part in _ATTACHED and row.owners for row in rows)
        if not instances and attaches:
            detail = "it is counted or repeated zero times"
            self.known.attached.append(NotKnown(address, Reason.not_in_force, detail))
        for key, inner in instances.items():
            place = f"{address}{key}"
            self.known.attached.extend(self._uses(block, place, inner))
            if block.labels[0] == POLICY:
                self._written(GrantArgument("policy", GrantPart.INLINE), block, place, inner)
            for row in rows:
                owners = {*self._owners(row, block, place, inner)}
                if row.part is GrantPart.TRUST:
                    self._trust(place, block, inner)
                if row.part is GrantPart.INLINE:
                    self._written(row, block, place, inner)
                    self.known.owners.setdefault(self._instance(place), set()).update(owners)
                for owner in owners:
                    self._attach(owner, place, row, block, inner)
                    if attaches and unknown:
                        detail = "it may be counted or repeated zero times"
                        skipped = NotKnown(address, Reason.may_be_absent, detail, owner)
                        self.known.attached.append(skipped)

    def _uses(self, block: Block, place: str, inner: Evaluator) -> Iterator[Use]:
        """Yield the role of aws-node that a resource names."""
        for row in USES.get(block.labels[0], ()):
            blocks = [b for b in block.blocks if b.type == row.block] if row.block else [block]
            for each in blocks:
                values = {name: self._argument(each, name, inner) for name, _ in row.values}
                if values == dict(row.values):
                    name, _, key = row.role.partition(".")
                    node = each.attributes.get(name)
                    value = self._argument(each, name, inner)
                    if isinstance(value, Mapping):
                        value = value.get(key.replace("~", "."))
                    if node is not None and (roles := _items(value)):
                        by = each.attributes.get(row.first)
                        first = None if by is None else self._role(by, self._value(by, inner))
                        yield Use(self._role(node, roles[0]), row.by, place, first)
                        return

    def _role(self, node: Node, value: HclValue) -> str:
        """Return the address or ARN of a role; empty if not known."""
        if not isinstance(value, Unevaluated):
            arn = str(value)
            return self._addresses.get(arn.rpartition("/")[2]) or arn
        steps = self._referred(node, value)
        return ".".join(steps[:2]) if steps[:1] == [ROLE] else UNKNOWN

    def _argument(self, block: Block, name: str, inner: Evaluator) -> HclValue:
        node = block.attributes.get(name)
        return None if node is None else self._value(node, inner)

    def _written(self, row: GrantArgument, block: Block, place: str, inner: Evaluator) -> None:
        """Note the data sources that a resource uses as policies."""
        steps = row.path.split(".")
        blocks = [block, *(inner for inner in block.blocks if inner.type == steps[0])]
        for node in (b.attributes[steps[-1]] for b in blocks if steps[-1] in b.attributes):
            document = ".".join(self._referred(node, self._value(node, inner))[:3])
            if document.startswith(f"{DOCUMENT}."):
                self._documents.append((self._instance(document), self._instance(place)))

    def _trust(self, role: str, block: Block, inner: Evaluator) -> None:
        """Note the trust policy of a role."""
        if (node := block.attributes.get("assume_role_policy")) is None:
            return
        name = f"{role}.assume_role_policy"
        written: Policy | Gap
        try:
            written = self._trust_policy(node, inner, name)
        except (InputError, ExpressionError) as error:
            written = Gap(GapKind.unknown, str(error))
        self.known.attached.extend((Document(name, written), Grant(role, GrantPart.TRUST, name)))

    def _trust_policy(self, node: Node, inner: Evaluator, name: str) -> Policy:
        """Return a trust policy; what only an engine knows is a hole."""
        document = ".".join(self._referred(node, self._value(node, inner))[:3])
        if (policy := self._trust_document(document)) is not None:
            return policy
        while isinstance(node, Reference) and node.path in self._evaluator.scope.nodes:
            node = self._evaluator.scope.nodes[node.path]
        try:
            return loads(text_of(node, inner), name)
        except InputError:
            if not embedded.is_document(node):
                raise
            policy = embedded.read(node)
            return policy.map_texts(lambda text: fill(text, lambda h: self._filled(h, inner)))

    def _filled(self, hole: Hole, inner: Evaluator) -> PolicyText | Hole:
        """Return the text of an expression in a policy; the hole, if only an engine knows it."""
        value = self._value(node, inner) if (node := expression(hole.place)) else None
        return value if isinstance(value, str) else hole

    def _trust_document(self, address: str) -> Policy | None:
        """Return the policy of a data source; None if it is none, or joins others."""
        bare = without_keys(address)
        for name in (address, bare):
            if policy := self._trusts.get(name.removeprefix(f"{DOCUMENT}.")):
                return policy
        block = self._evaluator.scope.blocks.get(bare)
        if block is None or not is_document(block):
            return None
        every = read_documents(block, self._evaluator, with_holes=True)
        chosen = [d for d in every if f"{DOCUMENT}.{d.name}" == address] or every
        certain = [d.policy for d in chosen if not (d.joins or d.doubt)]
        return certain[0] if len(certain) == 1 else None

    def _attach(
        self, owner: str, place: str, row: GrantArgument, block: Block, inner: Evaluator
    ) -> None:
        """Note the managed policies that an argument names."""
        name = row.path.partition(".")[0]
        node = block.attributes.get(name)
        if node is None or row.part not in (*_ATTACHED, GrantPart.BOUNDARY):
            return
        for value in _items(self._value(node, inner)):
            arn = self._arn(node, value)
            part: Fact = Grant(owner, GrantPart.ATTACHED, arn, place)
            if row.part is GrantPart.BOUNDARY:
                part = Grant(owner, GrantPart.BOUNDARY, arn or f"{place}.{name}", place)
            elif without_keys(arn) in self._own:
                self.known.owners.setdefault(self._instance(arn), set()).add(owner)
                continue
            elif not arn.startswith("arn:"):
                what = arn or (value.code if isinstance(value, Unevaluated) else str(value))
                detail = f"it attaches {what}, a policy that is not in the input"
                part = NotKnown(place, Reason.not_read, detail, owner)
            self.known.attached.append(part)

    def _arn(self, node: Node, value: HclValue) -> str:
        """Return the ARN or address of a policy; empty if not known."""
        if not isinstance(value, Unevaluated):
            return str(value)
        steps = self._referred(node, value)
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
        self, row: GrantArgument, block: Block, place: str, inner: Evaluator
    ) -> Iterator[str]:
        """Yield the principals that an argument is about; an empty name is not known."""
        if not row.owners:
            yield place
        for path, _ in row.owners:
            if (node := block.attributes.get(path.partition(".")[0])) is not None:
                for value in _items(self._value(node, inner)):
                    steps = self._referred(node, value)
                    if not isinstance(value, Unevaluated):
                        yield self._addresses.get(str(value), str(value))
                    else:
                        yield ".".join(steps[:2]) if steps and steps[0] in PRINCIPALS else ""

    def _referred(self, node: Node, value: HclValue) -> list[str]:
        """Return the parts of an expression that is an address; empty for another value."""
        if isinstance(value, Unevaluated) and self._is_plain(node):
            return parts(value.code)
        return []

    def _is_plain(self, node: Node) -> bool:
        """Return whether an expression is only a reference, without a computation."""
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

    def _instance(self, address: str) -> str:
        """Return the address of an instance, without its key if it is the only one."""
        bare = without_keys(address)
        block = self._evaluator.scope.blocks.get(bare)
        return address if block and len(self._counted(block)[0]) > 1 else bare

    def _counted(self, block: Block) -> tuple[Mapping[str, Evaluator], bool]:
        """Return the instances of a block, or one if not known, and whether they are known."""
        try:
            instances, unknown = self._evaluator.possible_instances(block)
        except ExpressionError:
            return {"": self._evaluator}, True
        return instances, unknown is not None

    def _value(self, node: Node, inner: Evaluator) -> HclValue:
        try:
            return inner.evaluate(node)
        except ExpressionError:
            return Unevaluated(node.span.code)


def addresses(name: str) -> tuple[str, str]:
    """Return the address of a policy's resource or data source, with its key and without."""
    resource = parts(name)[:2]
    address = ".".join(resource if len(resource) > 1 else (DOCUMENT, *resource))
    return address, without_keys(address)


def _items(value: HclValue) -> tuple[HclValue, ...]:
    """Return the items of a list, or a single value; nothing for null."""
    if isinstance(value, tuple):
        return value
    return () if value is None or value == "" else (value,)
