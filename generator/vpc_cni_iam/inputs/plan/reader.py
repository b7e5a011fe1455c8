"""Reads a plan's facts about IAM from the JSON of ``terraform show -json``.

The format is HashiCorp's "JSON Output Format", 1.x, which OpenTofu also writes. Resources of other
kinds are skipped without decoding.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan import json_stream
from vpc_cni_iam.inputs.plan.arguments import (
    ADDON,
    ASSOCIATION,
    CHART,
    CLUSTER,
    CLUSTER_ACCESS,
    FARGATE_PROFILE,
    GRANTS,
    NODE_ROLES,
    OIDC_PROVIDER,
    POLICY,
    PRINCIPALS,
    PROFILE,
    ROLE,
    SERVICE_ACCOUNTS,
)
from vpc_cni_iam.inputs.plan.configuration import PlanConfiguration, read_configuration
from vpc_cni_iam.inputs.plan.json_stream import Reader
from vpc_cni_iam.inputs.plan.kinds import ACTIONS, MAKE, MEMBERS, after, check
from vpc_cni_iam.inputs.plan.marked import (
    hide_constants,
    marked,
    of_change,
    of_values,
    of_variables,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.role_names import RoleNaming, may_use_role, newly_named
from vpc_cni_iam.inputs.plan.secrets import Secrets, is_policy
from vpc_cni_iam.inputs.plan.shapes import (
    ActionInvocation,
    Actions,
    ChangedResource,
    Changing,
    DeferredChange,
    DeferredInvocation,
    DocumentValues,
    HiddenDocument,
    StateResource,
)
from vpc_cni_iam.inputs.plan.unread import (
    INVOKED,
    WARNED,
    ChangeCounts,
    UnreadChange,
    UnreadKind,
    counted,
    is_plugins_chart,
    kind_of_type,
    running,
    unread_kind,
    unread_part,
    using_roles,
)

_DOCUMENT = "aws_iam_policy_document"
_ANNOTATION = b"role-arn"  # of a service account with a role
# The types that are read.
_READ = frozenset(
    {
        *PRINCIPALS,
        *GRANTS,
        *NODE_ROLES,
        *CLUSTER_ACCESS,
        *(POLICY, ADDON, ASSOCIATION, CLUSTER, CHART, FARGATE_PROFILE, OIDC_PROVIDER),
    }
)
_STAYS = (("no-op",), ("read",))
_Placed = TypeVar("_Placed", ChangedResource, StateResource)
_FIELDS = ("format_version", "terraform_version", "errored", "complete", "variables", "@level")


class Plan(Struct, frozen=True):
    """A plan's facts about IAM."""

    source: str  # the name of the file, for errors
    version: str  # the version of the engine that made it
    resources: tuple[Resource, ...]  # changes, deferred ones and drift, in the plan's order
    # The policy document data sources that were read before the plan.
    documents: tuple[Resource, ...]
    read: tuple[Resource, ...]  # the managed policies and clusters that data sources read
    configuration: PlanConfiguration  # how resources refer to each other
    # The values of the root module's variables, except sensitive ones.
    variables: Mapping[str, Any]
    secrets: Secrets  # every sensitive value; the other fields contain none
    complete: bool = True  # false if it is partial (-target) or defers changes
    format: str = ""  # the version of its format
    unread: tuple[UnreadChange, ...] = ()  # unread changes about access
    namings: tuple[RoleNaming, ...] = ()  # the roles that changed resources newly name
    counts: ChangeCounts = ChangeCounts()  # how many resources change
    unknown_members: tuple[str, ...] = ()  # its unknown top-level members

    @property
    def others(self) -> int:
        """The number of changed resources of other types."""
        return self.counts.others


def read_plan(
    data: bytes | mmap.mmap, source: str, passed: Callable[[int], None] | None = None
) -> Plan:
    """Read a plan; `passed` is called from time to time with the number of bytes read.

    Raises `InputError` with the place if it is not a plan that can be reviewed.
    """
    reader = Reader(data, source, passed)
    reader.skip_mark()
    reader.skip_wrapping()
    try:
        return _read(reader)
    except RecursionError:
        raise reader.refuse("nests too deeply to be a plan") from None
    finally:
        reader.close()


class _Contents(Struct):
    """The parts of a plan that are read so far."""

    fields: dict[str, Any] = field(default_factory=dict)  # for lists, whether they have items
    changes: list[Resource] = field(default_factory=list)
    state: list[Resource] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    configuration: PlanConfiguration = field(default_factory=PlanConfiguration)
    unread: list[UnreadChange] = field(default_factory=list)
    # The unread resources that are created or deleted.
    ended: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    naming: list[Resource] = field(default_factory=list)  # unread ones that may name roles
    # The changed resources that are read, except those with unread arguments.
    read: list[str] = field(default_factory=list)
    others: int = 0
    unknown_members: list[str] = field(default_factory=list)

    def section(self, key: str, reader: Reader) -> None:
        """Read a member of a plan, and keep its parts about IAM."""
        match key:
            case "resource_changes" | "resource_drift":
                drift = key == "resource_drift"
                changed = _once(reader.each_once(ChangedResource), reader)
                self.changes += self._changes(changed, reader, drift=drift)
            case "deferred_changes":
                deferrals = reader.each_once(DeferredChange)
                items = _once((deferred.resource_change for deferred in deferrals), reader)
                self.changes += self._changes(items, reader, drift=False)
            case "action_invocations":
                self._actions(reader.each(ActionInvocation), reader)
            case "deferred_action_invocations":
                invoked = reader.each(DeferredInvocation)
                self._actions((deferred.action_invocation for deferred in invoked), reader)
            case "output_changes":
                for _ in reader.members():
                    self.secrets.update(of_change(reader.value(), reader))
            case "prior_state":
                self.state += _state(reader, self.secrets)
            case "configuration":
                self.configuration = read_configuration(reader)
            case "planned_values":
                self.fields[key] = json_stream.resource_count(reader)
            case _:
                if key not in MEMBERS and reader.peek() in (b"[", b"{"):
                    self.unknown_members.append(key)
                reader.value()

    def _actions(self, items: Iterable[ActionInvocation], reader: Reader) -> None:
        """Note actions of providers, which are not read."""
        for item in items:
            self.secrets.update(of_values(item.config_values, item.config_sensitive, reader))
            is_access = kind_of_type(item.type) is UnreadKind.access
            kind = UnreadKind.access if is_access else UnreadKind.command
            self.unread.append(UnreadChange(item.address, INVOKED, kind, (item.type,)))

    def _changes(
        self, items: Iterable[ChangedResource], reader: Reader, *, drift: bool
    ) -> Iterator[Resource]:
        for item in items:
            self.fields["resource_changes"] = self.fields.get("resource_changes") or not drift
            self.secrets.update(of_change(item.change, reader))
            if _is_read(item) or (not drift and self._note(item, reader)):
                yield from self._resource(item, reader, drift=drift)

    def _resource(
        self, item: ChangedResource, reader: Reader, *, drift: bool
    ) -> Iterator[Resource]:
        """Yield the resource of a change, and note that it is read."""
        change = reader.decoded(item.change, Changing)
        if not change.actions or not ACTIONS.issuperset(change.actions):
            done = ", ".join(change.actions)[:80] or "nothing"
            raise reader.refuse(f"what is done to {item.address[:80]} is not known here: {done!r}")
        actions = tuple(change.actions)
        if item.mode == "managed" and not drift and _is_read(item):
            if actions not in _STAYS:
                self._note_read(item, actions, change, reader)
            elif change.importing or item.previous_address not in ("", item.address):
                self.read.append(item.address)  # it only gets another name
        resource = Resource(
            item.address,
            item.mode,
            item.type,
            item.name,
            actions,
            change.before,
            change.after,
            change.after_unknown,
            change.before_sensitive,
            change.after_sensitive,
            item.deposed,
            drift,
        )
        yield from _as_left(resource)

    def _note_read(
        self, item: ChangedResource, actions: tuple[str, ...], change: Changing, reader: Reader
    ) -> None:
        """Note a change that is read, or of another chart, which may contain the plugin."""
        if item.type == CHART and not any(map(is_plugins_chart, (change.before, change.after))):
            self._note_unread(item, actions, reader)
        elif part := unread_part(item.type, change):
            kind, arguments = part
            self.unread.append(UnreadChange(item.address, actions, kind, arguments=arguments))
        else:
            self.read.append(item.address)

    def _note(self, item: ChangedResource, reader: Reader) -> bool:
        """Note a change of an unread type; return whether it may be the plugin's account."""
        if item.mode != "managed":
            return False
        is_account = item.type.startswith(tuple(SERVICE_ACCOUNTS))
        is_account &= _ANNOTATION in bytes(item.change)
        actions = tuple(reader.decoded(item.change, Actions).actions)
        if actions in _STAYS:
            return is_account
        kind = self._note_unread(item, actions, reader)
        if actions != ("update",):
            self.ended.append((item.address, actions))
        if may_use_role(item) and not (is_account or kind in WARNED):
            self.naming += self._resource(item, reader, drift=False)
        return is_account

    def _note_unread(
        self, item: ChangedResource, actions: tuple[str, ...], reader: Reader
    ) -> UnreadKind | None:
        kind = unread_kind(item, reader)
        if kind:
            self.unread.append(UnreadChange(item.address, actions, kind))
        else:
            self.others += 1
        return kind


def _once(items: Iterable[_Placed], reader: Reader) -> Iterator[_Placed]:
    """Yield changes or resources; of two of one address, it is not known which one counts."""
    seen = set()
    for item in items:
        key = item.address, item.deposed
        if key in seen:
            raise reader.refuse(f"{item.address[:200]} is there twice")
        seen.add(key)
        yield item


def _read(reader: Reader) -> Plan:
    if reader.peek() != b"{":
        raise InputError(reader.source, "", f"is not the JSON of a plan; {MAKE}")
    contents = _Contents()
    for key in reader.members():
        if key in _FIELDS:
            contents.fields[key] = reader.decoded(reader.value(), object)
        else:
            contents.section(key, reader)
        contents.fields.setdefault(key, None)
    reader.skip_wrapping()
    if reader.peek():
        raise reader.refuse(after(contents.fields))
    check(contents.fields, reader.source)
    return _plan(contents, reader.source)


def _plan(contents: _Contents, source: str) -> Plan:
    """Return the plan, with every sensitive value hidden."""
    fields, configuration = contents.fields, contents.configuration
    values = _variables(fields.get("variables"))
    hiding = Secrets(contents.secrets | {*of_variables(values, configuration.root)})
    hide_constants(configuration.root, hiding)
    changes = [_hidden(resource, hiding) for resource in contents.changes]
    state = [_hidden(resource, hiding) for resource in contents.state]
    changes = _without_deposed_alone(changes, state)
    planned = {change.address for change in changes if not (change.drift or change.deposed)}
    ended = [*contents.ended, *((r.address, r.actions) for r in changes if not r.drift)]
    more = [*running(dict.fromkeys(ended), configuration)]
    namings = tuple(_namings(contents, hiding))
    unread = (*contents.unread, *using_roles(namings, contents.read, contents.unread))
    later = {naming.address for naming in namings if naming.later}
    referring = (_hidden(r, hiding) for r in contents.naming if r.address in later)
    sources = [r for r in state if r.mode == "data"]
    unchanged = [r for r in state if r.mode == "managed" and r.address not in planned]
    return Plan(
        source,
        str(fields.get("terraform_version") or ""),
        (*changes, *unchanged, *referring),
        tuple(r for r in sources if r.type == _DOCUMENT),
        tuple(r for r in sources if r.type != _DOCUMENT),
        configuration,
        {
            name: hiding.hidden(value, None)
            for name, value in values.items()
            if name not in configuration.root.secrets
        },
        hiding,
        fields.get("complete") is not False,
        str(fields.get("format_version") or ""),
        (*unread, *more),
        namings,
        counted(contents.read, unread, contents.others),
        tuple(contents.unknown_members),
    )


def _without_deposed_alone(changes: list[Resource], state: list[Resource]) -> list[Resource]:
    """Return changes; a deposed object without a current one is the resource itself."""
    there = {r.address for r in (*changes, *state) if not (r.drift or r.deposed)}
    return [r if not r.deposed or r.address in there else replace(r, deposed="") for r in changes]


def _namings(contents: _Contents, hiding: Secrets) -> Iterator[RoleNaming]:
    """Yield the resources that newly name roles, except those that grant or have policies."""
    roles = (r for r in (*contents.changes, *contents.state) if r.type in (ROLE, PROFILE))
    sides = (side for role in roles for side in (role.before, role.after) if side)
    known = (side.get(argument) for side in sides for argument in ("arn", "name"))
    names = frozenset(name for name in known if isinstance(name, str))
    for resource in (*contents.changes, *contents.naming):
        is_other = resource.drift or resource.deposed or resource.type in (POLICY, *GRANTS)
        if is_other or resource.stays:
            continue
        where, expression = (resource.module, resource.block), contents.configuration.expression
        naming = newly_named(resource, hiding, names)
        later = tuple(p for p in naming.later if expression(*where, str(p[0])) is not None)
        if naming.names or naming.hidden or later:
            yield replace(naming, later=later)


def _hidden(resource: Resource, hiding: Secrets) -> Resource:
    before = hiding.hidden(resource.before, resource.hidden_before)
    after = hiding.hidden(resource.after, resource.hidden_after)
    if hiding.is_empty and before is resource.before and after is resource.after:
        return resource
    return replace(resource, before=before, after=after)


def _variables(value: Any) -> dict[str, Any]:
    variables = value if isinstance(value, dict) else {}
    return {k: v.get("value") for k, v in variables.items() if isinstance(v, dict)}


def _state(reader: Reader, secrets: set[str]) -> list[Resource]:
    """Read ``prior_state``; return its parts about IAM."""
    resources: list[Resource] = []
    for key in reader.members():
        if key != "values":
            reader.value()
            continue
        for inner in reader.members():
            if inner != "root_module":
                reader.value()
                continue
            for item in _once(json_stream.resources(reader, StateResource), reader):
                hidden = set(of_values(item.values, item.sensitive_values, reader))
                stated = _stated(item, reader, hidden)
                secrets |= hidden
                for resource in stated if item.type == _DOCUMENT and hidden else ():
                    secrets.update(marked(resource.after, resource.hidden_after))
                resources += stated if not item.deposed else []
    return resources


def _stated(item: StateResource, reader: Reader, hidden: set[str]) -> list[Resource]:
    """Return the read parts of a resource; `hidden` has its sensitive values."""
    values: Mapping[str, Any]
    marks: Any = None
    if item.type == _DOCUMENT:
        values = {"json": reader.decoded(item.values, DocumentValues).json}
        if hidden:
            # A document that joins a sensitive policy shows each part of it.
            whole = reader.decoded(item.sensitive_values, HiddenDocument).json
            marks = {"json": whole or any(map(is_policy, hidden))}
    elif item.type in (POLICY, CLUSTER) or (item.mode == "managed" and item.type in _READ):
        values = reader.decoded(item.values, dict[str, Any])
        marks = reader.decoded(item.sensitive_values, object)
    else:
        return []
    return [
        Resource(
            item.address,
            item.mode,
            item.type,
            item.name,
            ("no-op",),
            before=values,
            after=values,
            hidden_before=marks,
            hidden_after=marks,
        )
    ]


def _as_left(resource: Resource) -> Iterator[Resource]:
    """Yield a resource as the plan leaves it: what it only removes from the state stays."""
    if {*resource.actions} == {"create", "forget"}:
        left = replace(resource, address=f"{resource.address} (forgotten)")
        yield replace(left, actions=("forget",)).unchanged()
        yield replace(resource, actions=("create",), before=None)
    else:
        yield resource.unchanged() if resource.is_forgotten else resource


def _is_read(item: ChangedResource) -> bool:
    return item.type in _READ or (item.mode == "data" and item.type.startswith("aws_iam_"))
