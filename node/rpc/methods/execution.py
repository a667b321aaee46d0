"""Running what nobody signed: calls, estimates, access lists, simulations."""

from collections.abc import Mapping

from node.rpc import calls, params
from node.rpc.access_list import access_list_of
from node.rpc.format import Json, data, quantity
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import LATEST, PENDING, AccountOverride, BlockOverride, BlockReference, CallRequest
from node.rpc.simulate import Plan, parse_plan, simulate

Accounts = Mapping[bytes, AccountOverride]
NO_ACCOUNTS: Accounts = {}
NO_BLOCK = BlockOverride()


@takes(params.call_request, params.block_reference, params.state_override, params.block_override)
def call(
    service: Service,
    request: CallRequest,
    reference: BlockReference = LATEST,
    accounts: Accounts = NO_ACCOUNTS,
    block: BlockOverride = NO_BLOCK,
) -> str:
    """Runs a transaction nobody signed; see ``node.rpc.calls.call_output`` for its errors."""
    site = calls.call_site(service.chain, reference, block)
    return data(calls.call_output(calls.Call(service.chain, site, request, accounts)))


@takes(params.call_request, params.block_reference, params.state_override, params.block_override)
def estimate_gas(
    service: Service,
    request: CallRequest,
    reference: BlockReference = PENDING,
    accounts: Accounts = NO_ACCOUNTS,
    block: BlockOverride = NO_BLOCK,
) -> str:
    """Runs by default in the block that would be made now, whose time is the wall clock's."""
    site = calls.call_site(service.chain, reference, block)
    return quantity(calls.estimate_gas(calls.Call(service.chain, site, request, accounts)))


@takes(params.call_request, params.block_reference, params.state_override)
def create_access_list(
    service: Service,
    request: CallRequest,
    reference: BlockReference = LATEST,
    accounts: Accounts = NO_ACCOUNTS,
) -> Json:
    """What a transaction touches; see ``node.rpc.access_list``."""
    site = calls.call_site(service.chain, reference, NO_BLOCK)
    return access_list_of(calls.Call(service.chain, site, request, accounts))


@takes(parse_plan, params.block_reference)
def simulate_v1(service: Service, plan: Plan, reference: BlockReference = LATEST) -> list[Json]:
    """Runs blocks that could follow; see ``node.rpc.simulate``."""
    return simulate(service.chain, plan, calls.resolve_header(service.chain, reference))


METHODS: Methods = {
    "eth_call": call,
    "eth_estimateGas": estimate_gas,
    "eth_createAccessList": create_access_list,
    "eth_simulateV1": simulate_v1,
}
