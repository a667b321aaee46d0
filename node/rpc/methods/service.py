"""What every method gets, and how its parameters become values before it runs."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from typing import TypeAlias

from node.chain import Chain
from node.errors import InvalidParams, MethodNotFound
from node.mempool import Mempool
from node.rpc.filters import Filters
from node.service import Node

Method: TypeAlias = Callable[..., object]
"""``method(service, *params)``; a parameter with a default may be left out or null."""
Methods: TypeAlias = dict[str, Method]
"""Names on the wire and the methods behind them."""
Parser: TypeAlias = Callable[[object], object]
"""From one JSON parameter to a value; raises ``InvalidParams``."""


@dataclass(frozen=True, slots=True)
class Service:
    """What methods work on."""

    node: Node
    filters: Filters
    receipt_waiters: threading.BoundedSemaphore | None
    """How many more requests may wait for a block; ``None`` inside a batch, where nobody waits."""

    @property
    def chain(self) -> Chain:
        """The node's chain."""
        return self.node.chain

    @property
    def pool(self) -> Mempool:
        """The node's pool."""
        return self.node.pool


def takes(*parsers: Parser) -> Callable[[Method], Method]:
    """Have a method's parameters parsed before it runs, one parser each.

    A refusal names the parameter by its position, as geth does: ``invalid argument 0: …``.
    """

    def decorate(method: Method) -> Method:
        defaults = [parameter.default for parameter in _parameters(method)]

        @wraps(method)
        def parsed(service: Service, *arguments: object) -> object:
            given = zip(arguments, parsers, defaults, strict=False)
            values = [_parse(index, *entry) for index, entry in enumerate(given)]
            return method(service, *values)

        return parsed

    return decorate


def invoke_from(methods: Methods, service: Service, name: str, arguments: object) -> object:
    """Call a method of a table with the parameters a caller sent.

    Raises:
        MethodNotFound, InvalidParams (in geth's words), or what the method raises.
    """
    method = methods.get(name)
    if method is None:
        raise MethodNotFound(f"the method {name[:100]} does not exist/is not available")
    if not isinstance(arguments, list):
        raise InvalidParams("non-array args")
    required, most = _arity(method)
    if len(arguments) > most:
        raise InvalidParams(f"too many arguments, want at most {most}")
    for index in range(required):
        if index >= len(arguments) or arguments[index] is None:
            raise InvalidParams(f"missing value for required argument {index}")
    return method(service, *arguments)


def _parse(index: int, argument: object, parse: Parser, default: object) -> object:
    if argument is None:
        return default
    try:
        return parse(argument)
    except InvalidParams as exc:
        raise InvalidParams(f"invalid argument {index}: {exc.message}") from exc


def _parameters(method: Method) -> list[inspect.Parameter]:
    return list(inspect.signature(method).parameters.values())[1:]


@cache
def _arity(method: Method) -> tuple[int, int]:
    """(How many parameters must be there, how many may be there.)"""
    parameters = _parameters(method)
    needed = [entry for entry in parameters if entry.default is inspect.Parameter.empty]
    return len(needed), len(parameters)
