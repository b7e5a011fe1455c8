"""The command line as a user meets it: output, exit code, and what it says."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import COMMAND, ROOT, TERRAFORM_NEWEST, engine_environment, read_tree, run, write_tree
from hcl_documents import documents_of
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.rendering.kinds import render

NAMES = ("--cluster-name", "prod", "--vpc-id", "vpc-01234567")


def in_m(made_from: Options) -> dict[str, str]:
    return render(replace(made_from, directory="m"))


def test_generate_with_defaults(tmp_path: Path) -> None:
    done = run("generate", cwd=tmp_path)
    assert done.code == 0
    assert read_tree(tmp_path / "vpc-cni-iam-policy") == render(options(hardening=Hardening()))
    assert "create  vpc-cni-iam-policy/main.tf" in done.out.splitlines()
    assert done.err.startswith("vpc-cni-iam: hardened: ")
    assert f"--cni-version {newest()}" in (tmp_path / "vpc-cni-iam-policy/main.tf").read_text()


def test_scoped_policies_are_hardened_by_default(tmp_path: Path) -> None:
    """In every command alike; --no-harden gives upstream's form, --revision its document."""
    policy = ("policy", "ipv4-scoped", *NAMES)
    default, hardened, plain = (
        run(*policy, *words).out for words in ((), ("--harden",), ("--no-harden",))
    )
    assert default == hardened != plain
    assert run(*policy, "--revision", "2026-06-01").out != default
    assert run("policy", "ipv4").out == run("policy", "ipv4", "--no-harden").out
    for folder, words in (("a", ()), ("b", ("--no-harden",)), ("c", ("--revision", "2026-06-01"))):
        assert run("generate", folder, *words, cwd=tmp_path).code == 0
        main = (tmp_path / folder / "main.tf").read_text()
        assert ("Hardened from upstream's document" in main) is (folder == "a")
        # The recorded command writes the same module again.
        command = main.partition("vpc-cni-iam generate DIRECTORY ")[2].partition("\n")[0]
        assert ("--no-harden" in command) is (folder == "b")
        assert run("generate", f"again/{folder}", *command.split(), cwd=tmp_path).code == 0
        assert read_tree(tmp_path / folder) == read_tree(tmp_path / "again" / folder)
        assert run("generate", folder, *words, cwd=tmp_path).code == 0
    for words, harden in (("", "true"), ("--no-harden", "false"), ("--variant ipv4", "false")):
        assert run("init", *words.split(), cwd=tmp_path).code == 0
        assert f"\nharden = {harden}\n" in (tmp_path / "vpc-cni-iam.toml").read_text()
        (tmp_path / "vpc-cni-iam.toml").unlink()


def test_upstreams_documents_are_one_option_away_and_said_to_fail(tmp_path: Path) -> None:
    done = run("generate", "m", "--revision", "2022-01-31", cwd=tmp_path)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert read_tree(tmp_path / "m") == in_m(options(revision="2022-01-31"))
    for words in (
        "2022-01-31",
        "v1.22.0",
        "ec2:DescribeSubnets",
        "the plugin fails",
        "Leave --revision out",
    ):
        assert words in done.err


def test_generate_speaks_as_it_is_asked_to(tmp_path: Path) -> None:
    words = ("generate", "m", "--cni-version", "latest")
    data = json.loads(run(*words, "--format", "json", cwd=tmp_path).out)
    assert data["path"] == "m"
    assert {"path": "main.tf", "kind": "create"} in data["changes"]
    assert {c["path"] for c in data["changes"]} == set(read_tree(tmp_path / "m"))
    assert read_tree(tmp_path / "m") == in_m(options(hardening=Hardening()))
    assert run(*words, "--quiet", cwd=tmp_path).out == ""


LATER = [
    ("generate", "m"),
    ("policy", "ipv4"),
    ("coverage", "--variant", "ipv4"),
    ("publish", "--output", "dist"),
    ("verify", "there", "--engine", "none"),
]


@pytest.mark.parametrize("words", LATER, ids=lambda w: w[0])
def test_a_later_patch_release_is_answered_with_the_newest_known(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    assert run("generate", "there", cwd=tmp_path).code == 0
    known = run(*words, "--cni-version", "v1.23.2", cwd=tmp_path)
    done = run(*words, "--cni-version", "v1.23.9", cwd=tmp_path)
    assert (done.code, known.code) == (0, 0)
    assert done.out.replace("same  ", "create") == known.out
    warning, *rest = done.err.splitlines()
    assert warning.startswith("vpc-cni-iam: warning: plugin v1.23.9 is newer than this catalog of ")
    assert "taking v1.23.2" in warning
    assert rest == known.err.splitlines()
    refused = run(*words, "--cni-version", "v1.99.0", cwd=tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert "plugin v1.99.0 is newer than this catalog" in refused.err


def test_generate_options_reach_the_module(tmp_path: Path) -> None:
    words = "--variant ipv6 --variant ipv6-scoped --cni-version 1.22.4 --feature multi-nic"
    words += " --no-harden --no-additions"
    done = run("generate", "m", *words.split(), cwd=tmp_path)
    assert done.code == 0, done.err
    expected = options(
        ["ipv6", "ipv6-scoped"],
        cni_version="v1.22.4",
        features=["multi-nic"],
        additions=Additions.none,
    )
    assert read_tree(tmp_path / "m") == in_m(expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("policy ipv4 --cni-version v1.7.5", "no document existed at plugin v1.7.5"),
        ("policy ipv4 --revision 2024-07-22", "the plugin fails at v1.22.0 to v1.22.1: ec2:"),
        ("policy ipv4 --revision 2026-06-01", "revision 2026-06-01 of upstream's page\n"),
        ("policy ipv4 --cni-version v1.22.0 --no-additions", "Without --no-additions"),
    ],
)
def test_notices(words: str, message: str) -> None:
    done = run(*words.split())
    assert done.code == 0
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_name_that_a_document_has_no_place_for_is_said() -> None:
    done = run("policy", "ipv6-scoped", *NAMES, "--no-harden")
    assert (done.code, done.err) == (
        0,
        "vpc-cni-iam: --vpc-id changes nothing: the document of ipv6-scoped does not name it\n",
    )


def test_policy_options_reach_the_document() -> None:
    owner = run("policy", "ipv4-scoped", *NAMES, "--vpc-owner-id", "111122223333").out
    assert "arn:aws:ec2:*:111122223333:subnet/*" in owner
    account = run("policy", "ipv4", "--account-id", "111122223333", "--region", "eu-west-1").out
    assert "arn:aws:ec2:eu-west-1:111122223333:network-interface/*" in account
    feature = run("policy", "ipv4", "--feature", "metrics-helper").out
    assert "cloudwatch:PutMetricData" in feature
    gaps = run("policy", "ipv6", "--cni-version", "v1.22.4").out
    assert "ec2:DescribeSubnets" in gaps
    bare = run("policy", "ipv6", "--cni-version", "v1.22.4", "--no-additions").out
    assert "ec2:DescribeSubnets" not in bare


def test_all_calls_adds_those_that_are_not_needed(tmp_path: Path) -> None:
    action = "ec2:ModifyNetworkInterfaceAttribute"
    for words, there in (((), False), (("--all-calls",), True)):
        assert (action in run("policy", "ipv6", *words).out) is there
        folder = f"m{len(words)}"
        run("generate", folder, "--variant", "ipv6", *words, cwd=tmp_path)
        assert (action in (tmp_path / folder / "main.tf").read_text()) is there


@pytest.mark.parametrize(
    ("words", "code", "out"),
    [
        ("", 0, "ok      ipv4 "),
        ("--variant ipv4", 0, "--cni-version v1.23.2; read"),
        ("--revision 2022-01-31", 1, "action ec2:DescribeSubnets is added"),
        ("--cni-version v1.22.1", 1, "ec2:DescribeSecurityGroups"),
        ("--feature metrics-helper", 1, "is missing: it allows cloudwatch:PutMetricData"),
        ("--all-calls", 1, "is missing: it allows ec2:ModifyNetworkInterfaceAttribute"),
    ],
)
def test_verify_options_replace_what_the_files_say(
    words: str, code: int, out: str, tmp_path: Path
) -> None:
    run("generate", "m", "--cni-version", "latest", cwd=tmp_path)
    done = run("verify", "m", "--engine", "none", *words.split(), cwd=tmp_path)
    assert done.code == code
    assert out in done.out
    if words == "--variant ipv4":
        assert done.out.count("\n") == 1


def test_what_the_system_refuses_is_an_expected_failure(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "full").mkdir()
    os.mkfifo(tmp_path / "full" / "main.tf")
    for words in (["generate", "x" * 300], ["verify", "x" * 300], ["generate", "full"]):
        done = run(*words, cwd=tmp_path)
        assert (done.code, done.out) == (3, ""), words
        assert done.err.startswith("vpc-cni-iam: error: ")
    assert run("generate", "", cwd=tmp_path).code == 2


def test_a_new_repository_is_no_obstacle(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert run("generate", ".", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("generate --variant ipv5", 2, "unknown variant 'ipv5'"),
        ("generate --revision 2021-01-01", 2, "unknown revision '2021-01-01'"),
        ("generate --cni-version v1.5.6", 2, "did you mean v1.5.5 or v1.5.7"),
        ("generate --cni-version v9.0.0", 2, "newest version is v1.23.2"),
        ("generate --cni-version v1.7.5", 2, "does not work with plugin v1.7.5"),
        ("generate file", 3, "file: is a file; name a directory"),
        ("generate full", 3, "full: has files that this tool did not write: mine.txt"),
        ("generate linked", 3, "is a symbolic link"),
        ("generate --nope", 2, "No such option"),
        ("policy", 2, "Missing argument"),
        ("policy ipv4-scoped", 2, "needs --cluster-name and --vpc-id"),
        ("policy ipv4 --partition azure", 2, "--partition 'azure' is not an AWS partition"),
        ("policy ipv4 --format yaml", 2, "yaml"),
        ("policy ipv4-scoped --harden --revision 2026-06-01", 2, "--harden needs --cni-version"),
        (
            "policy ipv4 --harden",
            2,
            "a cluster-scoped variant; choose one of ipv4-scoped, ",
        ),
        ("policy ipv4-scoped --no-harden --eni-claim-tag a=b", 2, "needs --harden"),
        ("policy ipv6-scoped --harden", 2, "needs --cluster-name and --vpc-id"),
        ("verify nowhere --engine none", 3, "nowhere: is not a directory"),
        ("verify full --engine none", 3, "full: has no .tf file"),
        ("verify full --engine rust", 2, "rust"),
        ("nonsense", 2, "No such command"),
    ],
)
def test_bad_input(words: str, code: int, message: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"file": "x", "full/mine.txt": "x", "linked/x": "x"})
    (tmp_path / "linked" / "main.tf").symlink_to("/etc/hostname")
    before = sorted(tmp_path.rglob("*"))
    done = run(*words.split(), cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("vpc-cni-iam: error: ") and message in done.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "value", ['"', '${file("/etc/passwd")}', "a\n", "}", "\u0661", "%{ if true }", "a b", ""]
)
@pytest.mark.parametrize("option", ["--cluster-name", "--vpc-id", "--region", "--account-id"])
def test_hostile_names_are_refused(option: str, value: str) -> None:
    words = dict(zip(NAMES[::2], NAMES[1::2], strict=True)) | {option: value}
    done = run("policy", "ipv4-scoped", *(w for pair in words.items() for w in pair))
    assert (done.code, done.out) == (2, "")
    assert option in done.err


def test_policy_prints_the_document_for_iam() -> None:
    done = run("policy", "ipv4-scoped", *NAMES, "--partition", "aws-cn", "--no-harden")
    assert done.code == 0
    assert len(json.loads(done.out)["Statement"]) == 7
    assert "${" not in done.out
    assert "arn:aws-cn:ec2:*:*:subnet/*" in done.out
    by_region = run("policy", "ipv4-scoped", *NAMES, "--region", "cn-north-1").out
    assert "arn:aws-cn:ec2:cn-north-1:*:subnet/*" in by_region


def test_policy_as_hcl_reads_back() -> None:
    printed = run("policy", "ipv4-scoped", *NAMES, "--no-harden", "--format", "hcl")
    document = run("policy", "ipv4-scoped", *NAMES, "--no-harden")
    assert printed.err == ""
    (result,) = documents_of(parse(printed.out, "x").blocks)
    assert result.policy == loads(document.out, "x")


@pytest.mark.parametrize("columns", ["60", "80", "100"])
def test_policy_as_a_table(columns: str) -> None:
    """An action is on one line, so that it can be searched for and copied."""
    words = ("policy", "ipv4", "--format", "table", "--cni-version", "latest")
    done = run(*words, env={"COLUMNS": columns})
    assert max(map(len, done.out.splitlines())) <= int(columns)
    document = loads(run("policy", "ipv4", "--cni-version", "latest").out, "x")
    for action in document.actions():
        assert action in done.out


def test_verify_reads_what_generate_wrote(tmp_path: Path) -> None:
    run("generate", "m", cwd=tmp_path)
    done = run("verify", "m", "--engine", "none", cwd=tmp_path)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["ok", "ipv4"],
        ["ok", "ipv6"],
        ["ok", "ipv4-scoped"],
    ]
    main = tmp_path / "m" / "main.tf"
    main.write_text(main.read_text().replace('      "ec2:DescribeTags",\n', "", 1))
    done = run("verify", "m", "--engine", "none", cwd=tmp_path)
    assert done.code == 1
    assert "action ec2:DescribeTags is missing" in done.out
    data = json.loads(run("verify", "m", "--engine", "none", "--format", "json", cwd=tmp_path).out)
    assert data["documents"][0]["differences"][0]["text"] == "action ec2:DescribeTags is missing"
    main.write_text(main.read_text() + 'resource "null_resource" "a" {}\n')
    data = json.loads(run("verify", "m", "--engine", "none", "--format", "json", cwd=tmp_path).out)
    last = len(main.read_text().splitlines())
    assert last in [finding["line"] for finding in data["findings"]]


def test_verify_without_an_engine_on_the_path(tmp_path: Path) -> None:
    run("generate", "m", cwd=tmp_path)
    nothing = {"PATH": str(tmp_path)}
    done = run("verify", "m", cwd=tmp_path, env=nothing)
    assert done.code == 0
    assert "no engine was used" in done.err
    done = run("verify", "m", "--engine", "tofu", cwd=tmp_path, env=nothing)
    assert done.code == 3
    assert "tofu is not on the PATH" in done.err


@pytest.mark.engine
def test_verify_with_a_real_engine(tmp_path: Path, attached: dict[str, str]) -> None:
    environ = engine_environment(TERRAFORM_NEWEST, tmp_path) | attached
    run("generate", "m", "--cni-version", "latest", cwd=tmp_path)
    done = run("verify", "m", "--engine", "terraform", cwd=tmp_path, env=environ)
    assert done.code == 0, done.err
    assert done.out.count("rendered by terraform 1.15.5") == 3
    limits = ("--limit-to", "subnets", "--limit-to", "security-groups")
    run("generate", "n", "--variant", "ipv4-scoped", "--harden", *limits, cwd=tmp_path)
    done = run("verify", "n", "--engine", "terraform", cwd=tmp_path, env=environ)
    assert done.code == 0, done.out + done.err
    main = tmp_path / "n" / "main.tf"
    main.write_text(main.read_text().replace("in var.subnet_ids :", 'in ["*"] :'))
    done = run("verify", "n", "--engine", "terraform", cwd=tmp_path, env=environ)
    assert done.code == 1 and "subnet/*" in done.out


def test_catalog_for_programs() -> None:
    data = json.loads(run("catalog", "--format", "json").out)
    assert [v["name"] for v in data["variants"]][:3] == ["ipv4", "ipv6", "ipv4-scoped"]
    assert len(data["versions"]) == 99
    assert data["newest_version"] == {"version": "v1.23.2", "date": "2026-09-29"}
    assert {len(r["source"]["git_blob"]) for r in data["revisions"]} == {40}
    assert [r["source"]["commit"] is None for r in data["revisions"]] == [False] * 3 + [True]
    assert data["managed_policy"]["version"] == "v6"


@pytest.mark.parametrize("columns", ["80", "100", None])
@pytest.mark.parametrize("option", ["", "--history"])
def test_catalog_fits_into_a_terminal(option: str, columns: str | None) -> None:
    done = run("catalog", *option.split(), env={"COLUMNS": columns} if columns else {})
    assert done.code == 0 and done.out.isascii()
    assert max(map(len, done.out.splitlines())) <= int(columns or 100)
    whole = {
        "": ("ipv4-pod-identity ", "derived by", "2022-01-31, ", "multi-nic "),
        "--history": ("2022-01-31 ", "1c102afec248 ", "v1.22.0 "),
    }
    for words in whole[option]:
        assert words in done.out
    assert option or len(done.out.splitlines()) < 60


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ((), "none found; terraform and tofu are not on the PATH"),
        (("tofu",), "{}/tofu"),
        (("terraform", "tofu"), "{}/terraform"),
    ],
)
def test_the_version_names_the_newest_plugin_version_and_the_engine(
    names: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """An engine that hangs or fails does not matter: it is not started."""
    for name in names:
        engine = tmp_path / name
        engine.write_text(f"#!/bin/sh\ntouch {tmp_path}/started; sleep 600\n")
        engine.chmod(0o755)
    done = run("--version", env={"PATH": str(tmp_path)})
    first, second = done.out.splitlines()
    assert done.code == 0 and first.startswith("vpc-cni-iam 0.")
    known = "newest plugin version known: v1.23.2 of 2026-09-29"
    assert second == f"{known}; engine: {told.format(tmp_path)}"
    assert not (tmp_path / "started").exists()


LAZY = """
import sys
sys.argv = ["vpc-cni-iam", *{words!r}]
from vpc_cni_iam.cli.main import main
try:
    main()
except SystemExit:
    pass
heavy = {{"jinja2", "hcl2", "html", "lark", "rich", "pydantic", "tomllib", "zipfile"}}
heavy.add("vpc_cni_iam.inputs.identify")
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], []),
        (["generate", "--help"], []),
        (["--version"], []),
        (["policy", "ipv4", "--cni-version", "latest"], []),
        (["policy", "ipv4", "--cni-version", "latest", "--format", "hcl"], []),
        (["catalog", "--format", "json"], []),
        (["coverage", "--variant", "ipv4"], []),
        (["generate", "m", "--cni-version", "latest"], ["jinja2"]),
        (["review", str(ROOT / "tests/review/plans/admin.terraform-1.15.5.json")], []),
    ],
)
def test_start_up_imports_only_what_is_needed(
    words: list[str], heavy: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LAZY.format(words=words)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == str(heavy)


@pytest.mark.parametrize(
    ("closed", "code"), [("<&- 2>/dev/null", 3), (">&-", 0), ("2>&- >/dev/null", 0)]
)
def test_a_closed_stream_is_no_failure(closed: str, code: int, tmp_path: Path) -> None:
    """Standard input that is closed is empty."""
    (tmp_path / "p.json").write_text(run("policy", "ipv4").out)
    file = "-" if code else "p.json"
    command = f"{shlex.join([*COMMAND, 'coverage', file])} {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_in_the_middle(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """A pipe that nobody reads holds the engine, and the tool is interrupted while it waits."""
    engine = write_tree(tmp_path / "bin", {"terraform": "#!/bin/sh\nexec sleep 600\n"})
    (engine / "terraform").chmod(0o755)
    run("generate", "m", cwd=tmp_path)
    (engine / "terraform").write_text(f"#!/bin/sh\nsleep 600 & echo $! > {tmp_path}/child; wait\n")
    with subprocess.Popen(
        [*COMMAND, "verify", "m", "--engine", "terraform"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{engine}:/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    # The engine's children, which its providers are, went with it.
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    for _ in range(600):  # the signal is sent; a busy machine takes a while to act on it
        if is_gone(child):
            break
        time.sleep(0.1)
    assert is_gone(child)


def is_gone(process: Path) -> bool:
    """Whether a process has ended, by its file in /proc."""
    try:
        return process.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


LISTS = ("--subnet-id", "subnet-01234567", "--subnet-id", "subnet-89abcdef")
LISTS = (*LISTS, "--security-group-id", "sg-01234567")


def test_a_policy_is_narrowed_to_the_ids_that_it_is_given() -> None:
    done = run("policy", "ipv4-scoped", *NAMES, "--harden", *LISTS)
    assert done.code == 0
    listed = [r for s in loads(done.out, "stdout").statements for r in map(str, s.resources)]
    ids = [r.rpartition("/")[2] for r in listed if "subnet/" in r or "security-group/" in r]
    assert ids == ["subnet-01234567", "subnet-89abcdef", "sg-01234567", "sg-01234567"]
    as_hcl = run("policy", "ipv4-scoped", *NAMES, "--harden", *LISTS, "--format", "hcl")
    (block,) = parse(as_hcl.out, "stdout").blocks
    (document,) = documents_of((block,))
    assert document.policy == loads(done.out, "stdout")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--no-harden", *LISTS), "--subnet-id needs --harden"),
        (("--harden", "--subnet-id", "subnet-x"), "'subnet-x' is not a subnet ID: subnet- and 8"),
        (("--harden", *LISTS, *LISTS[:2]), "--subnet-id subnet-01234567 is given twice"),
        (
            ("--harden", *(w for n in range(100) for w in ("--subnet-id", f"subnet-{n:08}"))),
            "the document has 6,867 characters, and a managed policy of IAM 6,144; give --subnet-",
        ),
    ],
)
def test_ids_that_a_policy_cannot_have_are_refused(words: tuple[str, ...], message: str) -> None:
    done = run("policy", "ipv4-scoped", *NAMES, *words)
    assert (done.code, done.out) == (2, "") and message in done.err
    other = run("policy", "ipv6-scoped", "--cluster-name", "c", "--harden", *LISTS[:2])
    assert other.code == 2
    assert "--subnet-id: the document of ipv6-scoped names no subnets; leave it" in other.err


def test_a_narrowed_module_is_generated_and_verified_and_covered(tmp_path: Path) -> None:
    limits = ("--limit-to", "subnets", "--limit-to", "security-groups")
    words = ("--variant", "ipv4-scoped", "--harden", *limits)
    made = run("generate", "m", *words, cwd=tmp_path)
    assert made.code == 0 and "(subnet-added)" in (tmp_path / "m" / "README.md").read_text()
    assert run("verify", "m", "--engine", "none", cwd=tmp_path).code == 0
    ids = ("--var", 'subnet_ids=["subnet-01234567"]', "--var", 'security_group_ids=["sg-01234567"]')
    missing = run("coverage", "m", *ids[:2], cwd=tmp_path)
    assert missing.code == 3 and "give --var security_group_ids=VALUE" in missing.err
    covered = run("coverage", "m", *ids, "--verbose", cwd=tmp_path)
    assert covered.code == 0
    assert "cluster-name-corrected, additional-tags-changed, subnet-added, secu" in covered.out
    for scenario in ("subnet-added", "security-group-added"):
        denied = run("coverage", "m", *ids, "--scenario", scenario, cwd=tmp_path)
        assert denied.code == 1 and f"in the scenario {scenario}" in denied.out
    main = tmp_path / "m" / "main.tf"
    main.write_text(main.read_text().replace("subnet/${id}", "subnet/*"))
    assert run("verify", "m", "--engine", "none", cwd=tmp_path).code == 1


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_any_locale(locale: str, tmp_path: Path) -> None:
    env = {"LC_ALL": locale, "PYTHONIOENCODING": "ascii"}
    assert run("generate", "m", cwd=tmp_path, env=env).code == 0
    assert run("catalog", env=env).code == 0


def test_harden(tmp_path: Path) -> None:
    words = ("--cni-version", "v1.23.0", "--harden", "--additional-tag-key", "Cost Center")
    done = run("policy", "ipv4-scoped", *NAMES, *words)
    assert done.code == 0 and len(loads(done.out, "stdout").statements) == 9
    # One line that names what to check first, and the page about the rest.
    assert done.err.count("\n") == 1
    assert "vpc-cni-iam preflight" in done.err and "docs/hardening.md" in done.err
    quiet = run("generate", "q", "--variant", "ipv4-scoped", "--quiet", cwd=tmp_path)
    assert (quiet.out, quiet.err) == ("", "")
    made = run("generate", "m", "--variant", "ipv4-scoped", *words, cwd=tmp_path)
    assert (made.code, made.err) == (0, done.err)
    verified = run("verify", "m", "--engine", "none", cwd=tmp_path)
    assert verified.code == 0 and "--harden --additional-tag-key Cost Center" in verified.out
    main = tmp_path / "m" / "main.tf"
    main.write_text(main.read_text().replace('"eks:eni:owner",', '"eks:eni:owner",\n"Name",'))
    assert run("verify", "m", "--engine", "none", cwd=tmp_path).code == 1


def test_what_a_terminal_would_obey_is_spelled_out(tmp_path: Path) -> None:
    done = run("convert", "a\x1b]0;x\x07.json", cwd=tmp_path)
    assert (done.code, "\x1b" in done.err) == (3, False)
    assert "a\\u001b]0;x\\u0007.json" in done.err


MANAGED_ARN = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"


def test_what_the_log_of_a_job_would_obey_is_spelled_out(tmp_path: Path) -> None:
    run("generate", "m", "--cni-version", "v1.23.0", cwd=tmp_path)
    (tmp_path / "m" / "##[group]x.tf.json").write_text("{}")
    run("init", "--path", "v", cwd=tmp_path)
    run("sync", cwd=tmp_path)
    (tmp_path / "v" / "::stop-commands::x_override.tf").write_text("")
    role = {"RoleName": "##[group]x", "Arn": "arn:aws:iam::111122223333:role/##[group]x"}
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}
    role |= {"AssumeRolePolicyDocument": {"Statement": {**trust, "Action": "sts:AssumeRole"}}}
    role |= {"AttachedManagedPolicies": [{"PolicyArn": MANAGED_ARN}], "RolePolicyList": []}
    (tmp_path / "account.json").write_text(json.dumps({"RoleDetailList": [role]}))
    (tmp_path / "##[group]x.json").write_text('{"Statement": []}')
    for words in (
        "verify m --engine none",
        "check",
        "audit account.json",
        "coverage ##[group]x.json",
        "review ##[group]x.json",
    ):
        done = run(*words.split(), cwd=tmp_path)
        shown = done.out + done.err
        assert "##" not in shown and "::stop" not in shown, words
        assert "\\u0023#[group]x" in shown or "\\u003a:stop-commands::x" in shown, words


def test_long_lines_are_whole(tmp_path: Path) -> None:
    name = f"{'long' * 600}.json"
    assert name in run("coverage", name, cwd=tmp_path).err


@pytest.mark.parametrize(
    "words",
    [
        ("coverage", "all.json"),
        ("audit", "account.json"),
    ],
)
def test_long_lines_are_as_wide_as_the_terminal_and_whole_in_a_file(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    (tmp_path / "all.json").write_text(json.dumps(policy))
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"}
    role = {
        "RoleName": "nodes",
        "Arn": "arn:aws:iam::111122223333:role/nodes",
        "AssumeRolePolicyDocument": {**policy, "Statement": [trust]},
        "RolePolicyList": [{"PolicyName": "cni", "PolicyDocument": policy}],
        "AttachedManagedPolicies": [],
    }
    (tmp_path / "account.json").write_text(json.dumps({"RoleDetailList": [role]}))
    whole = run(*words, cwd=tmp_path).out
    narrow = run(*words, cwd=tmp_path, env={"COLUMNS": "80"}).out
    assert max(map(len, whole.splitlines())) > 80
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.split() == whole.split()


def test_a_reader_that_ends_first_ends_the_command_without_a_word() -> None:
    """As `head` ends others: by the signal, whatever the command would have said."""
    for words in (["catalog", "--format", "json"], ["catalog"]):
        with subprocess.Popen(
            [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == -signal.SIGPIPE
