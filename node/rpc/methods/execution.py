"""Running what nobody signed: calls, estimates, simulations."""

from node.rpc import calls, params
from node.rpc.format import Json, data, quantity
from node.rpc.methods.service import Methods, Service
from node.rpc.simulate import parse_plan, simulate


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


METHODS: Methods = {
    "eth_call": call,
    "eth_estimateGas": estimate_gas,
    "eth_simulateV1": simulate_v1,
}
