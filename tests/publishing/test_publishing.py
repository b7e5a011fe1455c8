"""A published version appears whole, never changes, and is the same bytes on every machine."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, read_tree, run
from consuming import ARCHIVE, FOLDER, OPTIONS, publish_one
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.errors import InputError, PublishError, TreeError, UsageError
from vpc_cni_iam.files.replacement import Replacement
from vpc_cni_iam.publishing.address import ModuleAddress
from vpc_cni_iam.publishing.archive import ArchiveFormat, pack, unpack
from vpc_cni_iam.publishing.destination import DestinationOptions
from vpc_cni_iam.publishing.publish import propose

OLD = options(cni_version="v1.21.2")


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def listed(folder: Path) -> list[str]:
    data = json.loads((folder / FOLDER / "versions").read_text())
    return [v["version"] for v in data["modules"][0]["versions"]]


def test_the_archives_hold_the_tree_and_nothing_else(tmp_path: Path) -> None:
    done = publish_one(tmp_path)
    packed = (tmp_path / FOLDER / "1.0.0" / ARCHIVE.format("1.0.0")).read_bytes()
    files = unpack(packed, "x")
    assert read_tree(tmp_path / done.folder) == files
    assert files["LICENSE"] == (ROOT / "LICENSE").read_text()
    sums = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(sums, cwd=tmp_path / FOLDER / "1.0.0", check=True, capture_output=True)


def test_the_same_bytes_under_every_setting(tmp_path: Path) -> None:
    words = ["publish", "--cni-version", "latest", "--version", "1.0.0", "--output", "dist"]
    words += ["--namespace", "platform", "--registry-host", "registry.example.com"]
    results = []
    for number, (mask, environ) in enumerate(
        [
            (0o022, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
            (0o077, {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        before = os.umask(mask)
        try:
            done = run(*words, cwd=folder, env={**environ, "SOURCE_DATE_EPOCH": str(number)})
        finally:
            os.umask(before)
        assert done.code == 0, done.err
        results.append((bytes_of(folder), done.out))
    assert results[0] == results[1]


def test_the_same_again_changes_nothing_and_mends_what_is_missing(tmp_path: Path) -> None:
    publish_one(tmp_path)
    before = bytes_of(tmp_path)
    (tmp_path / "nginx.conf").unlink()
    (tmp_path / FOLDER / "1.0.0" / "download").unlink()
    again = publish_one(tmp_path)
    assert {c.kind for c in again.changes} == {"create", "same"}
    assert set(again.restored) == {"nginx.conf", f"{FOLDER}/1.0.0/download"}
    assert bytes_of(tmp_path) == before
    publish_one(tmp_path, "1.0.1")
    (tmp_path / FOLDER / "1.0.0" / "download").unlink()
    assert publish_one(tmp_path, "1.0.2").restored == (f"{FOLDER}/1.0.0/download",)
    assert {c.kind for c in publish_one(tmp_path).changes} == {"same"}
    assert publish_one(tmp_path).restored == ()


def test_other_bytes_under_a_published_number_are_refused(tmp_path: Path) -> None:
    publish_one(tmp_path, chosen=OLD)
    before = bytes_of(tmp_path)
    with pytest.raises(PublishError, match=r"1\.0\.0 is published with other content .*main\.tf"):
        publish_one(tmp_path)
    assert bytes_of(tmp_path) == before


def test_numbers_that_do_not_allow_the_change_are_refused(tmp_path: Path) -> None:
    publish_one(tmp_path, chosen=OLD)
    assert str(propose(tmp_path, OPTIONS, DestinationOptions()).version) == "1.1.0"
    with pytest.raises(PublishError, match=r"need 1\.1\.0:\n  minor: ipv4: more access"):
        publish_one(tmp_path, "1.0.1")
    publish_one(tmp_path, "1.1.0")
    with pytest.raises(PublishError, match=r"1\.2\.0 is a minor version .* need 2\.0\.0"):
        publish_one(tmp_path, "1.2.0", OLD)
    assert str(propose(tmp_path, OPTIONS, DestinationOptions()).version) == "1.1.0"
    publish_one(tmp_path, "2.0.0", OLD)
    # A fix for an older line is compared with that line, and changes nothing of the newer ones.
    publish_one(tmp_path, "1.0.1", OLD)
    assert listed(tmp_path) == ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]
    assert publish_one(tmp_path, "1.1.0").proposal.comparison is not None


def test_a_version_below_another_must_lead_up_to_it(tmp_path: Path) -> None:
    publish_one(tmp_path, chosen=OLD)
    publish_one(tmp_path, "1.2.0", chosen=OLD)
    before = bytes_of(tmp_path)
    words = r"1\.2\.0 is published, and 1\.2\.0 is a minor version after 1\.1\.0, .* need 2\.0\.0:"
    with pytest.raises(
        PublishError, match=words + "\n  major: ipv4: less access, for instance ec2:Describe"
    ):
        publish_one(tmp_path, "1.1.0")
    assert bytes_of(tmp_path) == before
    publish_one(tmp_path, "0.9.9", chosen=OLD)
    publish_one(tmp_path, "1.1.0", chosen=OLD)
    publish_one(tmp_path, "2.0.0")
    # What is published is not judged again.
    assert publish_one(tmp_path, "1.1.0", chosen=OLD).restored == ()


@pytest.mark.parametrize("name", ["README.md", "nginx.conf", "registry/.well-known/terraform.json"])
def test_what_a_user_has_there_is_never_lost(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine\n")
    with pytest.raises(
        TreeError, match="this tool did not write it, and nothing is published here"
    ):
        publish_one(tmp_path)
    assert bytes_of(tmp_path).keys() == {name}
    (tmp_path / name).unlink()
    publish_one(tmp_path)
    ours = (tmp_path / name).read_text()
    (tmp_path / name).write_text(ours + "edited\n")
    done = publish_one(tmp_path, "1.0.1")
    assert done.copies == (f"{name}.orig",)
    assert done.restored == (() if name in ("README.md", "nginx.conf") else (name,))
    assert (tmp_path / f"{name}.orig").read_text() == ours + "edited\n"
    assert "edited" not in (tmp_path / name).read_text()
    assert publish_one(tmp_path, "1.0.1").copies == ()


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[" * 100_000,
        "[]",
        "{}",
        '{"modules": []}',
        '{"modules": [{"versions": null}]}',
        '{"modules": [{"versions": [{}]}]}',
        '{"modules": [{"versions": [{"version": "1"}]}]}',
    ],
)
def test_a_list_of_versions_that_publish_did_not_write_is_not_built_on(
    text: str, tmp_path: Path
) -> None:
    publish_one(tmp_path)
    (tmp_path / FOLDER / "versions").write_text(text)
    before = bytes_of(tmp_path)
    with pytest.raises(InputError, match="versions: is not a list of versions as publish writes"):
        publish_one(tmp_path, "1.0.1")
    assert bytes_of(tmp_path) == before


def test_litter_locks_nothing(tmp_path: Path) -> None:
    done = publish_one(tmp_path)
    places = (".", "registry", "registry/v1/modules", FOLDER, f"{FOLDER}/1.0.0", done.folder, "oci")
    litter = (".DS_Store", "Thumbs.db", "main.tf~", ".main.tf.swp", "main.tf.bak")
    for place in places:
        for name in litter:
            (tmp_path / place / name).write_text("x")
    assert {c.kind for c in publish_one(tmp_path).changes} == {"same"}
    assert len(listed(tmp_path)) == 1
    publish_one(tmp_path, "1.0.1")


def test_the_changelog_grows(tmp_path: Path) -> None:
    publish_one(tmp_path, chosen=OLD)
    publish_one(tmp_path, "1.1.0")
    text = (tmp_path / publish_one(tmp_path, "1.1.1").folder / "CHANGELOG.md").read_text()
    assert [x for x in text.splitlines() if x.startswith("## ")] == [
        "## 1.1.1",
        "## 1.1.0",
        "## 1.0.0",
    ]
    assert "- `ipv4`: more access, for instance ec2:DescribeSecurityGroups on \\*\n" in text
    assert "### Permissions\n\nAccess does not change.\n\n## 1.1.0" in text


def test_what_was_published_is_verified_before_it_is_built_on(tmp_path: Path) -> None:
    publish_one(tmp_path)
    path = tmp_path / FOLDER / "1.0.0" / ARCHIVE.format("1.0.0")
    good = path.read_bytes()
    path.write_bytes(good.replace(b"ec2:", b"EC2:", 1))
    with pytest.raises(InputError, match=r"is not what was published; restore the file$"):
        publish_one(tmp_path, "1.0.1")
    path.write_bytes(good)
    zipped = path.with_name(path.name.replace("tar.gz", "zip"))
    zipped.write_bytes(zipped.read_bytes().replace(b"ec2:", b"EC2:", 1))
    with pytest.raises(InputError, match=r"\.zip: is not what .* publish 1\.0\.0 again"):
        publish_one(tmp_path, "1.0.1")
    assert publish_one(tmp_path).restored == (zipped.relative_to(tmp_path).as_posix(),)
    publish_one(tmp_path, "1.0.1")
    sums = path.with_name("SHA256SUMS")
    before = sums.read_text()
    sums.write_text(before.splitlines(keepends=True)[0])
    with pytest.raises(
        InputError, match=r"SHA256SUMS: has no checksum of .*\.zip; restore the file"
    ):
        publish_one(tmp_path, "1.0.2")
    sums.write_text(before)
    path.unlink()
    with pytest.raises(InputError, match="is missing, but"):
        publish_one(tmp_path, "1.0.1")


def test_an_archive_rewritten_with_its_sum_is_not_built_on(tmp_path: Path) -> None:
    publish_one(tmp_path)
    folder = tmp_path / FOLDER / "1.0.0"
    path, sums = folder / ARCHIVE.format("1.0.0"), folder / "SHA256SUMS"
    text = unpack(path.read_bytes(), "x")
    rewritten = {**text, "main.tf": text["main.tf"].replace("ec2:CreateTags", "*")}
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(pack(rewritten, ArchiveFormat.TAR_GZ))
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text(sums.read_text().replace(old, new))
    before = bytes_of(tmp_path)
    for version in ("1.0.1", "2.0.0"):
        with pytest.raises(
            InputError, match=r"SHA256SUMS: has another checksum of .*\.tar\.gz than"
        ):
            publish_one(tmp_path, version)
    with pytest.raises(InputError, match="has another checksum of"):
        propose(tmp_path, OPTIONS, DestinationOptions())
    assert bytes_of(tmp_path) == before


def widen(folder: Path) -> None:
    (folder / "main.tf").write_text((folder / "main.tf").read_text().replace("CreateTags", "*"))


@pytest.mark.parametrize(
    ("tamper", "name"),
    [
        (widen, "main.tf"),
        (
            lambda f: (f / "x.tf").write_text('data "external" "x" {\n  program = ["x"]\n}\n'),
            "x.tf",
        ),
        (
            lambda f: (f / "modules" / "role" / "x.tf.json").write_text("{}"),
            "modules/role/x.tf.json",
        ),
        (lambda f: (f / "variables.tf").unlink(), "variables.tf"),
    ],
)
def test_a_tree_that_is_not_its_archive_is_not_built_on(
    tamper: Callable[[Path], object], name: str, tmp_path: Path
) -> None:
    """People read the trees, and upload them."""
    folder = tmp_path / publish_one(tmp_path).folder
    tamper(folder)
    before = bytes_of(tmp_path)
    words = ["publish", "--cni-version", "latest", "--output", str(tmp_path)]
    for more in ([], ["--version", "1.0.1"]):
        done = run(*words, *more)
        assert (done.code, done.out) == (3, "")
        problem = f"{folder}: differs from the archive of 1.0.0 in {name}; remove the folder"
        assert problem in done.err
    assert bytes_of(tmp_path) == before
    shutil.rmtree(folder)
    publish_one(tmp_path, "1.0.1")
    publish_one(tmp_path)
    assert (folder / "main.tf").exists()
    publish_one(tmp_path, "1.0.2")


@pytest.mark.parametrize("subjects", [[0], [1], []])
def test_provenance_that_does_not_name_both_archives_is_not_built_on(
    subjects: list[int], tmp_path: Path
) -> None:
    publish_one(tmp_path)
    folder = tmp_path / FOLDER / "1.0.0"
    path = next(p for p in folder.iterdir() if b'"subject"' in p.read_bytes()[:4096])
    statement = json.loads(path.read_text())
    statement["subject"] = [statement["subject"][n] for n in subjects]
    path.write_text(json.dumps(statement))
    with pytest.raises(InputError, match="is not what was published; restore the file"):
        publish_one(tmp_path, "1.0.1")


def test_provenance_that_is_gone_comes_back_with_its_version(tmp_path: Path) -> None:
    publish_one(tmp_path)
    (path,) = (tmp_path / FOLDER / "1.0.0").glob("*.intoto.json")
    before = path.read_bytes()
    for damage in ("", "{}", '{"subject":[1]}', '{"subject":[]}', "\udcff"):
        path.write_text(damage, errors="surrogateescape")
        with pytest.raises(
            InputError, match=r"intoto\.json: .* publish 1\.0\.0 again with the same options"
        ):
            publish_one(tmp_path, "1.0.1")
        path.unlink()
        with pytest.raises(InputError, match=r"intoto\.json: is missing, .* 1\.0\.0 again"):
            publish_one(tmp_path, "1.0.1")
        assert publish_one(tmp_path).restored == (path.relative_to(tmp_path).as_posix(),)
        assert path.read_bytes() == before


def test_no_file_beside_ours_and_no_link_gets_in(tmp_path: Path) -> None:
    done = publish_one(tmp_path / "a")
    foreign = tmp_path / "a" / done.folder / "secrets.auto.tfvars"
    foreign.write_text("x")
    with pytest.raises(TreeError, match=r"not part of the module: .*secrets\.auto\.tfvars"):
        publish_one(tmp_path / "a")
    foreign.unlink()
    foreign.symlink_to("/etc/passwd")
    with pytest.raises(TreeError, match="not part of the module"):
        publish_one(tmp_path / "a")
    foreign.unlink()
    main = tmp_path / "a" / done.folder / "main.tf"
    main.rename(tmp_path / "main.tf")
    main.symlink_to(tmp_path / "main.tf")
    with pytest.raises(TreeError, match="symbolic link"):
        publish_one(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "registry").symlink_to(tmp_path / "a" / "registry")
    before = bytes_of(tmp_path / "a")
    with pytest.raises(TreeError, match="symbolic link"):
        publish_one(tmp_path / "b")
    assert bytes_of(tmp_path / "a") == before


@pytest.mark.parametrize(
    ("namespace", "host"),
    [("", "a.b"), ("A", "a.b"), ("-a", "a.b"), ("a/b", "a.b"), ("..", "a.b"), ("a" * 65, "a.b"),
     ("a", "host"), ("a", "https://a.b"), ("a", "a.b/c"), ("a", 'a.b"'), ("a", "a.b;"),
     ("a", "a..b"), ("a", "a.b:x"), ("a", "a.b\n"), ("a", "a.b:0"), ("a", "a.b:65536"),
     ("a", "a.b:080"), ("a", "a.b:"), ("a", "a.b:99999")],
)  # fmt: skip
def test_names_that_no_registry_takes(namespace: str, host: str) -> None:
    with pytest.raises(UsageError):
        ModuleAddress(namespace, host)


def test_names_that_registries_take() -> None:
    assert ModuleAddress("a", "a.b:65535").host == "a.b:65535"


def renames(folder: Path) -> int:
    """How many files publishing the second version puts in place."""
    publish_one(folder, chosen=OLD)
    changes = publish_one(folder, "1.1.0").changes
    return sum(c.kind in ("create", "replace") for c in changes)


def test_an_interrupted_publish_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = renames(tmp_path / "whole")
    folder = tmp_path / "dist"
    publish_one(folder, chosen=OLD)
    before, limit, count, apply = bytes_of(folder), 0, 0, Replacement.apply

    def stop(replacement: Replacement) -> None:
        nonlocal count
        count += 1
        if count == limit:
            raise KeyboardInterrupt
        apply(replacement)

    monkeypatch.setattr(Replacement, "apply", stop)
    for limit in (1, 2, total - 3, total - 2, total - 1, total):  # noqa: B007
        count = 0
        with pytest.raises(KeyboardInterrupt):
            publish_one(folder, "1.1.0")
        assert bytes_of(folder) == before


KILLED = """
import os, sys
from pathlib import Path
from vpc_cni_iam.files.replacement import Replacement
from consuming import publish_one
apply, left = Replacement.apply, int(sys.argv[2])
def killed(replacement):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    apply(replacement)
Replacement.apply = killed
publish_one(Path(sys.argv[1]), "1.1.0")
"""


def test_after_a_kill_only_whole_versions_are_listed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(__file__).parent)))
    environ = {**os.environ, "PYTHONPATH": paths}
    total = renames(tmp_path / "whole")
    for left in (total - 5, total - 2, total - 1):
        folder = tmp_path / str(left)
        publish_one(folder, chosen=OLD)
        done = subprocess.run([sys.executable, script, folder, str(left)], env=environ, check=False)
        assert done.returncode == 9
        for version in listed(folder):
            name = f"{FOLDER}/{version}/{ARCHIVE.format(version)}"
            assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
        publish_one(folder, "1.1.0")
        assert bytes_of(folder) == bytes_of(tmp_path / "whole")


def test_what_a_killed_publish_left_unseen_binds_nobody(tmp_path: Path) -> None:
    publish_one(tmp_path)
    (tmp_path / FOLDER / "versions").unlink()
    with pytest.raises(PublishError, match=r"oci: the tag 1\.0\.0 would move"):
        publish_one(tmp_path, chosen=OLD)
    (tmp_path / "oci" / "index.json").unlink()
    assert publish_one(tmp_path, chosen=OLD).proposal.previous is None
