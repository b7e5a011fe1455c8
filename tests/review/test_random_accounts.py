"""Plans made up at random, reviewed beside a model of the account that they are applied to.

What is allowed is known without a proof: the policies of `account` have no conditions and only the
resource ``*``, so that one request for each action that they tell apart decides it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

import pytest
from msgspec import Struct

from account import DOCUMENTS, ROLES, Account, World, arn
from synthetic import Json, found, resource
from vpc_cni_iam.catalog.facts.calls import call_ranges
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.report.shown import ShownFinding
from vpc_cni_iam.review.rules import Consequence

# The actions of the plugin, and others that the policies tell apart.
CALLS = frozenset(r.action for r in call_ranges(("ipv4",), newest()))
ACTIONS = frozenset(
    (
        *("s3:A", "s3:B", "s3:C", "ec2:DescribeImages", "ec2:CreateNetworkInterfacePermission"),
        *("ec2:TerminateInstances", "iam:CreateUser", *CALLS),
    )
)
BOUNDARIES = (0, 2, 5, 6, 7, 8)  # documents that a boundary may have
ACCOUNTS = 1000 if os.environ.get("VPC_CNI_IAM_FUZZ") else 200  # of each kind
PLUGIN, EVERYTHING = (loads(DOCUMENTS[number], "policy") for number in (6, 8))


def compare(seed: int) -> None:
    world = World(seed)
    if not world.consistent:
        return
    findings = found(*world.changes, configuration=world.configuration)
    means = {meaning for finding in findings for meaning in finding.means}
    outcomes = [*world.applied()]
    changes = [change for after in outcomes for change in of_roles(world, after)]
    if any(change.gains for change in changes):
        assert serious(findings), f"seed {seed}"
    if any(change.less_denied for change in changes):
        assert Consequence.NEW_ACCESS in means, f"seed {seed}"
    if any(change.losses for change in changes if change.is_plugins):
        assert Consequence.COVERAGE_LOST in means, f"seed {seed}"
    if any(after != world.before for after in outcomes):
        assert Consequence.ANY_CHANGE in means, f"seed {seed}"
    # Who has a managed policy besides these roles is not known.
    if not any(c.matters for c in (*changes, *of_policies(world))) and not world.replaced:
        assert not [f for f in findings if f.level is Level.ERROR], f"seed {seed}"


def compare_hidden(seed: int) -> None:
    world = World(seed)
    if not world.consistent:
        return
    findings = found(*hidden(world), configuration=with_references(world))
    changes = [change for after in world.applied() for change in of_roles(world, after)]
    if any(change.gains for change in changes):
        assert serious(findings), f"seed {seed}"
    if any(change.less_denied for change in changes):
        assert Consequence.NEW_ACCESS in {m for f in findings for m in f.means}, f"seed {seed}"


def compare_bounded(seed: int) -> None:
    world = World(seed)
    if not world.consistent:
        return
    bounds = {role: [world.rnd.choice((None, *BOUNDARIES)) for _ in range(2)] for role in ROLES}
    findings = found(*bounded(world, bounds), configuration=world.configuration)
    means = {meaning for finding in findings for meaning in finding.means}
    changes = [
        changed(world.before, after, role, is_replaced=role in world.replaced, boundaries=sides)
        for after in world.applied()
        for role, sides in bounds.items()
    ]
    if any(change.gains for change in changes):
        assert serious(findings), f"seed {seed}"
    if any(change.less_denied for change in changes):
        assert Consequence.NEW_ACCESS in means, f"seed {seed}"
    if any(change.losses for change in changes if change.is_plugins):
        assert Consequence.COVERAGE_LOST in means, f"seed {seed}"


def bounded(world: World, bounds: Mapping[str, list[int | None]]) -> Iterator[Json]:
    """The changes of a world whose roles have permissions boundaries."""
    for number in BOUNDARIES:
        values = {"name": f"b{number}", "policy": DOCUMENTS[number], "arn": arn(f"b{number}")}
        yield resource("aws_iam_policy", f"b{number}", values, values)
    for item in deepcopy(world.changes):
        if item["type"] == "aws_iam_role":
            change, name = item["change"], item["name"]
            for side, number in zip(("before", "after"), bounds[name], strict=True):
                boundary = None if number is None else arn(f"b{number}")
                change[side] = {**change[side], "permissions_boundary": boundary}
            if bounds[name][0] != bounds[name][1] and change["actions"] == ["no-op"]:
                change["actions"] = ["update"]
        yield item


def compare_membership(seed: int) -> None:
    """The role r1 stands for a user, and r2 for a group that the user may be in."""
    world = World(seed)
    keys = [key for key in world.before.inline if key[1] == "unmanaged"]
    for key in keys:  # users do not repeat what others made
        del world.before.inline[key]
    parts = [(p.change["change"]["before"], p.change["change"]["after"]) for p in world.parts]
    moves = any(a and b and a.get("role") != b.get("role") for a, b in parts)
    if not world.consistent or world.replaced or moves:
        return
    member = [world.rnd.random() < 0.6, world.rnd.random() < 0.6]
    sides = [{"user": "r1", "groups": ["r2"]} if is_member else None for is_member in member]
    changes = [*map(of_user_or_group, world.changes)]
    outcomes = [*world.applied()]
    if seed % 2:  # nothing but the membership changes
        outcomes, there = [world.before], [item for item in changes if item["change"]["before"]]
        changes = [resource(i["type"], i["name"], *[i["change"]["before"]] * 2) for i in there]
    if any(member):
        changes.append(resource("aws_iam_user_group_membership", "m", *sides))
    blocks = deepcopy(world.configuration)
    kinds = {item["name"]: item["type"] for item in changes}
    for block in blocks["root_module"]["resources"]:
        block["type"] = kinds.get(block["name"], block["type"])
    findings = found(*changes, configuration=blocks)
    for after in outcomes:
        accounts = [joined(*pair) for pair in zip((world.before, after), member, strict=True)]
        for name in ROLES:
            if changed(accounts[0], accounts[1], name).gains:
                assert serious(findings), f"seed {seed}"


def joined(account: Account, is_member: bool) -> Account:
    """An account in which a user has what its group has."""
    inline, attached = {**account.inline}, {*account.attached}
    if is_member:
        inline |= {("r1", f"r2/{n}"): text for (o, n), text in account.inline.items() if o == "r2"}
        attached |= {("r1", policy) for owner, policy in account.attached if owner == "r2"}
    return Account(account.policies, inline, attached)


def of_user_or_group(item: Json) -> Json:
    """A change of a role as one of a user, for r1, or of a group."""
    item = deepcopy(item)
    change = item["change"]
    sides = [side for side in (change["before"], change["after"]) if side]
    if item["type"] == "aws_iam_policy_attachment":
        for side in sides:
            side["users"], side["groups"] = ([n for n in side["roles"] if n == r] for r in ROLES)
            side["roles"] = []
    elif item["type"].startswith("aws_iam_role"):
        named = ("name",) if item["type"] == "aws_iam_role" else ("role", "role_name")
        kind = "user" if "r1" in [sides[0].get(name) for name in named] else "group"
        for side in sides:
            for argument in ("inline_policy", "managed_policy_arns", "assume_role_policy"):
                side.pop(argument, None)
            for argument in {*side} & {"role", "role_name"}:
                side[argument.replace("role", kind)] = side.pop(argument)
        item["type"] = item["type"].replace("role", kind)
        item["address"] = f"{item['type']}.{item['name']}"
    return item


def hidden(world: World) -> Iterator[Json]:
    """The changes of a world, some of whose roles and policies are sensitive or unknown.

    Roles do not repeat what others made.
    """
    for item in deepcopy(world.changes):
        change = item["change"]
        if item["type"] == "aws_iam_role":
            for side in filter(None, (change["before"], change["after"])):
                side.pop("inline_policy", None)
                side.pop("managed_policy_arns", None)
        elif item["type"] in ("aws_iam_role_policy", "aws_iam_role_policy_attachment"):
            hide(change, "role", world.rnd.choice(("", "sensitive", "sensitive", "unknown")))
            if item["type"].endswith("_attachment"):
                hide(change, "policy_arn", world.rnd.choice(("", "", "sensitive", "unknown")))
        yield item


def hide(change: Json, argument: str, how: str) -> None:
    if how == "sensitive":
        change["before_sensitive"][argument] = change["after_sensitive"][argument] = True
    elif how == "unknown" and "create" in change["actions"]:
        change["after"].pop(argument, None)
        change["after_unknown"] = {**change["after_unknown"], argument: True}


def with_references(world: World) -> Json:
    """The configuration of a world, in which all inline policies and attachments have locals."""
    expressions = {argument: {"references": ["local.name"]} for argument in ("role", "policy_arn")}
    blocks = [
        {key: item[key] for key in ("address", "mode", "type", "name")}
        | {"expressions": expressions if item["type"] != "aws_iam_role" else {}}
        for item in world.changes
    ]
    return {"root_module": {"resources": blocks}}


class AccessChange(Struct, frozen=True):
    """What policies before and after allow and deny."""

    gains: frozenset[str]
    less_denied: frozenset[str]  # what a policy of a resource may newly allow
    losses: frozenset[str]  # of what the plugin calls
    is_plugins: bool = False

    @property
    def matters(self) -> bool:
        """Whether anything but a removal of other permissions happens."""
        return bool(self.gains or self.less_denied or self.losses)


def of_roles(world: World, after: Account) -> Iterator[AccessChange]:
    """What becomes of each role."""
    for role in ROLES:
        yield changed(world.before, after, role, is_replaced=role in world.replaced)


def of_policies(world: World) -> Iterator[AccessChange]:
    """What becomes of each managed policy, for whoever has it."""
    for texts in world.managed.values():
        sides = [Account(inline={("r", "i"): text} if text else {}) for text in texts[:2]]
        yield changed(*sides, "r")


def changed(
    before: Account,
    after: Account,
    role: str,
    *,
    is_replaced: bool = False,
    boundaries: Sequence[int | None] = (None, None),
) -> AccessChange:
    (old, old_denied), (new, new_denied) = (
        allowed(side, role, boundary)
        for side, boundary in zip((before, after), boundaries, strict=True)
    )
    # Policies of resources that name a role are broken once it is replaced.
    less_denied = frozenset[str]() if is_replaced else old_denied - new_denied
    return AccessChange(new - old, less_denied, (old - new) & CALLS, PLUGIN in before.of(role))


def allowed(
    account: Account, role: str, boundary: int | None = None
) -> tuple[frozenset[str], frozenset[str]]:
    """The actions that a role is allowed within a boundary, and those that a Deny denies it."""
    policies = account.of(role)
    limit = EVERYTHING if boundary is None else loads(DOCUMENTS[boundary], "policy")
    denies = [policy.only("Deny") for policy in (*policies, limit)]
    own, within, all_but_denied = (
        frozenset(a for a in ACTIONS if side.evaluate(Request(a, "*")).allowed)
        for side in map(compile_policies, (policies, [limit], [EVERYTHING, *denies]))
    )
    return own & within, ACTIONS - all_but_denied


def serious(findings: tuple[ShownFinding, ...]) -> bool:
    """Say whether new access is more than a note."""
    return any(f.level is not Level.NOTE and Consequence.NEW_ACCESS in f.means for f in findings)


COMPARISONS = {
    "roles": compare,
    "roles that are sensitive or unknown": compare_hidden,
    "roles within boundaries": compare_bounded,
    "users and groups": compare_membership,
}


@pytest.mark.parametrize("of", COMPARISONS)
def test_no_gain_and_no_loss_is_passed_over(of: str) -> None:
    for seed in range(3):
        COMPARISONS[of](seed)


@pytest.mark.parametrize("of", COMPARISONS)
@pytest.mark.parametrize("first", range(0, ACCOUNTS, 100))
def test_no_gain_and_no_loss_of_many_accounts_is_passed_over(of: str, first: int) -> None:
    for seed in range(first, first + 100):
        COMPARISONS[of](seed)
