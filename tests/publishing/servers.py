"""Real servers on the loopback address, with their own certificate authority."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def program(name: str) -> str:
    """The path of one of Debian's programs; a missing one skips the test."""
    if executable := shutil.which(name, path=_PATH):
        return executable
    pytest.skip(f"{name} is not installed: apt-get install nginx-light docker-registry openssl")


@dataclass(frozen=True)
class Certificate:
    authority: Path
    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """A certificate for this machine by its own authority, both a day old at most."""
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    openssl = program("openssl")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    for command in (
        ["req", "-x509", *curve, "-subj", "/CN=test authority", "-keyout", folder / "ca.key",
         "-out", made.authority],
        ["req", "-x509", *curve, "-subj", "/CN=localhost", "-addext", names, "-addext",
         "basicConstraints=critical,CA:FALSE", "-CA", made.authority, "-CAkey", folder / "ca.key",
         "-keyout", made.key, "-out", made.certificate],
    ):  # fmt: skip
        subprocess.run([openssl, *command], check=True, capture_output=True)
    return made


def free_port() -> int:
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        port: int = result.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], port: int, log: Path) -> Iterator[None]:
    """A server that is up when its port answers, and ended at the end by its id."""
    with (
        log.open("wb") as message,
        subprocess.Popen(command, stdout=message, stderr=message) as process,
    ):
        try:
            for _ in range(2400):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            else:
                pytest.fail(f"{command[0]} does not answer: {log.read_text()}")
            yield
        finally:
            process.terminate()


REGISTRY = """\
version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: {folder}/storage
http:
  addr: 127.0.0.1:{port}
  tls:
    certificate: {made.certificate}
    key: {made.key}
"""


@contextmanager
def docker_registry(folder: Path, made: Certificate) -> Iterator[str]:
    """Debian's docker-registry over TLS; gives its host and port."""
    port = free_port()
    (folder / "registry.yml").write_text(REGISTRY.format(folder=folder, port=port, made=made))
    command = [program("docker-registry"), "serve", folder / "registry.yml"]
    with running(command, port, folder / "registry.log"):
        yield f"127.0.0.1:{port}"


NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""


@contextmanager
def nginx(folder: Path, site: str, port: int) -> Iterator[None]:
    """Debian's nginx with one site."""
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    command = [program("nginx"), "-p", folder, "-c", folder / "nginx.conf"]
    with running(command, port, folder / "nginx.log"):
        yield
