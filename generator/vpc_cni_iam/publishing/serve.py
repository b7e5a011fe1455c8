"""Serves a published registry on this machine, to try it before you upload it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vpc_cni_iam.errors import InputError, reason
from vpc_cni_iam.publishing.registry import DISCOVERY, ROOT, SERVICES, location_in
from vpc_cni_iam.texts import content
from vpc_cni_iam.texts.limits import MODULE_TEXT

ADDRESS = "127.0.0.1"
_TYPES = {".gz": "application/gzip", ".zip": "application/zip"}
_DOWNLOAD = "download"


def server(
    directory: Path, port: int, log: Callable[[str], None] = lambda _: None
) -> ThreadingHTTPServer:
    """Return a server for a directory of `publish`, bound to the loopback address, not running.

    Port 0 is any free port; `log` receives a line for each request. Raises `InputError` if the
    directory has no registry, or the port is not free.
    """
    if not (directory / DISCOVERY).is_file():
        raise InputError(str(directory), "", "has no registry; write one with vpc-cni-iam publish")

    class Handler(_Handler):
        root = (directory / ROOT).resolve()
        write_line = staticmethod(log)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            log(f"a request ended early: {sys.exc_info()[1]}")

    try:
        return Server((ADDRESS, port), Handler)
    except (OSError, OverflowError) as error:
        raise InputError(f"port {port}", "", f"cannot be used: {reason(error)}") from None


def configuration(host: str, port: int) -> str:
    """Return the CLI configuration with which an engine uses this server for a registry host."""
    address = json.dumps(f"http://{ADDRESS}:{port}{SERVICES}")
    return f'host {json.dumps(host)} {{\n  services = {{ "modules.v1" = {address} }}\n}}\n'


class _Handler(BaseHTTPRequestHandler):
    root: Path
    write_line: Callable[[str], None]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        content = self._content()
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        path = self._path()
        if path.name == _DOWNLOAD:
            self._answer_location(path, content)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _TYPES.get(path.suffix, "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _answer_location(self, path: Path, content: bytes) -> None:
        try:
            location = location_in(content)
        except ValueError:
            self.write_line(f"{path}: names no archive; publish the version again to restore it")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("X-Terraform-Get", location)
        self.end_headers()

    def _requested(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _path(self) -> Path:
        return self.root / self._requested().lstrip("/")

    def _content(self) -> bytes | None:
        """Return the requested file, None if it is missing, hidden or outside the registry."""
        try:
            path = self._path()
            inside = path.relative_to(self.root).parts
            if any(p.startswith(".") and p != ".well-known" for p in inside):
                return None
            # Like servers of static files, refuse a second name of a file, with an extra slash.
            if self._requested() != "/" + "/".join(inside):
                return None
            # These differ if the path has a symbolic link.
            return content(path, MODULE_TEXT) if path.resolve() == path else None
        except (OSError, ValueError, InputError):
            return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        # Escaped, because the client chooses the text and a terminal shows it.
        self.write_line((format % args).encode("unicode_escape").decode())
