"""Finds the resource instance that an expression of the configuration means."""

from __future__ import annotations

from vpc_cni_iam.inputs.plan.addresses import parts, without_keys
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Plan, Resource


class References:
    """The resources of a plan by their address without keys."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._by_block: dict[str, list[Resource]] = {}
        for resource in (*plan.resources, *plan.documents):
            if not resource.drift and not resource.deposed:
                known = self._by_block.setdefault(without_keys(resource.address), [])
                known.append(resource)

    def resolve(self, resource: Resource, path: tuple[str, ...]) -> Resolution:
        """Follow an argument of a resource to what it refers to in the end."""
        configuration = self._plan.configuration
        module, block = resource.module, resource.block
        expression = configuration.expression(module, block, *path)
        configured = configuration.module(module)
        repeated = configured.repeats.get(block) if configured else None
        return configuration.resolve(module, expression, self._plan.variables, repeated)

    def find(
        self, asking: Resource, reference: tuple[str, str, str], resolution: Resolution
    ) -> Resource | None:
        """Return the instance that a resource means; None if it may be one of several.

        `reference` is the module's address and the address in it, which may have an index.
        """
        module, block, _ = reference
        address = f"{module}.{block}".lstrip(".")
        instances = [
            r for r in self._by_block.get(without_keys(address), []) if _fits(r.address, address)
        ]
        if len(instances) > 1 and resolution.aligned:
            # What is made once for each key mostly refers to what is made once for the same key.
            keys = _keys(asking.address)
            instances = (
                [r for r in instances if _keys(r.address)[-len(keys) :] == keys] if keys else []
            )
        return instances[0] if len(instances) == 1 else None


def _fits(address: str, reference: str) -> bool:
    """Say whether an address has the keys that a reference to it has."""
    return all(
        part == other or "[" not in other
        for part, other in zip(parts(address), parts(reference), strict=True)
    )


def _keys(address: str) -> list[str]:
    return [p[p.index("[") :] for p in parts(address) if "[" in p]
