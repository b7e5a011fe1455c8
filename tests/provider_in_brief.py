"""Runs a provider that tells engines of few of its types: most work of a plan is to read them all.

Run with the provider's binary, the path of a socket, and other types to keep. It prints where
engines find it, and serves until it is killed. Calls go to the provider as they come, and its
answers back. The same question is asked once where the answer follows from it: the provider takes a
seventh of a second to validate its settings, as it validates all its types with them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

# How the types begin that configurations of tests, examples and modules name.
KEPT = (
    *(b"aws_caller_identity", b"aws_ecr_", b"aws_eks_", b"aws_iam_", b"aws_kms_key"),
    *(b"aws_partition", b"aws_region", b"aws_s3_bucket", b"aws_secretsmanager_secret"),
    *(b"aws_sns_topic", b"aws_sqs_queue"),
)
# In the answer to GetSchema: the maps of resources and of data sources.
RESOURCES, DATA_SOURCES = 2, 3
# In the request of Configure: the provider's settings. The other field is the engine's version.
SETTINGS = 2
# Methods whose answer follows from the request.
ANSWERED_ONCE = {
    "GetSchema",
    "PrepareProviderConfig",
    "ValidateDataSourceConfig",
    "ValidateResourceTypeConfig",
}
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def number(message: bytes, at: int) -> tuple[int, int]:
    """Read a varint of Protocol Buffers; and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The fields of a message of which all have a length: number, content, and the whole."""
    at = 0
    while at < len(message):
        start = at
        tag, at = number(message, at)
        size, at = number(message, at)
        yield tag >> 3, message[at : at + size], message[start : at + size]
        at += size


def brief(schema: bytes, prefixes: tuple[bytes, ...]) -> bytes:
    """An answer to GetSchema without the types that no test needs."""
    parts = []
    for field, content, whole in fields(schema):
        # An entry of a map is a message: first the key, of less than 128 bytes.
        if field not in {RESOURCES, DATA_SOURCES} or content[2:].startswith(prefixes):
            parts.append(whole)
    return b"".join(parts)


class Forward(grpc.GenericRpcHandler):
    def __init__(self, provider: grpc.Channel, prefixes: tuple[bytes, ...]) -> None:
        self.provider = provider
        self.prefixes = prefixes
        self.answers: dict[tuple[str, bytes], bytes] = {}
        self.settings = b""

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = call.method
        if not method.startswith("/tfplugin"):
            return None
        name = method.rpartition("/")[2]

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            if name == "Configure":
                settings = next(whole for field, _, whole in fields(request) if field == SETTINGS)
                if settings == self.settings:
                    return b""  # no diagnostics
            elif (name, request) in self.answers:
                return self.answers[name, request]
            try:
                content: bytes = self.provider.unary_unary(method)(request)
            except grpc.RpcError as error:  # a method of newer providers
                context.abort(error.code(), error.details())
            if name == "Configure":
                self.settings = b"" if content else settings
            elif name == "GetSchema":
                content = brief(content, self.prefixes)
            if name in ANSWERED_ONCE:
                self.answers[name, request] = content
            return content

        return grpc.unary_unary_rpc_method_handler(answer)


def main() -> None:
    binary, socket, *types = sys.argv[1:]
    prefixes = (*KEPT, *(name.encode() for name in types))
    command = ["setpriv", "--pdeathsig", "KILL", binary, "-debug"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        shown = next(line.partition("'")[2] for line in process.stdout if "'{" in line)
        (provider,) = json.loads(shown.rpartition("'")[0]).values()
        address = provider["Addr"]["String"]
        channel = grpc.insecure_channel(f"unix:{address}", options=UNLIMITED)
        server = grpc.server(ThreadPoolExecutor(8), [Forward(channel, prefixes)], options=UNLIMITED)
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        provider["Addr"]["String"] = socket
        sys.stdout.write(f"{json.dumps(provider)}\n")
        sys.stdout.flush()
        server.wait_for_termination()


if __name__ == "__main__":
    main()
