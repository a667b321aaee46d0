"""The JSON-RPC methods, each a function of the node and its parameters, and the table of their names."""

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from eth_utils.crypto import keccak

from node.block import Header
from node.chain import Chain
from node.errors import InvalidParams, MethodNotFound, NotFound
from node.mempool import Mempool
from node.rpc import calls, params
from node.rpc.filters import Filters
from node.rpc.format import Json, block_json, data, quantity, receipt_json, transaction_json
from node.rpc.logs import find_logs, parse_query
from node.rpc.simulate import parse_plan, simulate
from node.service import Node
from node.transaction import decode_transaction

RECEIPT_WAIT_SECONDS = 2.0
"""How long eth_getTransactionReceipt waits for the block of a transaction that is ready."""
FEE_HISTORY_BLOCKS_MAX = 1_024


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


def client_version(service: Service) -> str:
    """Name and versions of the node and of py-evm."""
    return f"dyetrace-node/{version('dyetrace')}/py-evm-{version('py-evm')}"


def network_id(service: Service) -> str:
    """The chain id, in decimal, as net_version gives it."""
    return str(service.chain.chain_id)


def chain_id(service: Service) -> str:
    """EIP-155 chain id."""
    return quantity(service.chain.chain_id)


def block_number(service: Service) -> str:
    """Number of the last sealed block."""
    return quantity(service.chain.head.block_number)


def block_by_number(service: Service, block: object, full: object = False) -> Json | None:
    """A block by number or tag, or null."""
    reference = params.block_reference(block)
    try:
        header = calls.resolve_header(service.chain, reference)
    except NotFound:
        return None
    if reference.tag == "pending":
        return _pending_block(service, header)
    return _block(service.chain, header, params.boolean(full, "full"))


def block_by_hash(service: Service, block_hash: object, full: object = False) -> Json | None:
    """A block by its hash, or null."""
    number = service.chain.store.number_of(params.hash32(block_hash))
    flag = params.boolean(full, "full")
    return None if number is None else _block(service.chain, service.chain.header(number), flag)


def _block(chain: Chain, header: Header, full: bool) -> Json:
    number = header.block_number
    if full:
        transactions = chain.store.transactions(number, chain.chain_id)
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(transactions)]
        return block_json(header, [entry.raw for entry in transactions], shown)
    raws = chain.store.raw_transactions(number)
    return block_json(header, raws, [data(keccak(raw)) for raw in raws])


def _pending_block(service: Service, head: Header) -> Json:
    """What is ready, as a block that isn't sealed: no hash, no nonce, no bloom."""
    context, ready = service.chain.next_context(), service.pool.ready()
    fields = block_json(head, [entry.raw for entry in ready], [data(entry.hash) for entry in ready])
    unknown = dict.fromkeys(("hash", "nonce", "logsBloom"))
    changed = {"number": quantity(context.number), "timestamp": quantity(context.timestamp)}
    return fields | unknown | changed | {"parentHash": data(head.hash), "gasUsed": quantity(0)}


def block_transaction_count_by_number(service: Service, block: object) -> str | None:
    """How many transactions a block has, or null."""
    try:
        header = calls.resolve_header(service.chain, params.block_reference(block))
    except NotFound:
        return None
    return quantity(service.chain.store.count(header.block_number))


def transaction_by_hash(service: Service, transaction_hash: object) -> Json | None:
    """A sealed or waiting transaction, or null."""
    wanted = params.hash32(transaction_hash)
    position = service.chain.store.position_of(wanted)
    if position is None:
        waiting = service.pool.get(wanted)
        return None if waiting is None else transaction_json(waiting, None, 0)
    number, index = position
    transaction = service.chain.store.transaction(number, index, service.chain.chain_id)
    return transaction_json(transaction, service.chain.header(number), index)


def transaction_receipt(service: Service, transaction_hash: object) -> Json | None:
    """Waits a little for a transaction that is ready: its block is being made, and a poll costs more."""
    wanted = params.hash32(transaction_hash)
    store = service.chain.store
    position = store.position_of(wanted)
    if position is None:
        _wait_for_block(service, wanted)
        position = store.position_of(wanted)
    if position is None:
        return None
    number, index = position
    receipt = store.receipt(number, index)
    transaction = store.transaction(number, index, service.chain.chain_id)
    return receipt_json(receipt, transaction, service.chain.header(number), index)


def _wait_for_block(service: Service, transaction_hash: bytes) -> None:
    waiters = service.receipt_waiters
    if waiters is not None and waiters.acquire(blocking=False):
        try:
            service.pool.wait_settled(transaction_hash, RECEIPT_WAIT_SECONDS)
        finally:
            waiters.release()


def block_receipts(service: Service, block: object) -> list[Json] | None:
    """All receipts of a block, or null."""
    try:
        header = calls.resolve_header(service.chain, params.block_reference(block))
    except NotFound:
        return None
    store, number = service.chain.store, header.block_number
    pairs = zip(store.receipts(number), store.transactions(number, service.chain.chain_id), strict=True)
    return [receipt_json(receipt, entry, header, index) for index, (receipt, entry) in enumerate(pairs)]


def transaction_count(service: Service, address: object, block: object = "latest") -> str:
    """An account's next nonce; with ``pending``, after its ready transactions."""
    wanted, reference = params.address(address), params.block_reference(block)
    if reference.tag == "pending":
        return quantity(service.pool.next_nonce(wanted))
    return quantity(_state(service, reference).get_nonce(wanted))


def balance(service: Service, address: object, block: object = "latest") -> str:
    """An account's wei after a block."""
    return quantity(_state(service, params.block_reference(block)).get_balance(params.address(address)))


def code(service: Service, address: object, block: object = "latest") -> str:
    """The code at an address after a block."""
    return data(_state(service, params.block_reference(block)).get_code(params.address(address)))


def storage_at(service: Service, address: object, slot: object, block: object = "latest") -> str:
    """One storage slot after a block, 32 bytes."""
    state = _state(service, params.block_reference(block))
    value: int = state.get_storage(params.address(address), params.quantity(slot, "slot"))
    return data(value.to_bytes(32, "big"))


def _state(service: Service, reference: params.BlockReference) -> Any:
    site = calls.call_site(service.chain, reference, params.BlockOverride())
    return service.chain.state_at(site.header, site.context)


def call(
    service: Service,
    transaction: object,
    block: object = "latest",
    state_override: object = None,
    block_override: object = None,
) -> str:
    """Runs a transaction nobody signed; see ``node.rpc.calls.call`` for its errors."""
    site, request, accounts = _call_parts(service, transaction, block, state_override, block_override)
    return data(calls.call(service.chain, site, request, accounts))


def estimate_gas(
    service: Service,
    transaction: object,
    block: object = "pending",
    state_override: object = None,
    block_override: object = None,
) -> str:
    """Runs by default in the block that would be made now, whose time is the wall clock's."""
    site, request, accounts = _call_parts(service, transaction, block, state_override, block_override)
    return quantity(calls.estimate_gas(service.chain, site, request, accounts))


def _call_parts(
    service: Service, transaction: object, block: object, state_override: object, block_override: object
) -> tuple[calls.CallSite, params.CallRequest, dict[bytes, params.AccountOverride]]:
    override = params.block_override(block_override or {})
    site = calls.call_site(service.chain, params.block_reference(block or "latest"), override)
    return site, params.call_request(transaction), params.state_override(state_override or {})


def simulate_v1(service: Service, payload: object, block: object = "latest") -> list[Json]:
    """Runs blocks that could follow; see ``node.rpc.simulate``."""
    plan = parse_plan(payload)
    return simulate(service.chain, plan, calls.resolve_header(service.chain, params.block_reference(block)))


def send_raw_transaction(service: Service, raw: object) -> str:
    """Takes a signed transaction into the pool (``TransactionRefused`` says why not)."""
    transaction = decode_transaction(params.data(raw, "transaction"), service.chain.chain_id)
    service.pool.add(transaction)
    return data(transaction.hash)


def logs(service: Service, query: object) -> list[Json]:
    """The events a filter object asks for."""
    return find_logs(service.chain, parse_query(query))


def new_filter(service: Service, query: object) -> str:
    """Installs a filter of events; returns its id."""
    return service.filters.install("logs", parse_query(query))


def new_block_filter(service: Service) -> str:
    """Installs a filter of block hashes; returns its id."""
    return service.filters.install("blocks")


def new_pending_transaction_filter(service: Service) -> str:
    """Installs a filter of hashes of transactions that become ready; returns its id."""
    return service.filters.install("transactions")


def filter_changes(service: Service, identifier: object) -> list[Any]:
    """What came since the last question to a filter."""
    return service.filters.changes(_filter_id(identifier))


def filter_logs(service: Service, identifier: object) -> list[Any]:
    """All events of a log filter's own range."""
    return service.filters.logs(_filter_id(identifier))


def uninstall_filter(service: Service, identifier: object) -> bool:
    """Forgets a filter; whether it existed."""
    return service.filters.uninstall(_filter_id(identifier))


def _filter_id(identifier: object) -> str:
    if not isinstance(identifier, str):
        raise InvalidParams("filter: a filter id expected")
    return identifier


def fee_history(service: Service, count: object, newest: object, percentiles: object = None) -> Json:
    """Every fee is zero; the shape is EIP-1559's."""
    header = calls.resolve_header(service.chain, params.block_reference(newest))
    blocks = min(params.uint64(count, "blockCount"), header.block_number + 1, FEE_HISTORY_BLOCKS_MAX)
    oldest = header.block_number - blocks + 1
    headers = [service.chain.header(number) for number in range(oldest, header.block_number + 1)]
    zero, rewards = quantity(0), params.sequence(percentiles or [], "rewardPercentiles", 100)
    history: Json = {
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": [zero] * (blocks + 1),
        "gasUsedRatio": [entry.gas_used / entry.gas_limit for entry in headers],
        "baseFeePerBlobGas": [zero] * (blocks + 1),
        "blobGasUsedRatio": [0.0] * blocks,
    }
    return history | ({"reward": [[zero] * len(rewards)] * blocks} if rewards else {})


METHODS: dict[str, Callable[..., object]] = {
    "web3_clientVersion": client_version,
    "net_version": network_id,
    "net_listening": lambda service: True,
    "eth_chainId": chain_id,
    "eth_blockNumber": block_number,
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockByHash": block_by_hash,
    "eth_getBlockTransactionCountByNumber": block_transaction_count_by_number,
    "eth_getBlockReceipts": block_receipts,
    "eth_getTransactionByHash": transaction_by_hash,
    "eth_getTransactionReceipt": transaction_receipt,
    "eth_getTransactionCount": transaction_count,
    "eth_getBalance": balance,
    "eth_getCode": code,
    "eth_getStorageAt": storage_at,
    "eth_call": call,
    "eth_estimateGas": estimate_gas,
    "eth_simulateV1": simulate_v1,
    "eth_sendRawTransaction": send_raw_transaction,
    "eth_getLogs": logs,
    "eth_newFilter": new_filter,
    "eth_newBlockFilter": new_block_filter,
    "eth_newPendingTransactionFilter": new_pending_transaction_filter,
    "eth_getFilterChanges": filter_changes,
    "eth_getFilterLogs": filter_logs,
    "eth_uninstallFilter": uninstall_filter,
    "eth_gasPrice": lambda service: quantity(0),
    "eth_maxPriorityFeePerGas": lambda service: quantity(0),
    "eth_feeHistory": fee_history,
    "eth_syncing": lambda service: False,
    "eth_accounts": lambda service: [],
}
