"""Runs the log functions of versions of the network policy agent with calls denied.

python -m tools.plugin_probe.agent_logs CLONE v1.1.6 v1.4.0

CLONE is a clone of aws/aws-network-policy-agent with its tags. The functions create the log group
and write to it (pkg/ebpf/events/events.go). The rest of the agent loads eBPF programs and asks EC2
for the cluster's name; it was read, not run. The results are in observed.json. It needs Go, and a
minute of processor time for each version.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.engines.cache import UnavailableError, say
from tools.plugin_probe.build import run_go, tagged

FOLDER = Path(__file__).parent
OBSERVED = FOLDER / "observed.json"
ACTIONS = ("DescribeLogGroups", "CreateLogGroup", "CreateLogStream", "PutLogEvents")
_PACKAGE = "pkg/ebpf/events"
# Replaces pkg/aws/cloud.go, which asks EC2 for the cluster's name: its client takes minutes to
# compile, and the functions do not call it.
_CLOUD = """package aws

import (
	IMPORT
	"errors"
	"github.com/aws/aws-network-policy-agent/pkg/aws/services"
)

type Cloud interface {
	CloudWatchLogs() services.CloudWatchLogs
	ClusterName() string
}

func NewCloud(CONTEXTcfg CloudConfig) (Cloud, error) { return nil, errors.New("not there") }
"""
# Replaces the module that reads eBPF's ring buffers: the module proxy lacks its old versions.
_EBPF = "github.com/aws/aws-ebpf-sdk-go"
_BUFFERS = """package events

type Buffers struct{}

func New() Buffers { return Buffers{} }

func (Buffers) InitRingBuffer(fds []int) (map[int]chan []byte, error) { return nil, nil }

func InitRingBuffer(fds []int) (map[int]chan []byte, error) { return nil, nil }
"""


def outcomes(clone: Path, version: str) -> dict[str, str]:
    """Return what an agent does if one of its calls is denied, by the call.

    Args:
        clone: A clone of the agent's repository.
        version: The version.

    Raises:
        UnavailableError: It cannot be built.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / tagged(version, clone, Path(name))
        events = folder / _PACKAGE
        source = (events / "events.go").read_text()
        is_v2 = "func ensureLogGroupExists(ctx" in source
        text = (FOLDER / f"sdk_v{2 if is_v2 else 1}.go.txt").read_text()
        logs = "message string, log logr.Logger" in source
        text = text.replace("LOGGER", ", logr.Discard()" if logs else "")
        text = text.replace("IMPORT", '"github.com/go-logr/logr"' if logs else "")
        cloud = _CLOUD.replace("IMPORT", '"context"' if is_v2 else "")
        cloud = cloud.replace("CONTEXT", "ctx context.Context, " if is_v2 else "")
        (folder / "pkg/aws/cloud.go").write_text(cloud)
        for test in events.glob("*_test.go"):
            test.unlink()
        (events / "denied_test.go").write_text(text)
        (events / "probe_test.go").write_text((FOLDER / "probe.go.txt").read_text())
        buffers = folder / "ebpf/pkg/events"
        buffers.mkdir(parents=True)
        (buffers / "events.go").write_text(_BUFFERS)
        (folder / "ebpf/go.mod").write_text(f"module {_EBPF}\n")
        run_go(["mod", "edit", f"-replace={_EBPF}=./ebpf"], folder)
        binary = str(Path(name) / "denied")
        run_go(["test", "-mod=mod", "-c", "-o", binary, f"./{_PACKAGE}"], folder)
        return {f"logs:{action}": _outcome(binary, action) for action in ACTIONS}


def _outcome(binary: str, action: str) -> str:
    done = subprocess.run(
        [binary, "-test.run", "TestDenied"],
        env={**os.environ, "DENY": action},
        capture_output=True,
        text=True,
        check=False,
    )
    (outcome,) = re.findall(r"^OUTCOME (.*)$", done.stdout, re.MULTILINE)
    return str(outcome)


def main() -> int:
    """Run the versions, and write what was seen.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.plugin_probe.agent_logs")
    parser.add_argument("clone", type=Path)
    parser.add_argument("versions", nargs="+")
    arguments = parser.parse_args()
    data = json.loads(OBSERVED.read_text())
    try:
        for version in arguments.versions:
            data["ran"][version] = outcomes(arguments.clone, version)
            say(f"{version}: {data['ran'][version]}")
            OBSERVED.write_text(json.dumps(data, indent=1) + "\n")
    except UnavailableError as error:
        print(f"agent_logs: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
