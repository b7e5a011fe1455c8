"""Random expressions are what Terraform says, or unknown; `make fuzz` takes many more."""

import json
import os
import random
from pathlib import Path

import pytest

from evaluated import CONTEXT
from make_answers import asked, evaluator, here, random_expressions
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.module.given import GivenVariables

SEED = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
EACH = 1_000  # of one plan
PLANS = 20 if SEED else 1


@pytest.mark.engine
@pytest.mark.parametrize("number", range(PLANS))
def test_a_random_expression_is_what_terraform_says_or_unknown(
    number: int, newest: Engine, tmp_path: Path
) -> None:
    chance = random.Random(f"{SEED} {number}")
    module, known, wrong = evaluator(CONTEXT, GivenVariables()), 0, list[str]()
    codes = random_expressions(chance, EACH)
    for code, answer in asked(newest, tmp_path, codes).items():
        state, value = here(module, code)
        known += state == "known"
        # What an engine refuses has no value in a module that it plans.
        if answer and state != "unknown" and _exact(value) != _exact(answer[0]):
            wrong.append(f"{code}: {state} {value}, but Terraform says {answer[0]}")
    assert wrong == []
    assert known > EACH / 6


def _exact(value: object) -> str:
    """JSON, in which 1 and true differ."""
    return json.dumps(value, sort_keys=True)
