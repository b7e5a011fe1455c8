"""The table of what an attacker with aws-node's credentials can do, by policy.

For each cell, the evaluator checks requests with every resource that EC2 checks for the action. If
EC2 refuses a request whatever IAM allows, the row's text says it, with its source.
"""

from collections.abc import Callable

from msgspec import Struct

from vpc_cni_iam.catalog import narrowing, parameters
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.coverage.analysis.reach import (
    ASSIGN,
    ATTACH,
    DELETE,
    DETACH,
    MODIFY,
    UNASSIGN,
    Attacker,
)
from vpc_cni_iam.coverage.names import names_of
from vpc_cni_iam.coverage.simulate.requests import NodeInterface
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, RequestSetting
from vpc_cni_iam.policy.document import Policy

_NAMES = parameters.values({name: EXAMPLE[name] for name in ("cluster_name", "vpc_id")})
# Those of the cluster's nodes.
_IDS = {
    IdList.subnets: ["subnet-0123456789abcdef0"],
    IdList.security_groups: ["sg-0123456789abcdef0"],
}
_OF_ALL = "reference"
YES, NO, CLAIM = "yes", "no", "after tagging it"


def document(variant: str, hardening: Hardening | None = None) -> Policy:
    """Return the catalog's policy of a variant for the newest plugin version, with names."""
    (composed,) = options((variant,), cni_version="latest", hardening=hardening).composed()
    ids = {limit: _IDS[limit] for limit in hardening.limits} if hardening else {}
    return narrowing.filled(composed.policy, _NAMES, ids)


# A column each: its title, and what makes its policy.
COLUMNS: list[tuple[str, Callable[[], Policy]]] = [
    ("generic", lambda: document("ipv4")),
    ("scoped", lambda: document("ipv4-scoped")),
    ("hardened", lambda: document("ipv4-scoped", Hardening())),
    (
        "narrowed",
        lambda: document("ipv4-scoped", Hardening(limits=tuple(IdList))),
    ),
]


class Ability(Struct, frozen=True):
    """One thing that an attacker may do: a row."""

    text: str
    sources: tuple[str, ...]  # keys of `SOURCES`
    answer: Callable[[Attacker], str]  # the text of a cell


def _on(
    make: Callable[[Attacker], NodeInterface], *actions: str, own_instance: bool = True
) -> Callable[[Attacker], str]:
    """Return a function that checks whether all actions are allowed on an interface."""

    def may(reach: Attacker, eni: NodeInterface) -> bool:
        return all(reach.may(action, eni, own_instance=own_instance) for action in actions)

    def answer(reach: Attacker) -> str:
        eni = make(reach)
        if may(reach, eni):
            return YES
        return CLAIM if reach.may_claim(eni) and may(reach, reach.claimed(eni)) else NO

    return answer


def _if(allowed: Callable[[Attacker], bool]) -> Callable[[Attacker], str]:
    return lambda reach: YES if allowed(reach) else NO


def _set_group(make: Callable[[Attacker], NodeInterface]) -> Callable[[Attacker], str]:
    def answer(reach: Attacker) -> str:
        eni = make(reach)
        if reach.may_set_group(eni):
            return YES
        return CLAIM if reach.may_claim(eni) and reach.may_set_group(reach.claimed(eni)) else NO

    return answer


def _own(reach: Attacker) -> NodeInterface:
    return reach.eni(reach.here, reach.ours)


def _theirs(reach: Attacker) -> NodeInterface:
    return reach.eni(reach.here, reach.theirs)


def _theirs_elsewhere(reach: Attacker) -> NodeInterface:
    return reach.eni(reach.there, reach.theirs)


def _untagged(reach: Attacker) -> NodeInterface:
    return reach.eni(reach.here, {})


def _untagged_elsewhere(reach: Attacker) -> NodeInterface:
    return reach.eni(reach.there, {})


_DOCS = "https://docs.aws.amazon.com"
_API = f"{_DOCS}/AWSEC2/latest/APIReference/API_"
SOURCES = {
    "reference": (
        "Service Authorization Reference, resources of each action",
        f"{_DOCS}/service-authorization/latest/reference/list_amazonec2.html",
    ),
    "delete": ("DeleteNetworkInterface", f"{_API}DeleteNetworkInterface.html"),
    "reassign": ("AssignPrivateIpAddresses", f"{_API}AssignPrivateIpAddresses.html"),
    "modify": ("ModifyNetworkInterfaceAttribute", f"{_API}ModifyNetworkInterfaceAttribute.html"),
    "requester": (
        "Requester-managed network interfaces",
        f"{_DOCS}/AWSEC2/latest/UserGuide/requester-managed-eni.html",
    ),
}
_TAGGED = f"the tag `{CLUSTER}`"
ABILITIES = (
    Ability(
        f"write its cluster's name into {_TAGGED} of an interface that has another cluster's, in "
        "its VPC or another one",
        ("reference",),
        _if(lambda r: r.may_claim(_theirs(r)) or r.may_claim(_theirs_elsewhere(r))),
    ),
    Ability(
        "give such an interface, in use on the other cluster's node, other security groups",
        ("reference",),
        _set_group(_theirs),
    ),
    Ability(
        "take addresses from it, or give it more: its pods lose their addresses",
        ("reference",),
        _on(_theirs, ASSIGN, UNASSIGN),
    ),
    Ability(
        "detach it from the other cluster's node, and delete it: detaching needs the instance, too",
        ("reference", "delete"),
        _on(_theirs, DETACH, DELETE, own_instance=False),
    ),
    Ability(
        "delete such an interface that is detached, or attach it to a node of its cluster",
        ("reference", "delete"),
        _on(_theirs, DELETE, ATTACH),
    ),
    Ability(
        f"change an interface of its VPC without {_TAGGED} that is in use on an instance: its "
        "security groups and addresses",
        ("reference",),
        _on(_untagged, ASSIGN, UNASSIGN, MODIFY),
    ),
    Ability(
        "the same in another VPC",
        ("reference",),
        _on(_untagged_elsewhere, ASSIGN, UNASSIGN, MODIFY),
    ),
    Ability(
        "tag an interface of its VPC that an AWS service manages, such as a load balancer's; EC2 "
        "refuses other changes",
        ("reference", "requester"),
        _if(lambda r: r.may_claim(_untagged(r))),
    ),
    Ability(
        "delete such an interface that its service left detached",
        ("reference", "requester"),
        _on(_untagged, DELETE),
    ),
    Ability(
        "put any security group of the VPC on an interface of its cluster's nodes, such as the one "
        "that a database trusts",
        ("reference", "modify"),
        _if(lambda r: r.may_set_group(_own(r)) or r.may_create(r.here, r.foreign_group(r.here))),
    ),
    Ability(
        "create an interface in any subnet of its VPC",
        ("reference",),
        _if(lambda r: r.may_create(r.beside, r.own_group)),
    ),
    Ability(
        "create an interface in another VPC",
        ("reference",),
        _if(lambda r: r.may_create(r.there, r.foreign_group(r.there))),
    ),
    Ability(
        "move secondary addresses of any interface in its subnet to its own, with "
        "AllowReassignment: IAM is asked about the receiving interface alone",
        ("reference", "reassign"),
        _on(_own, ASSIGN),
    ),
    Ability(
        "turn off the source/destination check of its cluster's interfaces, and have a public "
        "address assigned to a node's first one",
        ("reference", "modify"),
        _on(_own, MODIFY),
    ),
    Ability(
        "attach interfaces of its cluster to an instance of another cluster",
        ("reference",),
        _on(_own, ATTACH, own_instance=False),
    ),
    Ability(
        "detach and delete interfaces of its own cluster's nodes",
        ("reference",),
        _on(_own, DETACH, DELETE),
    ),
    Ability(
        "write any tag on an interface of its cluster",
        ("reference",),
        _if(lambda r: r.may_tag(_own(r), {"example-key": "example"})),
    ),
    Ability(
        "read all interfaces, instances and subnets of the account in the Region",
        ("reference",),
        _if(lambda r: r.allows(*r.requests.on_nothing("ec2:DescribeNetworkInterfaces"))),
    ),
)


def answers(make: Callable[[], Policy]) -> list[str]:
    """Return the cells of a column, in the order of the abilities."""
    policy = make()
    names = names_of({"vpc_id": EXAMPLE["vpc_id"]}, [policy])
    reach = Attacker(Answers([policy]), RequestSetting(known_versions.newest(), names=names))
    return [ability.answer(reach) for ability in ABILITIES]


def table() -> str:
    """Return the table; a row links to its sources except the one of all rows."""
    columns = [answers(make) for _, make in COLUMNS]
    titles = ["the role can", *(title for title, _ in COLUMNS), "more"]
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for ability, *cells in zip(ABILITIES, *columns, strict=True):
        own = (SOURCES[key][1] for key in ability.sources if key != _OF_ALL)
        sources = ", ".join(f"[source]({address})" for address in own)
        lines.append(f"| {ability.text} | {' | '.join(cells)} | {sources} |")
    title, address = SOURCES[_OF_ALL]
    lines += ["", f"Every row: [{title}]({address}). Documented, not tried in AWS."]
    return "\n".join(lines) + "\n"
