"""Publishing from the command line."""

import hashlib
import json
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from conftest import COMMAND, run

PLACE = ["--namespace", "example", "--registry-host", "registry.example.com"]
IDENTITY = {
    f"GIT_{who}_{what}": "t@example.test"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
LATEST = ["publish", "--cni-version", "latest", "--output", "dist", *PLACE]
OLD = ["publish", "--cni-version", "v1.21.2", "--output", "dist", *PLACE]


def test_a_later_version_has_the_options_of_the_last_one(tmp_path: Path) -> None:
    first = [*OLD, "--version", "1.0.0", "--additional-tag-key", "team", "--feature", "multi-nic"]
    assert run(*first, cwd=tmp_path).code == 0
    later = ("publish", "--output", "dist")
    words = (*later, "--cni-version", "v1.21.2")
    assert run(*words, cwd=tmp_path).out == (
        "nothing changed since 1.0.0; no new version is needed\n"
    )
    data = json.loads(run(*later, "--format", "json", cwd=tmp_path).out)
    assert data["bump"] == "minor" and "hardened" not in str(data["findings"])
    # What loosens a policy is said first, and needs an option and a major version.
    loosened = run(*words, "--no-harden", cwd=tmp_path)
    assert loosened.out.splitlines()[:2] == [
        "2.0.0, a major change after 1.0.0",
        "  major: 1.0.0 was hardened, this is not",
    ]
    refused = run(*words, "--no-harden", "--version", "1.1.0", cwd=tmp_path)
    assert (refused.code, "1.0.0 was hardened, this is not" in refused.err) == (3, True)
    assert run(*words, "--no-harden", "--version", "2.0.0", cwd=tmp_path).code == 0
    assert "nothing changed since 2.0.0" in run(*words, cwd=tmp_path).out
    # A published version is written again with its own options.
    assert "already published" in run(*words, "--version", "1.0.0", cwd=tmp_path).out
    claimed = run(*words, "--harden", "--additional-tag-key", "cost", cwd=tmp_path)
    assert claimed.out.startswith("3.0.0, a major change after 2.0.0\n")


def test_propose_publish_and_publish_again(tmp_path: Path) -> None:
    done = run(*OLD, cwd=tmp_path)
    assert (done.code, done.out) == (
        0,
        "1.0.0, the first version\nnothing was written; publish it with --version 1.0.0\n",
    )
    assert list(tmp_path.iterdir()) == []
    done = run(*OLD, "--version", "1.0.0", cwd=tmp_path)
    assert done.code == 0
    assert "tree     dist/terraform-aws-vpc-cni-iam/1.0.0\nregistry dist/registry\n" in done.out
    again = run(*OLD, "--version", "1.0.0", cwd=tmp_path)
    assert again.out == done.out.replace("\n", "\nalready published; nothing to do\n", 1)
    same = run(*OLD, cwd=tmp_path)
    assert (same.code, same.out) == (
        0,
        "nothing changed since 1.0.0; no new version is needed\n",
    )
    texts = [word.replace("v1.21.2", "v1.21.1") for word in OLD]
    assert run(*texts, cwd=tmp_path).out == (
        "1.0.1, a patch change after 1.0.0\n"
        "  no policy, input, output or resource changed\n"
        "nothing was written; publish it with --version 1.0.1\n"
    )
    proposed = run(*LATEST, cwd=tmp_path)
    assert proposed.out.startswith(
        "1.1.0, a minor change after 1.0.0\n"
        "  minor: ipv4: more access, for instance ec2:DescribeSecurityGroups on *\n"
    )
    refused = run(*LATEST, "--version", "1.0.1", cwd=tmp_path)
    assert (refused.code, refused.out) == (3, "")
    assert "the changes need 1.1.0" in refused.err
    moved = run(*LATEST, "--version", "1.0.0", cwd=tmp_path)
    assert moved.code == 3
    assert "a published version never changes" in moved.err


def test_publish_speaks_as_it_is_asked_to(tmp_path: Path) -> None:
    """In one shape, whether it proposes, publishes or finds all done."""
    as_json = ("--format", "json")
    proposed = json.loads(run(*OLD, *as_json, cwd=tmp_path).out)
    assert (proposed["version"], proposed["previous"], proposed["bump"]) == ("1.0.0", None, None)
    assert (proposed["changes"], proposed["tree"], proposed["sums"]) == ([], None, {})
    assert list(tmp_path.iterdir()) == []
    done = json.loads(run(*OLD, "--version", "1.0.0", *as_json, cwd=tmp_path).out)
    assert (done["path"], done["tree"]) == ("dist", "dist/terraform-aws-vpc-cni-iam/1.0.0")
    files = {p.relative_to(tmp_path / "dist").as_posix() for p in (tmp_path / "dist").rglob("*.*")}
    assert {c["path"] for c in done["changes"] if c["kind"] == "create"} >= {
        f for f in files if (tmp_path / "dist" / f).is_file()
    }
    archives = {p.name: p for p in (tmp_path / "dist").rglob("*") if p.name in done["sums"]}
    assert done["sums"] == {
        name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in archives.items()
    }
    text = run(*OLD, "--version", "1.0.0", cwd=tmp_path).out
    assert f"oci      {done['digest']}  {done['oci']}\n" in text
    assert run(*OLD, "--version", "1.0.0", "--quiet", cwd=tmp_path).out == ""
    again = json.loads(run(*OLD, "--version", "1.0.0", *as_json, cwd=tmp_path).out)
    assert again == {**done, "changes": []}
    same = json.loads(run(*OLD, *as_json, cwd=tmp_path).out)
    assert (same["version"], same["previous"], same["bump"]) == ("1.0.0", "1.0.0", None)
    newer = json.loads(run(*LATEST, *as_json, cwd=tmp_path).out)
    assert (newer["previous"], newer["bump"]) == ("1.0.0", "minor")
    gained = {
        "bump": "minor",
        "text": "ipv4: more access, for instance ec2:DescribeSecurityGroups on *",
    }
    assert gained in newer["findings"]
    assert set(newer) == set(done) == set(proposed)


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        ("", "--namespace and --registry-host"),
        ("--namespace platform", "--registry-host"),
        ("--registry-host r.example.test", "--namespace"),
    ],
)
def test_the_first_version_needs_the_source_that_it_keeps_for_good(
    words: str, absent: str, tmp_path: Path
) -> None:
    bare = ["publish", "--cni-version", "latest", "--output", "dist"]
    refused = run(*bare, "--version", "1.0.0", *words.split(), cwd=tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert f"the first version of a registry needs {absent}: " in refused.err
    assert list(tmp_path.iterdir()) == []
    # A proposal writes nothing, and later versions take both from the registry.
    assert run(*bare, *words.split(), cwd=tmp_path).code == 0
    place = ("--namespace", "platform", "--registry-host", "r.example.test")
    assert run(*bare, "--version", "1.0.0", *place, cwd=tmp_path).code == 0
    assert run(*bare, "--version", "1.0.1", cwd=tmp_path).code == 0
    readme = tmp_path / "dist/terraform-aws-vpc-cni-iam/1.0.1/README.md"
    assert "r.example.test/platform/vpc-cni-iam/aws" in readme.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--output d --cni-version latest --revision 2022-01-31", "give one"),
        ("--output d --cni-version latest --version v1", "write it like 1.2.3"),
        ("--output d --cni-version latest --namespace A", "--namespace 'A' must be"),
        ("--output d --cni-version latest --registry-host x", "is not a host name"),
        (
            "--output d --cni-version latest --registry-host github.com",
            "--registry-host 'github.com': engines take it for the address of a git repository",
        ),
        ("--cni-version latest", "Missing option '--output'"),
        ("--output= --cni-version latest", "the directory is empty; write"),
        ("--output d --cni-version latest --namespace=", "--namespace '' must be"),
        ("--output d --cni-version latest --registry-host=", "--registry-host '' is not"),
        ("--output d --cni-version latest --registry-host a.b:0", "a port of 1 to 65535"),
        ("--output d --cni-version latest --version=", "'' is not a version"),
        ("--output d --cni-version=", "''"),
        ("--output d --revision=", "''"),
        ("--output d --cni-version latest --feature=", "''"),
        ("--output d --cni-version latest --version 1.0.0 --oci-repository=", "'' is not the host"),
        (
            "--output d --cni-version latest --version 1.0.0 --oci-repository=Ghcr.io/x",
            "--oci-repository 'Ghcr.io/x' is not the host and name",
        ),
        (
            "--output d --cni-version latest --oci-repository r.io/m",
            "--oci-repository needs --version",
        ),
    ],
)
def test_wrong_usage(words: str, message: str, tmp_path: Path) -> None:
    done = run("publish", *words.split(), cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_registry_stays_what_it_was_published_as(tmp_path: Path) -> None:
    """Given once, the host and the namespace are used by every later command."""
    old, latest = OLD[: -len(PLACE)], LATEST[: -len(PLACE)]
    names = ("--registry-host", "tf.example.com", "--namespace", "platform")
    assert run(*old, *names, "--version", "1.0.0", cwd=tmp_path).code == 0
    before = (tmp_path / "dist" / "nginx.conf").read_text()
    done = run(*latest, "--version", "1.1.0", "--format", "json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["copies"] == []
    assert json.loads(done.out)["source"] == "tf.example.com/platform/vpc-cni-iam/aws"
    after = (tmp_path / "dist" / "nginx.conf").read_text()
    assert before != after and "server_name tf.example.com;" in after
    other = run(*latest, "--registry-host", "new.example.com", cwd=tmp_path)
    assert (other.code, other.out) == (3, "")
    assert "add --move-registry" in other.err
    words = ("--version", "1.1.1", "--registry-host", "new.example.com", "--move-registry")
    moved = run(*latest, *words, cwd=tmp_path)
    line = (
        "moved    from tf.example.com to new.example.com; the README.md of published versions still"
    )
    assert moved.code == 0 and line in moved.out
    assert "copy " not in moved.out
    command = [*COMMAND, "serve", "dist", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(2)]
        running.send_signal(signal.SIGINT)
    assert lines[1] == 'host "new.example.com" {\n'


def test_restored_and_copied_files_are_named(tmp_path: Path) -> None:
    words = [*LATEST, "--version", "1.0.0"]
    assert run(*words, cwd=tmp_path).code == 0
    (tmp_path / "dist" / "README.md").write_text("mine\n")
    lines = run(*words, cwd=tmp_path).out.splitlines()
    assert lines[1:3] == [
        "restore  dist/README.md",
        "copy     dist/README.md.orig of an edited file",
    ]


def test_serve_until_interrupted(tmp_path: Path) -> None:
    assert run(*LATEST, "--version", "1.0.0", cwd=tmp_path).code == 0
    words = ("dist", "--port", "0", "--registry-host", "r.example.test")
    command = [*COMMAND, "serve", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        assert lines[0].startswith("# Append this to ~/.terraformrc")
        assert lines[1] == 'host "r.example.test" {\n'
        address = lines[2].split('"')[3]
        place = urllib.parse.urlsplit(address)
        for _ in range(5):  # who leaves before the answer ends no server
            with socket.create_connection((place.hostname, place.port)) as client:
                client.sendall(b"GET /v1/modules/ HTTP/1.1\r\n\r\n" * 50)
        with urllib.request.urlopen(f"{address}example/vpc-cni-iam/aws/versions") as answer:
            assert answer.status == 200
        running.send_signal(signal.SIGINT)
        _, output = running.communicate()
    assert running.returncode == 130
    assert "vpc-cni-iam: GET /v1/modules/example/vpc-cni-iam/aws/versions" in output.replace(
        '"', ""
    )


def test_serve_has_one_port_so_that_its_configuration_stays() -> None:
    assert "8421" in run("serve", "--help").out


def test_serve_nothing(tmp_path: Path) -> None:
    done = run("serve", tmp_path)
    assert done.code == 3
    assert "has no registry; write one with vpc-cni-iam publish" in done.err
    for words in (["", "--port", "0"], [".", "--registry-host", ""], [".", "--port", "70000"]):
        done = run("serve", *words, cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
