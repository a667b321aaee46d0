# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What each payee got: counters by payee and window, seven to a slot
@license Apache-2.0
@notice A slot holds the number of the window it counts (bits 224-255) and the counters of seven neighbours, 32 bits
    each; one of an earlier window counts nothing. A counter that a waiver took past 32 bits stays full until its
    window is over.
"""

PAYEES_A_SLOT: constant(uint256) = 7
COUNTER_BITS: constant(uint256) = 32
FULL: constant(uint256) = 2**32 - 1
_WINDOW: constant(uint256) = 224

_slots: HashMap[uint256, uint256]


@internal
@view
def _slot(base: uint256, group: uint256, window: uint256) -> uint256:
    """
    @dev The counters of seven neighbours in a window.
    @param base Where the slots of a cap begin, by its counter's id.
    """
    slot: uint256 = self._slots[unsafe_add(base, group)]
    if slot >> _WINDOW != window:
        return window << _WINDOW
    return slot


@internal
def _give_back(base: uint256, window: uint256, payee: uint256, amount: uint256):
    """
    @dev Take an amount off a payee's counter, if its slot still counts the window that the amount is in.
    """
    key: uint256 = unsafe_add(base, payee // PAYEES_A_SLOT)
    slot: uint256 = self._slots[key]
    place: uint256 = payee % PAYEES_A_SLOT * COUNTER_BITS
    if slot >> _WINDOW == window and slot >> place & FULL != FULL:
        self._slots[key] = slot - (amount << place)
