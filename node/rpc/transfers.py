"""Moves of the chain's coin as events, for eth_simulateV1's ``traceTransfers`` (ethereum/execution-apis).

They look like those of an ERC-20 token at an address where no contract can be, and are in no receipt.
"""

from typing import Any

from eth.vm.computation import BaseComputation
from eth.vm.opcode_values import SELFDESTRUCT
from eth_utils.crypto import keccak

from node.vm import State

TRANSFER_ADDRESS = bytes.fromhex("ee" * 20)
TRANSFER_TOPIC = int.from_bytes(keccak(b"Transfer(address,address,uint256)"), "big")


def log_transfers(state: State) -> None:
    """Have a state's computations log every transfer of coin."""
    base = state.computation_class
    if issubclass(base, _LoggingTransfers):
        return
    opcodes = {**base.opcodes, SELFDESTRUCT: _selfdestruct(base.opcodes[SELFDESTRUCT])}
    state.computation_class = type("Computation", (_LoggingTransfers, base), {"opcodes": opcodes})


class _LoggingTransfers:
    """A py-evm computation starts after its message's value has moved."""

    msg: Any

    def __enter__(self) -> Any:
        if self.msg.should_transfer_value and self.msg.value:
            _log(self, self.msg.sender, self.msg.storage_address, self.msg.value)
        return super().__enter__()  # type: ignore[misc]  # of the computation it is mixed into

    @classmethod
    def apply_computation(cls, *arguments: Any, **options: Any) -> Any:
        """py-evm's own loop, which asks ``opcodes``, however blocks are run otherwise."""
        return BaseComputation.apply_computation.__func__(cls, *arguments, **options)


def _selfdestruct(opcode: Any) -> Any:
    """SELFDESTRUCT, which moves the whole balance."""

    def logged(computation: Any) -> None:
        beneficiary = computation.stack_pop1_bytes()
        computation.stack_push_bytes(beneficiary)
        contract = computation.msg.storage_address
        balance = computation.state.get_balance(contract)
        if balance:
            _log(computation, contract, beneficiary.rjust(20, b"\0")[-20:], balance)
        opcode(computation=computation)

    return logged


def _log(computation: Any, sender: bytes, receiver: bytes, value: int) -> None:
    topics = (TRANSFER_TOPIC, int.from_bytes(sender, "big"), int.from_bytes(receiver, "big"))
    computation.add_log_entry(TRANSFER_ADDRESS, topics, value.to_bytes(32, "big"))
