# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What caps over batches have counted
@license Apache-2.0
@notice Kept under the id of a counter, which outlives the terms.
"""

from interfaces import IAgreement
from modules import guards

# What a counter has consumed in each of its windows, minor units.
_consumed: HashMap[bytes32, HashMap[uint256, uint256]]


@internal
@view
def _used(guard: IAgreement.Guard, moment: uint256) -> uint256:
    """
    @dev What a cap has counted in the window of a moment, minor units.
    """
    return self._consumed[guards._counter(guard)][guards._window(guard, moment)]


@internal
def _set_used(guard: IAgreement.Guard, moment: uint256, used: uint256):
    """
    @dev Set what a cap has counted in the window of a moment, minor units.
    """
    self._consumed[guards._counter(guard)][guards._window(guard, moment)] = used
