"""Uploading to GitLab's package API, as far as its documentation goes: a stand-in answers here."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vpc_cni_iam.errors import PublishError, UsageError
from vpc_cni_iam.publishing.gitlab import Project, project, upload
from vpc_cni_iam.publishing.semver import Version

PATH = "/api/v4/projects/group%2Fmodules/packages/terraform/modules/vpc-cni-iam/aws/1.0.0"
VERSION = Version.of("1.0.0")


TOKEN = "secret-token"
# Who may download: the user name that goes with each kind of token.
USERS = {"JOB-TOKEN": "gitlab-ci-token", "DEPLOY-TOKEN": "deployer", "PRIVATE-TOKEN": "tester"}


class Stand(BaseHTTPRequestHandler):
    """Answers as GitLab does: tokens in a header to upload, basic authentication to download."""

    stored: dict[str, bytes]
    seen: list[tuple[str, str]]
    fails = 0
    header = "JOB-TOKEN"
    elsewhere = ""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers[self.header]))
        address, _, last = self.path.rpartition("/")
        if self.fails:
            self.answer(self.fails, b'{"message":"no"}')
        elif self.headers[self.header] != TOKEN:
            self.answer(401, b'{"message":"401 Unauthorized"}')
        elif last != "file":
            self.answer(404, b'{"error":"404 Not Found"}')
        elif address in self.stored:
            self.answer(403, b'{"message":"Package version already exists."}')
        else:
            self.stored[address] = body
            self.answer(201, b'{"message":"201 Created"}')

    def do_GET(self) -> None:
        login = b64encode(f"{USERS[self.header]}:{TOKEN}".encode()).decode()
        if self.path == "/api/v4/user":
            named = self.headers["PRIVATE-TOKEN"] == TOKEN
            self.answer(200 if named else 401, b'{"username":"tester"}' if named else b"{}")
        elif self.path.startswith("/storage/"):
            assert self.headers["Authorization"] is None
            self.answer(200, self.stored[self.path.removeprefix("/storage")])
        elif self.headers["Authorization"] != f"Basic {login}":
            self.answer(401, b'{"message":"401 Unauthorized"}')
        elif self.path not in self.stored:
            self.answer(404, b'{"message":"404 Not found"}')
        elif self.elsewhere:
            self.answer(302, b"", f"{self.elsewhere}/storage{self.path}")
        else:
            self.answer(200, self.stored[self.path])

    def answer(self, code: int, body: bytes, location: str = "http://127.0.0.1:1/") -> None:
        self.send_response(code)
        if code == 302:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stand() -> Iterator[tuple[Project, type[Stand]]]:
    class Handler(Stand):
        stored: dict[str, bytes] = {}  # noqa: RUF012
        seen: list[tuple[str, str]] = []  # noqa: RUF012

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        environ = {
            "CI_API_V4_URL": f"http://127.0.0.1:{running.server_port}/api/v4",
            "CI_PROJECT_ID": "group/modules",
            "CI_JOB_TOKEN": TOKEN,
        }
        yield project(environ), Handler
        running.shutdown()
        thread.join()


def test_a_version_is_uploaded_once(stand: tuple[Project, type[Stand]]) -> None:
    to, server = stand
    assert upload(to, VERSION, b"archive")
    assert server.seen == [(f"{PATH}/file", "secret-token")]
    assert server.stored == {PATH: b"archive"}
    assert not upload(to, VERSION, b"archive")
    with pytest.raises(PublishError, match=r"has 1\.0\.0 with other bytes"):
        upload(to, VERSION, b"other")
    assert server.stored == {PATH: b"archive"}


@pytest.mark.parametrize(
    ("header", "environ"),
    [
        ("JOB-TOKEN", {"CI_JOB_TOKEN": TOKEN}),
        ("DEPLOY-TOKEN", {"CI_DEPLOY_PASSWORD": TOKEN, "CI_DEPLOY_USER": "deployer"}),
        ("PRIVATE-TOKEN", {"GITLAB_TOKEN": TOKEN}),
    ],
)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_there_is_read_with_each_token(
    header: str, environ: dict[str, str], elsewhere: bool, stand: tuple[Project, type[Stand]]
) -> None:
    there, server = stand
    server.header = header
    server.elsewhere = there.api.removesuffix("/api/v4") if elsewhere else ""
    to = project({"CI_API_V4_URL": there.api, "CI_PROJECT_ID": "group/modules", **environ})
    assert upload(to, VERSION, b"archive")
    assert not upload(to, VERSION, b"archive")
    with pytest.raises(PublishError, match=r"has 1\.0\.0 with other bytes"):
        upload(to, VERSION, b"other")


@pytest.mark.parametrize("code", [302, 400, 401, 403, 500])
def test_a_refusal_is_reported_without_the_token(
    code: int, stand: tuple[Project, type[Stand]]
) -> None:
    to, server = stand
    server.fails = code
    with pytest.raises(PublishError, match=f"answers {code}") as caught:
        upload(to, VERSION, b"archive")
    assert "secret-token" not in str(caught.value) + repr(to)


GOOD = {"CI_API_V4_URL": "https://x/api/v4", "CI_PROJECT_ID": "1", "CI_JOB_TOKEN": "t"}


@pytest.mark.parametrize(
    "other",
    [
        {"CI_API_V4_URL": ""},
        {"CI_API_V4_URL": "http://gitlab.example.test/api/v4"},
        {"CI_API_V4_URL": "file:///etc"},
        {"CI_PROJECT_ID": ""},
        {"CI_JOB_TOKEN": ""},
        {"CI_JOB_TOKEN": "a\nb"},
    ],
)
def test_what_the_environment_must_say(other: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--upload gitlab"):
        project({**GOOD, **other})


def test_which_token_is_taken() -> None:
    assert project(GOOD).header == "JOB-TOKEN"
    assert project({**GOOD, "GITLAB_TOKEN": "p"}).header == "PRIVATE-TOKEN"


def test_nobody_there() -> None:
    with pytest.raises(PublishError, match="cannot be reached"):
        upload(Project("http://127.0.0.1:1", "1", "JOB-TOKEN", "t"), VERSION, b"x")
