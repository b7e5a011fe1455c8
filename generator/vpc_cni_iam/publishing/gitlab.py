"""Uploads an archive to a project's Terraform module registry in GitLab.

Sources: GitLab's documentation of its Terraform module registry API, and of what the endpoints
take: PUT of the archive to ``/projects/:id/packages/terraform/modules/:name/:system/:version/file``
with the token in a header, 201 or, for a version that is there, 403; GET of the same without
``/file`` with user name and token as HTTP basic authentication, which may lead to object storage.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from vpc_cni_iam.errors import PublishError, UsageError
from vpc_cni_iam.publishing.coordinates import NAME, SYSTEM
from vpc_cni_iam.publishing.semver import Version
from vpc_cni_iam.texts import bounded
from vpc_cni_iam.texts.limits import MODULE_TEXT

_TIMEOUT = 120
# The token is the first of these that is there; each has its own header, and its own user.
_TOKENS = (
    ("GITLAB_TOKEN", "PRIVATE-TOKEN"),
    ("CI_DEPLOY_PASSWORD", "DEPLOY-TOKEN"),
    ("CI_JOB_TOKEN", "JOB-TOKEN"),
)
_JOB_USER = "gitlab-ci-token"


@dataclass(frozen=True, slots=True)
class Project:
    """A project and the right to write to its registry.

    Args:
        api: The address of GitLab's API, such as ``https://gitlab.example.com/api/v4``.
        project: The project's number or path.
        header: The name of the header that carries the token.
        token: The token, which no message shows.
        user: The token's user name; empty if GitLab must be asked.
    """

    api: str
    project: str
    header: str
    token: str
    user: str = ""

    def __repr__(self) -> str:
        return f"Project({self.api!r}, {self.project!r})"


def project(environ: Mapping[str, str]) -> Project:
    """Return the project that the environment names, as GitLab's CI jobs have it.

    Args:
        environ: The user's environment.

    Raises:
        UsageError: It does not name one.
    """
    api, number = environ.get("CI_API_V4_URL", ""), environ.get("CI_PROJECT_ID", "")
    found = [(header, environ[name]) for name, header in _TOKENS if environ.get(name)]
    parts = urlsplit(api)
    local = parts.hostname in ("127.0.0.1", "localhost")
    if not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise UsageError("--upload gitlab needs CI_API_V4_URL, an https address; CI jobs have it")
    if not number or not found:
        raise UsageError("--upload gitlab needs CI_PROJECT_ID and CI_JOB_TOKEN or GITLAB_TOKEN")
    header, token = found[0]
    if not token.isascii() or not token.isprintable():
        raise UsageError("--upload gitlab: the token holds characters that no header may")
    users = {"JOB-TOKEN": _JOB_USER, "DEPLOY-TOKEN": environ.get("CI_DEPLOY_USER", "")}
    return Project(api.rstrip("/"), number, header, token, users.get(header, ""))


def upload(to: Project, version: Version, archive: bytes) -> bool:
    """Upload a version; the same again changes nothing.

    GitLab refuses a version that it has, so what it has is looked at then.

    Args:
        to: The project.
        version: The version.
        archive: Its tar archive.

    Returns:
        Whether it was uploaded now.

    Raises:
        PublishError: GitLab refuses it, cannot be reached, or has other bytes under the version.
    """
    base = f"{to.api}/projects/{quote(to.project, safe='')}/packages/terraform/modules"
    address = f"{base}/{NAME}/{SYSTEM}/{version}"
    status, said = _ask(to, f"{address}/file", (to.header, to.token), archive)
    if status == HTTPStatus.CREATED:
        return True
    if status == HTTPStatus.FORBIDDEN:
        login = b64encode(f"{to.user or _user(to)}:{to.token}".encode()).decode()
        there, content = _ask(to, address, ("Authorization", f"Basic {login}"))
        if there == HTTPStatus.OK:
            if hashlib.sha256(content).digest() == hashlib.sha256(archive).digest():
                return False
            raise PublishError(
                f"{to.api}: project {to.project} has {version} with other bytes, and a published "
                "version never changes; choose another number"
            )
    text = said[:200].decode(errors="replace")
    raise PublishError(f"{to.api}: answers {status} to the upload of {version}: {text}")


def _user(to: Project) -> str:
    """Return the name of a token's user, empty if GitLab does not say."""
    _, said = _ask(to, f"{to.api}/user", (to.header, to.token))
    try:
        return str(json.loads(said)["username"])
    except (ValueError, KeyError, TypeError):
        return ""


def _ask(
    to: Project, address: str, secret: tuple[str, str], content: bytes | None = None
) -> tuple[int, bytes]:
    method = "GET" if content is None else "PUT"
    kind = {} if content is None else {"Content-Type": "application/octet-stream"}
    request = Request(address, content, kind, method=method)  # noqa: S310 - checked above
    # Not sent on to where a redirect leads.
    request.add_unredirected_header(*secret)
    try:
        with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return int(answer.status), bounded(answer, to.api, MODULE_TEXT)
    except HTTPError as error:
        with error:
            return error.code, bounded(error, to.api, MODULE_TEXT)
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise PublishError(f"{to.api}: cannot be reached: {error}") from None
