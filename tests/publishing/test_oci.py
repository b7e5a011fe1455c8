"""The OCI layout says what the specification and OpenTofu ask for, the same for the same tree."""

import hashlib
import json
import ssl
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from urllib.request import HTTPSHandler, Request
from urllib.response import addinfourl

import pytest

from conftest import run
from consuming import FOLDER, publish_one
from servers import certificate
from vpc_cni_iam.errors import InputError, PublishError
from vpc_cni_iam.publishing.oci import check_tag, image
from vpc_cni_iam.publishing.versioning.semver import Version

HOST = "ghcr.io"


def blob(folder: Path, digest: str) -> bytes:
    content = (folder / "oci" / "blobs" / digest.replace(":", "/")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    return content


def test_the_layout(tmp_path: Path) -> None:
    first = publish_one(tmp_path)
    second = publish_one(tmp_path, "1.0.1")
    layout = json.loads((tmp_path / "oci" / "oci-layout").read_text())
    assert layout == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((tmp_path / "oci" / "index.json").read_text())
    tags = {
        m["annotations"]["org.opencontainers.image.ref.name"]: m["digest"]
        for m in index["manifests"]
    }
    assert tags == {"1.0.0": first.digest, "1.0.1": second.digest}
    manifest = json.loads(blob(tmp_path, first.digest))
    assert (index["schemaVersion"], manifest["schemaVersion"]) == (2, 2)  # as OCI has it
    assert manifest["artifactType"] == "application/vnd.opentofu.modulepkg"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "archive/zip"
    package = blob(tmp_path, layer["digest"])
    assert len(package) == layer["size"]
    assert layer["digest"].removeprefix("sha256:") in first.sums.values()
    assert blob(tmp_path, manifest["config"]["digest"]) == b"{}"


def test_the_digest_depends_on_the_package_and_the_version_alone() -> None:
    version = Version.of("1.0.0")
    assert image(b"x", version) == image(b"x", version)
    others = {image(b"y", version).digest, image(b"x", Version.of("1.0.1")).digest}
    assert len({image(b"x", version).digest, *others}) == 3


def test_an_index_that_is_not_ours(tmp_path: Path) -> None:
    publish_one(tmp_path)
    index = tmp_path / "oci" / "index.json"
    for text in ("{}", '{"manifests":[{"annotations":{}}]}', "x", '{"manifests":[1]}'):
        index.write_text(text)
        with pytest.raises(InputError, match="was not written by this tool"):
            publish_one(tmp_path)


def test_a_layout_that_lost_parts_is_whole_after_the_next_version(tmp_path: Path) -> None:
    publish_one(tmp_path / "whole")
    publish_one(tmp_path / "whole", "1.0.1")
    publish_one(tmp_path)
    lost = sorted(f for f in (tmp_path / "oci").rglob("*") if f.is_file())
    for file in lost:
        file.unlink()
    restored = publish_one(tmp_path, "1.0.1").restored
    layouts = [
        {f.relative_to(folder): f.read_bytes() for f in (folder / "oci").rglob("*") if f.is_file()}
        for folder in (tmp_path, tmp_path / "whole")
    ]
    assert layouts[0] == layouts[1]
    blobs = {f.relative_to(tmp_path).as_posix() for f in lost if "blobs" in f.parts}
    assert set(restored) == blobs


def test_a_version_that_the_list_lost_is_not_dropped(tmp_path: Path) -> None:
    publish_one(tmp_path)
    publish_one(tmp_path, "1.0.1")
    listed = tmp_path / FOLDER / "versions"
    whole = listed.read_text()
    listed.write_text(whole.replace(',{"version":"1.0.1"}', ""))
    with pytest.raises(PublishError, match=r"has the tag 1\.0\.1, .* publish 1\.0\.1 again"):
        publish_one(tmp_path, "1.0.2")
    publish_one(tmp_path, "1.0.1")
    assert listed.read_text() == whole


def answers(code: int, monkeypatch: pytest.MonkeyPatch, location: str = "") -> None:
    """Let a registry answer with a code, and the place that it leads to with 404."""

    def answer(_: HTTPSHandler, request: Request) -> addinfourl:
        headers = Message()
        headers["Location"] = location
        done = addinfourl(
            BytesIO(), headers, request.full_url, code if request.host == HOST else 404
        )
        done.msg = "Reason"  # type: ignore[attr-defined]  # as http.client's answers have
        return done

    monkeypatch.setattr(HTTPSHandler, "https_open", answer)


def test_a_tag_that_a_registry_does_not_have_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(404, monkeypatch)
    check_tag(f"{HOST}/example/vpc-cni-iam", Version.of("1.0.0"), "sha256:x")


@pytest.mark.parametrize("code", [401, 403])
def test_a_tag_behind_a_login_may_exist(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(code, monkeypatch)
    with pytest.raises(PublishError) as caught:
        check_tag(f"{HOST}/example/vpc-cni-iam", Version.of("1.0.0"), "sha256:x")
    assert f"requires authentication ({code} Reason)" in str(caught.value)
    assert "The tag 1.0.0 may exist" in str(caught.value)
    assert "oras login ghcr.io" in str(caught.value)
    assert "oras resolve ghcr.io/example/vpc-cni-iam:1.0.0" in str(caught.value)
    assert str(caught.value).endswith("publish again with --no-oci-check")


@pytest.mark.parametrize("code", [400, 429, 500, 503])
def test_an_answer_that_decides_nothing_is_an_error(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(code, monkeypatch)
    with pytest.raises(PublishError, match=f"answers {code} Reason"):
        check_tag(f"{HOST}/example/vpc-cni-iam", Version.of("1.0.0"), "sha256:x")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_host_that_leads_elsewhere_does_not_say_that_a_tag_is_free(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker.io leads to a web site without the tag; oras pushes to registry-1.docker.io."""
    answers(code, monkeypatch, "https://user:secret@www.example.com/v2/?token=hunter2")
    with pytest.raises(PublishError) as caught:
        check_tag(f"{HOST}/example/vpc-cni-iam", Version.of("1.0.0"), "sha256:x")
    assert f"answers {code} Reason, a redirect to another host; name the" in str(caught.value)
    assert "secret" not in str(caught.value) and "hunter2" not in str(caught.value)


def test_a_registry_over_plain_http_is_told_from_one_without_the_tag(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as plain:
        threading.Thread(target=plain.handle_request).start()
        repository = f"127.0.0.1:{plain.server_port}/example/vpc-cni-iam"
        place = ("--namespace", "platform", "--registry-host", "registry.example.com")
        options = ("--output", str(tmp_path), "--version", "1.0.0", *place)
        done = run("publish", *options, "--oci-repository", repository)
    assert done.code == 3
    host = repository.partition("/")[0]
    assert f"{repository}: {host} does not answer with HTTPS (" in done.err
    assert f"oras resolve --plain-http {repository}:1.0.0; if it does not exist" in done.err
    assert done.err.endswith("publish again with --no-oci-check\n")
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.handle_request).start()
        host = f"127.0.0.1:{server.server_port}"
        with pytest.raises(PublishError) as caught:
            check_tag(f"{host}/example/vpc-cni-iam", Version.of("1.0.0"), "sha256:x")
    assert f"the certificate of {host} is not trusted: " in str(caught.value)
    assert "certificate authority. The tag 1.0.0 may exist" in str(caught.value)


def test_a_registry_that_does_not_answer_is_named_with_the_reason() -> None:
    with pytest.raises(PublishError, match="cannot be asked for its tags: Connection refused"):
        check_tag("127.0.0.1:1/x", Version.of("1.0.0"), "sha256:x")
