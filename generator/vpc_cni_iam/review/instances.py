"""Finds the resource instance that an expression of the configuration means."""

from __future__ import annotations

from vpc_cni_iam.sources.addresses import parts, without_keys
from vpc_cni_iam.sources.configuration import Meant
from vpc_cni_iam.sources.plan import Plan, Resource


class Instances:
    """The resources of a plan by their address without keys.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._by_block: dict[str, list[Resource]] = {}
        for resource in (*plan.resources, *plan.documents):
            if not resource.drift and not resource.deposed:
                known = self._by_block.setdefault(without_keys(resource.address), [])
                known.append(resource)

    def meant(self, resource: Resource, path: tuple[str, ...]) -> Meant:
        """Follow an argument of a resource to what it refers to in the end.

        Args:
            resource: The resource.
            path: The argument's place in the resource's expressions.
        """
        configuration = self._plan.configuration
        expression = configuration.expression(resource.module, resource.block, *path)
        return configuration.meant(resource.module, expression, self._plan.variables)

    def find(self, asking: Resource, wanted: tuple[str, str, str]) -> Resource | None:
        """Return the instance that a resource means; None if it may be one of several.

        Args:
            asking: The resource whose argument refers to it.
            wanted: The module's address and the address in it, which may have an index.
        """
        module, block, _ = wanted
        address = f"{module}.{block}".lstrip(".")
        found = self._by_block.get(without_keys(address), [])
        if len(found) <= 1:
            return found[0] if found else None
        exact = [r for r in found if r.address == address]
        if exact:
            return exact[0]
        # What is made once for each key mostly refers to what is made once for the same key.
        keys = _keys(asking.address)
        same = [r for r in found if _keys(r.address)[-len(keys) :] == keys] if keys else []
        beside = [r for r in same or found if r.module == asking.module]
        for few in (same, beside):
            if len(few) == 1:
                return few[0]
        return None


def _keys(address: str) -> list[str]:
    return [p[p.index("[") :] for p in parts(address) if "[" in p]
