"""Makes the plans of the corpus that a real engine and provider can make.

python tests/review/make_corpus.py [--folder FOLDER] [--case NAME]...

What a case has as `before` is applied to AWS endpoints of our own: moto's, and for EKS one that
answers with what it was asked to make. Then `after` is planned. Without --case, those are made
whose configuration has changed. `common` is a part of both; `modules` has the modules that they
call as ``./NAME``.
"""

import argparse
import json
import shutil
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tools.corpus import CORPUS, DOCUMENTS, Case, cases, digest  # noqa: E402

from conftest import TERRAFORM_NEWEST, endpoint, make_engine  # noqa: E402
from make_plans import normal  # noqa: E402
from vpc_cni_iam.engine.run import Engine  # noqa: E402

PROVIDER = """
provider "aws" {{{alias}
  region                      = "us-east-1"
  access_key                  = "{account}"
  secret_key                  = "test"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  endpoints {{
    iam = "{aws}"
    sts = "{aws}"
    ec2 = "{aws}"
    autoscaling = "{aws}"
    ecs = "{aws}"
    lambda = "{aws}"
    eks = "{eks}"
  }}
}}
"""
_ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"


class Eks(BaseHTTPRequestHandler):
    """The clusters, add-ons and node groups of EKS, as they were asked for."""

    made: ClassVar[dict[str, dict[str, Any]]] = {}

    def do_POST(self) -> None:
        body = self.body()
        place = self.path.strip("/")
        if place.endswith("/update-config") or place.endswith("/update"):
            self.made[place.rpartition("/")[0]].update(body)
            return self.answer({"update": {"id": "1", "status": "Successful"}})
        kind = {"clusters": "cluster", "addons": "addon", "node-groups": "nodegroup"}[
            place.rpartition("/")[2]
        ]
        name = body.get("name") or body.get("addonName") or body.get("nodegroupName")
        arn = f"arn:aws:eks:us-east-1:123456789012:{kind}/{place}/{name}"
        item = {"status": "ACTIVE", "createdAt": 1767225600, "modifiedAt": 1767225600, **body}
        item |= {f"{kind}Arn": arn, "arn": arn, "tags": body.get("tags", {})}
        if kind == "cluster":
            item |= {
                "endpoint": "https://EXAMPLE.eks.amazonaws.com",
                "certificateAuthority": {"data": ""},
                "identity": {"oidc": {"issuer": _ISSUER}},
            }
        else:
            item["clusterName"] = place.split("/")[1]
        self.made[f"{place}/{name}"] = item
        return self.answer({kind: item})

    def do_GET(self) -> None:
        place = self.path.partition("?")[0].strip("/")
        if "/updates/" in place:
            return self.answer({"update": {"id": "1", "status": "Successful"}})
        item = self.made.get(place)
        if item is None:
            return self.answer({"message": "none", "__type": "ResourceNotFoundException"}, 404)
        kind = "cluster"
        for part, name in (("addons", "addon"), ("node-groups", "nodegroup")):
            kind = name if f"/{part}/" in place else kind
        return self.answer({kind: item})

    def body(self) -> dict[str, Any]:
        text = self.rfile.read(int(self.headers["Content-Length"] or 0))
        body: dict[str, Any] = json.loads(text or b"{}")
        return body

    def answer(self, body: dict[str, Any], code: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        if code >= 400:
            self.send_header("x-amzn-ErrorType", body["__type"])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def eks() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Eks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def make(case: Case, engine: Engine, aws: str, eks_address: str, root: Path) -> str:
    """The JSON of a case's plan."""
    reset = urllib.request.Request(f"{aws}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()
    Eks.made.clear()
    for path in [*root.glob("*.tf*"), *root.glob("*.json")]:
        path.unlink()
    for document in DOCUMENTS.glob("*.json"):
        shutil.copy(document, root)
    settings = {"aws": aws, "eks": eks_address}
    provider = PROVIDER.format(alias="", account="test", **settings)
    (root / "provider.tf").write_text(provider)
    if not (root / ".terraform").exists():
        engine.run(["init", "-input=false", "-no-color"], root)
    data = case.data["engine"]
    for name, text in data.get("modules", {}).items():
        (root / name).mkdir(exist_ok=True)
        (root / name / "main.tf").write_text(text)
    if "before" in data:
        (root / "main.tf").write_text(data.get("common", "") + data["before"])
        _get_modules(engine, data, root)
        engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], root)
    outside(data.get("outside", {}), aws)
    (root / "main.tf").write_text(data.get("common", "") + data["after"])
    _get_modules(engine, data, root)
    engine.run(["plan", "-input=false", "-no-color", "-out=tfplan"], root)
    plan = json.loads(normal(engine.run(["show", "-json", "tfplan"], root)))
    plan["made_of"] = digest(case)
    return json.dumps(plan, separators=(",", ":")).replace(eks_address, "http://127.0.0.1:5001")


def _get_modules(engine: Engine, data: dict[str, Any], root: Path) -> None:
    if "modules" in data:
        engine.run(["get", "-no-color"], root)


def outside(what: dict[str, Any], aws: str) -> None:
    """Change what somebody changes outside of the configuration."""
    iam = boto3.client(
        "iam",
        endpoint_url=aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for name, document in what.get("trusts", {}).items():
        text = (DOCUMENTS / f"{document}.json").read_text()
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=text)
    for name, document in what.get("policies", {}).items():
        text = (DOCUMENTS / f"{document}.json").read_text()
        arn = f"arn:aws:iam::123456789012:policy/{name}"
        if any(p["PolicyName"] == name for p in iam.list_policies(Scope="Local")["Policies"]):
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
        else:
            iam.create_policy(PolicyName=name, PolicyDocument=text)
    for name, document in what.get("inline", {}).items():
        role, _, policy = name.partition("/")
        text = (DOCUMENTS / f"{document}.json").read_text()
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=text)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=CORPUS)
    parser.add_argument("--case", action="append")
    arguments = parser.parse_args()
    every = {c.name: c for c in cases(arguments.folder) if "engine" in c.data}
    names = arguments.case or [n for n, c in every.items() if not current(c)]
    failed = 0
    plans = arguments.folder / "plans"
    plans.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, endpoint(Path(folder)) as aws, eks() as address:
        engine = make_engine(TERRAFORM_NEWEST, Path(folder))
        root = Path(folder, "root")
        root.mkdir()
        for name in names:
            try:
                text = make(every[name], engine, aws, address, root)
            except Exception as error:  # one case that fails keeps no other from being made
                sys.stderr.write(f"{name}: {error}\n")
                failed += 1
                continue
            (plans / f"{name}.json").write_text(text + "\n")
            sys.stderr.write(f"{name}\n")
    for path in plans.glob("*.json"):
        if path.stem not in every:
            path.unlink()
    return 1 if failed else 0


def current(case: Case) -> bool:
    path = case.folder / "plans" / f"{case.name}.json"
    return path.exists() and json.loads(path.read_text()).get("made_of") == digest(case)


if __name__ == "__main__":
    sys.exit(main())
