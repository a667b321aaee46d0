"""The JSON-RPC methods: one module a subject, each with its own table of names; here they are one."""

from node.rpc.methods import (
    blocks,
    debug,
    events,
    execution,
    fees,
    network,
    state,
    tracing,
    transactions,
    txpool,
)
from node.rpc.methods.service import Methods, Service, invoke_from

__all__ = ["METHODS", "Service", "invoke"]

METHODS: Methods = {
    **network.METHODS,
    **blocks.METHODS,
    **transactions.METHODS,
    **state.METHODS,
    **execution.METHODS,
    **events.METHODS,
    **fees.METHODS,
    **txpool.METHODS,
    **debug.METHODS,
    **tracing.METHODS,
}


def invoke(service: Service, name: str, arguments: object) -> object:
    """Call a method by name (errors as in ``invoke_from``)."""
    return invoke_from(METHODS, service, name, arguments)


def _modules(service: Service) -> dict[str, str]:
    """The families of methods there are, each with geth's version of it."""
    return dict.fromkeys(sorted({name.partition("_")[0] for name in METHODS}), "1.0")


METHODS["rpc_modules"] = _modules
