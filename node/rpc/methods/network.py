"""Who this node is: web3_*, net_* and the eth_* methods that need no block."""

from importlib.metadata import version

from node.rpc.format import quantity
from node.rpc.methods.service import Methods, Service


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


METHODS: Methods = {
    "web3_clientVersion": client_version,
    "net_version": network_id,
    "net_listening": lambda service: True,
    "eth_chainId": chain_id,
    "eth_blockNumber": block_number,
    "eth_syncing": lambda service: False,
    "eth_accounts": lambda service: [],
}
