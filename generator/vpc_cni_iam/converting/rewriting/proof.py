"""Proves that a data source means the same as the policy that it replaces."""

from __future__ import annotations

from vpc_cni_iam.converting.rewriting.carry import Surroundings, fill
from vpc_cni_iam.errors import InexpressibleError, InputError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.embedded import Embedded
from vpc_cni_iam.hcl.evaluate.scope import ValueScope
from vpc_cni_iam.hcl.expressible import problems
from vpc_cni_iam.hcl.marks import MarkedExpression
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.write import block as block_text
from vpc_cni_iam.hcl.write import policy_document
from vpc_cni_iam.policy.diff.differences import differences


def check_meaning(name: str, policy: Embedded, known: Surroundings) -> None:
    """Refuse a data source with another meaning than the policy that it replaces.

    Its text is read back, with a name of its own in the place of each expression that it carries,
    and compared. Then what the data source cannot express is looked for in the texts that locals
    are known to stand for. Raises `InexpressibleError` for what cannot be proven, too.
    """
    carried = policy.marks.expressions
    places = {f"local.carried_{number}": expression for number, expression in enumerate(carried)}
    names = {(expression.code, expression.whole): place for place, expression in places.items()}

    def written(expression: MarkedExpression) -> str:
        return names[expression.code, expression.whole]

    def mark(place: str) -> str:
        return policy.marks.mark(places[place])

    block = policy_document(name, policy.policy)
    fill(block, policy.marks, known, written)
    try:
        (back,) = resolve.documents(
            parse(block_text(block), name).blocks, name, ValueScope(keep=mark)
        )
    except InputError as error:
        # Its place is one in a text that nobody sees.
        problem = f"could not be proven to mean the same: {error.problem}"
        raise InexpressibleError(problem) from None
    if differing := differences(policy.policy, back.policy):
        problem = policy.marks.shown(str(differing[0]))
        raise InexpressibleError(f"could not be proven to mean the same: {problem}")
    texts = {
        expression.code: text
        for expression in carried
        if (text := known.text(expression.code)) is not None
    }
    if unexpressed := problems(policy.filled(texts)):
        problem = policy.marks.shown(str(unexpressed[0]))
        raise InexpressibleError(f"with the values of its locals, {problem}")
