"""The facts, written down a second time: a change of the data must be meant, and shows here."""

import hashlib
import json
import re
from importlib.resources import files

import pytest

from conftest import facts
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.calls import CallRange
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.versions.works_with import document_versions

DATA = files("vpc_cni_iam.catalog.facts") / "data"

# SHA-256 of each document as compact JSON; the files under revisions/ hold more than these.
DOCUMENTS = {
    "2022-01-31/ipv4": "dc92f7d6cc19fdb9",
    "2022-01-31/ipv4-scoped": "b971426939a5a40c",
    "2022-01-31/ipv6": "b3b9ea4c8a100700",
    "2024-07-22/ipv4": "84dafcdeaf597b35",
    "2024-07-22/ipv4-scoped": "a25fa54ecc99ad9b",
    "2024-07-22/ipv6": "b3b9ea4c8a100700",
    "2026-06-01/ipv4": "091c3809c6bdc0e0",
    "2026-06-01/ipv4-scoped": "a25fa54ecc99ad9b",
    "2026-06-01/ipv6": "98a45b94f9e0aff0",
    "2026-09-29/ipv4": "091c3809c6bdc0e0",
    "2026-09-29/ipv4-scoped": "a25fa54ecc99ad9b",
    "2026-09-29/ipv6": "98a45b94f9e0aff0",
    "2026-09-29/hyperpod": "3ee2eea99debd5e2",
    "managed": "9b193f6f894168cc",
}


def digest(document: object) -> str:
    compact = json.dumps(document, separators=(",", ":"))
    return hashlib.sha256(compact.encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str) -> None:
    if name == "managed":
        document = facts("managed/AmazonEKS_CNI_Policy.json")["versions"][-1]["document"]
    else:
        revision, _, variant = name.partition("/")
        entry = json.loads(DATA.joinpath(f"revisions/{revision}.json").read_text())
        document = entry["documents"][variant]
    assert digest(document) == DOCUMENTS[name]


@pytest.mark.parametrize("name", [n for n in DOCUMENTS if n != "managed"])
def test_a_revision_is_upstreams_document_word_for_word(name: str) -> None:
    revision, _, variant = name.partition("/")
    entry = json.loads(DATA.joinpath(f"revisions/{revision}.json").read_text())
    published = parameters.read(parse(entry["documents"][variant], name))
    if variant in {v.name for v in variants.VARIANTS}:
        (composed,) = options([variant], revision=revision).composed()
        assert composed.policy == published
        assert not composed.additions
    else:
        assert documents.find(revision).document(variant) == published


# Upstream's README by the day of its commit: versions, kinds, actions of the IPv4 document, and the
# versions that it works with.
README = {
    "2017-11-22": ("v1.0.0", "v1.0.0", ("ipv4",), 9, "v1.1.0 to v1.5.7"),
    "2018-07-26": ("v1.1.0", "v1.4.1", ("ipv4",), 9, "v1.1.0 to v1.5.7"),
    "2019-05-17": ("v1.5.0", "v1.5.7", ("ipv4",), 10, "v1.1.0 to v1.5.7"),
    "2020-01-22": ("v1.6.0", "v1.9.3", ("ipv4",), 12, "v1.1.0 to v1.21.2"),
    "2021-11-09": ("v1.10.0", "v1.10.4", ("ipv4", "ipv6"), 12, "v1.1.0 to v1.21.2"),
}


def test_the_documents_of_the_readme() -> None:
    assert {
        r.name: (
            str(r.first),
            str(r.last),
            r.kinds,
            len(r.document("ipv4").actions()),
            document_versions(r.document("ipv4"), variants.find(("ipv4",))[0]).works_with,
        )
        for r in documents.readme_revisions()
    } == README
    # They follow each other without a gap, up to the first revision of upstream's page.
    known, ranges = (
        known_versions.known(),
        [(r.first, r.last) for r in documents.readme_revisions()],
    )
    firsts = [*(first for first, _ in ranges[1:]), documents.revisions()[0].first]
    assert [known[known.index(last) + 1] for _, last in ranges if last] == firsts


MANAGED = {
    "v2": ("2018-05-31", "v1.1.0 to v1.5.7"),
    "v3": ("2019-06-27", "v1.1.0 to v1.5.7"),
    "v4": ("2020-04-20", "v1.1.0 to v1.21.2"),
    "v5": ("2024-03-04", "v1.1.0 to v1.21.2, v1.22.2 to v1.23.2"),
    "v6": ("2026-03-04", "v1.1.0 to v1.23.2"),
}


def test_the_versions_of_the_managed_policy() -> None:
    (ipv4,) = variants.find(("ipv4",))
    assert {
        v.version: (v.created[:10], document_versions(v.policy, ipv4).works_with)
        for v in documents.managed_versions()
    } == MANAGED


def test_the_managed_policy_of_the_resource_controller() -> None:
    (version,) = documents.managed_versions(documents.RESOURCE_CONTROLLER)
    assert "ec2:CreateNetworkInterfacePermission" in version.policy.actions()


RELEASES = """
1.0.0 1.1.0 1.2.0 1.2.1 1.3.0 1.3.1 1.3.2 1.3.3 1.3.4 1.4.0 1.4.1 1.5.0 1.5.1 1.5.2
1.5.3 1.5.4 1.5.5 1.5.7 1.6.0 1.6.1 1.6.2 1.6.3 1.6.4 1.7.0 1.7.1 1.7.2 1.7.3 1.7.4
1.7.5 1.7.6 1.7.7 1.7.8 1.7.9 1.7.10 1.8.0 1.9.0 1.9.1 1.9.3 1.10.0 1.10.1 1.10.2 1.10.3
1.10.4 1.11.0 1.11.2 1.11.3 1.11.4 1.11.5 1.12.0 1.12.1 1.12.2 1.12.5 1.12.6 1.13.0
1.13.2 1.13.3 1.13.4 1.14.0 1.14.1 1.15.0 1.15.1 1.15.3 1.15.4 1.15.5 1.16.0 1.16.2
1.16.3 1.16.4 1.17.1 1.18.0 1.18.1 1.18.2 1.18.3 1.18.4 1.18.5 1.18.6 1.19.0 1.19.2
1.19.3 1.19.4 1.19.5 1.19.6 1.20.0 1.20.1 1.20.2 1.20.3 1.20.4 1.20.5 1.21.0 1.21.1
1.21.2 1.22.0 1.22.1 1.22.2 1.22.3 1.22.4 1.23.0 1.23.1 1.23.2
"""


def test_releases() -> None:
    assert [str(r) for r in known_versions.known()] == [f"v{r}" for r in RELEASES.split()]


def test_the_newest_release_and_its_date() -> None:
    source = facts("calls.json")["source"]
    assert source["newest_version"] == str(known_versions.newest()) == "v1.23.2"
    assert source["newest_version_date"] == known_versions.newest_date() == "2026-09-29"


def test_the_newest_stands_in_for_the_versions_of_the_pattern_of_later_patches() -> None:
    major, minor, patch = known_versions.newest().number
    pattern = known_versions.later_patches()
    for number in (0, patch - 1, patch, patch + 1, 9, 10, 99, 123):
        name = f"{major}.{minor}.{number}"
        assert bool(re.fullmatch(pattern, name)) is (number > patch)
        assert (known_versions.stand_in(name) is not None) is (number > patch)


def row(call_range: CallRange) -> str:
    feature = f" {call_range.feature}" if call_range.feature else ""
    versions = f"{call_range.first} {call_range.last or '-'}"
    return f"{call_range.mode} {versions}{feature}: {call_range.effect}"


# A denial on a further network card costs that card, if it is of what makes an interface; it ends
# the start where pods may not have addresses of the first interface.
CARD = "ipv6 v1.20.0 - multi-nic: degraded"
EXCLUDED = "ipv6 v1.22.0 - excluded-primary-subnet: "
GROWTH = ["ipv4 v1.0.0 -: some pods get no address", CARD, f"{EXCLUDED}exits at start"]
SHRINKING = [CARD, f"{EXCLUDED}degraded"]
# The network policy agent exits in every version that was shipped; from v1.19.4 on pods need it.
LOGS = {
    action: [
        f"{mode} {span} network-policy-logs: {impact}"
        for mode in ("ipv4", "ipv6")
        for span, impact in spans.items()
    ]
    for action, spans in {
        "logs:DescribeLogGroups": {
            "v1.14.0 v1.19.3": "exits at start",
            "v1.19.4 -": "exits at start",
        },
        "logs:CreateLogGroup": {
            "v1.14.0 v1.19.3": "exits at start",
            "v1.19.4 -": "exits at start",
        },
        "logs:CreateLogStream": {
            "v1.14.0 v1.19.3": "exits",
            "v1.19.4 -": "some pods get no address",
        },
        "logs:PutLogEvents": {"v1.14.0 v1.19.2": "exits", "v1.19.3 -": "degraded"},
    }.items()
}
NAMED = [f"{mode} v1.14.0 - network-policy-logs: degraded" for mode in ("ipv4", "ipv6")]
METRICS = ["ipv4 v1.5.0 - metrics-helper: degraded", "ipv6 v1.10.0 - metrics-helper: degraded"]
USES = {
    "ec2:AssignPrivateIpAddresses": [
        "ipv4 v1.0.0 v1.5.7: pods get no address",
        "ipv4 v1.6.0 -: exits at start",
    ],
    "ec2:UnassignPrivateIpAddresses": ["ipv4 v1.5.0 -: degraded"],
    "ec2:AssignIpv6Addresses": ["ipv6 v1.10.0 -: pods get no address"],
    "ec2:UnassignIpv6Addresses": [],
    "ec2:CreateNetworkInterface": GROWTH,
    "ec2:AttachNetworkInterface": GROWTH,
    "ec2:DetachNetworkInterface": ["ipv4 v1.0.0 -: degraded", *SHRINKING],
    "ec2:DeleteNetworkInterface": [
        "ipv4 v1.0.0 -: degraded",
        "ipv6 v1.10.0 v1.12.6: degraded",
        *SHRINKING,
    ],
    "ec2:ModifyNetworkInterfaceAttribute": [
        "ipv4 v1.0.0 v1.7.1: some pods get no address",
        "ipv4 v1.7.2 v1.7.10: exits at start",
        "ipv4 v1.8.0 -: some pods get no address",
        "ipv6 v1.10.0 v1.10.1: no effect",
        "ipv6 v1.20.0 -: no effect",
        "ipv6 v1.20.0 - multi-nic: pods get no address",
        f"{EXCLUDED}exits at start",
    ],
    "ec2:CreateTags": [
        "ipv4 v1.1.0 v1.7.1: degraded",
        "ipv4 v1.7.2 v1.7.10: some pods get no address",
        "ipv4 v1.8.0 -: exits at start",
        "ipv6 v1.10.0 -: exits at start",
    ],
    "ec2:DescribeNetworkInterfaces": [
        "ipv4 v1.0.0 -: exits at start",
        "ipv6 v1.10.0 -: exits at start",
    ],
    "ec2:DescribeInstances": GROWTH,
    "ec2:DescribeInstanceTypes": [
        "ipv4 v1.6.0 -: exits at start",
        "ipv6 v1.10.0 -: exits at start",
    ],
    "ec2:DescribeSubnets": [
        "ipv4 v1.18.0 v1.21.2: degraded",
        "ipv4 v1.22.0 v1.23.1: some pods get no address, start delayed by 50 s",
        "ipv4 v1.23.2 -: some pods get no address",
        "ipv6 v1.22.0 -: exits at start",
    ],
    "ec2:DescribeSecurityGroups": [
        "ipv4 v1.22.0 v1.22.1: exits at start",
        "ipv6 v1.22.0 v1.22.1: exits at start",
    ],
    "ec2:DescribeTags": [METRICS[0], NAMED[0], METRICS[1], NAMED[1]],
    "cloudwatch:PutMetricData": METRICS,
    "sagemaker:AttachClusterNodeNetworkInterface": [
        "ipv4 v1.23.2 - hyperpod: some pods get no address",
        "ipv6 v1.23.2 - hyperpod: degraded",
    ],
    "sts:GetCallerIdentity": [
        "ipv4 v1.23.2 - hyperpod: exits at start",
        "ipv6 v1.23.2 - hyperpod: exits at start",
    ],
    **LOGS,
}
_GROUP = "arn:aws:logs:*:*:log-group:/aws/eks/${CLUSTER_NAME}/cluster"
# Service Authorization Reference, Amazon CloudWatch Logs, and what upstream documents.
LOG_RESOURCES = {
    "logs:DescribeLogGroups": ("*",),
    "logs:CreateLogGroup": (_GROUP, f"{_GROUP}:log-stream:*"),
    "logs:CreateLogStream": (f"{_GROUP}:log-stream:*",),
    "logs:PutLogEvents": (f"{_GROUP}:log-stream:*",),
}


def test_what_was_counted_is_said() -> None:
    """Of v1.23.2, in a minute; that addresses are freed over and over was seen once only."""
    when = calls.call("ec2:AssignIpv6Addresses").when
    assert when.endswith("while the prefix is missing, six times in a minute when it is denied")
    assert "freed" not in when


def test_resources_of_the_logs() -> None:
    logs = [c for c in calls.calls() if c.action.startswith("logs:")]
    assert {c.action: c.resources for c in logs} == LOG_RESOURCES


def test_calls() -> None:
    assert {c.action: list(map(row, c.ranges)) for c in calls.calls()} == USES


def test_where_any_denial_ends_the_agent_the_metrics_helper_goes_on() -> None:
    version = PluginVersion.of("v1.13.0")
    ranges = [part for call in calls.calls() for part in call.ranges if part.at(version)]
    assert any(calls.at_version(part, "fresh-node", version) != part for part in ranges)
    helper = [part for part in ranges if part.feature == "metrics-helper"]
    assert {part.action for part in helper} == {"ec2:DescribeTags", "cloudwatch:PutMetricData"}
    assert [calls.at_version(part, "fresh-node", version) for part in helper] == helper


def test_the_one_action_that_aws_never_denies() -> None:
    every = (call_range for call in calls.calls() for call_range in call.ranges)
    assert {call_range.action for call_range in every if not call_range.deniable} == {
        "sts:GetCallerIdentity"
    }


def test_evidence_is_of_the_range_it_stands_for() -> None:
    """Evidence names a tag; it may be a later one only if the range reaches it."""
    import re

    for call in calls.calls():
        for call_range in call.ranges:
            tags = re.findall(r"v\d+\.\d+\.\d+(?=:)", call_range.evidence)
            if call_range.last is not None and tags:
                known = [PluginVersion.of(t) for t in tags]
                assert any(call_range.first <= tag <= call_range.last for tag in known), (
                    call_range.action,
                    row(call_range),
                )


def test_every_feature_is_used() -> None:
    used = {
        call_range.feature
        for call in calls.calls()
        for call_range in call.ranges
        if call_range.feature
    }
    assert used == set(facts("features.json"))
