"""What every method gets: the node and what is kept beside it for callers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from node.chain import Chain
from node.mempool import Mempool
from node.rpc.filters import Filters
from node.service import Node

Methods: TypeAlias = dict[str, Callable[..., object]]
"""Names on the wire and the functions behind them: ``function(service, *params)``."""


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
