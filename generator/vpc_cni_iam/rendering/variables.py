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
    """One variable, for its block and for the README's table."""

    name: str
    description: str
    type: str
    default: str | None  # its default as HCL, None if it is required
    nullable: bool = True  # whether null is allowed
    condition: str = ""  # the condition for its values, as HCL; empty for any value
    message: str = ""  # the error if the condition is false


ADDITIONAL = Variable(
    "source_policy_documents",
    "IAM policy documents as JSON, whose statements are added to every variant. A Deny works. The "
    "variants' statements have no Sid, so none can be replaced.",
    "list(string)",
    "[]",
    nullable=False,
    # A data source without statements renders a policy with a Version and no Statement. The splat
    # turns one statement, or none, into a list. The provider drops keys of statements that it does
    # not know, such as a misspelled Condition.
    condition="""\
alltrue([
  for document in [for text in var.source_policy_documents : try(jsondecode(text), null)] : try(
    length(document) > 0 &&
    length(setsubtract(keys(document), ["Version", "Id", "Statement"])) == 0 &&
    alltrue([
      for each in try(document.Statement, [])[*] :
      contains(["Allow", "Deny"], each.Effect) &&
      length(setintersection(keys(each), ["Action", "NotAction"])) == 1 &&
      length(setintersection(keys(each), ["Resource", "NotResource"])) == 1 &&
      length(setsubtract(keys(each), [
        "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"
      ])) == 0
    ]),
    false
  )
])""",
    message="Each of source_policy_documents must be an IAM policy document as JSON, such as "
    "data.aws_iam_policy_document.extra.json. Its keys can be Version, Id and Statement. Each "
    "statement must have the Effect Allow or Deny, Action or NotAction, and Resource or "
    "NotResource; it can also have Sid and Condition.",
)


def region_condition() -> str:
    """Return the condition that the Region is in the partition, as HCL."""
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
    """Return the variables of a module, required ones first.

    With `required`, the names of a scoped variant are required.
    """
    return (*(_variable(p, used, required=required) for p in used), ADDITIONAL)


def refusing(variable: Variable, pattern: str, rule: str) -> Variable:
    """Return a variable that refuses values that a pattern does not match as a whole."""
    reference = f"var.{variable.name}"
    condition = f"can(regex({code(Literal(f'^({pattern})$'))}, {reference}))"
    if variable.nullable:
        condition = f"{reference} == null || {condition}"
    return replace(variable, condition=condition, message=f"The {variable.name} must be {rule}.")


def _list(parameter: Parameter) -> Variable:
    """Return the variable for a list; it is always required."""
    name, pattern = parameter.name, code(Literal(f"^({parameter.pattern})$"))
    return Variable(
        name,
        parameter.description,
        "list(string)",
        None,
        nullable=False,
        condition=f"length(var.{name}) > 0 && alltrue([\n"
        f"  for id in var.{name} : can(regex({pattern}, id))\n])",
        message=f"Each of {name} must be {parameter.rule}; set at least one.",
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
