# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Amount lines: every holder's money is `[0, in)`, filled at its end and emptied from its front
@license Apache-2.0
@notice A line is one storage slot: `in` in bits 0-63, `out` in bits 64-127; a batch keeps the number of the
    next row to execute in bits 128-159. No lot, serial number or history is stored: maps are logged.
"""

from interfaces import ILedger

# Kinds of map, as logged in `Moved`.
IDENTIFY: constant(uint256) = 1
TRANSFER: constant(uint256) = 2
RESERVE: constant(uint256) = 3
SKIP: constant(uint256) = 4
RELEASE: constant(uint256) = 5
GIVE_BACK: constant(uint256) = 6
WRITE_OFF: constant(uint256) = 7

# Tags that keep the ids of different kinds of line apart.
_LOT: constant(bytes32) = keccak256("dyetrace.line.lot")
_ACCOUNT: constant(bytes32) = keccak256("dyetrace.line.account")
_WRITTEN_OFF: constant(bytes32) = keccak256("dyetrace.line.written-off")

_MASK: constant(uint256) = 2**64 - 1
_OUT: constant(uint256) = 64
_CURSOR: constant(uint256) = 128
# No start may pass 2^62, so that what comes back still fits 63 bits.
LIMIT_START: constant(uint256) = 2**62
LIMIT_BACK: constant(uint256) = 2**63

_lines: HashMap[bytes32, uint256]


@internal
@pure
def _lot_line(lot: bytes32) -> bytes32:
    """
    @dev The line of a lot.
    """
    return keccak256(abi_encode(_LOT, lot))


@internal
@pure
def _account_line(account: bytes32, dye_class: bytes32) -> bytes32:
    """
    @dev The line of an account for one dye class.
    """
    return keccak256(abi_encode(_ACCOUNT, account, dye_class))


@internal
@pure
def _written_off_line(tree: bytes32) -> bytes32:
    """
    @dev Where a tree's written-off money rests.
    """
    return keccak256(abi_encode(_WRITTEN_OFF, tree))


@internal
@view
def _filled(line: bytes32) -> uint256:
    """
    @dev The line's `in`, in minor units.
    """
    return self._lines[line] & _MASK


@internal
@view
def _emptied(line: bytes32) -> uint256:
    """
    @dev The line's `out`, in minor units.
    """
    return (self._lines[line] >> _OUT) & _MASK


@internal
@view
def _cursor(line: bytes32) -> uint256:
    """
    @dev Number of the batch's next row to execute.
    """
    return self._lines[line] >> _CURSOR


@internal
def _advance(line: bytes32, position: uint256, row: uint256):
    """
    @dev Move a batch's front to a position and row.
    """
    self._lines[line] = self._filled(line) | position << _OUT | row << _CURSOR


@internal
def _fill(line: bytes32, amount: uint256, limit: uint256) -> uint256:
    """
    @dev Lay money behind the line's end.
    @return uint256 Where it starts.
    """
    assert amount > 0, "lines: zero amount"
    word: uint256 = self._lines[line]
    start: uint256 = word & _MASK
    assert amount <= limit and start + amount <= limit, "lines: line is full"
    self._lines[line] = word + amount
    return start


@internal
def _put(
    kind: uint256,
    source: bytes32,
    source_start: uint256,
    destination: bytes32,
    amount: uint256,
    limit: uint256,
    info: bytes32,
):
    """
    @dev Map an interval that has already left its source onto the end of another line.
    """
    start: uint256 = self._fill(destination, amount, limit)
    log ILedger.Moved(
        source=source,
        destination=destination,
        kind=kind,
        source_start=source_start,
        destination_start=start,
        amount=amount,
        info=info,
    )


@internal
def _move(kind: uint256, source: bytes32, destination: bytes32, amount: uint256, info: bytes32):
    """
    @dev Map money from the front of a line onto the end of another.
    """
    assert source != destination, "lines: same line"
    word: uint256 = self._lines[source]
    front: uint256 = (word >> _OUT) & _MASK
    assert (word & _MASK) - front >= amount, "lines: not enough money"
    self._lines[source] = word + (amount << _OUT)
    self._put(kind, source, front, destination, amount, LIMIT_START, info)
