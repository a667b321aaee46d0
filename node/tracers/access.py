"""Which accounts and slots a transaction touches, as an EIP-2930 access list."""

from dataclasses import dataclass, field
from typing import Any

from eth.vm import opcode_values

from node.tracers.stepping import CALLS, Computation, Observer, address_of, stack_words
from node.transaction import AccessList

SLOT_OPCODES = frozenset({opcode_values.SLOAD, opcode_values.SSTORE})
ADDRESS_OPCODES = frozenset(
    {
        opcode_values.BALANCE,
        opcode_values.EXTCODESIZE,
        opcode_values.EXTCODECOPY,
        opcode_values.EXTCODEHASH,
        opcode_values.SELFDESTRUCT,
    }
)


@dataclass(slots=True)
class AccessTracer(Observer):
    """Collects them; an account in ``warm`` is listed only for its slots."""

    warm: frozenset[bytes]
    root: Computation | None = None
    _touched: dict[bytes, set[int]] = field(default_factory=dict)

    def start_with(self, listed: AccessList) -> None:
        """Count a list as touched already."""
        for address, slots in listed:
            if slots or address not in self.warm:
                self._touched.setdefault(address, set()).update(slots)

    def step_begins(self, computation: Computation, position: int, opcode: int) -> Any:
        """Looks at the operands, as geth does: what fails later counts too."""
        operand = 1 if opcode in SLOT_OPCODES or opcode in ADDRESS_OPCODES else 2 if opcode in CALLS else 0
        if not operand or len(computation._stack.values) < operand:
            return
        word = stack_words(computation)[-operand]
        if opcode in SLOT_OPCODES:
            self._touched.setdefault(computation.msg.storage_address, set()).add(word)
        elif (address := address_of(word)) not in self.warm:
            self._touched.setdefault(address, set())

    def access_list(self) -> AccessList:
        """In the order of addresses and slots."""
        return tuple((address, tuple(sorted(slots))) for address, slots in sorted(self._touched.items()))
