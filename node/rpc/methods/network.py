"""Who this node is: web3_*, net_* and the eth_* methods that need no block."""

from importlib.metadata import version

from eth_utils.crypto import keccak

from node.rpc import params
from node.rpc.format import Json, data, quantity
from node.rpc.methods.service import Methods, Service, takes


def client_version(service: Service) -> str:
    """Name and versions of the node and of py-evm."""
    return f"dyetrace-node/{version('dyetrace')}/py-evm-{version('py-evm')}"


@takes(params.data)
def sha3(service: Service, content: bytes) -> str:
    """Keccak-256 of some bytes, not the standardised SHA3-256."""
    return data(keccak(content))


def network_id(service: Service) -> str:
    """The chain id, in decimal, as net_version gives it."""
    return str(service.chain.chain_id)


def listening(service: Service) -> bool:
    """Always: a node that answers listens."""
    return True


def peer_count(service: Service) -> str:
    """None: nodes of a network follow each other over JSON-RPC, not over a peer-to-peer protocol."""
    return quantity(0)


def chain_id(service: Service) -> str:
    """EIP-155 chain id."""
    return quantity(service.chain.chain_id)


def block_number(service: Service) -> str:
    """Number of the last sealed block."""
    return quantity(service.chain.latest.block_number)


def syncing(service: Service) -> Json | bool:
    """False, but on a replica that knows of later blocks than it has verified, one in alarm included."""
    follower, head = service.node.follower, service.chain.head.block_number
    highest = follower.highest_known if follower else head
    if follower is None or highest <= head:
        return False
    numbers = {
        "startingBlock": follower.status.first_block,
        "currentBlock": head,
        "highestBlock": highest,
    }
    return {name: quantity(number) for name, number in numbers.items()}


def accounts(service: Service) -> list[str]:
    """None: a node holds no keys of its users."""
    return []


METHODS: Methods = {
    "web3_clientVersion": client_version,
    "web3_sha3": sha3,
    "net_version": network_id,
    "net_listening": listening,
    "net_peerCount": peer_count,
    "eth_chainId": chain_id,
    "eth_blockNumber": block_number,
    "eth_syncing": syncing,
    "eth_accounts": accounts,
}
