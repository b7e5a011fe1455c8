"""Makes the plans that the tests of a review read, with real engines.

python tests/review/make_plans.py [--case NAME]... [--to FOLDER]

Each case under configurations/ has a folder `after`, which is planned, and may have a folder
`before`, which is applied to an AWS endpoint of our own first. What differs from run to run is
replaced, so that the same engines make the same files.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from conftest import ENGINES, TERRAFORM_FLOOR, applying_provider, endpoint, make_engine  # noqa: E402
from vpc_cni_iam.engine.run import Engine  # noqa: E402

CONFIGURATIONS, PLANS = HERE / "configurations", HERE / "plans"
CASES = sorted(p.name for p in CONFIGURATIONS.iterdir())
# All plans of this one have the form of the others, without "applyable" and "complete".
OF_FLOOR = ("create",)
_CHANGING = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:5000"),
    (re.compile(r'("(?:policy_id|unique_id)":")[^"]*'), r"\g<1>EXAMPLE"),
    (re.compile(r'("(?:create_date|timestamp)":")[^"]*'), r"\g<1>2026-01-01T00:00:00Z"),
    # The provider makes up the identifiers of attachments.
    (re.compile(r"-20\d{24}\b"), "-00000000000000000000000001"),
)


def plan(case: str, engine: Engine, address: str, folder: Path) -> str:
    """The JSON of a case's plan, without what changes from run to run."""
    reset = urllib.request.Request(f"{address}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()
    root, before = folder / "root", CONFIGURATIONS / case / "before"
    if before.is_dir():
        lay(before, root, address)
        engine.run(["init", "-input=false", "-no-color"], root)
        engine.run(["apply", "-auto-approve", "-input=false", "-no-color"], root)
    outside(case, address)
    lay(CONFIGURATIONS / case / "after", root, address)
    engine.run(["init", "-input=false", "-no-color"], root)
    engine.run(["plan", "-input=false", "-no-color", "-out=tfplan"], root)
    return normal(engine.run(["show", "-json", "tfplan"], root))


def lay(source: Path, root: Path, address: str) -> None:
    for old in root.glob("*.tf"):
        old.unlink()
    shutil.copytree(source, root, dirs_exist_ok=True)
    (root / "provider.tf").write_text(applying_provider(address))


def outside(case: str, address: str) -> None:
    """Do what somebody does outside of the configuration."""
    iam = boto3.client(
        "iam",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if case == "moved":
        document = {"Effect": "Allow", "Action": "ec2:DescribeTags", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [document]})
        iam.create_policy(PolicyName="imported", PolicyDocument=text)
    if case == "drift":
        document = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": [document]})
        arn = "arn:aws:iam::123456789012:policy/drifted"
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)


def normal(text: str) -> str:
    values: dict[str, Any] = json.loads(text)
    # The reader passes these by, and they would make the stored files twice as large.
    for key in ("planned_values", "relevant_attributes"):
        values.pop(key, None)
    values["configuration"].pop("provider_config", None)
    text = json.dumps(values, separators=(",", ":")) + "\n"
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--case", action="append", choices=CASES, help="make this one only")
    parser.add_argument("--to", type=Path, default=PLANS, help="where to write them")
    arguments = parser.parse_args()
    arguments.to.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, endpoint(Path(temporary)) as address:
        for name in ENGINES:
            folder = Path(temporary, name)
            folder.mkdir()
            engine = make_engine(name, folder)
            for case in arguments.case or CASES:
                if name != TERRAFORM_FLOOR or case in OF_FLOOR:
                    (folder / case).mkdir()
                    text = plan(case, engine, address, folder / case)
                    (arguments.to / f"{case}.{name}.json").write_text(text)
                    sys.stderr.write(f"{case}.{name}.json\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
