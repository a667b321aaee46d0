# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Amount lines: every holder's money is `[0, in)`, filled at its end and emptied from its front
@license Apache-2.0
@notice A line is one storage slot: `in` in bits 0-63, `out` in bits 64-127; a batch keeps the number of the
    next row to execute in bits 128-159, a lot there the number of its tree, any other line what of its `in` had
    left it before. No serial number or history is stored: maps are logged.
"""

from interfaces import ILedger

# A REFUND is an agreement's, of what is no inflow where it goes: it came from there, or nobody is owed it.
# Kinds of map, as logged in `Moved`.
IDENTIFY: constant(uint256) = 1
TRANSFER: constant(uint256) = 2
RESERVE: constant(uint256) = 3
SKIP: constant(uint256) = 4
RELEASE: constant(uint256) = 5
GIVE_BACK: constant(uint256) = 6
WRITE_OFF: constant(uint256) = 7
CARVE: constant(uint256) = 8
RELAY: constant(uint256) = 9
THAW: constant(uint256) = 10
SORT: constant(uint256) = 11
MAKE_GOOD: constant(uint256) = 12
SWEEP: constant(uint256) = 13
REVERSE: constant(uint256) = 14
REOPEN: constant(uint256) = 15
REFUND: constant(uint256) = 16

# Tags that keep the ids of different kinds of line apart.
_LOT: constant(bytes32) = keccak256("dyetrace.line.lot")
_ACCOUNT: constant(bytes32) = keccak256("dyetrace.line.account")
_CUSTODY: constant(bytes32) = keccak256("dyetrace.line.custody")
_WRITTEN_OFF: constant(bytes32) = keccak256("dyetrace.line.written-off")
_REVERSED: constant(bytes32) = keccak256("dyetrace.line.reversed")

_MASK: constant(uint256) = 2**64 - 1
_OUT: constant(uint256) = 64
_CURSOR: constant(uint256) = 128
_BACK: constant(uint256) = 128
MAX_PIECES: constant(uint256) = 32
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
def _custody_line(home: bytes32, number: uint256) -> bytes32:
    """
    @dev The line of the `number`-th custody, of money carved from `home`.
    """
    return keccak256(abi_encode(_CUSTODY, home, number))


@internal
@pure
def _written_off_line(tree: bytes32) -> bytes32:
    """
    @dev Where a tree's written-off money rests.
    """
    return keccak256(abi_encode(_WRITTEN_OFF, tree))


@internal
@pure
def _reversed_line(tree: bytes32) -> bytes32:
    """
    @dev Where money rests that the bank took back.
    """
    return keccak256(abi_encode(_REVERSED, tree))


@internal
@pure
def _positive(amount: uint256):
    """
    @dev Throws when there is nothing to lay.
    """
    assert amount > 0, "lines: zero amount"


@internal
@pure
def _fits(end: uint256, limit: uint256):
    """
    @dev Throws when a line would end past its limit.
    """
    assert end <= limit, "lines: line is full"


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
@view
def _balance(line: bytes32) -> uint256:
    """
    @dev What rests on a line, in minor units.
    """
    word: uint256 = self._lines[line]
    return (word & _MASK) - (word >> _OUT & _MASK)


@internal
@view
def _arrived(line: bytes32) -> uint256:
    """
    @dev What ever arrived on an account's line from elsewhere, in minor units: not what came back to it.
    """
    word: uint256 = self._lines[line]
    return (word & _MASK) - (word >> _BACK)


@internal
@view
def _lot_number(line: bytes32) -> uint256:
    """
    @dev Number of the tree a lot belongs to; zero when there is no such lot.
    """
    return self._lines[line] >> _CURSOR


@internal
def _open_lot(line: bytes32, number: uint256, amount: uint256):
    """
    @dev Make a lot of the tree with that number, on a line nobody has used.
    """
    self._positive(amount)
    self._fits(amount, LIMIT_START)
    self._lines[line] = amount | number << _CURSOR


@internal
def _fill(line: bytes32, amount: uint256, limit: uint256) -> uint256:
    """
    @dev Lay money behind the line's end.
    @return uint256 Where it starts.
    """
    self._positive(amount)
    word: uint256 = self._lines[line]
    start: uint256 = word & _MASK
    self._fits(amount, limit)
    self._fits(start + amount, limit)
    if limit == LIMIT_BACK:
        word += amount << _BACK
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
def _move(kind: uint256, source: bytes32, destination: bytes32, amount: uint256, limit: uint256, info: bytes32):
    """
    @dev Map money from the front of a line onto the end of another.
    """
    assert source != destination, "lines: same line"
    word: uint256 = self._lines[source]
    front: uint256 = (word >> _OUT) & _MASK
    assert (word & _MASK) - front >= amount, "lines: not enough money"
    self._lines[source] = word + (amount << _OUT)
    self._put(kind, source, front, destination, amount, limit, info)


@internal
def _carve(
    kind: uint256, line: bytes32, pieces: DynArray[ILedger.Piece, MAX_PIECES], destination: bytes32, info: bytes32
) -> uint256:
    """
    @dev Map pieces of a line onto the end of another, and lay what is between and behind them, in order, behind
        the line's own end. What is before the front has left already and cannot be named.
    @param pieces By position, rising, not overlapping.
    @return uint256 Minor units carved.
    """
    assert len(pieces) > 0, "lines: no pieces"
    word: uint256 = self._lines[line]
    end: uint256 = word & _MASK
    position: uint256 = (word >> _OUT) & _MASK
    self._lines[line] = word >> _BACK << _BACK | end | end << _OUT
    carved: uint256 = 0
    for piece: ILedger.Piece in pieces:
        assert piece.start >= position and piece.start < piece.end and piece.end <= end, "lines: piece out of place"
        if piece.start > position:
            self._put(RELAY, line, position, line, piece.start - position, LIMIT_BACK, info)
        self._put(kind, line, piece.start, destination, piece.end - piece.start, LIMIT_BACK, info)
        carved += piece.end - piece.start
        position = piece.end
    if end > position:
        self._put(RELAY, line, position, line, end - position, LIMIT_BACK, info)
    return carved
