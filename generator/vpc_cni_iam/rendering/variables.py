"""The input variables of a generated policy module."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.partitions import PARTITIONS
from vpc_cni_iam.catalog.parameters import Parameter
from vpc_cni_iam.hcl.literals import Literal, code


class Variable(Struct, frozen=True):
    """One variable as its block and the README's table show it."""

    name: str
    description: str
    type: str
    default: str | None  # its default as HCL, None for a required one
    nullable: bool = True  # false to refuse null where a default stands
    condition: str = ""  # what a value must meet, as HCL; empty for any value
    message: str = ""  # what to say if it does not


ADDITIONAL = Variable(
    "source_policy_documents",
    "IAM policy documents as JSON whose statements are joined to every variant's. A Deny works; "
    "no statement of the variants has a Sid, so none can be replaced.",
    "list(string)",
    "[]",
    nullable=False,
    # A data source without statements makes a policy that has a Version and no Statement. A splat
    # makes a list of one statement, and of none.
    condition="""\
alltrue([
  for document in [for text in var.source_policy_documents : try(jsondecode(text), null)] : try(
    length(document) > 0 &&
    length(setsubtract(keys(document), ["Version", "Id", "Statement"])) == 0 &&
    alltrue([
      for each in try(document.Statement, [])[*] : contains(["Allow", "Deny"], each.Effect)
    ]),
    false
  )
])""",
    message="Each of source_policy_documents must be an IAM policy document as JSON, with no "
    "other keys than Version, Id and Statement and an Effect of Allow or Deny in each statement, "
    "such as data.aws_iam_policy_document.extra.json.",
)


def region_condition() -> str:
    """Return the condition that the partition has the Region, as HCL."""
    starts = {name: start for name, (start, _) in PARTITIONS.items() if start}
    width = max(map(len, starts))
    rows = "\n".join(f'    {name.ljust(width)} = "{start}"' for name, start in starts.items())
    each = "startswith(var.region, start) == (var.partition == partition)"
    return f"""\
var.region == "*" || alltrue([
  for partition, start in {{
{rows}
  }} : {each}
])"""


def module_variables(used: Sequence[Parameter], *, required: bool) -> tuple[Variable, ...]:
    """Return the variables that a module needs, required ones first.

    With `required`, the names of a scoped variant are among these.
    """
    return (*(_variable(p, used, required=required) for p in used), ADDITIONAL)


def refusing(variable: Variable, pattern: str, rule: str) -> Variable:
    """Return a variable that refuses what a pattern does not match from end to end."""
    reference = f"var.{variable.name}"
    condition = f"can(regex({code(Literal(f'^({pattern})$'))}, {reference}))"
    if variable.nullable:
        condition = f"{reference} == null || {condition}"
    return replace(variable, condition=condition, message=f"The {variable.name} must be {rule}.")


def _list(parameter: Parameter) -> Variable:
    """Return the variable of a list, which always is required."""
    name, pattern = parameter.name, code(Literal(f"^({parameter.pattern})$"))
    return Variable(
        name,
        parameter.description,
        "list(string)",
        None,
        nullable=False,
        condition=f"length(var.{name}) > 0 && alltrue([\n"
        f"  for id in var.{name} : can(regex({pattern}, id))\n])",
        message=f"Each of {name} must be {parameter.rule}; at least one is needed.",
    )


def _variable(parameter: Parameter, used: Sequence[Parameter], *, required: bool) -> Variable:
    if parameter.is_list:
        return _list(parameter)
    text, default, nullable = parameter.description, None, False
    if parameter.default is not None:
        default = code(Literal(parameter.default))
    elif parameter not in parameters.NAMES or not required:
        default, nullable = "null", True
    if parameter in parameters.NAMES and not required:
        names = " and ".join(p.name for p in parameters.NAMES if p in used)
        text += f" Without {names}, the scoped documents are null."
    variable = Variable(parameter.name, text, "string", default, nullable)
    return refusing(variable, parameter.pattern, parameter.rule)
