"""A chain in this process under the rules of one fork: whole signed transactions, gas as receipts say it.

What a transaction costs is intrinsic gas and calldata (EIP-2028, EIP-3860), execution on cold slots
(EIP-2929) less refunds (EIP-3529); under Prague's rules at least what EIP-7623 asks for its calldata.
"""

from dataclasses import dataclass

from eth._utils.address import generate_contract_address
from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.constants import CREATE_CONTRACT_ADDRESS, ZERO_ADDRESS
from eth.db.atomic import AtomicDB
from eth.vm.forks.cancun import CancunVM
from eth.vm.forks.london import LondonVM
from eth.vm.forks.prague import PragueVM
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address

__all__ = ["CHAIN_ID", "RULES", "Failed", "Machine", "Result", "created_address"]

CHAIN_ID = 31_337
RULES = {"london": LondonVM, "cancun": CancunVM, "prague": PragueVM}
# As large as a call may need to be measured; what is legal is for a test to say.
GAS_LIMIT = 200_000_000
START = 1_800_000_000


class Failed(Exception):
    """A transaction that reverted; carries what it returned."""

    def __init__(self, output: bytes) -> None:
        self.output = output
        super().__init__(output[4:] or output)


@dataclass(frozen=True)
class Result:
    """What one transaction did."""

    gas: int
    output: bytes
    logs: tuple[tuple[bytes, tuple[int, ...], bytes], ...]
    """Address, topics and data."""


class Machine:
    """Accounts, contracts and the time."""

    def __init__(self, rules: str) -> None:
        self.rules = rules
        configured = RULES[rules].configure(consensus_class=NoProofConsensus)
        chain_class = MiningChain.configure(
            __name__="Chain", vm_configuration=((0, configured),), chain_id=CHAIN_ID
        )
        genesis = {
            "coinbase": ZERO_ADDRESS,
            "difficulty": 0,
            "gas_limit": 2 * GAS_LIMIT,
            "timestamp": START,
            "base_fee_per_gas": 0,
        }
        self._vm = chain_class.from_genesis(AtomicDB(), genesis).get_vm()
        self.now = START

    @property
    def now(self) -> int:
        """Chain time, seconds."""
        return int(self._vm.state.timestamp)

    @now.setter
    def now(self, seconds: int) -> None:
        self._vm.state.execution_context._timestamp = seconds

    def nonce(self, who: LocalAccount) -> int:
        """Number of an account's next transaction."""
        return int(self._vm.state.get_nonce(to_canonical_address(who.address)))

    def code(self, at: str) -> bytes:
        """Code of a contract."""
        return bytes(self._vm.state.get_code(to_canonical_address(at)))

    def call(self, to: str, data: bytes, sender: LocalAccount) -> Result:
        """Send a transaction. Raises Failed."""
        return self._send(to_canonical_address(to), data, sender)

    def create(self, code: bytes, sender: LocalAccount) -> str:
        """Address of newly deployed code. Raises Failed."""
        address = created_address(sender.address, self.nonce(sender))
        self._send(CREATE_CONTRACT_ADDRESS, code, sender)
        return address

    def _send(self, to: bytes, data: bytes, sender: LocalAccount) -> Result:
        fields: dict[str, object] = {
            "nonce": self.nonce(sender),
            "gasPrice": 0,
            "gas": GAS_LIMIT,
            "value": 0,
            "chainId": CHAIN_ID,
        }
        if to:
            fields["to"] = to_checksum_address(to)
        signed = Account.sign_transaction({**fields, "data": data}, sender.key)
        transaction = self._vm.get_transaction_builder().decode(bytes(signed.raw_transaction))
        header = self._vm.get_header()
        receipt, computation = self._vm.apply_transaction(header, transaction)
        if computation.is_error:
            raise Failed(bytes(computation.output))
        logs = tuple((entry.address, tuple(entry.topics), bytes(entry.data)) for entry in receipt.logs)
        return Result(int(receipt.gas_used - header.gas_used), bytes(computation.output), logs)


def created_address(creator: str, nonce: int) -> str:
    """Where the contract of an account's transaction will be."""
    return str(to_checksum_address(generate_contract_address(to_canonical_address(creator), nonce)))
