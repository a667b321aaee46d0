"""Every error of the node, as one tree.

    NodeError
    ├── SetupError            a data directory, network file or key that can't be used
    ├── StoreError            the store is damaged, full or held by another process
    │   ├── DamagedStore      … a file of it fails its checksum or is gone
    │   └── CheckFailed       … an entry isn't what its block gives
    ├── InvalidBlock          a block that breaks the chain's rules
    │   ├── InvalidSeal       … whose authority signature is missing or wrong
    │   ├── WrongParent       … that doesn't follow the head
    │   ├── WrongFields       … whose header says something else than its parent and transactions give
    │   └── MalformedBlock    … that isn't even encoded as one
    ├── ExecutionFault        the EVM itself broke on a transaction
    ├── UpstreamError         the node that a replica follows gives no usable answer now
    └── RpcError              anything a JSON-RPC caller is told
        ├── ParseError        -32700
        ├── InvalidRequest    -32600
        ├── MethodNotFound    -32601
        │   └── NoSubscriptions … a subscription without a connection to keep it on, or of an unknown kind
        ├── InvalidParams     -32602
        ├── InternalError     -32603
        ├── NotFound          -32001  a block or filter that doesn't exist
        ├── StateUnavailable  -32000  a block's state isn't kept here any more
        ├── HistoryRefused    -32000  eth_feeHistory can't give what was asked
        ├── ResponseTooLarge  -32003
        ├── TraceRefused      -32000  nothing there to trace
        ├── LimitExceeded     -32005
        ├── SubscriptionNotFound -32000
        ├── Diverged          -32000  a replica's alarm: nothing is said about the network's present
        ├── NotForwarded      -32000  a replica couldn't hand a transaction on
        ├── ForwardedError            what the followed node answered to it, unchanged
        ├── TransactionRefused -32000 the transaction pool says no
        ├── ExecutionFailed   -32000  the EVM stopped with something other than a revert
        ├── ExecutionReverted 3       data is the revert data
        └── SimulationRefused -380xx  a simulation that can't be a block

Codes: JSON-RPC 2.0 §5.1, EIP-1474, and ethereum/execution-apis for 3 and -380xx.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Difference:
    """A header field as it is claimed and as it should be, both as people read them."""

    field: str
    claimed: str
    computed: str


class NodeError(Exception):
    """Base of every error the node raises on purpose."""


class SetupError(NodeError):
    """A data directory, a network file or a key can't be used; the message says what to do."""


class StoreError(NodeError):
    """The store is damaged, full, or held by another process."""


class DamagedStore(StoreError):
    """A file of the database fails its checksum or is gone; the message names it."""


class CheckFailed(StoreError):
    """What is stored isn't what running the blocks again gives; ``number``: the block, if it's about one."""

    def __init__(self, number: int | None, fault: str) -> None:
        super().__init__(fault if number is None else f"block {number}: {fault}")
        self.number = number
        self.fault = fault

    def as_json(self) -> dict[str, object]:
        """For the last line of ``dyetrace node check``."""
        return {"ok": False, "block": self.number, "fault": self.fault}


class InvalidBlock(NodeError):
    """A block breaks a rule of the chain."""


class InvalidSeal(InvalidBlock):
    """A header isn't signed by an authority of the network."""


class WrongParent(InvalidBlock):
    """A block doesn't follow the last one of this chain."""


class WrongFields(InvalidBlock):
    """A header isn't what its parent, its body or running its transactions gives; ``differences`` has how."""

    def __init__(self, message: str, differences: "Sequence[Difference]") -> None:
        told = "; ".join(f"{entry.field} is {entry.claimed}, not {entry.computed}" for entry in differences)
        super().__init__(f"{message}: {told}")
        self.differences = tuple(differences)


class MalformedBlock(InvalidBlock):
    """Bytes that should be a block aren't."""


class ExecutionFault(NodeError):
    """The EVM broke on a transaction: a fault of ours or of py-evm, not an outcome of the contract."""

    def __init__(self, transaction_hash: bytes) -> None:
        super().__init__(f"the EVM broke on transaction 0x{transaction_hash.hex()}")
        self.transaction_hash = transaction_hash


class UpstreamError(NodeError):
    """The node that a replica follows doesn't answer, or nothing that can be used; asking again may help."""


class RpcError(NodeError):
    """What a JSON-RPC caller is told: ``code``, ``message`` and optional ``data``."""

    code: ClassVar[int] = -32000

    def __init__(self, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def as_json(self) -> dict[str, object]:
        """The JSON-RPC error object (JSON-RPC 2.0 §5.1)."""
        error: dict[str, object] = {"code": self.error_code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error

    @property
    def error_code(self) -> int:
        """The numeric code on the wire."""
        return self.code


class ParseError(RpcError):
    """The body isn't JSON."""

    code = -32700


class InvalidRequest(RpcError):
    """The body is JSON but no JSON-RPC request."""

    code = -32600


class MethodNotFound(RpcError):
    """The method doesn't exist here."""

    code = -32601


class NoSubscriptions(MethodNotFound):
    """Notifications can't be sent here, or there are none of that kind; in geth's words."""


class InvalidParams(RpcError):
    """A parameter is missing, too much, or of the wrong form."""

    code = -32602


class InternalError(RpcError):
    """A fault of the node itself; the log has the details."""

    code = -32603


class NotFound(RpcError):
    """A named block or filter doesn't exist."""

    code = -32001


class StateUnavailable(RpcError):
    """The state of a block isn't kept by this node."""


class HistoryRefused(RpcError):
    """eth_feeHistory can't give what was asked; geth's words and code."""


class ResponseTooLarge(RpcError):
    """A batch's answers together are larger than the node allows; this entry wasn't run."""

    code = -32003


class TraceRefused(RpcError):
    """A trace of what doesn't exist or, as the genesis block, can't be run again."""


class LimitExceeded(RpcError):
    """The answer or the request is larger than the node allows."""

    code = -32005


class SubscriptionNotFound(RpcError):
    """This connection has no such subscription."""


class Diverged(RpcError):
    """A replica found the followed node's chain wrong: it answers for blocks it verified, not for now."""


class NotForwarded(RpcError):
    """A replica got no usable answer to a transaction it handed on, or doesn't hand on any more."""


class ForwardedError(RpcError):
    """The followed node's own error object, told as it came."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self._error = error

    def as_json(self) -> dict[str, object]:
        return self._error


class TransactionRefused(RpcError):
    """The transaction pool refuses a transaction; the message says why, in geth's words where it has them."""


class ExecutionFailed(RpcError):
    """The EVM stopped with something other than a revert: out of gas, invalid opcode …"""


class ExecutionReverted(RpcError):
    """The call reverted; ``data`` is the revert data in hex."""

    code = 3


class SimulationRefused(RpcError):
    """A simulated block or transaction can't exist; ``number`` is its code in ethereum/execution-apis."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number

    @property
    def error_code(self) -> int:
        return self.number
