"""The policies after a plan, if known, and who has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct, field

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import UNKNOWN, Document, Gap, GapKind, Grant, GrantPart, Use
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues
from vpc_cni_iam.inputs.plan import arguments
from vpc_cni_iam.inputs.plan.arguments import GRANTS, POLICY, PRINCIPALS, USES, GrantArgument
from vpc_cni_iam.inputs.plan.resource import module_of, without_keys
from vpc_cni_iam.inputs.plan.secrets import holds_mark
from vpc_cni_iam.inputs.plan.values import Path, PlacedValue, member, read, text, value_at
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Unknown, Value

if TYPE_CHECKING:
    from vpc_cni_iam.inputs.plan.reader import Plan
    from vpc_cni_iam.inputs.plan.resource import Resource

_LATER = "is only known after apply"
_ATTACHED = (arguments.Part.ATTACHMENT, arguments.Part.ATTACHMENT_LIST)


def _facts(content: Content, _: ModuleValues) -> Iterator[Fact]:
    """Yield the policies after a plan by their resource's address, and who has them.

    If the plan has no other policy, the policy documents that it read are taken.
    """
    from vpc_cni_iam.inputs.plan.reader import read_plan

    source = content.source
    plan = read_plan(content.text.encode(), source)
    reader = _PlanPolicies(plan)
    reader.read()
    values = reader.values or {r.address: _after(r, ("json",)) for r in plan.documents}
    for name, value in values.items():
        yield from _document(name, value, source)
    yield from reader.grants
    for resource in reader.resources:
        if resource.type == arguments.ROLE and "assume_role_policy" in (resource.after or {}):
            name = f"{resource.address}.assume_role_policy"
            yield from _document(name, _after(resource, ("assume_role_policy",)), source)
            yield Grant(resource.address, GrantPart.TRUST, name)
    if not plan.complete:
        detail = "made with -target, or with changes that are put off; make a plan of everything"
        yield NotKnown("the rest of the plan", Reason.not_read, detail)


def _document(name: str, value: Value, source: str) -> Iterator[Fact]:
    """Yield a document of the plan; also why it is left out, if it is no policy of an identity."""
    if not isinstance(value, Known) or not isinstance(value.value, str):
        is_sensitive = isinstance(value, Sensitive)
        kind, why = (
            (GapKind.sensitive, "is marked sensitive")
            if is_sensitive
            else (GapKind.unknown, _LATER)
        )
        yield Document(name, Gap(kind, why))
        return
    if holds_mark(value.value):
        yield Document(name, Gap(GapKind.sensitive, "has values that the plan marks sensitive"))
        return
    policy = loads(value.value, f"{source}: {name}")
    yield Document(name, policy)
    if policy.names_principals:
        yield NotKnown(name, Reason.other_kind, "it names principals")


def _after(resource: Resource, path: Path) -> Value:
    return value_at(resource, path, Side.AFTER)


class _PlanPolicies(Struct):
    """Finds the policies of a plan, and the principals that have them."""

    plan: Plan
    values: dict[str, Value] = field(default_factory=dict)  # the texts of policies, by name
    grants: list[Grant | Use | NotKnown] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)  # without deleted resources
    # Addresses by address without keys, and by type with ARN or name.
    _blocks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _named: dict[tuple[str, str], str] = field(default_factory=dict)
    # What resources gave to principals before: the provider also lists it in the principals'
    # computed arguments, before and after.
    _given: set[tuple[str, str]] = field(default_factory=set)
    _sources: dict[str, Resource] = field(default_factory=dict)  # documents of data sources

    def read(self) -> None:
        """Read the resources."""
        every = [r for r in self.plan.resources if not (r.drift or r.deposed)]
        self.resources = [r for r in every if not (r.is_deleted or r.is_forgotten)]
        self._sources = {source.address: source for source in self.plan.read}
        for resource in every:
            self._blocks[without_keys(resource.address)].append(resource.address)
        for resource in (*self.resources, *self.plan.read):
            self._name(resource)
        self._given = {
            (owner, key)
            for resource in every
            for row in GRANTS.get(resource.type, ())
            for owner in (self._owners(resource, row, Side.BEFORE) if row.owners else ())
            for key, *_ in self._keys(resource, row, Side.BEFORE)
        }
        for resource in self.resources:
            if resource.type == POLICY:
                self.values[resource.address] = _after(resource, ("policy",))
            for row in GRANTS.get(resource.type, ()):
                self._read(resource, row)
            self.grants += self._uses(resource)

    def _uses(self, resource: Resource) -> Iterator[Use]:
        """Yield the role of aws-node that a resource names."""
        for row in USES.get(resource.type, ()):
            block = f"{row.block}.*." if row.block else ""
            for placed in read(resource, f"{block}{row.role}", Side.AFTER):
                beside = placed.path[: 2 if row.block else 0]
                values = [_after(resource, (*beside, name)) for name, _ in row.values]
                if values == [Known(value) for _, value in row.values] and self._is_set(
                    resource, placed
                ):
                    role = self._principal(resource, placed, arguments.ROLE)
                    yield Use(role, row.by, resource.address)
                    return

    def _is_set(self, resource: Resource, placed: PlacedValue) -> bool:
        """Return whether a value is given, and not only computed by the provider."""
        if isinstance(placed.value, Unknown):
            argument, configuration = str(placed.path[0]), self.plan.configuration
            written = configuration.expression(resource.module, resource.block, argument)
            return written is not None or configuration.module(resource.module) is None
        return not isinstance(placed.value, Absent)

    def _name(self, resource: Resource) -> None:
        """Note the ARN and name with which other resources may refer to a principal or policy."""
        if resource.type in (*PRINCIPALS, POLICY):
            for name in ("arn",) if resource.type == POLICY else ("name", "arn"):
                if known := text(resource, name, Side.AFTER):  # else the reference
                    twice = (resource.type, known) in self._named
                    self._named[resource.type, known] = "" if twice else resource.address

    def _read(self, resource: Resource, row: GrantArgument) -> None:
        """Note the policies that an argument gives to principals."""
        owners = [*self._owners(resource, row, Side.AFTER)]
        argument, configuration = row.path.partition(".")[0], self.plan.configuration
        written = configuration.expression(resource.module, resource.block, argument)
        is_computed = row.computed and written is None
        for key, path, value in self._keys(resource, row, Side.AFTER):
            if is_computed and (
                (isinstance(value, Unknown) and len(path) == 1)
                or (resource.address, key) in self._given
            ):
                continue
            if row.part is arguments.Part.PERMISSIONS:
                name = f'{resource.address}.inline_policy["{key}"]'
                name = resource.address if row.owners else name
                self.values[name] = value
                self.grants += (Grant(owner, GrantPart.INLINE, name) for owner in owners)
            elif row.part is arguments.Part.BOUNDARY:
                limit = (self._policy(resource, path, value) or key, resource.address)
                self.grants += (Grant(owner, GrantPart.BOUNDARY, *limit) for owner in owners)
            elif row.part in _ATTACHED:
                policy = self._policy(resource, path, value)
                self.grants += self._attached(policy, resource.address, owners)

    def _attached(
        self, policy: str, place: str, owners: Iterable[str]
    ) -> Iterator[Grant | NotKnown]:
        """Yield the grants of a managed policy; an empty name is not known."""
        if policy in self._sources:  # otherwise nobody here has it
            self.values[policy] = _after(self._sources[policy], ("policy",))
        for owner in owners:
            yield (
                Grant(owner, GrantPart.ATTACHED, policy, place)
                if policy
                else NotKnown(place, Reason.not_read, f"its policy {_LATER}", owner)
            )

    def _keys(
        self, resource: Resource, row: GrantArgument, side: Side
    ) -> Iterator[tuple[str, Path, Value]]:
        """Yield a key for each policy of an argument, with its place and value."""
        for placed in read(resource, row.path, side):
            if isinstance(placed.value, Absent):
                continue
            key = f"{resource.address}.{row.path.partition('.')[0]}"
            if row.name:
                around = resource.after if side is Side.AFTER else resource.before
                for step in placed.path[:-1]:
                    around = member(around, step)
                key = str(member(around, row.name))
            elif isinstance(placed.value, Known):
                key = str(placed.value.value)
            yield key, placed.path, placed.value

    def _policy(self, resource: Resource, path: Path, value: Value) -> str:
        """Return the ARN of a policy, or its address in the plan; empty if not known."""
        if isinstance(value, Known):
            return self._named.get((POLICY, str(value.value))) or str(value.value)
        return self._referred(resource, path, POLICY) if isinstance(value, Unknown) else ""

    def _owners(self, resource: Resource, row: GrantArgument, side: Side) -> Iterator[str]:
        """Yield the principals of an argument; an empty name is not known."""
        if not row.owners:
            yield resource.address
        for path, kind in row.owners:
            for placed in read(resource, path, side):
                if not isinstance(placed.value, Absent):
                    yield self._principal(resource, placed, kind)

    def _principal(self, resource: Resource, placed: PlacedValue, kind: str) -> str:
        """Return the address or name of the principal in an argument; empty if not known."""
        match placed.value:
            case Known(name) if address := self._named.get((kind, str(name)), str(name)):
                return address
            case Known() | Unknown():
                return self._referred(resource, placed.path, kind)
        return UNKNOWN

    def _referred(self, resource: Resource, path: Path, kind: str) -> str:
        """Return the address of the only instance that an argument refers to; empty for none."""
        configuration, module = self.plan.configuration, resource.module
        block = configuration.module(module)
        repeated = block.repeats.get(resource.block) if block else None
        expression = configuration.expression(module, resource.block, str(path[0]))
        resolved = configuration.resolve(module, expression, self.plan.variables, repeated)
        if len(resolved.resources) != 1 or resolved.constants or resolved.open:
            return ""
        where, name, _ = resolved.resources[0]
        address = ".".join(filter(None, (where, name)))
        instances = self._blocks[without_keys(address)] if name.startswith(f"{kind}.") else []
        # If the argument uses the instance's key, the instance with the same key.
        key = resource.address.rpartition(resource.block)[2] if resolved.aligned else ""
        for exact in (address, f"{address}{key}"):
            if exact in instances:
                return exact
        same = [i for i in instances if module_of(i) == where] or instances
        return same[0] if len(same) == 1 else ""


# The reader of plans refuses an engine's state and log by name.
KIND = Kind(
    "the JSON of Terraform or OpenTofu (a plan, a state or a log)",
    "`terraform show -json PLANFILE` or `tofu show -json PLANFILE`, compressed by gzip or not",
    lambda c: c.has_member("format_version", "@level", "serial"),
    _facts,
    "plan",
    "a plan of the role and its policies, or the output of aws iam get-role-policy",
)
