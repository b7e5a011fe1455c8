"""Vendoring from the command line, on real git repositories and with real engines."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, read_tree, run, write_tree
from daemonsets import daemonset
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.policy.parse import loads

MODULE = "modules/vpc-cni-iam-policy"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def with_upstreams_variants(toml: Path) -> None:
    """Put upstream's three documents in the place of the one that init writes."""
    text = toml.read_text().replace("harden = true", "harden = false")
    toml.write_text(text.replace('["ipv4-scoped"]', '["ipv4", "ipv6", "ipv4-scoped"]'))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    done = run("init", cwd=tmp_path)
    assert (done.code, "vpc-cni-iam sync" in done.err) == (0, True)
    with_upstreams_variants(tmp_path / "vpc-cni-iam.toml")
    assert run("sync", cwd=tmp_path).code == 0
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "vendored")
    return tmp_path


def edit(repo: Path, old: str, new: str) -> None:
    main = repo / MODULE / "main.tf"
    text = main.read_text()
    assert old in text
    main.write_text(text.replace(old, new))


def test_init_then_sync_then_check(repo: Path) -> None:
    done = run("check", cwd=repo)
    assert (done.code, done.out, done.err) == (0, "1 module checked, 1 clean\n", "")
    assert run("check", "--quiet", cwd=repo).out == ""
    assert run("check", cwd=repo / "modules").code == 0
    assert run("sync", "--dry-run", cwd=repo).code == 0
    assert run("sync", cwd=repo).out == "all modules are up to date; nothing to do\n"
    assert git(repo, "status", "--porcelain") == ""
    again = run("init", "--path", "infra/cni", "--variant", "ipv6", cwd=repo)
    assert (again.code, again.out) == (3, "")
    problem, _, entry = again.err.partition("\n\n")
    assert problem.endswith("vpc-cni-iam.toml: already exists; to add a module, add this to it:")
    toml = repo / "vpc-cni-iam.toml"
    toml.write_text(f"{toml.read_text()}\n{entry}")
    assert run("sync", "--quiet", cwd=repo).code == 0
    assert "aws_iam_policy_document" in (repo / "infra/cni/main.tf").read_text()


def test_init_selects_variants(tmp_path: Path) -> None:
    wrong = run("init", "--variant", "ipv4-scope", cwd=tmp_path)
    assert wrong.code == 2 and "did you mean 'ipv4-scoped'?" in wrong.err
    assert list(tmp_path.iterdir()) == []
    assert run("init", "--variant", "ipv4-scoped", cwd=tmp_path).code == 0
    text = (tmp_path / "vpc-cni-iam.toml").read_text()
    assert '\nvariants = ["ipv4-scoped"]\n' in text


SCOPED = "kubernetes.io/cluster/<cluster>=owned"


@pytest.mark.parametrize(
    ("variants", "hardened", "conditions"),
    [
        ([], True, ["an IPv4 cluster", "CLUSTER_NAME", SCOPED, "--variant ipv4-scoped --cni-v"]),
        (["ipv6-scoped"], True, ["an IPv6 cluster", "CLUSTER_NAME", "--variant ipv6-scoped --cn"]),
        (["ipv4-pod-identity"], True, ["an IPv4 cluster", "CLUSTER_NAME", "session tags"]),
        (["ipv4", "ipv4-scoped"], True, ["an IPv4 cluster", "CLUSTER_NAME", SCOPED]),
        (["ipv4"], False, []),
    ],
)
def test_init_writes_one_hardened_variant_and_says_what_it_needs(
    variants: list[str], hardened: bool, conditions: list[str], tmp_path: Path
) -> None:
    words = [word for name in variants for word in ("--variant", name)]
    done = run("init", *words, cwd=tmp_path)
    assert done.code == 0
    table = tomllib.loads((tmp_path / "vpc-cni-iam.toml").read_text())["module"][0]
    assert table["variants"] == (variants or ["ipv4-scoped"])
    assert table["harden"] is hardened
    text = (tmp_path / "vpc-cni-iam.toml").read_text()
    assert all(f"#   {v.name} " in text for v in VARIANTS)
    _, needs, command = done.err.partition("before you apply it:")
    assert bool(needs) is bool(conditions)
    assert all(condition in command for condition in conditions)
    assert (SCOPED in command) is (SCOPED in conditions)
    if conditions:
        shown = command.splitlines()[-1].split()
        (tmp_path / "instances.json").write_text('{"Reservations": []}')
        (tmp_path / "interfaces.json").write_text('{"NetworkInterfaces": []}')
        is_ipv6 = str("an IPv6 cluster" in conditions).lower()
        (tmp_path / "aws-node.json").write_text(daemonset(ENABLE_IPv6=is_ipv6))
        assert "ADDITIONAL_ENI_TAGS" in needs + command
        checked = run(*shown[1:], cwd=tmp_path)
        assert checked.code == 1 and "no instance or interface looks like a node" in checked.out
    assert run("sync", cwd=tmp_path).code == 0
    assert run("check", cwd=tmp_path).code == 0


def test_init_pins_the_plugin_version_that_is_asked_for(tmp_path: Path) -> None:
    for words, error in (
        ("--cni-version v9.0.0", "plugin v9.0.0 is newer than this catalog"),
        (
            "--cni-version v1.7.0 --variant ipv4-scoped",
            "variant ipv4-scoped does not work",
        ),
    ):
        wrong = run("init", *words.split(), cwd=tmp_path)
        assert (wrong.code, list(tmp_path.iterdir())) == (2, [])
        assert error in wrong.err and "--path" not in wrong.err
    assert run("init", "--cni-version", "1.20.4-eksbuild.2", cwd=tmp_path).code == 0
    assert '\ncni_version = "v1.20.4"\n' in (tmp_path / "vpc-cni-iam.toml").read_text()
    assert run("sync", cwd=tmp_path).code == run("check", cwd=tmp_path).code == 0


def test_files_with_the_same_next_step_are_listed_above_it_once(tmp_path: Path) -> None:
    done = run("init", cwd=tmp_path)
    assert (done.code, "vpc-cni-iam sync" in done.err) == (0, True)
    done = run("check", cwd=tmp_path)
    assert done.code == 1
    assert "         does not exist yet: README.md, main.tf, outputs.tf, tests/" in done.out
    assert done.out.count("           write it: vpc-cni-iam sync ") == 1


def test_every_command_says_that_a_pin_is_newer_than_the_catalog(repo: Path) -> None:
    path = repo / "vpc-cni-iam.toml"
    path.write_text(path.read_text().replace("v1.23.2", "v1.23.9"))
    pinned = path.read_text()
    words = "plugin v1.23.9 is newer than this catalog"
    for command in (("sync",), ("check",), ("sync", "--dry-run"), ("upgrade",)):
        done = run(*command, cwd=repo)
        assert done.code == 0
        assert done.err.startswith("vpc-cni-iam: warning: ") and words in done.err
        assert "--strict refuses" in done.err
        assert words in run(*command, "--quiet", cwd=repo).err
        (warning,) = json.loads(run(*command, "--format", "json", cwd=repo).out)["warnings"]
        assert words in warning
        refused = run(*command, "--strict", cwd=repo)
        assert refused.code == 2
        assert re.search(rf"line \d+: {re.escape(words)}", refused.err)
    assert words in run("check", "--quiet", "--format", "markdown", cwd=repo).out.replace("\\", "")
    assert path.read_text() == pinned


def test_a_dry_run_shows_the_change_of_access_and_of_the_files(repo: Path) -> None:
    pin(repo, "v1.20.4")
    toml = repo / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace("v1.20.4", "v1.23.2"))
    before = read_tree(repo / MODULE)
    done = run("sync", "--dry-run", cwd=repo)
    assert done.code == 1
    assert "ipv4: more access, for instance ec2:DescribeSecurityGroups on *" in done.out
    assert '+      "ec2:DescribeSecurityGroups",' in done.out
    quiet = run("sync", "--dry-run", "--quiet", cwd=repo)
    assert "ipv4: more access" in quiet.out and "+++ " not in quiet.out
    (module,) = json.loads(run("sync", "--dry-run", "--format", "json", cwd=repo).out)["modules"]
    variant = module["variants"][0]
    assert (variant["more_access"], variant["less_access"]) == (True, False)
    (difference,) = variant["differences"]
    assert difference["change"] == "changed"
    (element,) = difference["elements"]
    assert "ec2:DescribeSecurityGroups" in element["added"] and element["removed"] == []
    assert '+      "ec2:DescribeSecurityGroups",' in module["diff"]
    assert read_tree(repo / MODULE) == before
    assert run("sync", cwd=repo).code == run("sync", "--dry-run", cwd=repo).code == 0


def pin(repo: Path, version: str) -> None:
    toml = repo / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace('"v1.23.2"', f'"{version}"'))
    assert run("sync", cwd=repo).code == 0


def test_a_pin_that_is_not_the_newest_is_information(repo: Path) -> None:
    pin(repo, "v1.20.4")
    done = run("check", cwd=repo)
    assert done.code == 0
    assert "module pinned to --cni-version v1.20.4; the newest version known is" in done.out
    assert run("check", "--quiet", cwd=repo).out == ""
    done = run("check", "--outdated", "--quiet", cwd=repo)
    assert done.code == 1
    assert done.out == (
        "behind   1 module pinned to --cni-version v1.20.4; the newest version known is v1.23.2: "
        "vpc-cni-iam upgrade\n"
    )


def test_the_newest_revision_is_not_behind(tmp_path: Path) -> None:
    """Its document is the one in force; that of an earlier one no longer is."""
    for revision, code in (("2026-09-29", 0), ("2026-06-01", 1)):
        table = f'[[module]]\npath = "m"\nrevision = "{revision}"\nvariants = ["ipv4"]\n'
        write_tree(tmp_path, {"vpc-cni-iam.toml": table})
        assert run("sync", cwd=tmp_path).code == 0
        done = run("check", "--outdated", cwd=tmp_path)
        assert (done.code, f"--revision {revision}" in done.out) == (code, code == 1)


def test_an_upgrade_to_what_is_there_says_so(repo: Path) -> None:
    done = run("upgrade", cwd=repo)
    assert (done.code, done.out) == (0, "all modules are up to date; nothing to do\n")
    assert run("upgrade", "--quiet", cwd=repo).out == ""


def test_a_diff_of_a_file_steers_no_terminal_and_no_log(repo: Path) -> None:
    main = repo / MODULE / "main.tf"
    pin(repo, "v1.20.4")
    main.write_text(f"\ufeff{main.read_text()}\t# \x1b[31m\u202e\n##[error]x\n")
    for words in (("sync", "--dry-run"), ("sync",), ("upgrade", "--dry-run")):
        out = run(*words, cwd=repo).out
        assert not {*out} & {"\x1b", "\u202e", "\ufeff"} and "##[" not in out, words
        assert "\\ufeff# Generated" in out and "\t# \\u001b[31m\\u202e\n" in out, words


def test_a_configuration_may_be_named_through_a_linked_directory(repo: Path) -> None:
    pin(repo, "v1.20.4")
    link = repo.parent / "link"
    link.symlink_to(repo)
    for words in (("sync",), ("upgrade",), ("check", "--outdated")):
        done = run(*words, "--config", f"{link}/vpc-cni-iam.toml", cwd=repo.parent)
        assert done.code == 0, done.err


def test_a_generated_file_that_git_could_not_merge_can_be_generated_again(repo: Path) -> None:
    main = repo / MODULE / "main.tf"
    before = main.read_text()
    main.write_text(f"<<<<<<< HEAD\n# a\n=======\n# b\n>>>>>>> other\n{before}")
    lines = run("check", cwd=repo).out.splitlines()
    (step,) = (line for line in lines if "use the generated one: " in line)
    remove, _, sync = step.partition(": rm ")[2].partition(" && vpc-cni-iam ")
    (repo / remove).unlink()
    assert run(*sync.split(), cwd=repo).code == 0
    assert (main.read_text(), run("check", cwd=repo).code) == (before, 0)


def test_upgrade_shows_the_meaning_and_changes_file_and_modules(repo: Path) -> None:
    pin(repo, "v1.20.4")
    before = read_tree(repo / MODULE)
    toml = (repo / "vpc-cni-iam.toml").read_text()
    shown = run("upgrade", "--dry-run", cwd=repo)
    assert shown.code == 0
    assert "ipv4: more access, for instance ec2:DescribeSecurityGroups on *" in shown.out
    assert "actions ec2:DescribeSecurityGroups, ec2:DescribeSubnets are added" in shown.out
    assert "ipv4-scoped: no change of access" in shown.out
    assert (read_tree(repo / MODULE), (repo / "vpc-cni-iam.toml").read_text()) == (before, toml)
    done = run("upgrade", cwd=repo)
    assert done.code == 0
    assert "more access" in done.out
    assert (repo / "vpc-cni-iam.toml").read_text() == toml.replace("v1.20.4", "v1.23.2")
    assert run("check", "--outdated", cwd=repo).code == 0


def test_upgrade_changes_nothing_beside_a_file_that_is_in_the_way(repo: Path) -> None:
    pin(repo, "v1.20.4")
    (repo / MODULE / ".vpc-cni-iam" / "manifest").unlink()
    edit(repo, '"ec2:CreateTags"', '"ec2:*"')
    before = read_tree(repo / MODULE), (repo / "vpc-cni-iam.toml").read_text()
    done = run("upgrade", cwd=repo)
    assert done.code == 1
    assert "main.tf is in the way of a generated file, and is not in .vpc-cni-iam/man" in done.out
    assert "no file was written; first move or delete the one in the way" in done.err
    assert "no files changed" in done.err
    assert (read_tree(repo / MODULE), (repo / "vpc-cni-iam.toml").read_text()) == before


def test_upgrade_merges_an_edit_and_says_that_the_pin_has_changed(repo: Path) -> None:
    pin(repo, "v1.20.4")
    edit(repo, '"ec2:CreateTags"', '"ec2:*"')
    done = run("upgrade", cwd=repo)
    assert (done.code, f"merge    {MODULE}/main.tf\n" in done.out) == (1, True)
    assert "vpc-cni-iam.toml has the new pin; the files above need a decision" in done.err
    text = (repo / MODULE / "main.tf").read_text()
    assert '["ec2:*"]' in text
    assert '"ec2:DescribeSecurityGroups"' in text
    assert "v1.23.2" in (repo / "vpc-cni-iam.toml").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("check", 3, "vpc-cni-iam.toml: does not exist; searched /"),
        ("sync nowhere", 3, "does not exist; searched"),
        ("accept x y", 3, "does not exist; searched"),
        ("upgrade --latest --revision 2022-01-31", 3, "does not exist; searched"),
        ("init --path ../x", 2, "error: --path: path '../x' leaves"),
        ("init --path /x", 2, "error: --path: path '/x' is absolute"),
        (r"init --path a\b", 2, r"error: --path: path 'a\\b' is not a path"),
    ],
)
def test_bad_input(words: str, code: int, message: str, tmp_path: Path) -> None:
    done = run(*words.split(), cwd=tmp_path)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert list(tmp_path.iterdir()) == []


def test_wrong_names_and_pins(repo: Path) -> None:
    for words, message in (
        ("sync nowhere", "is not a module of"),
        ("upgrade --latest --revision 2022-01-31", "use only one of"),
        ("upgrade --cni-version v1.5.6", "did you mean"),
        ("upgrade --revision 2000-01-01", "unknown revision"),
    ):
        done = run(*words.split(), cwd=repo)
        assert (done.code, done.out) == (2, ""), words
        assert message in done.err
    toml = repo / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace('additions = "needed"', "additions = 1"))
    done = run("check", cwd=repo)
    assert done.code == 2
    assert "vpc-cni-iam.toml: line 33: additions is 1, but must be a string" in done.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('cni_version = "v1.5.6"', "generate x --cni-version v1.5.6"),
        ('revision = "2000-01-01"', "generate x --revision 2000-01-01"),
        ('cni_version = "latest"\nvariants = ["ipv5"]', "generate x --variant ipv5"),
        ('cni_version = "v1.23.2"\nvariants = ["ipv5"]', "generate x --variant ipv5"),
        ('cni_version = "v1.23.2"\nfeatures = ["nope"]', "generate x --feature nope"),
        ('cni_version = "v1.23.2"\nnope = true', "generate x --nope"),
        ('cni_version = "v1.23.2"\nkind = "nope"', "generate x --kind nope"),
        ('cni_version = "v1.23.2"\npath = "/x"', "init --path /x"),
    ],
)
def test_a_wrong_value_has_the_same_exit_code_in_an_option_and_in_the_configuration(
    line: str, words: str, tmp_path: Path
) -> None:
    assert run(*words.split(), cwd=tmp_path).code == 2
    path = "" if "path" in line else 'path = "m"\n'
    write_tree(tmp_path, {"vpc-cni-iam.toml": f"[[module]]\n{path}{line}\n"})
    for command in (
        ("check",),
        ("sync", "--dry-run"),
        ("sync",),
        ("upgrade",),
        ("accept", "a", "b"),
    ):
        done = run(*command, cwd=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert "error: vpc-cni-iam.toml: line " in done.err
    # What is no TOML is bad input.
    write_tree(tmp_path, {"vpc-cni-iam.toml": "[[module\n"})
    assert run("check", cwd=tmp_path).code == 3


def test_accept_names_what_it_cannot_do(repo: Path) -> None:
    for words, problem in (
        (("nowhere/main.tf", "x"), "is not a module of"),
        ((MODULE, "x"), "is a module; name a file in it"),
        ((f"{MODULE}/main.tf", "x"), "is as generated; there is nothing to accept"),
        ((f"{MODULE}/mine.tf", "x"), "sync does not write this file, and it replaces no file"),
        ((f"{MODULE}/.vpc-cni-iam/manifest", "x"), "sync does not write this file"),
        ((f"{MODULE}/main.tf", " "), "REASON: write why, in one line of at most 1000 characters"),
    ):
        done = run("accept", *words, cwd=repo)
        assert (done.code, done.out) == (2, "")
        assert problem in done.err


def test_a_pin_in_the_configuration_alone(repo: Path) -> None:
    """Between v1.23.0 and v1.23.1 nothing of the module differs, so only the pin changes."""
    pin(repo, "v1.23.0")
    before = read_tree(repo / MODULE)
    done = run("upgrade", "--cni-version", "v1.23.1", cwd=repo)
    assert (done.code, done.out) == (0, "replace  vpc-cni-iam.toml\n")
    assert read_tree(repo / MODULE) == before
    assert not any("--cni-version" in text.partition("\n\n")[0] for text in before.values())


def test_a_configuration_with_conflict_markers_is_named(repo: Path) -> None:
    toml = repo / "vpc-cni-iam.toml"
    toml.write_text(f"<<<<<<< HEAD\n{toml.read_text()}=======\n>>>>>>> b\n")
    for command in ("check", "sync", "upgrade"):
        done = run(command, cwd=repo)
        assert (done.code, "has conflict markers; resolve them" in done.err) == (3, True)


def test_generate_leaves_a_vendored_module_alone(repo: Path) -> None:
    done = run("generate", MODULE, "--force", cwd=repo)
    assert done.code == 3
    assert "is managed by sync" in done.err
    assert git(repo, "status", "--porcelain") == ""


def test_verify_reads_a_vendored_module(repo: Path) -> None:
    """By the configuration, which has the options."""
    done = run("verify", MODULE, "--engine", "none", cwd=repo)
    assert (done.code, "nearest" in done.err) == (0, False)
    pin(repo, "v1.20.4")
    done = run("verify", MODULE, "--engine", "none", cwd=repo)
    assert (done.code, "nearest" in done.err) == (0, False)
    assert run("verify", MODULE, "--engine", "none", "--cni-version", "v1.23.2", cwd=repo).code == 1


def test_without_git_and_without_a_home(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "HOME": ""}
    assert run("init", cwd=tmp_path, env=env).code == 0
    assert run("sync", cwd=tmp_path, env=env).code == 0
    assert run("check", cwd=tmp_path, env=env).code == 0


@pytest.mark.engine
def test_a_consumer_plans_what_was_vendored(repo: Path, engine: Engine) -> None:
    write_tree(
        repo,
        {
            "main.tf": OFFLINE_PROVIDER
            + f'module "p" {{\n  source = "./{MODULE}"\n'
            + '  cluster_name = "prod"\n  vpc_id = "vpc-01234567"\n}\n'
            + 'output "json" {\n  value = module.p.json\n}\n',
            f"{MODULE}/custom.tf": 'output "mine" {\n  value = local.json["ipv4"]\n}\n',
        },
    )
    plan = engine.plan(repo)
    documents = plan["planned_values"]["outputs"]["json"]["value"]
    assert len(loads(documents["ipv4-scoped"], "x").statements) == 7
    assert run("check", cwd=repo).code == 0
    engine.run(["fmt", "-check", "-recursive"], repo / MODULE)


def test_the_schema_is_published() -> None:
    page = (ROOT / "docs" / "vendoring.md").read_text()
    (name,) = re.findall(r"\| editors \| .*\(([\w.-]+\.schema\.json)\)", page)
    published = (ROOT / "docs" / name).read_text()
    assert run("init", "--config-schema").out == published
    pattern = json.loads(published)["$defs"]["ModuleTable"]["properties"]["cni_version"]
    assert re.search(pattern["pattern"], "v1.23.0")


def test_a_variant_that_goes_is_said(repo: Path) -> None:
    toml = repo / "vpc-cni-iam.toml"
    text = toml.read_text()
    toml.write_text(text.replace('["ipv4", "ipv6", "ipv4-scoped"]', '["ipv6"]'))
    done = run("sync", "--dry-run", cwd=repo)
    assert done.out.startswith(
        f"{MODULE}\n  ipv6: no change of access\n"
        "  ipv4: the document is no longer generated\n  ipv4: less access"
    )


def test_single_files_are_named_from_where_one_is(repo: Path) -> None:
    edit(repo, '"ec2:DescribeTags",', "# mine")
    assert run("accept", "./main.tf", "x", cwd=repo / MODULE).code == 0
    assert run("check", "vpc-cni-iam-policy/", cwd=repo / "modules").code == 0
    done = run("check", f"{MODULE}/main.tf", cwd=repo)
    assert done.code == 2
    assert f"main.tf is a file in {MODULE}; name the module" in done.err


def two_modules(folder: Path, version: str = "v1.23.2") -> Path:
    table = '[[module]]\npath = "{}"\ncni_version = "' + version + '"\n'
    (folder / "vpc-cni-iam.toml").write_text("".join(map(table.format, ("a/x", "x"))))
    assert run("sync", "--quiet", cwd=folder).code == 0
    return folder


def test_commands_that_are_shown_work_as_they_are(tmp_path: Path) -> None:
    """With a file of another name, too: each is typed, and leads to a clean check."""
    two_modules(tmp_path)
    toml = tmp_path / "my modules.toml"
    (tmp_path / "vpc-cni-iam.toml").rename(toml)
    options = ("--config", str(toml))
    (tmp_path / "x" / "README.md").write_text("# mine\n")
    shown = run("check", *options, cwd=tmp_path).out
    show, generated, keep = (
        x.partition(": ")[2] for x in shown.splitlines() if x.startswith(" " * 11)
    )
    assert run(*shlex.split(show)[1:], cwd=tmp_path).code == 1
    for way in (keep, generated):
        (tmp_path / "x" / "README.md").write_text("# mine\n")
        for command in way.split(" && "):
            words = shlex.split(command)
            if words[0] == "rm":
                Path(tmp_path, words[1]).unlink()
            else:
                assert run(*words[1:], cwd=tmp_path).code == 0, way
        assert run("check", *options, cwd=tmp_path).code == 0
    (tmp_path / "deep").mkdir()
    (tmp_path / "x" / "README.md").write_text("# mine\n")
    shown = run("check", *options, cwd=tmp_path / "deep").out
    assert ": rm ../x/README.md && vpc-cni-iam sync --config" in shown


def test_a_path_that_looks_like_an_option_is_shown_so_that_it_is_none(tmp_path: Path) -> None:
    toml = '[[module]]\npath = "-m"\ncni_version = "v1.23.0"\nvariants = ["ipv4"]\n'
    write_tree(tmp_path, {"vpc-cni-iam.toml": toml})
    for text in ("# mine\n", None):
        assert run("sync", cwd=tmp_path).code == 0
        main = tmp_path / "-m" / "main.tf"
        main.write_text(main.read_text() + text) if text else main.unlink()
        shown = run("check", cwd=tmp_path).out
        assert f": {'rm ./-m/main.tf && ' if text else ''}vpc-cni-iam sync ./-m\n" in shown
        accept = "vpc-cni-iam accept ./-m/main.tf 'REASON'"
        assert f": {accept}\n" in shown
        assert run(*shlex.split(accept)[1:], cwd=tmp_path).code == 0
        assert run("check", cwd=tmp_path).code == 0
        main.unlink(missing_ok=True)


def test_the_meaning_of_an_upgrade_is_that_of_what_it_leaves(repo: Path) -> None:
    pin(repo, "v1.20.4")
    edit(repo, '"ec2:CreateTags"', '"ec2:*"')
    shown = run("upgrade", "--dry-run", cwd=repo).out.splitlines()
    access, added = (line for line in shown if line.startswith("  ipv4: "))
    assert "more access, for instance ec2:DescribeSecurityGroups on *" in access
    assert added.endswith("action ec2:DescribeSecurityGroups is added")


def test_init_speaks_as_it_is_asked_to(tmp_path: Path) -> None:
    done = run("init", "--format", "json", cwd=tmp_path)
    assert json.loads(done.out) == {"path": "vpc-cni-iam.toml", "kind": "create"}
    (tmp_path / "vpc-cni-iam.toml").unlink()
    assert run("init", "--quiet", cwd=tmp_path).out == ""
    assert (tmp_path / "vpc-cni-iam.toml").exists()


def test_a_module_that_the_file_no_longer_names_fails_the_check(tmp_path: Path) -> None:
    two_modules(tmp_path)
    toml = tmp_path / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace('"x"', '"y"'))
    assert run("sync", "--quiet", cwd=tmp_path).code == 0
    nested = tmp_path / "other"
    nested.mkdir()
    two_modules(nested)
    (tmp_path / "link").symlink_to("x")  # which is no directory of its own
    for words in ((), ("--quiet",)):
        data = json.loads(run("check", "--format", "json", *words, cwd=tmp_path).out)
        assert data["orphans"] == ["x"]
        done = run("check", *words, cwd=tmp_path)
        assert done.code == 1
        assert done.out.splitlines()[:4] == [
            "unnamed  x was written by sync, but the configuration does not name it",
            '           check it: add a [[module]] with path = "x"',
            "           remove it: rm -r x",
            "           manage it yourself: rm -r x/.vpc-cni-iam",
        ]
    assert run("check", cwd=tmp_path).out.endswith("2 modules checked, 2 clean, 1 unnamed module\n")
    table = run("check", "--format", "markdown", cwd=tmp_path)
    assert (table.code, "| `x` | unnamed |" in table.out) == (1, True)
    assert "remove it: `rm -r x`" in table.out
    assert "unnamed" not in run("check", "y", cwd=tmp_path).out
    inside = run("check", "--config", "../vpc-cni-iam.toml", cwd=tmp_path / "y").out
    assert "remove it: rm -r ../x" in inside
    refused = run("generate", "x", cwd=tmp_path)
    assert refused.code == 3
    assert "is managed by sync" not in refused.err
    assert "x: was written by sync, but no vpc-cni-iam.toml above it names it" in refused.err
    assert "is managed by sync" in run("generate", "y", cwd=tmp_path).err


@pytest.mark.parametrize("place", ["infra/m", ".hidden/m", "node_modules/m", "deep/er/m"])
def test_a_module_of_the_repository_that_nobody_names_fails_the_check(
    place: str, repo: Path
) -> None:
    """The root module still calls the edited copy, and the configuration names another one."""
    (repo / place).parent.mkdir(parents=True)
    (repo / MODULE).rename(repo / place)
    shutil.copytree(repo / place, repo / MODULE)
    main = repo / place / "main.tf"
    main.write_text(main.read_text().replace('"ec2:CreateTags"', '"ec2:*"'))
    git(repo, "add", "-A")
    for words in ((), ("--quiet",), ("--no-other-files", "--no-accepted")):
        done = run("check", *words, cwd=repo)
        assert done.code == 1
        assert f"unnamed  {place} was written by sync" in done.out
    # Also from a configuration that is not at the top.
    (repo / "sub").mkdir()
    two_modules(repo / "sub")
    assert f"unnamed  ../{place} was written" in run("check", cwd=repo / "sub").out
    # A copy that git ignores is none of the repository's, unless git has it.
    (repo / ".gitignore").write_text(f"{place}\n")
    assert run("check", cwd=repo).code == 1
    git(repo, "rm", "-rq", "--cached", place)
    assert run("check", cwd=repo).code == 0


def test_modules_that_init_of_an_engine_copied_are_not_searched_without_git(
    tmp_path: Path,
) -> None:
    two_modules(tmp_path)
    shutil.copytree(tmp_path / "x", tmp_path / ".terraform/modules/x")
    assert run("check", cwd=tmp_path).code == 0
    shutil.copytree(tmp_path / "x", tmp_path / ".hidden/x")
    assert "unnamed  .hidden/x was written" in run("check", cwd=tmp_path).out


def test_a_merge_that_will_conflict_says_so_before_and_after(repo: Path) -> None:
    edit(repo, "# Upstream's document of", "# Mine: upstream's document of")
    expected = ("upgrade", "--cni-version", "v1.22.1")
    for words in ((*expected, "--dry-run"), expected):
        done = run(*words, cwd=repo)
        assert done.code == 1
        assert "not known until the conflicts in main.tf are resolved" in done.out
        assert f"conflict {MODULE}/main.tf has conflict markers\n" in done.out
        assert "resolve the conflicts, then accept the result: vpc-cni-iam accept" in done.out
        assert ("no files changed" in done.err) is ("--dry-run" in words)
    assert "has conflict markers" in run("check", cwd=repo).out


def test_a_module_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    two_modules(tmp_path, "v1.20.4")
    (tmp_path / "a/x/.vpc-cni-iam/manifest").write_text("{}\n")
    main = tmp_path / "x" / "main.tf"
    main.write_text(main.read_text() + "# mine\n")
    before = read_tree(tmp_path)
    problem = "a/x/.vpc-cni-iam/manifest: line 1: is not a manifest fact; restore the manifest"
    done = run("check", cwd=tmp_path)
    assert done.code == 3
    assert f"failed   a/x\n         {problem}" in done.out
    assert "edited   x\n         main.tf was edited by hand" in done.out
    assert "2 modules checked, 1 edited, 1 failed" in done.out
    assert f"error: {problem}" in done.err
    assert run("check", "--quiet", cwd=tmp_path).code == 3
    table = run("check", "--format", "markdown", cwd=tmp_path)
    assert (table.code, "| `a/x` | failed | | a/x/" in table.out) == (3, True)
    for command in ("check", "sync --dry-run", "upgrade"):
        done = run(*command.split(), "--format", "json", cwd=tmp_path)
        data = json.loads(done.out)
        assert done.code == 3
        assert {m["path"] for m in data["modules"]} == {"a/x", "x"}
        assert [m["path"] for m in data["modules"] if problem in (m["error"] or "")] == ["a/x"]
    again = "fix that, then: vpc-cni-iam upgrade --cni-version v1.23.2\n"
    for words in (("upgrade",), ("upgrade", "--dry-run")):
        done = run(*words, cwd=tmp_path)
        assert done.code == 3
        assert "ipv4: more access, for instance ec2:DescribeSecurityGroups on *" in done.out
        assert "no files changed" in done.err
        assert f"error: {problem}" in done.err
        assert f"vpc-cni-iam.toml is unchanged; {again}" in done.err
    assert "+# mine" in run("sync", "--dry-run", cwd=tmp_path).out
    assert read_tree(tmp_path) == before
