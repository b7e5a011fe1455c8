"""The policy variants: documents that upstream publishes, and documents derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import (
    Mode,
    calls,
    feature_since,
    features,
    program_of,
)
from vpc_cni_iam.catalog.facts.documents import Revision
from vpc_cni_iam.catalog.facts.known_versions import known
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.parameters import CLUSTER_NAME, VPC_ID
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE, SERVICE_ACCOUNT
from vpc_cni_iam.errors import OptionError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.template import fill, holes, join
from vpc_cni_iam.policy.template import known as known_texts

# docs/iam-policy.md, "Scope-down IAM policy per EKS cluster": earlier versions send
# CreateNetworkInterface without the cluster's tag.
SCOPED_SINCE = PluginVersion("v1.8.0")


class Scope(Enum):
    """How a document is limited to a cluster; the value is the cluster's name in the document."""

    ACCOUNT = "*"
    CLUSTER_NAME = join([CLUSTER_NAME.hole])
    SESSION_TAGS = "${aws:PrincipalTag/eks-cluster-name}"

    def apply(self, policy: Policy) -> Policy:
        """Return a document that is scoped by the cluster's name with this scope instead.

        IAM allows policy variables in a condition's value but not in its key, and no session tag
        has the VPC. So with session tags, these conditions are left out, and one document works
        with many clusters. Source: Amazon EKS User Guide, "Grant Pods access to AWS resources based
        on tags".
        """
        if self is not Scope.SESSION_TAGS:
            return policy
        return replace(policy, statements=tuple(map(_by_session_tags, policy.statements)))


def _by_session_tags(statement: Statement) -> Statement:
    tag, cluster, vpc = Scope.SESSION_TAGS.value, CLUSTER_NAME.hole, VPC_ID.hole
    conditions = tuple(
        replace(c, values=tuple(fill(v, lambda h: tag if h == cluster else h) for v in c.values))
        for c in statement.conditions
        if cluster not in holes([c.key]) and vpc not in holes(c.values)
    )
    return replace(statement, conditions=conditions)


def scoped_statements(actions: Iterable[str], revision: Revision) -> tuple[Statement, ...]:
    """Return the statements of upstream's scoped document with only these EC2 actions.

    IAM cannot scope Describe actions: they get a statement on every resource.
    """
    actions = tuple(actions)
    describe = tuple(a for a in actions if a.startswith("ec2:Describe"))
    statements = [Statement(actions=describe, resources=("*",))] if describe else []
    for statement in revision.document("ipv4-scoped").statements:
        shared = tuple(a for a in actions if a in statement.actions and a not in describe)
        if shared:
            statements.append(replace(statement, actions=shared))
    return tuple(statements)


# The first plugin version that a scope can work with.
_SINCE = {Scope.CLUSTER_NAME: SCOPED_SINCE, Scope.SESSION_TAGS: POD_IDENTITY_SINCE}


class Variant(Struct, frozen=True):
    """One kind of policy document."""

    name: str  # as users write it, such as ``ipv4-scoped``
    modes: tuple[Mode, ...]  # the IP families of the clusters that it is for
    summary: str  # what it is for, in a line
    scope: Scope = Scope.ACCOUNT  # what limits it to a cluster
    # Derives the document from a revision of upstream's page; None if upstream publishes it.
    derive: Callable[[Revision], Policy] | None = None
    program: str | None = None  # the feature of the program that it is for; None for ``aws-node``

    @property
    def service_account(self) -> str:
        """The service account of the program that it is for."""
        return program_of(self.program).service_account if self.program else SERVICE_ACCOUNT

    @property
    def identifier(self) -> str:
        """The name in HCL and outputs, such as ``ipv4_scoped``."""
        return self.name.replace("-", "_")

    @property
    def derived(self) -> bool:
        """Whether this project derives the document; upstream publishes the others."""
        return self.derive is not None

    @property
    def published_by(self) -> str:
        """Who publishes the document."""
        return "derived by vpc-cni-iam" if self.derived else "upstream"

    @property
    def cluster_scoped(self) -> bool:
        """Whether the document is limited to a cluster."""
        return self.scope is not Scope.ACCOUNT

    @property
    def minimum(self) -> PluginVersion:
        """The oldest version that the variant can work with."""
        if self.program:
            return feature_since(self.program)
        oldest = known()[1] if "ipv6" not in self.modes else first_version("ipv6")
        return max(oldest, _SINCE.get(self.scope, oldest))

    def document(self, revision: Revision) -> Policy:
        """Return the document at a revision, with upstream's placeholders."""
        return revision.document(self.name) if self.derive is None else self.derive(revision)


def _ipv6_scoped(revision: Revision) -> Policy:
    """Upstream's IPv6 actions with the conditions of upstream's scoped document."""
    actions, tags = revision.document("ipv6").statements
    (assign,) = scoped_statements(("ec2:AssignPrivateIpAddresses",), revision)
    describe = tuple(a for a in known_texts(actions.actions) if a.startswith("ec2:Describe"))
    return Policy(
        (
            Statement(actions=describe, resources=("*",)),
            tags,
            replace(assign, actions=("ec2:AssignIpv6Addresses",)),
        )
    )


def _ipv4_ipv6(revision: Revision) -> Policy:
    """Upstream's IPv4 document with the actions that only the IPv6 document has."""
    ipv4, ipv6 = revision.document("ipv4"), revision.document("ipv6")
    (first, *rest), (first6, *rest6) = ipv4.statements, ipv6.statements
    actions = tuple(dict.fromkeys(first.actions + first6.actions))
    extra = [s for s in rest6 if s not in rest]
    return Policy((replace(first, actions=actions), *rest, *extra))


def _ipv4_pod_identity(revision: Revision) -> Policy:
    """Upstream's scoped document with a session tag instead of the cluster's name."""
    return Scope.SESSION_TAGS.apply(revision.document("ipv4-scoped"))


def _metrics_helper(_: Revision) -> Policy:
    """The calls of cni-metrics-helper; its source has a constant namespace for the metrics."""
    namespace = Condition("StringEquals", "cloudwatch:namespace", ("Kubernetes",))
    put = Statement(
        actions=("cloudwatch:PutMetricData",), resources=("*",), conditions=(namespace,)
    )
    return Policy((put, Statement(actions=("ec2:DescribeTags",), resources=("*",))))


VARIANTS = (
    Variant("ipv4", ("ipv4",), "IPv4 clusters"),
    Variant("ipv6", ("ipv6",), "IPv6 clusters"),
    Variant("ipv4-scoped", ("ipv4",), "one IPv4 cluster, by its name and VPC", Scope.CLUSTER_NAME),
    Variant(
        "ipv6-scoped",
        ("ipv6",),
        "one IPv6 cluster, by its name",
        Scope.CLUSTER_NAME,
        _ipv6_scoped,
    ),
    Variant(
        "ipv4-ipv6",
        ("ipv4", "ipv6"),
        "one policy for IPv4 and IPv6 clusters",
        derive=_ipv4_ipv6,
    ),
    Variant(
        "ipv4-pod-identity",
        ("ipv4",),
        "many IPv4 clusters, told apart by EKS Pod Identity's session tags",
        Scope.SESSION_TAGS,
        _ipv4_pod_identity,
    ),
)
UPSTREAM = tuple(v for v in VARIANTS if not v.derived)
METRICS_HELPER = Variant(
    "metrics-helper",
    ("ipv4", "ipv6"),
    "cni-metrics-helper, with its own role",
    derive=_metrics_helper,
    program="metrics-helper",
)


def every() -> tuple[Variant, ...]:
    """Return the variants, also those of other programs with their own roles."""
    return (*VARIANTS, METRICS_HELPER)


@cache
def first_version(mode: Mode) -> PluginVersion:
    """Return the first version that has a mode."""
    return min(
        call_range.first for c in calls() for call_range in c.ranges if call_range.mode == mode
    )


def label(data_source: str) -> str:
    """Return the variant's name for a data source; its own name if it is no variant's."""
    return next((v.name for v in every() if v.identifier == data_source), data_source)


def find(names: Iterable[str]) -> tuple[Variant, ...]:
    """Return the variants with these names, each once, in the catalog's order."""
    known_names = [v.name for v in every()]
    chosen = {_resolved(name, known_names) for name in names}
    return tuple(v for v in every() if v.name in chosen)


def _resolved(name: str, known_names: list[str]) -> str:
    try:
        return resolve(name, known_names, "variant", "--variant")
    except OptionError:
        feature = name.replace("_", "-").casefold()
        if feature not in features():
            raise
    problem = "{} is a feature, not a variant; choose a variant such as ipv4, and {--feature} {}"
    raise OptionError("--variant", problem, feature, feature)
