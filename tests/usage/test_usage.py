"""What a role used of its policy, and what can be taken away: ``usage``."""

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from msgspec.structs import replace

from conftest import run, validator, write_tree
from daemonsets import daemonset
from synthetic import allow, deny, document
from trail_events import DENIED, EVENTS, LATER, NODES, PLUGIN, ROLE, SDK, event
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import of_variant
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.aws import cloudtrail
from vpc_cni_iam.inputs.aws.cloudtrail import Result
from vpc_cni_iam.texts.limits import Limit
from vpc_cni_iam.usage.query import query
from vpc_cni_iam.usage.report import to_text
from vpc_cni_iam.usage.smaller import smaller_policies
from vpc_cni_iam.usage.usage import usage as report_of

UPSTREAM = ("--cni-version", "v1.23.2")


def usage(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = run("usage", *words, "--format", "json", cwd=folder)
    assert done.code == code, done.err
    result: dict[str, Any] = json.loads(done.out)
    validator("usage").validate(result)
    return result


def asked(
    folder: Path, events: Iterable[object], policy: str, *words: str, code: int = 0
) -> dict[str, Any]:
    """The answer for the events of a role with one policy."""
    write_tree(folder, {"t.json": lines(events), "p.json": policy})
    return usage(folder, "t.json", "--policy", "p.json", *words, code=code)


def statuses(result: dict[str, Any]) -> dict[str, set[str]]:
    each: dict[str, set[str]] = {}
    for element in result["elements"]:
        each.setdefault(element["status"], set()).add(element["text"].partition(":")[2])
    return each


def policy(*actions: str) -> str:
    return document(allow(list(actions)))


def lines(events: Iterable[object]) -> str:
    return "".join(f"{json.dumps(e)}\n" for e in events)


def test_used_callable_and_safe_to_drop_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "trail.json").write_text(json.dumps({"Records": EVENTS}))
    result = usage(tmp_path, *UPSTREAM, "trail.json")
    each = statuses(result)
    assert each["used"] == {"DescribeNetworkInterfaces", "CreateNetworkInterface"}
    # Nothing was done with them; but something asks for them.
    assert each["denied or failed"] == {"CreateTags", "AttachNetworkInterface"}
    # v1.23.2 calls neither without further features: the catalog's facts, not the events, say so.
    assert each["safe to drop"] == {"DescribeTags", "DescribeSecurityGroups"}
    assert {"DeleteNetworkInterface", "DescribeInstanceTypes"} < each["not used, but callable"]
    actions = {a["action"]: (a["allowed"], a["denied"], a["failed"]) for a in result["actions"]}
    assert actions == {
        "ec2:DescribeNetworkInterfaces": (1, 0, 0),
        "ec2:CreateNetworkInterface": (2, 0, 0),
        "ec2:CreateTags": (0, 1, 0),
        "ec2:AttachNetworkInterface": (0, 0, 1),
    }
    assert (result["roles"], result["events"]) == ([ROLE], len(EVENTS))
    assert (result["first"], result["last"]) == ("2026-11-19T07:00:00Z", "2026-11-21T10:00:00Z")
    text = run("usage", *UPSTREAM, "trail.json", cwd=tmp_path).out
    assert "  ec2:CreateTags: 1 denied, 0 allowed\n" in text
    assert "  ec2:DescribeInstanceTypes: no event shows it" in text
    assert "\nsafe to drop: ec2:DescribeTags, ec2:DescribeSecurityGroups\n" in text


WIDE = ("ec2:D?scribe*", "ec2:CreateTag?", "ec2:*Network*", "ec2:Unassign*", "logs:*", "s3:Get*")


@pytest.mark.parametrize("features", [(), ("--feature", "network-policy-logs")])
@pytest.mark.parametrize("actions", [(), WIDE, ("ec2:AttachNetworkInterface", "ec2:Run*")])
def test_text_says_of_each_element_what_the_data_say(
    actions: tuple[str, ...], features: tuple[str, ...], tmp_path: Path
) -> None:
    """An element, why, what it is needed for beside what was used, and in which scenarios."""
    (tmp_path / "p.json").write_text(policy(*actions))
    others_events = event("DescribeVolumes"), event("DescribeKeyPairs", code=DENIED)
    (tmp_path / "t.json").write_text(lines((*EVENTS, *others_events)))
    words = (*(UPSTREAM if not actions else ("--policy", "p.json")), "t.json", *features)
    code = 0 if actions == WIDE else 1  # others do not allow ec2:DescribeVolumes
    result = usage(tmp_path, *words, code=code)
    head, *blocks = run("usage", *words, cwd=tmp_path).out.strip().split("\n\n")
    first, role, period = head.split("\n")[:3]
    with_features = f", with {', '.join(result['features'])}" if features else ""
    assert first == (
        f"{result['policy']} against plugin {result['cni_version']}, IPv4{with_features}"
    )
    assert role.startswith(f"events of {ROLE}, identified by ")
    assert period.startswith("9 events read; ")
    assert period.endswith(f"from {result['first']} to {result['last']}")
    shown = dict(block.split(":\n", 1) for block in blocks if ":\n" in block)
    elements: dict[str, list[str]] = {}
    for element in result["elements"]:
        block = elements.setdefault(element["status"], [])
        block.append(f"  {element['text']}: {element['why']}")
        for possible in element["not_used"]:
            requests = "; ".join(possible["requests"])
            is_pattern = possible["action"] != element["text"]
            block.append(
                f"    {possible['action']}: {requests}" if is_pattern else f"    {requests}"
            )
            names = possible["scenarios"]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            block.append(f"    in {', '.join(names[:3])}{more}")
            if not possible["action"].startswith("ec2:"):
                block.append(
                    "    CloudTrail may not record it, so it may be in use without an event"
                )
        is_pattern = "*" in element["text"] or "?" in element["text"]
        assert not set(element["used"]) & set(element["refused"])
        asked = (*element["used"], *element["refused"])
        needed = (*asked, *(p["action"] for p in element["not_used"]))
        narrowed = f"the pattern can be narrowed to {', '.join(needed)}"
        assert (narrowed in element["why"]) is (is_pattern and bool(needed))
    assert {status: "\n".join(block) for status, block in elements.items()} == {
        status: text for status, text in shown.items() if status in elements
    }
    denied = [a for a in result["actions"] if a["denied"]]
    assert shown["denied requests; for the causes, use vpc-cni-iam explain"] == "\n".join(
        f"  {a['action']}: {a['denied']} denied, {a['allowed']} allowed" for a in denied
    )
    # What was denied is not used.
    others = [a["action"] for a in result["actions"] if a["allowed"] and not a["of_plugin"]]
    line = f"used, but not called by the plugin in this configuration: {', '.join(others)}"
    assert (line in blocks) is bool(others) is True
    droppable = [e["text"] for e in result["elements"] if e["status"] == "safe to drop"]
    end = f"safe to drop: {', '.join(droppable)}" if droppable else "nothing is safe to drop"
    if result["not_allowed"]:
        end += f"; used, but not allowed by the policy: {', '.join(result['not_allowed'])}"
    assert blocks[-2 if result["smaller"] else -1] == end


def pasted(text: str) -> str:
    """The policy at the end of a report."""
    start = text.index("\n{\n") + 1
    json.loads(text[start:])
    return text[start:]


@pytest.mark.parametrize(
    "actions",
    [
        (),
        ("ec2:*",),
        ("ec2:Describe*", "ec2:CreateTags", "ec2:*NetworkInterface*", "ec2:*Addresses"),
    ],
)
def test_it_ends_with_the_policy_without_what_was_not_used(
    actions: tuple[str, ...], tmp_path: Path
) -> None:
    """Proven to be no more than before, and coverage says that the plugin works with it."""
    old = policy(*actions) if actions else run("policy", "ipv4", "--no-additions").out
    (tmp_path / "old.json").write_text(old)
    (tmp_path / "t.json").write_text(lines(EVENTS))
    done = run("usage", "t.json", "--policy", "old.json", cwd=tmp_path)
    assert done.code == 0
    (tmp_path / "new.json").write_text(pasted(done.out))
    new = json.loads(pasted(done.out))
    allowed = {a for s in new["Statement"] for a in [*s["Action"]] if isinstance(s["Action"], list)}
    assert "ec2:DescribeSecurityGroups" not in allowed and not any("*" in a for a in allowed)
    # What no event shows and the plugin calls seldom is kept, and named.
    assert "ec2:DeleteNetworkInterface" in allowed
    named = done.out.partition("\nkept, because the plugin can call it: ")[2].partition("\n")[0]
    assert "ec2:DeleteNetworkInterface" in named.split(", ")
    assert run("compare", "old.json", "new.json", cwd=tmp_path).code == 0
    assert run("coverage", "new.json", cwd=tmp_path).code == 0
    assert "proven to allow no more than before; coverage at v1.23.2: works\n" in done.out
    again = run("usage", "t.json", "--policy", "new.json", cwd=tmp_path)
    assert again.code == 0 and again.out.endswith("nothing is safe to drop\n")


def test_of_two_policies_each_has_its_name_or_is_not_needed(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        policy("ec2:CreateTags", "ec2:DescribeVpcs", "ec2:RunInstances")
    )
    (tmp_path / "q.json").write_text(policy("ec2:RunInstances"))
    older = event("CreateTags", agent=PLUGIN.replace("v1.23.2", "v1.21.0"))
    (tmp_path / "t.json").write_text(lines([older, event("DescribeVpcs")]))
    words = ("usage", "t.json", "--cni-version", "v1.23.2", "--policy", "p.json")
    off = ("--env", "DISABLE_NETWORK_RESOURCE_PROVISIONING=true")
    both = run(*words, "--policy", "q.json", *off, cwd=tmp_path).out
    assert "\nthe events come from plugin v1.21.0, v1.23.2\n" in both
    assert "\np.json:\n{\n" in both and both.endswith("}\nq.json is not needed\n")
    single = run(*words, *off, cwd=tmp_path).out
    assert "\np.json:\n" not in single and "is not needed" not in single
    # Everything that is kept is used.
    assert "kept, since" not in both


def test_no_policy_is_offered_where_something_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(policy("ec2:*", "s3:DeleteBucket"))
    (tmp_path / "t.json").write_text(lines(EVENTS))
    words = ("usage", "t.json", "--policy", "p.json")
    assert pasted(run(*words, cwd=tmp_path).out)
    unread = json.dumps({"Events": [], "NextToken": "x"})
    (tmp_path / "more.json").write_text(unread)
    result = usage(tmp_path, *words[1:], "more.json", code=1)
    assert not result["complete"] and "more follow" in result["unread"][0]["detail"]
    more = run(*words, "more.json", cwd=tmp_path)
    assert more.code == 1 and "\n{" not in more.out
    assert "more.json" in more.out and "more follow" in more.out
    # The role has another policy, or had one.
    (tmp_path / "t.json").write_text(lines((*EVENTS, event("GetObject", service="s3"))))
    other = run(*words, cwd=tmp_path)
    assert other.code == 1 and "\n{" not in other.out


def test_a_statement_of_which_nothing_is_used_goes_and_a_deny_stays(tmp_path: Path) -> None:
    old = json.loads(run("policy", "ipv4").out)
    own, forbidden = allow(["ec2:RunInstances"]), deny("ec2:RunInstances")
    result = asked(tmp_path, EVENTS, document(*old["Statement"], own, forbidden))
    (smaller,) = result["smaller"]["policies"]
    assert smaller["policy"]["Statement"][-1] == forbidden
    assert "ec2:RunInstances" not in json.dumps(smaller["policy"]["Statement"][:-1])


@pytest.mark.parametrize(
    ("action", "words", "why"),
    [
        ("ec2:RunInstances", "", ""),
        ("ec2:RunInst*", "", ""),
        (
            "ec2:DescribeSecurityGroups",
            "",
            "the plugin calls it in other versions or with the other IP family",
        ),
        (
            "ec2:DescribeTags",
            "",
            "the plugin calls it with the feature metrics-helper or network-policy-logs",
        ),
        (
            "ec2:DescribeTags",
            "--feature metrics-helper --env DISABLE_NETWORK_RESOURCE_PROVISIONING=true",
            None,
        ),
        (
            "ec2:DeleteNetworkInterface",
            "--env DISABLE_NETWORK_RESOURCE_PROVISIONING=true",
            "the plugin calls it with other environment variables",
        ),
        (
            "ec2:CreateNetworkInterface",
            "--mode ipv6",
            "the plugin calls it with the feature excluded-primary-subnet or multi-nic",
        ),
        (
            "ec2:CreateNetworkInterface",
            "--mode ipv6 --cni-version v1.19.0",
            "the plugin calls it in other versions or with the other IP family",
        ),
    ],
)
def test_what_is_safe_to_drop_is_named_with_where_it_is_called(
    action: str, words: str, why: str | None, tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(policy(action))
    events = (event("DescribeNetworkInterfaces"), event("CreateTags", code=DENIED))
    (tmp_path / "t.json").write_text(lines(events))
    version = () if "--cni-version" in words else ("--cni-version", "v1.23.2")
    done = run("usage", "t.json", "--policy", "p.json", *version, *words.split(), cwd=tmp_path)
    line = next(text for text in done.out.splitlines() if text.startswith(f"  {action}: "))
    if why is None:
        assert "the plugin can call it at v1.23.2 in this configuration" in line
    else:
        at = f"{version[1] if version else 'v1.19.0'} in this configuration"
        end = f"; {why}" if why else ""
        assert line == f"  {action}: no call of {at} needs it, and no event shows it{end}"


def test_the_versions_of_the_events_count_if_none_is_chosen(tmp_path: Path) -> None:
    """v1.22.0 calls ec2:DescribeSecurityGroups, and the newest version does not."""
    allowed = policy("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets")
    seen = [event("DescribeSubnets", agent="amazon-vpc-cni-k8s/v1.22.0")]
    open_version = asked(tmp_path, seen, allowed)
    assert statuses(open_version)["not used, but callable"] == {"DescribeSecurityGroups"}
    why = open_version["elements"][0]["why"]
    assert "the plugin can call it at v1.23.2 or v1.22.0 in this configuration" in why
    (tmp_path / "d.json").write_text(daemonset())  # of v1.23.2
    for words in (UPSTREAM, ("--daemonset", "d.json")):
        chosen = asked(tmp_path, seen, allowed, *words)
        assert statuses(chosen)["safe to drop"] == {"DescribeSecurityGroups"}
    later = [event("DescribeSubnets", agent="amazon-vpc-cni-k8s/v9.0.0")]
    result = asked(tmp_path, later, allowed, code=1)
    assert not result["complete"] and result["unread"][0]["name"] == "plugin v9.0.0"
    assert asked(tmp_path, later, allowed, *UPSTREAM)["complete"]


def test_both_ip_families_count_if_none_is_chosen(tmp_path: Path) -> None:
    """A role may be for clusters of both."""
    names = "DescribeSubnets", "AssignPrivateIpAddresses", "AssignIpv6Addresses"
    allowed = policy(*(f"ec2:{name}" for name in names))
    events = [event(name) for name in (*names[:2], "CreateTags")]
    result = asked(tmp_path, events, allowed, *UPSTREAM, code=1)
    assert statuses(result)["not used, but callable"] == {"AssignIpv6Addresses"}
    (tmp_path / "d.json").write_text(daemonset())
    for words in ((*UPSTREAM, "--mode", "ipv4"), ("--daemonset", "d.json")):
        result = asked(tmp_path, events, allowed, *words, code=1)
        assert statuses(result)["safe to drop"] == {"AssignIpv6Addresses"}


def test_the_configuration_decides_what_is_safe_to_drop(tmp_path: Path) -> None:
    (tmp_path / "trail.json").write_text(lines(EVENTS))
    words = (*UPSTREAM, "trail.json")
    helper = usage(tmp_path, *words, "--feature", "metrics-helper")
    assert "DescribeTags" in statuses(helper)["not used, but callable"]
    off = usage(tmp_path, *words, "--env", "DISABLE_NETWORK_RESOURCE_PROVISIONING=true")
    assert "DeleteNetworkInterface" in statuses(off)["safe to drop"]
    manifest = daemonset(
        image="amazon-k8s-cni:v1.23.2-eksbuild.1", DISABLE_NETWORK_RESOURCE_PROVISIONING="true"
    )
    (tmp_path / "aws-node.json").write_text(manifest)
    configured = usage(tmp_path, "trail.json", "--daemonset", "aws-node.json")
    assert statuses(configured)["safe to drop"] == statuses(off)["safe to drop"]
    # What is used stays, whatever the catalog says of the configuration.
    assert "CreateNetworkInterface" in statuses(off)["used"]


def test_every_form_of_events_reads_the_same(tmp_path: Path) -> None:
    def read(text: str | bytes) -> object:
        data = text.encode() if isinstance(text, str) else text
        trail = cloudtrail.read(["-"], io.BytesIO(data))
        return trail.counts, trail.events, trail.unread

    looked_up = [{"EventId": "1", "CloudTrailEvent": json.dumps(e)} for e in EVENTS]
    expected = read(json.dumps({"Records": EVENTS}))
    for text in (
        lines(EVENTS),
        json.dumps(EVENTS),
        gzip.compress(lines(EVENTS).encode()),
        gzip.compress(json.dumps({"Records": EVENTS[:3]}).encode())
        + gzip.compress(json.dumps({"Records": EVENTS[3:]}).encode()),
        json.dumps({"Events": looked_up}, indent=4),
        "\ufeff" + json.dumps({"Records": EVENTS}, indent=1),
    ):
        assert read(text) == expected


def test_a_directory_of_a_trail_is_read_without_digests(tmp_path: Path) -> None:
    day = tmp_path / "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/20"
    day.mkdir(parents=True)
    digests = tmp_path / "AWSLogs/111122223333/CloudTrail-Digest"
    digests.mkdir()
    (digests / "digest.json.gz").write_bytes(gzip.compress(b'{"awsAccountId": "111122223333"}'))
    for number, record in enumerate(EVENTS):
        packed = gzip.compress(json.dumps({"Records": [record]}).encode())
        (day / f"{number}.json.gz").write_bytes(packed)
    assert usage(tmp_path, *UPSTREAM, "AWSLogs")["events"] == len(EVENTS)


def test_the_role_is_never_guessed(tmp_path: Path) -> None:
    def trail(*events: dict[str, Any]) -> tuple[str, ...]:
        (tmp_path / "t.json").write_text(lines(events))
        return ("usage", *UPSTREAM, "t.json")

    # v1.20.4 does not name itself, and other programs never do.
    silent = run(*trail(event("CreateTags", agent=SDK)), cwd=tmp_path)
    assert (silent.code, silent.out) == (2, "")
    assert "--role" in silent.err and ROLE in silent.err
    two = trail(event("CreateTags"), event("CreateTags", role=NODES))
    several = run(*two, cwd=tmp_path)
    assert several.code == 2 and "the plugin sent events with 2 roles" in several.err
    assert ROLE in several.err and NODES in several.err
    for name in (NODES, "prod-nodes"):
        assert usage(tmp_path, *two[1:], "--role", name)["roles"] == [NODES]
    assert run(*two, "--role", "prod", cwd=tmp_path).code == 2
    # The same name in two accounts.
    other = ROLE.replace("111122223333", "444455556666")
    both = trail(event("CreateTags"), event("CreateTags", role=other))
    assert "use the ARN" in run(*both, "--role", "prod-aws-node", cwd=tmp_path).err


def test_what_other_programs_use_is_kept_and_what_the_policy_lacks_is_said(tmp_path: Path) -> None:
    allowed = policy("ec2:Describe*", "ec2:CreateTags", "ecr:*", "s3:Get*")
    events = (
        event("DescribeVolumes", agent="ebs-csi"),
        event("GetAuthorizationToken", service="ecr", agent="kubelet"),
        event("DeleteNetworkInterface"),
    )
    result = asked(tmp_path, events, allowed, code=1)
    elements = {e["text"]: e for e in result["elements"]}
    assert elements["ecr:*"]["status"] == "used"
    assert elements["ec2:Describe*"]["used"] == ["ec2:DescribeVolumes"]
    assert "ec2:DescribeVolumes, ec2:Describe" in elements["ec2:Describe*"]["why"]
    # Reading an object is a data event, which few trails have.
    assert elements["s3:Get*"]["status"] == "not decided"
    assert result["not_allowed"] == ["ec2:DeleteNetworkInterface"]


def test_a_trail_without_read_only_events_drops_no_describe(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(lines([event("CreateTags")]))
    each = statuses(usage(tmp_path, *UPSTREAM, "t.json"))
    assert each["not decided"] == {"DescribeTags", "DescribeSecurityGroups"}
    assert "safe to drop" not in each


def test_events_of_another_service_do_not_show_that_the_trail_has_requests_to_ec2(
    tmp_path: Path,
) -> None:
    """CloudTrail takes ecr:BatchGetImage and sts:AssumeRole for read-only."""
    of_others = event("BatchGetImage", service="ecr"), event("AssumeRole", service="sts")
    events = event("DescribeSubnets"), *of_others
    allowed = policy("ec2:RunInstances", "ecr:BatchGetImage", "sts:AssumeRole")
    result = asked(tmp_path, events, allowed, code=1)
    assert statuses(result)["not decided"] == {"RunInstances"}


@pytest.mark.parametrize(
    ("pattern", "name", "status"),
    [
        ("ec2:*Volumes", "CreateTags", "not decided"),
        ("ec2:?e*Volumes", "CreateTags", "not decided"),
        ("ec2:*Volumes", "DescribeVpcs", "not decided"),
        ("ec2:Re?ease*", "CreateTags", "safe to drop"),
        ("ec2:DescribeVol*", "DescribeVpcs", "safe to drop"),
    ],
)
def test_a_pattern_is_of_each_kind_of_request_that_it_matches(
    pattern: str, name: str, status: str, tmp_path: Path
) -> None:
    """A trail with write requests alone does not show that nobody describes volumes."""
    result = asked(tmp_path, [event(name)], policy(pattern, "ec2:CreateTags", "ec2:DescribeVpcs"))
    assert result["elements"][0]["status"] == status


@pytest.mark.parametrize(
    ("pattern", "used", "doubt"),
    [
        ("ec2:*", ("CreateTags",), "the events have no read-only requests to EC2"),
        ("ec2:*", ("DescribeVpcs",), "the events have no write requests to EC2"),
        ("ec2:*", ("CreateTags", "DescribeVpcs"), ""),
        ("ec2:Describe*", ("DescribeVpcs",), ""),
        ("ecr:*", ("GetAuthorizationToken", "CreateRepository"), "CloudTrail may not record it"),
    ],
)
def test_what_the_events_cannot_show_is_said_where_a_pattern_can_be_narrowed(
    pattern: str, used: tuple[str, ...], doubt: str, tmp_path: Path
) -> None:
    service = pattern.partition(":")[0]
    events = [event(name, service=service) for name in used]
    result = asked(tmp_path, events, policy(pattern))
    (element,) = result["elements"]
    assert f"the pattern can be narrowed to {service}:" in element["why"]
    assert doubt in element["why"]
    # A smaller policy keeps a pattern that may be used for more.
    smaller = json.dumps(result["smaller"]["policies"]) if result["smaller"] else f'"{pattern}"'
    assert (f'"{pattern}"' in smaller) is bool(doubt)
    doubts = ("may leave them out", "may not record")
    assert any(words in element["why"] for words in doubts) is bool(doubt)


def test_several_policies_of_the_role_count_together(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(policy("ec2:Describe*", "ec2:RunInstances"))
    (tmp_path / "b.json").write_text(policy("ec2:CreateTags"))
    events = event("CreateTags"), event("DescribeVpcs"), event("DescribeInstances")
    (tmp_path / "t.json").write_text(lines(events))
    both = ("t.json", "--policy", "a.json", "--policy", "b.json")
    result = usage(tmp_path, *both)
    assert statuses(result) == {
        "used": {"Describe*", "CreateTags"},
        "safe to drop": {"RunInstances"},
    }
    text = run("usage", *both, cwd=tmp_path).out
    assert "\na.json:\n{" in text and "\nb.json:\n{" in text
    assert usage(tmp_path, *both[:3], code=1)["not_allowed"] == ["ec2:CreateTags"]


def test_not_action_is_not_decided_and_stays(tmp_path: Path) -> None:
    but = {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}
    result = asked(tmp_path, EVENTS, document(but, allow("ec2:RunInstances")))
    assert [(e["text"], e["status"]) for e in result["elements"]] == [
        ("ec2:RunInstances", "safe to drop"),
        ("all but iam:*, sts:*", "not decided"),
    ]
    (smaller,) = result["smaller"]["policies"]
    assert smaller["policy"]["Statement"] == [but]


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        # What would allow more, or no longer works, is not offered.
        ({"ec2:DescribeTags": ("ec2:*",)}, "it is not proven that it would allow no more"),
        ({"ec2:CreateNetworkInterface": ()}, "its coverage at v1.23.2 would be fails"),
    ],
)
def test_a_policy_that_is_not_smaller_or_does_not_work_is_not_offered(
    needed: dict[str, tuple[str, ...]], words: str, tmp_path: Path
) -> None:
    version = known_versions.find("v1.23.2")
    subject = of_variant("ipv4", select(cni_version=str(version)), {})
    setting = RequestSetting(version, names=subject.names)
    (tmp_path / "t.json").write_text(lines(EVENTS))
    trail = cloudtrail.read([str(tmp_path / "t.json")], io.BytesIO(), ())
    result = report_of(subject, setting, trail, ())
    smaller = smaller_policies(subject, setting, needed)
    assert smaller is not None and not smaller.is_good
    text = "\n".join(to_text(replace(result, smaller=smaller)))
    assert f"no smaller policy: {words}" in text and "\n{" not in text


def test_tags_that_are_set_where_something_is_made_have_no_event(tmp_path: Path) -> None:
    """Amazon EC2 checks ec2:CreateTags for them."""
    off = ("--env", "DISABLE_NETWORK_RESOURCE_PROVISIONING=true")
    allowed = policy("ec2:CreateTags", "ec2:RunInstances")
    result = asked(tmp_path, [event("RunInstances")], allowed, *off)
    assert statuses(result)["not decided"] == {"CreateTags"}


ONLY_READING = {"Effect": "Deny", "NotAction": "ec2:Describe*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statements", "option", "limit", "not_allowed"),
    [
        ([ONLY_READING], "", "", ["ec2:CreateTags"]),
        ([], "--scp", document(ONLY_READING), ["ec2:CreateTags"]),
        ([], "--boundary", document(allow("ec2:Describe*")), ["ec2:CreateTags"]),
        ([{**ONLY_READING, "Resource": "arn:aws:ec2:*:*:instance/*"}], "", "", []),
    ],
)
def test_what_a_policy_denies_and_the_role_used_is_not_allowed_by_the_policy(
    statements: list[dict[str, Any]],
    option: str,
    limit: str,
    not_allowed: list[str],
    tmp_path: Path,
) -> None:
    (tmp_path / "limit.json").write_text(limit)
    words = (option, "limit.json") if option else ()
    events = [event("CreateTags"), event("DescribeVpcs")]
    allowed = document(allow("ec2:*"), *statements)
    result = asked(tmp_path, events, allowed, *words, code=int(bool(not_allowed)))
    assert result["not_allowed"] == not_allowed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("name,value\n1,2\n", "there is no column role"),
        ("name,value\n", "there is no column role"),
        *(
            (
                f"{','.join(cloudtrail.COLUMNS)}\nr,ec2.amazonaws.com,A,,,{events},,\n",
                "is not a number",
            )
            for events in ("", "-1", "1.5", "9" * 5000)
        ),
        ('{"Records": [{"eventSource": "ec2.amazonaws.com"}]}', "eventName"),
        ('{"Records": [', "cut off"),
        # Athena's answer in the JSON of the AWS CLI.
        ('{"UpdateCount": 0, "ResultSet": {"Rows": []}}', "eventSource"),
        ('{"digestStartTime": "2026-11-20T10:00:00Z"}', "eventSource"),
        (b"\x1f\x8b\x08\x00broken", "damaged gzip"),
        (b"role,\xff\n", "is not UTF-8"),
        ("[" * 2000, "nests too deeply"),
        ('{"Records": [{"eventName": "' + "x" * (17 << 20) + '"}]}', "larger than 16 MiB"),
    ],
)
def test_what_is_no_trail_is_refused_with_its_place(text: str | bytes, problem: str) -> None:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputError, match=problem) as refused:
        cloudtrail.read(["-"], io.BytesIO(data))
    assert str(refused.value).startswith("standard input: ")


class Endless(io.RawIOBase):
    """Bytes that are made while they are read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.rest = self.rest or next(self.pieces, b"")
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


@pytest.mark.parametrize(
    ("before", "between", "after"), [("", "\n", ""), ('{"Records":[', ",", "]}")]
)
def test_memory_does_not_grow_with_the_events(before: str, between: str, after: str) -> None:
    record = json.dumps({**event("CreateTags"), "eventID": "NUMBER"})

    def pieces(number: int) -> Iterator[bytes]:
        for n in range(number):
            start = "" if n else before
            yield f"{start}{record.replace('NUMBER', str(n))}{between}".encode()
        yield (record + after).encode()

    peaks = []
    for number in (3_000, 9_000):  # one or three pieces of a file at a time
        tracemalloc.start()
        trail = cloudtrail.read(["-"], Endless(pieces(number)))  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (trail.events, trail.repeated) == (number + 1, 0)
        assert trail.counts[ROLE, "ec2:CreateTags"].results == {Result.allowed: trail.events}
    assert peaks[1] < 1.2 * peaks[0]


def test_an_event_that_is_read_twice_counts_once(tmp_path: Path) -> None:
    first = event("CreateTags")
    unnamed = {k: v for k, v in event("CreateTags").items() if k != "eventID"}
    (tmp_path / "a.json").write_text(lines([first, event("CreateTags"), unnamed, unnamed]))
    looked_up = {"Events": [{"CloudTrailEvent": json.dumps(first)}]}
    (tmp_path / "b.json").write_text(json.dumps(looked_up))
    words = (*UPSTREAM, "a.json", "b.json")
    result = usage(tmp_path, *words)
    (action,) = result["actions"]
    assert (result["events"], result["repeated"], action["allowed"]) == (5, 1, 4)
    text = run("usage", *words, cwd=tmp_path).out
    assert "5 events read, 1 of them repeated and ignored; the" in text


@pytest.mark.parametrize("text", [b"\0" * (1 << 20), lines([event("CreateTags")] * 99).encode()])
def test_an_endless_input_ends(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloudtrail, "TRAIL", Limit("events", 64 << 20, "", "bytes"))
    with pytest.raises(InputError, match=r"is larger than 64 MiB|is too long"):
        cloudtrail.read(["-"], Endless(iter(lambda: text, b"")))  # type: ignore[arg-type]


def test_too_many_roles_need_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    few = Limit("roles", 10, "", "actions of roles")
    monkeypatch.setattr(cloudtrail, "ROLE_ACTIONS", few)
    text = lines(event("CreateTags", role=f"{ROLE}-{n}") for n in range(11)).encode()
    with pytest.raises(UsageError, match=r"more than 10 actions of roles.*--role"):
        cloudtrail.read(["-"], io.BytesIO(text))
    assert len(cloudtrail.read(["-"], io.BytesIO(text), [f"{ROLE}-3"]).counts) == 1


@pytest.mark.parametrize("roles", [(), (ROLE,), ("prod-aws-node", NODES)])
def test_the_query_counts_what_the_events_say(roles: tuple[str, ...], tmp_path: Path) -> None:
    sql = query(None, roles)
    sqlglot.parse_one(sql, dialect="athena")
    (tmp_path / "events.json").write_text(lines((*EVENTS, LATER)))
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE cloudtrail_logs AS SELECT userIdentity, eventTime, eventSource, "
            "eventName, userAgent, errorCode, eventID FROM read_json(?)",
            [str(tmp_path / "events.json")],
        )
        answer = database.execute(sql)
        names = [column[0] for column in answer.description]
        rows = [[None if v is None else str(v) for v in row] for row in answer.fetchall()]
    (tmp_path / "rows.csv").write_text(as_csv(names, rows))
    expected = cloudtrail.read([str(tmp_path / "events.json")], io.BytesIO(), roles)
    assert expected.counts
    assert cloudtrail.read([str(tmp_path / "rows.csv")], io.BytesIO()).counts == expected.counts


def as_csv(names: list[str], rows: list[list[str | None]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([names, *rows])
    return text.getvalue()


def test_the_result_of_the_printed_query_is_read(tmp_path: Path) -> None:
    printed = run("usage", "--print-sql", "--role", ROLE)
    assert printed.out == query(None, [ROLE])
    row = [ROLE, "ec2.amazonaws.com", "CreateTags", "", "v1.23.2", "7", "2026-11-01", ""]
    (tmp_path / "rows.csv").write_text(as_csv(list(cloudtrail.COLUMNS), [row]))
    (action,) = usage(tmp_path, *UPSTREAM, "rows.csv")["actions"]
    assert (action["action"], action["allowed"]) == ("ec2:CreateTags", 7)


@pytest.mark.parametrize(("table", "role"), [("a b", ROLE), (None, "x'; DROP TABLE y")])
def test_a_query_takes_only_names(table: str | None, role: str) -> None:
    with pytest.raises(UsageError, match=r"--table|--role"):
        query(table, [role])


def test_options_that_do_not_fit_are_refused() -> None:
    for words in (
        (*UPSTREAM, "--table", "t"),
        ("--print-sql", "-"),
        (),
        (*UPSTREAM, "-", "--skip", "fresh-node"),
        (*UPSTREAM, "-", "--format", "html"),
        ("-", "-"),
    ):
        done = run("usage", *words, stdin="{}")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("vpc-cni-iam: error: ")


def test_denials_do_not_count_as_use() -> None:
    for code in (DENIED, "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"):
        trail = cloudtrail.read(["-"], io.BytesIO(lines([event("CreateTags", code=code)]).encode()))
        assert trail.counts[ROLE, "ec2:CreateTags"].results == {Result.denied: 1}
