"""Additional needs of agent versions before v1.13.0.

They have no variable for the endpoint of EC2, so its name leads to a server of our own with TLS.
They take the address of Kubernetes and its certificate from their service account. v1.8.0 asks the
container runtime, on its socket, for the pods that run.
"""

from __future__ import annotations

import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from pathlib import Path

import grpc

from tools.plugin_probe.cloud import REGION

ADDRESS = "127.0.0.2"
_NAME = f"ec2.{REGION}.amazonaws.com"
_HOSTS = f"127.0.0.1 localhost\n{ADDRESS} {_NAME}\n"
KUBERNETES = 4443
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ENVIRONMENT = {"KUBERNETES_SERVICE_HOST": ADDRESS, "KUBERNETES_SERVICE_PORT": str(KUBERNETES)}
_RUNTIME = Path("/var/run/dockershim.sock")


class _Runtime(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A container runtime without pods: each of its answers is an empty message."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


def prepare(folder: Path) -> Path:
    """Make the name of EC2's endpoint lead here, and make a service account.

    Both are in this mount namespace only.

    Args:
        folder: For the certificate and the key.

    Returns:
        The file with the certificate.
    """
    hosts, certificate, key = (folder / name for name in ("hosts", "ec2.pem", "ec2.key"))
    hosts.write_text(_HOSTS)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={_NAME}", "-addext", f"subjectAltName=DNS:{_NAME},IP:{ADDRESS}"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    account = folder / "serviceaccount"
    account.mkdir()
    (account / "token").write_text("example")
    (account / "ca.crt").write_bytes(certificate.read_bytes())
    _ACCOUNT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", account, _ACCOUNT], check=True)
    return certificate


def secure(server: ThreadingHTTPServer, certificate: Path) -> None:
    """Have a server speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)


def container_runtime(folder: Path) -> grpc.Server:
    """Start a container runtime, and return it.

    Args:
        folder: For its socket, which is bound to the place where agents look for it.
    """
    _RUNTIME.touch()
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_Runtime()])
    server.add_insecure_port(f"unix:{folder / 'runtime.sock'}")
    server.start()
    subprocess.run(["mount", "--bind", folder / "runtime.sock", _RUNTIME], check=True)
    return server
