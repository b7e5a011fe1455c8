"""The servers that the agent talks to: EC2, STS, SageMaker, metadata, Kubernetes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tools.plugin_probe import authorise, legacy, metadata, query
from tools.plugin_probe.cloud import ACCOUNT, ApiError, Cloud
from tools.plugin_probe.forms import form_name
from tools.plugin_probe.kubernetes import Kubernetes
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy.evaluate import Compiled, Request

EC2, METADATA, KUBERNETES = 4000, 4001, 4002
_WATCH = 3600.0


@dataclass(frozen=True)
class Recorded:
    """A request to AWS.

    Args:
        seconds: When it came, since the agent was started.
        action: Such as ``ec2:CreateTags``.
        form: The catalog's name of its form, empty for none.
        parameters: Its parameters in order.
        denied: What IAM checked and did not allow.
        error: The code of the API's refusal, empty for none.
    """

    seconds: float
    action: str
    form: str
    parameters: dict[str, str]
    denied: tuple[str, ...]
    error: str


@dataclass
class World:
    """All that the agent can reach.

    Args:
        cloud: The account.
        kubernetes: The cluster's API.
        policies: The policies under test, None to allow everything.
        denials: Actions and names of request forms that are denied besides.
        ipv6: Whether the cluster's family is IPv6.
        version: The version of the agent.
        changed: Called after each change of the account.
        requests: What was asked of AWS.
    """

    cloud: Cloud
    kubernetes: Kubernetes
    policies: Compiled | None
    denials: frozenset[str]
    ipv6: bool
    version: PluginVersion
    changed: Callable[[], None]
    requests: list[Recorded] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def authorise(
        self, action: str, parameters: dict[str, str], checks: list[Request]
    ) -> str | None:
        """Record a request, and return the code of IAM's refusal, None if it is allowed."""
        allowed = [name for r in self.requests if not r.denied for name in (r.action, r.form)]
        form = form_name(self.cloud, action, parameters, allowed, self.version)
        refused = checks if form in self.denials else []
        denied = refused or authorise.denied(self.policies, self.denials, checks)
        named = tuple(f"{check.action} on {check.resource}" for check in denied)
        code = "UnauthorizedOperation" if denied else ""
        elapsed = time.monotonic() - self.started
        self.requests.append(Recorded(elapsed, action, form, parameters, named, code))
        return code or None

    def failed(self, code: str) -> None:
        """Note that the API refused the last request."""
        self.requests[-1] = replace(self.requests[-1], error=code)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, text: str, kind: str, **headers: str) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Aws(_Handler):
    """EC2, STS and SageMaker, which are told apart as their clients write."""

    def do_POST(self) -> None:
        body = self.body()
        with self.world.lock:
            if "json" in self.headers.get("Content-Type", ""):
                status, text, kind = self._sagemaker(json.loads(body))
            else:
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                kind = "text/xml"
                status, text = self._sts() if form["Action"].startswith("Get") else self._ec2(form)
        self.reply(status, text, kind)

    def _ec2(self, form: dict[str, str]) -> tuple[int, str]:
        world = self.world
        parameters = {k: v for k, v in form.items() if k not in ("Action", "Version")}
        action = f"ec2:{form['Action']}"
        try:
            checks = authorise.ec2(world.cloud, form)
            if code := world.authorise(action, parameters, checks):
                refusal = ApiError(code, "You are not authorized to perform this operation.")
                return 403, query.error(refusal)
            text = query.answer(world.cloud, form)
        except ApiError as refusal:
            world.failed(refusal.code)
            return 400, query.error(refusal)
        world.changed()
        return 200, text

    def _sts(self) -> tuple[int, str]:
        self.world.authorise("sts:GetCallerIdentity", {}, authorise.sts())
        if "sts:GetCallerIdentity" in self.world.denials:
            self.world.failed("AccessDenied")
            return 403, (
                '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
                "<Type>Sender</Type><Code>AccessDenied</Code><Message>denied</Message></Error>"
                "<RequestId>request</RequestId></ErrorResponse>"
            )
        return 200, (
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<GetCallerIdentityResult><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/cni/s</Arn>"
            f"<UserId>AROA:s</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>"
            "<ResponseMetadata><RequestId>request</RequestId></ResponseMetadata>"
            "</GetCallerIdentityResponse>"
        )

    def _sagemaker(self, sent: dict[str, Any]) -> tuple[int, str, str]:
        world, kind = self.world, "application/x-amz-json-1.1"
        parameters = {name: str(value) for name, value in sent.items()}
        action = "sagemaker:AttachClusterNodeNetworkInterface"
        if world.authorise(action, parameters, authorise.sagemaker(sent["ClusterName"])):
            world.failed("AccessDeniedException")
            refused = {"__type": "AccessDeniedException", "Message": "not authorized"}
            return 400, json.dumps(refused), kind
        attachment = world.cloud.attach_anywhere(sent["NetworkInterfaceId"])
        world.changed()
        answer = {
            "ClusterArn": sent["ClusterName"],
            "NodeId": sent.get("NodeId", ""),
            "AttachmentId": attachment.id,
            "DeviceIndex": attachment.device,
        }
        return 200, json.dumps(answer), kind


class _Metadata(_Handler):
    def do_PUT(self) -> None:
        self.body()
        self.reply(200, "token", "text/plain", X_Aws_Ec2_Metadata_Token_Ttl_Seconds="21600")  # noqa: S106

    def do_GET(self) -> None:
        with self.world.lock:
            path = self.path.rstrip("/")
            text = metadata.value(self.world.cloud, path, ipv6=self.world.ipv6)
        self.reply(200 if text is not None else 404, text or "", "text/plain")


class _Kubernetes(_Handler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        if asked.get("watch") in ("1", "true"):
            self._watch(parts.path.split("/")[-1], initial=asked.get("sendInitialEvents") == "true")
            return
        status, answer = self.world.kubernetes.get(parts.path)
        self.reply(status, json.dumps(answer), "application/json")

    def do_POST(self) -> None:
        answer = self.world.kubernetes.post(self.body())
        self.reply(201, json.dumps(answer), "application/json")

    def do_PATCH(self) -> None:
        answer = self.world.kubernetes.patch(urlsplit(self.path).path, self.body())
        self.reply(200, json.dumps(answer), "application/json")

    do_PUT = do_PATCH  # noqa: N815 - the library's name

    def _watch(self, plural: str, *, initial: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.world.kubernetes.watched(plural, initial=initial):
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()
        time.sleep(_WATCH)


def serve(
    world: World,
    ports: tuple[int, int, int] = (EC2, METADATA, KUBERNETES),
    certificate: Path | None = None,
) -> tuple[int, ...]:
    """Start all servers on the loopback, and return their ports.

    Args:
        world: What they show.
        ports: Of EC2, metadata and Kubernetes; 0 for any that is free.
        certificate: That with which EC2 and Kubernetes are served with TLS, too.
    """
    taken = []
    bases: tuple[type[_Handler], ...] = (_Aws, _Metadata, _Kubernetes)
    for port, base in zip(ports, bases, strict=True):
        taken.append(_started(ThreadingHTTPServer(("127.0.0.1", port), _handler(base, world))))
    if certificate:
        for port, base in ((443, _Aws), (legacy.KUBERNETES, _Kubernetes)):
            server = ThreadingHTTPServer((legacy.ADDRESS, port), _handler(base, world))
            legacy.secure(server, certificate)
            _started(server)
    return tuple(taken)


def _handler(base: type[_Handler], world: World) -> type[_Handler]:
    return type(base.__name__, (base,), {"world": world})


def _started(server: ThreadingHTTPServer) -> int:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
