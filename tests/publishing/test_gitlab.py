"""The documented commands for GitLab, as far as its documentation goes: a stand-in answers here."""

import os
import re
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conftest import ROOT
from consuming import ARCHIVE, FOLDER, publish_one

TOKEN = "secret-token"
LOGIN = b64encode(f"gitlab-ci-token:{TOKEN}".encode()).decode()
PACKAGE = "/api/v4/projects/7/packages/terraform/modules/vpc-cni-iam/aws/1.0.0"


class GitLab(BaseHTTPRequestHandler):
    """Answers as GitLab does: a token in a header to upload, basic authentication to download."""

    protocol_version = "HTTP/1.1"  # with 1.0, curl waits a second for leave to send a body
    packages: dict[str, bytes]
    storage: str

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        package, _, last = self.path.rpartition("/")
        if self.headers["JOB-TOKEN"] != TOKEN:
            self.answer(401, b'{"message":"401 Unauthorized"}')
        elif last != "file":
            self.answer(404, b'{"error":"404 Not Found"}')
        elif package in self.packages:
            self.answer(403, b'{"message":"Package version already exists."}')
        else:
            self.packages[package] = body
            self.answer(201, b'{"message":"201 Created"}')

    def do_GET(self) -> None:
        if self.path.startswith("/storage/"):
            # What curl sends to one host goes to no other that this one redirects to.
            code = 400 if self.headers["Authorization"] else 200
            self.answer(code, self.packages[self.path.removeprefix("/storage")])
        elif self.headers["Authorization"] != f"Basic {LOGIN}":
            self.answer(401, b'{"message":"401 Unauthorized"}')
        elif self.path not in self.packages:
            self.answer(404, b'{"message":"404 Not found"}')
        else:
            self.answer(302, b"", f"{self.storage}/storage{self.path}")

    def answer(self, code: int, body: bytes, location: str = "") -> None:
        self.send_response(code)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gitlab() -> Iterator[type[GitLab]]:
    """A stand-in whose storage is on another host, with the address of its API in `api`."""

    class Handler(GitLab):
        packages: dict[str, bytes] = {}  # noqa: RUF012
        api = ""

    with ExitStack() as stack:
        addresses = []
        for name in ("127.0.0.1", "localhost"):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            addresses.append(f"http://{name}:{server.server_port}")
        Handler.api, Handler.storage = f"{addresses[0]}/api/v4", addresses[1]
        yield Handler


def commands(text: str) -> list[str]:
    """The shell blocks of a text that name GitLab's API."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [block for block in blocks if "CI_API_V4_URL" in block]


@pytest.mark.parametrize("page", ["docs/publishing.md", "README.md of the directory"])
def test_the_documented_commands_upload_a_version_once(
    page: str, gitlab: type[GitLab], tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    done = publish_one(dist)
    if page.startswith("docs"):
        folder, text = tmp_path, (ROOT / page).read_text()
    else:
        folder, text = dist, (dist / "README.md").read_text()
    upload, *compare = commands(text)
    archive = ARCHIVE.format("1.0.0")

    def run(command: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        job = {"CI_API_V4_URL": gitlab.api, "CI_PROJECT_ID": "7", "CI_JOB_TOKEN": token}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **job},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run(upload, "other").returncode != 0
    assert gitlab.packages == {}
    first = run(upload)
    assert first.returncode == 0, first.stderr
    content = (dist / FOLDER / "1.0.0" / archive).read_bytes()
    assert gitlab.packages == {PACKAGE: content}
    again = run(upload)
    assert again.returncode != 0
    assert "Package version already exists." in again.stdout
    for command in compare:
        shown = run(command)
        assert (shown.returncode, shown.stdout) == (0, f"{done.sums[archive]}  -\n"), shown.stderr


def test_the_page_says_how_to_compare_what_gitlab_has() -> None:
    assert len(commands((ROOT / "docs/publishing.md").read_text())) == 2
