"""Writes the review of a plan as a comment on its pull request, or replaces the earlier comment.

python comment.py review.md review.json

action.yml runs it, with any Python and no packages. It never fails the job: the review decides, and
the summary has the same text. The first line of a review, which is hidden, is the same for the same
plan. Only a bot's comment that begins with this line is replaced.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_PAGE = 100
_TIMEOUT = 30
_LONGEST = 65_536  # characters of a comment
# GitHub's answers to a token that must not write.
_REFUSED = (401, 403, 404)
_ABOUT_IAM = ("findings", "ignored", "read", "not_read", "not_shown")


class Api:
    """The comments of one pull request."""

    def __init__(self, environ: Mapping[str, str], number: int) -> None:
        repository = f"{environ['GITHUB_API_URL']}/repos/{environ['GITHUB_REPOSITORY']}"
        self._issue = f"{repository}/issues/{number}/comments"
        self._comments = f"{repository}/issues/comments"
        self._token = environ["TOKEN"]

    def own(self, mark: str) -> dict[str, Any] | None:
        """Return the comment of a bot that begins with a line."""
        for comment in self._all():
            first = (comment["body"] or "").partition("\n")[0].rstrip("\r")
            if (comment["user"] or {}).get("type") == "Bot" and first == mark:
                return comment
        return None

    def write(self, body: str, own: dict[str, Any] | None) -> str:
        """Create a comment, or replace one; return its address."""
        method, url = ("PATCH", f"{self._comments}/{own['id']}") if own else ("POST", self._issue)
        return str(self._ask(method, url, {"body": body})["html_url"])

    def _all(self) -> Iterator[dict[str, Any]]:
        number, full = 1, True
        while full:
            page = self._ask("GET", f"{self._issue}?per_page={_PAGE}&page={number}")
            yield from page
            number, full = number + 1, len(page) == _PAGE

    def _ask(self, method: str, url: str, data: object = None) -> Any:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "User-Agent": "vpc-cni-iam",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        content = None if data is None else json.dumps(data).encode()
        request = Request(url, content, headers, method=method)  # noqa: S310 - GitHub's own address
        with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return json.load(answer)


def comment(markdown: str, review: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """Write the comment; return the result as a line for the log."""
    try:
        return _written(markdown, review, environ)
    except HTTPError as error:
        if error.code not in _REFUSED:
            return f"::warning::no comment: GitHub answered with HTTP {error.code}"
        why = f"the token may not write it (HTTP {error.code})"
        how = "permissions: pull-requests: write allows it"
        return f"::notice::no comment: {why}; the summary of the job has the review; {how}"
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return f"::warning::no comment: {type(error).__name__} while asking GitHub"


def _written(markdown: str, review: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    if not (pull_request := event.get("pull_request")):
        return "no comment: this run is not of a pull request"
    if not environ["TOKEN"]:
        return "::notice::no comment: there is no token; the summary of the job has the review"
    api = Api(environ, pull_request["number"])
    own = api.own(markdown.partition("\n")[0])
    if own is None and not any(review[key] for key in _ABOUT_IAM):
        return "no comment: the plan changes nothing about IAM"
    # A run that reviews nothing leaves the comment, which names its commit.
    body = f"{markdown.rstrip()}\n\nReview of commit {pull_request['head']['sha']}.\n"
    return f"commented: {api.write(body if len(body) <= _LONGEST else markdown, own)}"


def main() -> None:
    """Run the script."""
    markdown, review = (Path(name).read_text("utf-8") for name in sys.argv[1:3])
    sys.stdout.write(comment(markdown, json.loads(review), os.environ) + "\n")


if __name__ == "__main__":
    main()
