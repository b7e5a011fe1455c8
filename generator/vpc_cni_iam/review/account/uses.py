"""The roles of workloads, and of service accounts other than the plugin's.

A resource names the role itself, or an instance profile, a launch template or a task definition
with the role. A change of these is a change of them, and is reported once.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import reduce

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import SERVICE_ACCOUNT
from vpc_cni_iam.inputs.plan.arguments import (
    ADDON,
    ASSOCIATION,
    NODE_GROUP,
    ROLE,
    ROLE_USES,
    SERVICE_ACCOUNTS,
    TEMPLATE,
    is_annotated,
    is_of_instances,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import (
    Path,
    PlacedValue,
    member,
    one,
    place_of,
    read,
    text,
    value_at,
    values_of,
)
from vpc_cni_iam.plugin.trust import ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Absent, Known, Sensitive, Unknown, Value
from vpc_cni_iam.review.account.annotations import role_annotations
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.review.account.plugin.resources import is_for_plugin
from vpc_cni_iam.review.account.reader import AccountReader

# The keys with which a block names an instance profile or a launch template.
_IDENTIFIERS = ("arn", "id", "name", "launch_template_id", "launch_template_name")
# AWS writes the policies of such a role, and only its service can assume it.
_SERVICE_LINKED = ":role/aws-service-role/"
_TARGET = "target_role_arn"
_DEPTH = 4  # steps from a group to its role: template, profile
_DEFAULT, _LATEST = "$Default", "$Latest"


class UseKind(Enum):
    """What gets the role."""

    INSTANCES = "instances"
    WORKLOAD = "workload"
    SERVICE_ACCOUNT = "service account"


class Pods(Struct, frozen=True):
    """The pods of a service account of a cluster; unknown names are empty."""

    cluster: str = ""
    addon: str = ""  # the add-on with the service account
    account: ServiceAccount = ServiceAccount("", "")
    object: str = ""  # identifies it if its name is unknown


class RoleUse(Struct, frozen=True):
    """A role that a resource of the plan gets, or gives pods."""

    workload: str  # the address of the resource
    attribute: str  # the argument that names the role
    named: IamResource  # what the argument names: the role, or a resource that has it
    target: str  # its resource type
    role: IamResource  # or a resource that has it and that the plan does not show
    pods: Pods | None = None
    session: Content = ABSENT  # the session policy that limits the role
    # Whether EKS Pod Identity assumes the role through another role. AWS does not say which of them
    # the session policy limits.
    is_target: bool = False
    # Whether the resource that it names has its current version.
    is_current: bool = True
    mark: str = ""  # of the secret that names it; empty if there is none

    @property
    def shown_role(self) -> IamResource:
        """The role as reports may show it."""
        return Unresolved(self.mark, Side.BEFORE, ROLE) if self.mark else self.role

    @property
    def by_name(self) -> tuple[IamResource, Pods | None]:
        """The name of the role or resource, and its pods."""
        return self.named, self.pods


def kind_of(kind: str) -> UseKind | None:
    """Return what gets the roles that a resource type names; None for other types."""
    if kind in SERVICE_ACCOUNTS or is_annotated(kind):
        return UseKind.SERVICE_ACCOUNT
    if kind not in ROLE_USES:
        return None
    return UseKind.INSTANCES if is_of_instances(kind) else UseKind.WORKLOAD


class Uses:
    """The uses of roles in one plan."""

    def __init__(self, reader: AccountReader) -> None:
        self._reader, self._resolver = reader, reader.resolver

    def of(self, resource: Resource, side: Side) -> Iterator[RoleUse]:
        """Yield the roles that a resource uses on a side."""
        if resource.type in ROLE_USES:
            yield from self._of_workload(resource, side)
        if kind_of(resource.type) is UseKind.SERVICE_ACCOUNT:
            is_plugin = is_for_plugin(resource, side)
            for use in self._of_service_accounts(resource, side):
                # The plugin's add-on may give a role to other service accounts.
                is_other = use.pods and use.pods.account.name not in ("", SERVICE_ACCOUNT)
                if not is_plugin or (resource.type == ADDON and is_other):
                    yield use

    def _of_workload(self, resource: Resource, side: Side) -> Iterator[RoleUse]:
        for path, kind in ROLE_USES[resource.type].items():
            for placed in read(resource, path, side, self._reader.plan.secrets):
                version = value_at(resource, (*placed.path, "version"), side)
                is_text = "{}" in path and isinstance(placed.value, Unknown)
                names = self._in_text if is_text else self.named
                for named in names(resource, placed, kind, side):
                    # EKS refuses a launch template with an instance profile.
                    is_refused = resource.type == NODE_GROUP and kind == TEMPLATE
                    if is_refused and not isinstance(named, InPlan):
                        continue
                    for role, is_current in self._behind(named, kind, version, side):
                        if not (isinstance(role, Named) and _SERVICE_LINKED in role.arn):
                            use = self._use(resource, placed, named, kind)
                            yield replace(use, role=role, is_current=is_current)

    def _of_service_accounts(self, resource: Resource, side: Side) -> Iterator[RoleUse]:
        session: Content = ABSENT
        if resource.type == ASSOCIATION:
            policy = one(resource, "policy", side)
            session = self._reader.library.content(resource, ("policy",), policy)
        accounts = [
            (placed, _pods(resource, placed.path, side))
            for path in SERVICE_ACCOUNTS.get(resource.type, ())
            for placed in read(resource, path, side)
        ]
        if is_annotated(resource.type):
            cluster, addon = (text(resource, n, side) for n in ("cluster_name", "addon_name"))
            for each in role_annotations(resource, side, self._reader.plan.secrets).roles:
                accounts.append((each.placed, Pods(cluster, addon, each.account, each.object)))
        uses = [
            replace(
                self._use(resource, placed, role),
                pods=pods,
                session=session,
                is_target=placed.path == (_TARGET,),
            )
            for placed, pods in accounts
            for role in self._named(resource, placed, ROLE, side)
        ]
        # the other role only assumes the target role
        has_target = any(use.is_target for use in uses)
        yield from (use for use in uses if use.is_target or not has_target)

    def _use(
        self, resource: Resource, placed: PlacedValue, named: IamResource, target: str = ROLE
    ) -> RoleUse:
        attribute = place_of(resource, placed.path).removeprefix(f"{resource.address}.")
        value, mark = placed.value, ""
        if isinstance(value, Sensitive):
            mark = str(value.mark) if is_mark(value.mark) else "(sensitive)"
        return RoleUse(resource.address, attribute, named, target, named, mark=mark)

    def named(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the resources that a value or block names, by known identifiers first."""
        block = reduce(member, placed.path, values_of(resource, side))
        is_item = bool(placed.path) and isinstance(placed.path[-1], int)  # a block is in a list
        if not (is_item and isinstance(block, dict)):
            return tuple(self._named(resource, placed, kind, side))
        places = ((*placed.path, name) for name in _IDENTIFIERS)
        items = [PlacedValue(place, value_at(resource, place, side)) for place in places]
        items.sort(key=lambda item: isinstance(item.value, Unknown))
        choices = [tuple(self._named(resource, item, kind, side)) for item in items]
        in_plan = (c for c in choices if c and all(isinstance(each, InPlan) for each in c))
        return next(in_plan, next(filter(None, choices), ()))

    def _named(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> Iterator[IamResource]:
        """Yield the resources that a value names; nothing if it is not set."""
        path, value = placed.path, placed.value
        if value in (ABSENT, Known("")):
            return
        is_later = isinstance(value, Unknown) and len(path) == 1
        if is_later and not self._reader.is_written(resource, str(path[0])):
            return
        if isinstance(value, Known):  # a number names no role
            placed = PlacedValue(path, Known(str(value.value)))
        yield from self._reader.resolve(resource, placed, kind, side)

    def _in_text(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> Iterator[IamResource]:
        """Yield the resources that a text which is known after apply may name."""
        instances, resolution = self._resolver.references(resource, placed.path)
        for instance in instances:
            if instance.type == kind and instance.mode == "managed":
                yield self._reader.owner(InPlan(instance.address))
        if resolution.open:
            yield Unresolved(place_of(resource, placed.path), side, kind)

    def _behind(
        self, named: IamResource, kind: str, version: Value, side: Side, depth: int = 0
    ) -> Iterator[tuple[IamResource, bool]]:
        """Yield the roles of a resource in a version, and whether its side has this version."""
        number = _number(version)
        if kind == ROLE or depth > _DEPTH or not (isinstance(named, InPlan) or kind == TEMPLATE):
            yield named, True
        elif not isinstance(named, InPlan):
            yield _in_version(named, number), not number
        else:
            target = self._resolver.by_address[named.address]
            shown = _side_of_version(target, number, side) if kind == TEMPLATE else side
            if shown is None:
                yield _in_version(Named(TEMPLATE, "", named.address), number or _DEFAULT), False
                return
            for path, inner in ROLE_USES[kind].items():
                for placed in read(target, path, shown):
                    of_inner = value_at(target, (*placed.path, "version"), shown)
                    for other in self.named(target, placed, inner, shown):
                        for role, _ in self._behind(other, inner, of_inner, shown, depth + 1):
                            yield role, shown is side


def _pods(resource: Resource, path: Path, side: Side) -> Pods:
    """Return the pods that get the role at a place."""
    cluster, addon = (text(resource, name, side) for name in ("cluster_name", "addon_name"))
    if resource.type == ADDON:
        account = value_at(resource, (*path[:-1], "service_account"), side)
        name = str(account.value) if isinstance(account, Known) else ""
        return Pods(cluster, addon, ServiceAccount("", name))
    names = (text(resource, name, side) for name in ("namespace", "service_account"))
    return Pods(cluster, account=ServiceAccount(*names))


def _in_version(template: IamResource, number: str | None) -> IamResource:
    """Return a stand-in for the role of a launch template version that no plan shows."""
    if number == "" or not isinstance(template, Named):
        return template
    version = "a version known after apply" if number is None else f"version {number}"
    return Named(TEMPLATE, template.account, f"{template.name} in {version}")


def _side_of_version(template: Resource, number: str | None, side: Side) -> Side | None:
    """Return the side on which a launch template has a version; None if the plan lacks it.

    A state has the latest version of a template. A change of the template creates the next one.
    """
    if template.before is None or (side is Side.AFTER and "create" in template.actions):
        return Side.AFTER
    is_after = side is Side.AFTER and template.after is not None
    shown = Side.AFTER if is_after else Side.BEFORE
    if number in ("", _DEFAULT):
        default = one(template, "default_version", shown)
        number = _LATEST if isinstance(default, Absent) else _number(default)
    match one(template, "latest_version", Side.BEFORE):
        case Known(int(latest)) if number not in (None, _LATEST):
            if number == str(latest):
                return Side.BEFORE
            is_next = is_after and template.actions == ("update",)
            return shown if is_next and number == str(latest + 1) else None
    return shown


def _number(version: Value) -> str | None:
    """Return a version as text; empty if it is not set, None if it is unknown."""
    match version:
        case Known(value):
            return str(value)
        case Absent():
            return ""
    return None
