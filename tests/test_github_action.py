"""The comment, the coverage and the SARIF of action.yml, with a stand-in for GitHub's API."""

# ruff: noqa: F811

import json
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from conftest import ROOT, run
from test_integrations import Action, action, consumer  # noqa: F401

CHECK, COVERAGE, REVIEW, COMMENT = 1, 2, 3, 4
PLANS = ROOT / "tests" / "review" / "plans"
WIDEN = PLANS / "widen.terraform-1.15.5.json"
TOKEN = "a-token"
SHA = "0123456789abcdef0123456789abcdef01234567"
PATH = "/repos/o/r/issues/7/comments"
BOT, USER = {"type": "Bot"}, {"type": "User"}


class GitHub(ThreadingHTTPServer):
    """Answers about the comments of one pull request as GitHub does, page by page."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.status = 0  # of every answer, if it is set


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, value: object) -> None:
        text = json.dumps(value).encode()
        self.send_response(self.server.status or status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def asked(self) -> tuple[str, dict[str, list[str]]]:
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.server.requests.append(f"{self.command} {self.path}")
        parts = urlsplit(self.path)
        return parts.path, parse_qs(parts.query)

    def body(self) -> str:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        body: str = json.loads(text)["body"]
        assert len(body) <= 65_536
        return body

    def do_GET(self) -> None:
        path, query = self.asked()
        assert path == PATH
        size = int(query["per_page"][0])
        start = size * (int(query["page"][0]) - 1)
        self.answer(200, self.server.comments[start : start + size])

    def do_POST(self) -> None:
        path, _ = self.asked()
        comment = written(len(self.server.comments) + 1, self.body())
        if path == PATH and not self.server.status:
            self.server.comments.append(comment)
        self.answer(201, comment)

    def do_PATCH(self) -> None:
        path, _ = self.asked()
        number = int(path.rpartition("/")[2])
        assert path == f"/repos/o/r/issues/comments/{number}"
        (comment,) = (c for c in self.server.comments if c["id"] == number)
        comment["body"] = self.body()
        self.answer(200, comment)


def written(number: int, body: str | None, user: dict[str, str] | None = BOT) -> dict[str, Any]:
    return {"id": number, "user": user, "body": body, "html_url": f"https://example.com/{number}"}


@pytest.fixture
def github(action: Action) -> Iterator[GitHub]:
    with GitHub() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        event = action.summary.with_name("event.json")
        event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": SHA}}}))
        action.environ |= {
            "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "o/r",
            "no_proxy": "127.0.0.1",
        }
        assert action.step(0).returncode == 0
        yield server
        server.shutdown()


def reviewed(action: Action, plan: Path | str = WIDEN, **inputs: str) -> str:
    """Review a plan, and run the step of the comment; return what it prints."""
    folder = action.consumer / inputs.get("working_directory", ".")
    if isinstance(plan, Path):
        shutil.copy(plan, folder / "plan.json")
    else:
        (folder / "plan.json").write_text(plan)
    action.output.unlink(missing_ok=True)
    assert action.step(REVIEW, plan="plan.json", **inputs).returncode in (0, 1)
    done = action.step(COMMENT, **{"token": TOKEN} | inputs)
    assert done.returncode == 0, done.stderr
    return done.stdout


def plan_of_a_bucket() -> str:
    plan = json.loads(WIDEN.read_text())
    (change, *_) = plan["resource_changes"]
    values = {"actions": ["create"], "before": None, "after": {"bucket": "b"}, "after_unknown": {}}
    bucket = {"address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "name": "b", "change": values}
    plan |= {"resource_changes": [change | bucket], "resource_drift": [], "prior_state": {}}
    return json.dumps(plan)


def test_a_review_is_one_comment_that_later_runs_replace(
    action: Action,
    github: GitHub,
) -> None:
    assert reviewed(action) == "commented: https://example.com/1\n"
    (comment,) = github.comments
    assert "### IAM review fails: 2 errors" in comment["body"]
    assert comment["body"].endswith(f"\n\nReview of commit {SHA}.\n")
    assert reviewed(action, fail_on="coverage-lost") == "commented: https://example.com/1\n"
    assert "### IAM review passes: 2 errors" in comment["body"]
    # Later, when nothing is about IAM any more, it says so.
    assert reviewed(action, plan_of_a_bucket()) == "commented: https://example.com/1\n"
    assert "### IAM review passes: no findings" in comment["body"] and len(github.comments) == 1


def test_there_is_no_comment_where_nothing_is_about_iam(
    action: Action,
    github: GitHub,
) -> None:
    assert (
        reviewed(action, plan_of_a_bucket()) == "no comment: the plan changes nothing about IAM\n"
    )
    assert github.comments == []


def test_only_a_comment_of_a_bot_for_the_same_plan_is_replaced(
    action: Action,
    github: GitHub,
) -> None:
    reviewed(action)
    mark = github.comments.pop()["body"].partition("\n")[0]
    others = [
        written(n, body, user)
        for n, (body, user) in enumerate(
            [(mark, USER), (f"quoted: {mark}", BOT), (None, BOT), (mark, None)]
            + [("something else", BOT)] * 100
        )
    ]
    github.comments = [dict(each) for each in others]
    reviewed(action)
    assert github.comments[:-1] == others and github.comments[-1]["body"].startswith(mark)
    # Found on the second page, with the line ends that GitHub gives what a browser sent.
    github.comments[-1]["body"] = f"{mark}\r\n\r\nold"
    reviewed(action)
    assert len(github.comments) == 105 and "old" not in github.comments[-1]["body"]


def test_each_root_module_has_a_comment_of_its_own(
    action: Action,
    github: GitHub,
) -> None:
    for name in ("prod", "stage"):
        (action.consumer / name).mkdir()
        reviewed(action, working_directory=name)
    assert ["`prod/plan.json`" in c["body"] for c in github.comments] == [True, False]
    reviewed(action, working_directory="prod")
    assert len(github.comments) == 2


def test_the_ignore_file_and_places_are_those_of_the_working_directory(
    action: Action,
    github: GitHub,
) -> None:
    folder = action.consumer / "infra"
    folder.mkdir()
    shutil.copy(PLANS.parent / "configurations" / "widen" / "after" / "main.tf", folder)
    ignored = '[[ignore]]\nrule = "new-access"\naddress = "*"\nreason = "known"\n'
    (folder / "vpc-cni-iam-ignore.toml").write_text(ignored)
    reviewed(action, working_directory="infra", source=".")
    (comment,) = github.comments
    assert "1 error" in comment["body"] and "known" in comment["body"]
    # The one at the top is of another root module.
    (folder / "vpc-cni-iam-ignore.toml").rename(action.consumer / "vpc-cni-iam-ignore.toml")
    reviewed(action, working_directory="infra", source=".")
    assert "2 errors" in comment["body"] and "known" not in comment["body"]
    results = json.loads(Path(action.reviewed()["sarif"]).read_text())["runs"][0]["results"]
    place = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "infra/main.tf"


@pytest.mark.parametrize(
    ("token", "status", "says"),
    [
        ("", 0, "::notice::no comment: there is no token; the summary"),
        (TOKEN, 403, "::notice::no comment: the token may not write it (HTTP 403); the summary"),
        (TOKEN, 502, "::warning::no comment: GitHub answered with HTTP 502"),
    ],
)
def test_without_a_right_to_comment_the_summary_has_the_review(
    token: str,
    status: int,
    says: str,
    action: Action,
    github: GitHub,
) -> None:
    github.status = status
    assert reviewed(action, token=token).startswith(says)
    assert github.comments == [] and "### IAM review fails" in action.summary.read_text()


def test_no_comment_outside_of_a_pull_request_or_where_github_is_not_reached(
    action: Action,
    github: GitHub,
) -> None:
    github.comments = ["not of GitHub"]  # type: ignore[list-item]
    assert reviewed(action) == "::warning::no comment: TypeError while asking GitHub\n"
    github.requests.clear()
    action.environ["GITHUB_API_URL"] = "http://127.0.0.1:1"
    assert reviewed(action) == "::warning::no comment: URLError while asking GitHub\n"
    Path(action.environ["GITHUB_EVENT_PATH"]).write_text('{"ref": "refs/heads/main"}')
    assert reviewed(action) == "no comment: this run is not of a pull request\n"
    assert github.requests == []


def test_findings_are_sent_to_code_scanning_only_if_asked() -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    (upload,) = (step for step in steps if "codeql-action/upload-sarif" in step.get("uses", ""))
    assert upload["with"]["sarif_file"] == "${{ steps.review.outputs.sarif }}"
    assert "steps.install.outputs.sarif == 'true' && steps.review.outputs.sarif" in upload["if"]


def test_the_action_checks_that_the_plugin_works_with_a_policy(
    action: Action,
    github: GitHub,
) -> None:
    module = "modules/vpc-cni-iam-policy"
    done = action.step(COVERAGE, coverage=module, document="ipv4-scoped")
    assert done.returncode == 0, done.stderr
    assert "### VPC CNI coverage passes" in action.summary.read_text()
    old = run("policy", "ipv4", "--revision", "2022-01-31").out
    (action.consumer / "old.json").write_text(old)
    done = action.step(COVERAGE, coverage="old.json")
    assert done.returncode == 1 and "to do    replace its policy" in done.stdout
    summary = action.summary.read_text()
    assert "### VPC CNI coverage fails" in summary and done.stdout in summary
    assert action.step(COVERAGE, coverage="old.json", cni_version="v1.18.0").returncode == 0
    assert action.step(COVERAGE, coverage="old.json", mode="ipv6").returncode == 1
    for inputs in ({"coverage": "--help"}, {"coverage": "none.json"}):
        action.summary.unlink()
        assert action.step(COVERAGE, **inputs).returncode in (2, 3)
        assert "### VPC CNI coverage was not checked" in action.summary.read_text()
