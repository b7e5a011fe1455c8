"""`python -m tools.upstream follow`, with a stand-in for Go; and the catalog beside the proxy."""

import copy
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools.plugin_probe.evidence import observed
from tools.upstream import follow, proxy
from tools.upstream.revision import facts_text

from conftest import FACTS, ROOT, facts, write_tree
from upstream_standins import MAIN, page, source_of, upstream
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

NEXT = PluginVersion("v1.99.0")
# The first line of a script can name no path with a space, as that of Python may be.
GO = """#!/bin/sh
exec {python} - "$@" <<'END'
import json, sys
if sys.argv[1] == "list":
    print(json.dumps({{"Versions": {versions}}}))
else:
    print(json.dumps({{"Info": "{info}", "Dir": "{folder}", "Sum": "h1:example="}}))
END
"""


def standing_in(folder: Path, versions: list[str], called: list[str], text: str = "") -> str:
    """A `go` on PATH that serves a version of upstream's source."""
    source, programs = folder / "source", folder / "bin"
    files = {"go.mod": "module example.com/plugin\n", "cmd/agent/main.go": MAIN}
    write_tree(source, files | source_of(called) | {"docs/iam-policy.md": text or page()})
    (folder / "info").write_text(json.dumps({"Time": "2027-01-02T03:04:05Z"}))
    programs.mkdir()
    answers = {"versions": versions, "info": folder / "info", "folder": source}
    (programs / "go").write_text(GO.format(python=shlex.quote(sys.executable), **answers))
    (programs / "go").chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


def own_calls() -> list[str]:
    uses = [u for c in calls.calls() if c.repository == "aws/amazon-vpc-cni-k8s" for u in c.ranges]
    return sorted({use.action for use in uses if use.last is None})


AWS = "github.com/aws"
AGENT, CONTROLLER = f"{AWS}/aws-network-policy-agent", f"{AWS}/amazon-vpc-resource-controller-k8s"
READ = facts("calls.json")["source"]["beside"]


def test_nothing_newer_is_said_of_the_list_and_not_of_upstream(tmp_path: Path) -> None:
    """The module proxy lists few of the versions: 8 of the plugin's 99."""
    path = standing_in(tmp_path, ["v1.4.1", str(known_versions.newest()), "v1.99.0-rc1"], [])
    done = upstream("follow", "--no-probe", env={"PATH": path})
    newest = known_versions.newest()
    plugin, *others = done.out.splitlines()
    assert plugin == (
        f"{AWS}/amazon-vpc-cni-k8s: nothing newer than {newest} in this list of 2 versions"
    )
    # The stand-in lists the same versions of every module.
    for module, line in zip((AGENT, CONTROLLER), others[:2], strict=True):
        assert line == f"{module}: {newest} newer than {READ[module]} in this list of 2 versions"
    assert others[2:] == [f"to read: {module} {newest}" for module in (AGENT, CONTROLLER)]
    assert done.code == 1 and "current" not in done.out


def test_a_list_without_anything_newer(tmp_path: Path) -> None:
    path = standing_in(tmp_path, ["v1.4.1"], [])
    done = upstream("follow", env={"PATH": path})
    assert done.code == 0
    assert [line.endswith("in this list of 1 version") for line in done.out.splitlines()] == [
        True,
        True,
        True,
    ]


def test_a_newer_version_is_proposed_as_files(tmp_path: Path) -> None:
    called = [*own_calls(), "ec2:CreateVpc"]
    changed = page(ipv6=lambda t: t.replace("ec2:DescribeTags", "ec2:DescribeVpcs"))
    path = standing_in(tmp_path, [str(known_versions.newest()), str(NEXT)], called, changed)
    words = ("follow", "--no-probe", "--output", "out")
    done = upstream(*words, cwd=tmp_path, env={"PATH": path})
    assert done.code == 1, done.err
    assert f"v1.99.0 newer than {known_versions.newest()} in this list of 2 versions" in done.out
    assert "action ec2:DescribeVpcs is added" in done.out
    assert "- [ ] ec2:CreateVpc: the catalog has no such call at this version" in done.out
    lines = done.out.splitlines()
    assert "- [ ] run `python -m tools.plugin_probe evidence v1.99.0`" in lines
    assert any(line.startswith("- [ ] add its network policy agent") for line in lines)
    data = json.loads((tmp_path / "out/calls.json").read_text())
    assert data["versions"] == [*facts("calls.json")["versions"], "v1.99.0"]
    assert data["source"]["newest_version_date"] == "2027-01-02"
    assert data["calls"] == facts("calls.json")["calls"]
    revision = json.loads((tmp_path / "out/revisions/2027-01-02.json").read_text())
    assert revision["source"]["commits"][0]["commit"] is None
    assert "@v1.99.0" in revision["source"]["commits"][0]["note"]


def test_the_calls_are_in_the_form_that_follow_writes() -> None:
    assert (FACTS / "calls.json").read_text() == facts_text(calls.calls_file())


def test_what_the_probe_observes_otherwise_is_for_a_person(tmp_path: Path) -> None:
    standing_in(tmp_path, [], own_calls())
    module = proxy.Module(NEXT, tmp_path / "source", "h1:example=", "2027-01-02T03:04:05Z")

    def observe(version: PluginVersion) -> dict[str, Any]:
        evidence = copy.deepcopy(observed()[-1]) | {"version": str(version)}
        ipv4 = evidence["scenarios"][0]
        ipv4["requests"].append({"action": "ec2:CreateVpc", "form": "", "parameters": {}})
        ipv4["denied"]["ec2:DescribeSubnets"]["impact"] = "no effect"
        return evidence

    proposal = follow.propose(module, observe)
    assert set(proposal.files) == {"calls.json", "denials.json", "observed/v1.99.0.json"}
    assert [line for line in proposal.facts if line.startswith("ipv4:")] == [
        "ipv4: sends ec2:CreateVpc",
        "ipv4: ec2:DescribeSubnets denied: no effect, before some pods get no address",
    ]
    rows = json.loads(proposal.files["denials.json"])
    (tagging,) = (r for r in rows if (r["mode"], r["name"]) == ("ipv4", "ec2:CreateTags"))
    assert tagging["versions"][-1] == "v1.99.0"


def test_without_go(tmp_path: Path) -> None:
    done = upstream("follow", env={"PATH": str(tmp_path)})
    assert (done.code, done.out) == (3, "")
    assert done.err == ("error: upstream's versions are asked for with Go; no `go` is on PATH\n")


@pytest.mark.network
def test_the_catalog_is_as_new_as_the_module_proxy() -> None:
    plugin, *others = follow.listed(proxy.versions)
    assert (plugin.newer, len(others)) == ((), 2)


WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/follow.yml").read_text())
STEPS = {step.get("name", ""): step for step in WORKFLOW["jobs"]["follow"]["steps"]}


@pytest.mark.parametrize(("code", "passes"), [(0, True), (1, True), (3, False)])
def test_the_workflow_tells_a_newer_version_from_a_failure(
    tmp_path: Path, code: int, passes: bool
) -> None:
    write_tree(tmp_path, {"bin/sudo": f"#!/bin/sh\necho report\nexit {code}\n", "output": ""})
    (tmp_path / "bin/sudo").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "GITHUB_OUTPUT": "output"}
    script = STEPS["Compare the catalog with the newest version"]["run"]
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=env, check=False)
    assert (done.returncode == 0) is passes
    assert (tmp_path / "output").read_text() == f"code={code}\n"


READ_FIRST = f"to read: {AGENT} v9.0.0\n"
PROPOSED = f"{READ_FIRST}proposed for v1.99.0, in build/follow:\n"
READ_BOTH = f"{READ_FIRST}to read: {CONTROLLER} v9.1.0\n"


@pytest.mark.parametrize(
    ("open_issues", "report", "title"),
    [
        ("0", PROPOSED, "Follow plugin version v1.99.0"),
        ("0", READ_BOTH, "Read aws-network-policy-agent v9.0.0"),
        ("1", PROPOSED, ""),
    ],
    ids=["a newer version", "only others are newer", "an issue is open"],
)
def test_the_workflow_opens_one_issue(
    tmp_path: Path, open_issues: str, report: str, title: str
) -> None:
    gh = f'#!/bin/sh\ncase "$2" in list) echo {open_issues};; *) echo "$*" > created;; esac\n'
    write_tree(tmp_path, {"bin/gh": gh, "report.txt": report})
    (tmp_path / "bin/gh").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "RUN": "https://example.com/1"}
    script = STEPS["Open an issue"]["run"]
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "created").exists() is bool(title)
    if title:
        assert f"--title {title}" in (tmp_path / "created").read_text()
        assert (tmp_path / "body.md").read_text().startswith(report)
