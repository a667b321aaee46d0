"""The JSON-RPC methods: one module a subject, each with its own table of names; here they are one."""

import inspect

from node.errors import InvalidParams, MethodNotFound
from node.rpc.methods import blocks, events, execution, fees, network, state, transactions
from node.rpc.methods.service import Methods, Service

__all__ = ["METHODS", "Service", "invoke"]

METHODS: Methods = {
    **network.METHODS,
    **blocks.METHODS,
    **transactions.METHODS,
    **state.METHODS,
    **execution.METHODS,
    **events.METHODS,
    **fees.METHODS,
}


def invoke(service: Service, name: str, arguments: list[object] | dict[str, object]) -> object:
    """Call a method by name.

    Raises:
        MethodNotFound, InvalidParams, or what the method raises.
    """
    method = METHODS.get(name)
    if method is None:
        raise MethodNotFound(f"the method {name[:100]} does not exist/is not available")
    if isinstance(arguments, dict):
        raise InvalidParams("params: an array expected")
    try:
        bound = inspect.signature(method).bind(service, *arguments)
    except TypeError as exc:
        raise InvalidParams(f"params: {exc}") from exc
    return method(*bound.args)
