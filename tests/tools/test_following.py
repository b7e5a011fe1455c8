"""What the page for developers says of following a version, as it is written, on a stand-in."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT, write_tree
from upstream_standins import MAIN, page, source_of


def test_the_commands_of_the_page(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "development" / "plugin-versions.md").read_text()
    section = text.partition("## To add a plugin version")[2]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    commands, _, rest = block[1].partition("make generate")
    assert rest == "\nmake test check\n"
    added = page(ipv6=lambda t: t.replace("ec2:DescribeTags", "ec2:DescribeVpcs"))
    files = {"go.mod": "module example.com/plugin\n", "cmd/agent/main.go": MAIN}
    upstream = tmp_path / "amazon-vpc-cni-k8s"
    write_tree(upstream, files | source_of(["ec2:CreateVpc"]) | {"docs/iam-policy.md": added})
    git = "git -c user.name=A -c user.email=a@example.com"
    script = f"git init -q && git add . && {git} commit -qm 'Grant more' && git tag v1.24.0"
    subprocess.run(
        ["bash", "-ec", f"{script} && git remote add origin ."], cwd=upstream, check=True
    )
    checkout = tmp_path / "vpc-cni-iam"
    source = shutil.copytree(ROOT / "generator", checkout / "generator")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    shutil.copytree(ROOT / "tools", checkout / "tools")
    done = subprocess.run(
        ["bash", "-c", commands],
        cwd=checkout,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(source),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "rror" in done.stderr) == (1, False), done.stderr
    for line in (
        "differs  ipv6         line 46",
        "action ec2:DescribeVpcs is added",
        "unknown   ec2:CreateVpc                        pkg/nodes/nodes.go:",
    ):
        assert line in done.stdout
    (created,) = re.findall(r"^create  (.*)", done.stdout, re.MULTILINE)
    assert Path(created).parent == source / "vpc_cni_iam/catalog/facts/data/revisions"
    assert '"subject": "Grant more"' in Path(created).read_text()
