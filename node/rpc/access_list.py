"""eth_createAccessList: what a transaction touches, found by running it."""

from dataclasses import replace

from eth._utils.address import generate_contract_address

from node.errors import LimitExceeded
from node.rpc import calls
from node.rpc.format import Json, data, quantity
from node.rpc.time_limit import CALL_SECONDS_MAX, within
from node.rpc.tracing import run_observed
from node.tracers.access import AccessTracer
from node.transaction import ACCESS_LIST, CREATE, AccessList, Transaction
from node.vm import Outcome, State

ROUNDS_MAX = 16
"""A list changes what gas is left, and a contract may look at that: it is run again until nothing is new."""


def access_list_of(call: calls.Call) -> Json:
    """The list, the gas used with it and, if the transaction fails, why.

    Raises:
        ExecutionFailed: it can't start, or takes too long.
    """
    request = replace(call.request, type_needed=max(call.request.type_needed, ACCESS_LIST))
    listed, outcome = within(CALL_SECONDS_MAX, lambda: _stable_list(replace(call, request=request)))
    answer: Json = {"accessList": _access_list_json(listed), "gasUsed": quantity(outcome.gas_used)}
    return answer if outcome.succeeded else answer | {"error": outcome.failure}


def _stable_list(call: calls.Call) -> tuple[AccessList, Outcome]:
    """The list with which a run touches nothing else, and that run.

    Raises:
        LimitExceeded: the transaction touches something else every time.
    """
    listed, before = call.request.access_list, None
    for _ in range(ROUNDS_MAX):
        listing = replace(call, request=replace(call.request, access_list=listed))
        state, transaction = listing.prepare(call.gas)
        tracer = AccessTracer(_warm_anyway(state, transaction))
        tracer.start_with(listed)
        outcome = run_observed(state, transaction, tracer)
        listed = tracer.access_list()
        if listed == before:
            return listed, outcome
        before = listed
    raise LimitExceeded(f"the access list is still changing after {ROUNDS_MAX} runs")


def _warm_anyway(state: State, transaction: Transaction) -> frozenset[bytes]:
    """Accounts no list makes cheaper: sender, receiver or created contract, precompiles (EIP-2929)."""
    receiver = transaction.to
    if receiver == CREATE:
        receiver = generate_contract_address(transaction.sender, transaction.nonce)
    precompiles = state.computation_class.get_precompiles()
    return frozenset({transaction.sender, receiver, *precompiles})


def _access_list_json(listed: AccessList) -> list[Json]:
    return [
        {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
        for address, slots in listed
    ]
