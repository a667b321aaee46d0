"""Every error of the node, as one tree.

    NodeError
    ├── SetupError            a data directory, network file or key that can't be used
    ├── StoreError            the store is damaged, full or held by another process
    │   ├── DamagedStore      … a file of it fails its checksum or is gone
    │   └── CheckFailed       … an entry isn't what its block gives
    ├── InvalidBlock          a block that breaks the chain's rules
    │   ├── InvalidSeal       … whose authority signature is missing or wrong
    │   └── MalformedBlock    … that isn't even encoded as one
    ├── ExecutionFault        the EVM itself broke on a transaction
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
        ├── TransactionRefused -32000 the transaction pool says no
        ├── ExecutionFailed   -32000  the EVM stopped with something other than a revert
        ├── ExecutionReverted 3       data is the revert data
        └── SimulationRefused -380xx  a simulation that can't be a block

Codes: JSON-RPC 2.0 §5.1, EIP-1474, and ethereum/execution-apis for 3 and -380xx.
"""

from typing import ClassVar


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


class MalformedBlock(InvalidBlock):
    """Bytes that should be a block aren't."""


class ExecutionFault(NodeError):
    """The EVM broke on a transaction: a fault of ours or of py-evm, not an outcome of the contract."""

    def __init__(self, transaction_hash: bytes) -> None:
        super().__init__(f"the EVM broke on transaction 0x{transaction_hash.hex()}")
        self.transaction_hash = transaction_hash


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
