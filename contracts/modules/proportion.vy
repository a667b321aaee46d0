# pragma version 0.4.3
"""
@title Proportion: what of a running sum falls on each part, to the last unit
@license Apache-2.0
@notice Of a sum that grows from zero to the parts' total, each part bears its share: never less than before,
    never more than itself, together exactly the sum, and at the end exactly itself, in however many steps it
    grows. The first i - 1 parts bear floor(x * P(i-1) / P(i)) of the x that the first i bear, P being the sums
    of the parts; part i bears the rest. Both grow with x because P(i-1) <= P(i). Each part stays within as many
    units of its exact share as there are parts.
"""

MAX_PARTS: constant(uint256) = 16


@internal
@pure
def _shares(parts: DynArray[uint256, MAX_PARTS], running: uint256) -> DynArray[uint256, MAX_PARTS]:
    """
    @dev What each part bears of a running sum.
    @param parts The parts, below 2^64 together.
    @param running The sum so far; no more than the parts together.
    @return DynArray One share a part.
    """
    below: uint256 = 0
    for part: uint256 in parts:
        below += part
    shares: DynArray[uint256, MAX_PARTS] = parts
    left: uint256 = running
    for i: uint256 in range(len(parts), bound=MAX_PARTS):
        last: uint256 = len(parts) - 1 - i
        up_to: uint256 = below
        below -= parts[last]
        # Nothing falls on parts that are all zero.
        before: uint256 = 0
        if up_to > 0:
            before = left * below // up_to
        shares[last] = left - before
        left = before
    return shares


@internal
@pure
def _steps(parts: DynArray[uint256, MAX_PARTS], running: uint256, more: uint256) -> DynArray[uint256, MAX_PARTS]:
    """
    @dev What each part bears of the next amount.
    @param parts The parts.
    @param running The sum before.
    @param more What it grows by; the parts together are no less than both.
    @return DynArray One amount a part; together `more`.
    """
    before: DynArray[uint256, MAX_PARTS] = self._shares(parts, running)
    steps: DynArray[uint256, MAX_PARTS] = self._shares(parts, running + more)
    for i: uint256 in range(len(parts), bound=MAX_PARTS):
        steps[i] -= before[i]
    return steps
