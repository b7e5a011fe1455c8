"""A directory publishes to where it published before, unless somebody says that it moves."""

import json
import shutil
from pathlib import Path

import pytest

from consuming import AT, FOLDER, OPTIONS, publish_one
from vpc_cni_iam.errors import InputError, PublishError, UsageError
from vpc_cni_iam.publishing import oci, registry
from vpc_cni_iam.publishing.destination import RECORD, DestinationOptions, resolve
from vpc_cni_iam.publishing.publish import Published, publish
from vpc_cni_iam.publishing.versioning.semver import Version

BESIDE = ("README.md", "nginx.conf", RECORD)
NEW = "new.example.test"


def publish_as(folder: Path, version: str, asked: DestinationOptions) -> Published:
    return publish(folder, OPTIONS, asked, Version.of(version))


def beside(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in BESIDE}


def host_in_readme(folder: Path, version: str) -> str:
    text = (folder / "terraform-aws-vpc-cni-iam" / version / "README.md").read_text()
    (host,) = {h for h in (AT.host, NEW) if f"{h}/platform/vpc-cni-iam/aws" in text}
    return host


def test_a_later_version_needs_no_names(tmp_path: Path) -> None:
    publish_one(tmp_path)
    before = beside(tmp_path)
    assert json.loads(before[RECORD]) == {
        "format": 1,
        "host": AT.host,
        "namespace": AT.namespace,
        "oci_repository": None,
    }
    done = publish_as(tmp_path, "1.0.1", DestinationOptions())
    assert (done.copies, done.restored) == ((), ())
    after = beside(tmp_path)
    assert after[RECORD] == before[RECORD]
    assert f"server_name {AT.host};" in after["nginx.conf"]
    assert host_in_readme(tmp_path, "1.0.1") == AT.host


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_another_host_is_refused_until_the_registry_is_to_move(
    version: str, tmp_path: Path
) -> None:
    publish_one(tmp_path)
    before = beside(tmp_path)
    with pytest.raises(PublishError, match=f"records {AT.host}.* add --move-registry"):
        publish_as(tmp_path, version, DestinationOptions(host=NEW))
    assert beside(tmp_path) == before
    done = publish_as(tmp_path, version, DestinationOptions(host=NEW, move=True))
    assert (done.copies, done.restored) == ((), ())
    assert all(AT.host not in text for text in beside(tmp_path).values())
    # What is published never changes, its source included.
    assert host_in_readme(tmp_path, "1.0.0") == AT.host
    assert {c.kind for c in publish_as(tmp_path, "1.0.0", DestinationOptions()).changes} == {"same"}
    publish_as(tmp_path, "1.0.2", DestinationOptions())
    assert host_in_readme(tmp_path, "1.0.2") == NEW


def test_an_edit_is_kept_though_the_registry_moves(tmp_path: Path) -> None:
    publish_one(tmp_path)
    edited = (tmp_path / "nginx.conf").read_text() + "# mine\n"
    (tmp_path / "nginx.conf").write_text(edited)
    done = publish_as(tmp_path, "1.0.1", DestinationOptions(host=NEW, move=True))
    assert done.copies == ("nginx.conf.orig",)
    assert (tmp_path / "nginx.conf.orig").read_text() == edited


def test_another_namespace_is_another_directory_s(tmp_path: Path) -> None:
    publish_one(tmp_path)
    for move in (False, True):
        with pytest.raises(PublishError, match="has versions for the namespace platform"):
            publish_as(tmp_path, "1.0.1", DestinationOptions(namespace="other", move=move))


def test_an_oci_repository_is_asked_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(oci, "check_tag", lambda name, *_: asked.append(name))
    publish_one(tmp_path)
    assert asked == []
    publish_as(tmp_path, "1.0.1", DestinationOptions(oci_repository="r.example.test/x"))
    publish_as(tmp_path, "1.0.2", DestinationOptions())
    assert asked == ["r.example.test/x"] * 2
    with pytest.raises(PublishError, match=r"records r\.example\.test/x, but --oci-rep"):
        publish_as(tmp_path, "1.0.3", DestinationOptions(oci_repository="r.example.test/y"))
    publish_as(tmp_path, "1.0.3", DestinationOptions(oci_repository="r.example.test/y", move=True))
    assert asked[2:] == ["r.example.test/y"]
    assert resolve(tmp_path, DestinationOptions()).destination.oci_repository == "r.example.test/y"


def test_a_recorded_oci_repository_is_not_asked_where_the_user_has_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = "r.example.test/x"
    monkeypatch.setattr(oci, "check_tag", lambda *_: None)
    publish_as(tmp_path, "1.0.0", DestinationOptions(oci_repository=repository))

    def refuse(*_: object) -> None:
        raise PublishError("asks for authentication")

    monkeypatch.setattr(oci, "check_tag", refuse)
    with pytest.raises(PublishError, match="asks for authentication"):
        publish_as(tmp_path, "1.0.1", DestinationOptions())
    publish_as(tmp_path, "1.0.1", DestinationOptions(check_oci_tag=False))
    assert resolve(tmp_path, DestinationOptions()).destination.oci_repository == repository


def as_by_an_older_version(folder: Path) -> None:
    (folder / RECORD).unlink()


def test_a_directory_without_a_record_is_read_from_its_versions(tmp_path: Path) -> None:
    publish_one(tmp_path)
    before = beside(tmp_path)
    as_by_an_older_version(tmp_path)
    with pytest.raises(PublishError, match=f"records {AT.host}"):
        publish_as(tmp_path, "1.0.1", DestinationOptions(host=NEW))
    done = publish_as(tmp_path, "1.0.1", DestinationOptions())
    assert (done.copies, done.restored) == ((), ())
    assert beside(tmp_path)[RECORD] == before[RECORD]


@pytest.mark.parametrize("host", [AT.host, NEW])
def test_versions_of_several_hosts_ask_once_for_the_one(host: str, tmp_path: Path) -> None:
    publish_one(tmp_path)
    publish_as(tmp_path, "1.0.1", DestinationOptions(host=NEW, move=True))
    as_by_an_older_version(tmp_path)
    message = f"its versions name {AT.host}, {NEW}; name it once with --registry-host"
    with pytest.raises(PublishError, match=message):
        publish_as(tmp_path, "1.0.2", DestinationOptions())
    assert publish_as(tmp_path, "1.0.2", DestinationOptions(host=host)).copies == ()
    assert resolve(tmp_path, DestinationOptions()).destination.address.host == host


def test_versions_that_tell_no_host_ask_for_it(tmp_path: Path) -> None:
    done = publish_one(tmp_path)
    as_by_an_older_version(tmp_path)
    name = registry.provenance_name(done.proposal.version)
    (tmp_path / FOLDER / "1.0.0" / name).write_text("{}")
    with pytest.raises(PublishError, match="no version's provenance names it; name it once"):
        publish_as(tmp_path, "1.0.0", DestinationOptions())
    assert publish_as(
        tmp_path, "1.0.0", DestinationOptions(host=AT.host)
    ).proposal.version == Version.of("1.0.0")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "does not have the host, namespace and OCI repository"),
        ("[]", "does not have the host"),
        ("[" * 100_000, "does not have the host"),
        ("{}", "does not have the host"),
        (
            '{"format": 1, "host": "A", "namespace": "b", "oci_repository": null}',
            "'A' is not a host",
        ),
        (
            '{"format": 1, "host": "a.b", "namespace": "b", "oci_repository": 3}',
            "does not have the host",
        ),
        ('{"format": 2}', "has format 2, but this version knows only 1"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error(text: str, problem: str, tmp_path: Path) -> None:
    publish_one(tmp_path)
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        publish_as(tmp_path, "1.0.1", DestinationOptions())
    assert str(tmp_path / RECORD) in str(caught.value)


def test_a_record_of_a_killed_publish_binds_nobody(tmp_path: Path) -> None:
    publish_one(tmp_path)
    shutil.rmtree(tmp_path / "registry")
    assert resolve(tmp_path, DestinationOptions(host=NEW)).destination.address.host == NEW


@pytest.mark.parametrize(
    "name",
    ["", "host", "host/", "/x", "a b/c", "u@host/x", "host/x?y", "host/X", "Host/x", "host/x:1.0",
     "host/x@sha256:0", "https://host/x", "host//x", "host/x/", "host/-x", "host:0/x",
     "host:65536/x", "host/../x", "host/x\n", "ho_st/x", f"host/{'x' * 256}"],
)  # fmt: skip
def test_names_that_are_no_oci_repository(name: str) -> None:
    with pytest.raises(UsageError, match="--oci-repository"):
        DestinationOptions(oci_repository=name)


@pytest.mark.parametrize(
    "name", ["ghcr.io/example/vpc-cni-iam", "localhost:5000/x", "127.0.0.1:65535/a_b/c.d/e--f"]
)
def test_names_of_oci_repositories(name: str) -> None:
    assert DestinationOptions(oci_repository=name).oci_repository == name
