"""The registry that is served for trying gives the registry's files and nothing else."""

import http.client
import json
import queue
import re
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from consuming import ARCHIVE, AT, publish_one, serving
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.publishing.serve import configuration, server

BASE = f"/v1/modules/{AT.path}"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    publish_one(folder)
    return folder


@pytest.fixture
def log() -> list[str]:
    """The lines that the server writes."""
    return []


@pytest.fixture
def connection(dist: Path, log: list[str]) -> Iterator[http.client.HTTPConnection]:
    with serving(dist, log.append) as port:
        result = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        yield result
        result.close()


def get(
    connection: http.client.HTTPConnection, path: str, method: str = "GET"
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection.putrequest(method, path, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_the_protocol(connection: http.client.HTTPConnection) -> None:
    status, headers, body = get(connection, "/.well-known/terraform.json")
    assert (status, json.loads(body)) == (200, {"modules.v1": "/v1/modules/"})
    assert headers["Content-Type"] == "application/json"
    _, _, body = get(connection, f"{BASE}/versions")
    assert json.loads(body) == {"modules": [{"versions": [{"version": "1.0.0"}]}]}
    status, headers, body = get(connection, f"{BASE}/1.0.0/download")
    assert (status, body) == (204, b"")
    name = ARCHIVE.format("1.0.0")
    assert headers["X-Terraform-Get"].startswith(f"./{name}?archive=tar.gz&checksum=sha256:")
    status, headers, body = get(connection, f"{BASE}/1.0.0/{name}")
    assert (status, headers["Content-Type"]) == (200, "application/gzip")
    assert len(body) == int(headers["Content-Length"])
    assert get(connection, f"{BASE}/1.0.0/{name}", "HEAD")[2] == b""


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/modules/",
        "/../nginx.conf",
        "/v1/../../nginx.conf",
        "/%2e%2e/nginx.conf",
        "//etc/passwd",
        "/..%2fnginx.conf",
        "/v1/link",
        "/v1/folder/versions",
        "/.vpc-cni-iam-new-x",
        "/.well-known/.hidden",
        "/v1/a%00b",
        f"{BASE}/9.9.9/download",
        f"{BASE}/versions/",
        f"{BASE}/1.0.0/download/",
        f"{BASE}//versions",
        f"{BASE}/./versions",
    ],
)
def test_nothing_else(path: str, dist: Path, connection: http.client.HTTPConnection) -> None:
    root = dist / "registry"
    for name in (".vpc-cni-iam-new-x", ".well-known/.hidden"):
        (root / name).write_text("x")
    if not (root / "v1" / "link").is_symlink():
        (root / "v1" / "link").symlink_to("/etc/passwd")
        (root / "v1" / "folder").symlink_to(root / BASE.strip("/"))
    status, _, body = get(connection, path)
    assert status == 404
    assert b"root:" not in body


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"location":1}', '{"location":"a\\r\\nb"}', "\xff"]
)
def test_a_broken_answer(
    text: str,
    dist: Path,
    connection: http.client.HTTPConnection,
    log: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = dist / "registry" / BASE.strip("/") / "1.0.0" / "download"
    good = path.read_bytes()
    try:
        path.write_text(text, encoding="latin-1")
        assert get(connection, f"{BASE}/1.0.0/download")[0] == 500
    finally:
        path.write_bytes(good)
    assert get(connection, f"{BASE}/1.0.0/download")[0] == 204
    assert f"{path}: names no archive; publish the version again to restore it" in log
    assert capfd.readouterr().err == ""


def test_who_leaves_early_is_a_line_in_the_log(
    dist: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines: queue.Queue[str] = queue.Queue()
    with server(dist, 0, log=lines.put) as running:
        thread = threading.Thread(target=running.handle_request)
        thread.start()
        with socket.create_connection(running.server_address[:2]) as client:
            # Closing then resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /\x1b[31m HTTP/1.1\r\n")
        thread.join()
        assert lines.get(timeout=120).isprintable()
    assert capfd.readouterr().err == ""


def test_methods_that_change_something(connection: http.client.HTTPConnection) -> None:
    assert get(connection, f"{BASE}/versions", "DELETE")[0] == 501


def test_what_cannot_be_served(dist: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no registry"):
        server(tmp_path, 0)
    with server(dist, 0) as running:
        assert running.server_address[0] == "127.0.0.1"
        with pytest.raises(InputError, match="cannot be used"):
            server(dist, running.server_port)
    with pytest.raises(InputError, match="cannot be used"):
        server(dist, 70000)


def test_the_lines_for_an_engine() -> None:
    assert configuration("registry.example.test", 8080) == (
        'host "registry.example.test" {\n'
        '  services = { "modules.v1" = "http://127.0.0.1:8080/v1/modules/" }\n}\n'
    )


def test_the_readme_names_the_archive_where_it_is_served(
    dist: Path, connection: http.client.HTTPConnection
) -> None:
    text = (dist / "README.md").read_text()
    (path,) = re.findall(rf'source = "https://{AT.host}(/.*)\?', text)
    status, headers, _ = get(connection, path)
    assert (status, headers["Content-Type"]) == (200, "application/gzip")
