# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Merkle commitment of a payout batch
@license Apache-2.0
@notice Rows of 43 bytes (roster index 3, amount 8, information commitment 32; big-endian) stand in leaves
    of eight. A leaf hashes a word (tag 0, leaf index, offset of its first row in the batch's line) and its
    rows; a node hashes tag 1 and its two children, of which a missing one counts as zero;
    the root hashes tag 2, the number of rows, their total and the top node. Tags keep the three apart.
"""

ROW_BYTES: constant(uint256) = 43
ROWS_A_LEAF: constant(uint256) = 8
MAX_LEAF_BYTES: constant(uint256) = 344
MAX_CHUNK_LEAVES: constant(uint256) = 32
MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_DEPTH: constant(uint256) = 24
_ROOT_TAG: constant(uint256) = 2 << 248
_AMOUNT_MASK: constant(uint256) = 2**64 - 1


@internal
@pure
def _leaf(index: uint256, offset: uint256, rows: Bytes[MAX_LEAF_BYTES]) -> bytes32:
    """
    @dev Hash of a leaf.
    @param index The leaf's number in the tree.
    @param offset Where its first row starts in the batch's line, in minor units.
    @param rows One to eight rows.
    @return bytes32 The leaf.
    """
    return keccak256(concat(convert(index << 128 | offset, bytes32), rows))


@internal
@pure
def _node(left: bytes32, right: bytes32) -> bytes32:
    """
    @dev Hash of an inner node.
    """
    return keccak256(concat(b"\x01", left, right))


@internal
@pure
def _root(count: uint256, total: uint256, top: bytes32) -> bytes32:
    """
    @dev The commitment: number of rows, total and tree.
    """
    return keccak256(abi_encode(_ROOT_TAG, count, total, top))


@internal
@pure
def _depth(count: uint256) -> uint256:
    """
    @dev Height of the tree over `count` rows.
    """
    leaves: uint256 = (count + ROWS_A_LEAF - 1) // ROWS_A_LEAF
    depth: uint256 = 0
    for _: uint256 in range(MAX_DEPTH):
        if 1 << depth >= leaves:
            break
        depth += 1
    return depth


@internal
@pure
def _climb(start: bytes32, index: uint256, proof: DynArray[bytes32, MAX_DEPTH]) -> bytes32:
    """
    @dev The top node reached from a node by its siblings, lowest first.
    @param start The node.
    @param index Its number in its own level.
    @param proof The siblings.
    @return bytes32 The top node.
    """
    node: bytes32 = start
    position: uint256 = index
    for sibling: bytes32 in proof:
        if position & 1 == 1:
            node = self._node(sibling, node)
        else:
            node = self._node(node, sibling)
        position >>= 1
    assert position == 0, "merkle: index outside the tree"
    return node


@internal
@pure
def _check(
    root: bytes32,
    count: uint256,
    total: uint256,
    node: bytes32,
    height: uint256,
    index: uint256,
    proof: DynArray[bytes32, MAX_DEPTH],
):
    """
    @dev Throws unless a node stands in the tree of a batch.
    @param node The node.
    @param height How many levels it stands above the leaves.
    @param index Its number in its own level.
    @param proof Siblings from it to the top.
    """
    assert height + len(proof) == self._depth(count), "merkle: proof of another depth"
    assert self._root(count, total, self._climb(node, index, proof)) == root, "merkle: wrong proof"


@internal
@pure
def _amount(word: bytes32) -> uint256:
    """
    @dev The amount in a row's first 32 bytes, in minor units.
    """
    return (convert(word, uint256) >> 168) & _AMOUNT_MASK


@internal
@pure
def _roster_index(word: bytes32) -> uint256:
    """
    @dev The roster index in a row's first 32 bytes.
    """
    return convert(word, uint256) >> 232


@internal
@pure
def _verify_row(
    root: bytes32,
    count: uint256,
    total: uint256,
    row: uint256,
    leaf_start: uint256,
    leaf_rows: Bytes[MAX_LEAF_BYTES],
    proof: DynArray[bytes32, MAX_DEPTH],
) -> (uint256, uint256):
    """
    @dev Check one leaf against the root and find a row in it. The row must have been executed: that is what
        makes its leaf one that the chunks agreed with.
    @param root The batch's commitment.
    @param count Rows in the batch.
    @param total Minor units in the batch.
    @param row The row's number in the batch.
    @param leaf_start Position of the leaf's first row.
    @param leaf_rows The leaf's rows.
    @param proof The leaf's siblings, lowest first.
    @return (uint256, uint256) Where the row starts in the batch's line; its amount. In minor units.
    """
    # A larger start would reach into the bits of the leaf's index.
    assert leaf_start < total, "merkle: leaf starts past the batch"
    leaf: uint256 = row // ROWS_A_LEAF
    self._check(root, count, total, self._leaf(leaf, leaf_start, leaf_rows), 0, leaf, proof)
    place: uint256 = row % ROWS_A_LEAF
    start: uint256 = leaf_start
    for i: uint256 in range(place, bound=ROWS_A_LEAF):
        start += self._amount(extract32(leaf_rows, i * ROW_BYTES))
    return start, self._amount(extract32(leaf_rows, place * ROW_BYTES))


@internal
@pure
def _verify_chunk(
    root: bytes32,
    count: uint256,
    total: uint256,
    first_row: uint256,
    start: uint256,
    rows: Bytes[MAX_CHUNK_BYTES],
    proof: DynArray[bytes32, MAX_DEPTH],
) -> (uint256, uint256):
    """
    @dev Check a run of whole leaves against the root.
    @param root The batch's commitment.
    @param count Rows in the batch.
    @param total Minor units in the batch.
    @param first_row Number of the chunk's first row, a multiple of eight.
    @param start Position of that row in the batch's line.
    @param rows The chunk: a whole aligned subtree, or what is left of the batch.
    @param proof Siblings from the subtree's top to the batch's top.
    @return (uint256, uint256) Number of rows; position where the last ends, in minor units.
    """
    number: uint256 = len(rows) // ROW_BYTES
    assert number > 0 and len(rows) == number * ROW_BYTES, "merkle: not whole rows"
    assert first_row % ROWS_A_LEAF == 0, "merkle: chunk starts inside a leaf"
    assert first_row + number <= count, "merkle: rows past the batch"
    leaves: uint256 = (number + ROWS_A_LEAF - 1) // ROWS_A_LEAF
    assert number == leaves * ROWS_A_LEAF or first_row + number == count, "merkle: chunk ends inside a leaf"

    level: bytes32[MAX_CHUNK_LEAVES] = empty(bytes32[MAX_CHUNK_LEAVES])
    first_leaf: uint256 = first_row // ROWS_A_LEAF
    position: uint256 = start
    row: uint256 = 0
    for leaf: uint256 in range(leaves, bound=MAX_CHUNK_LEAVES):
        leaf_start: uint256 = position
        from_byte: uint256 = row * ROW_BYTES
        for _: uint256 in range(ROWS_A_LEAF):
            if row == number:
                break
            amount: uint256 = self._amount(extract32(rows, row * ROW_BYTES))
            assert amount > 0, "merkle: zero amount"
            position += amount
            row += 1
        held: Bytes[MAX_LEAF_BYTES] = convert(slice(rows, from_byte, row * ROW_BYTES - from_byte), Bytes[MAX_LEAF_BYTES])
        level[leaf] = self._leaf(first_leaf + leaf, leaf_start, held)

    nodes: uint256 = leaves
    height: uint256 = 0
    for _: uint256 in range(5):
        if nodes == 1:
            break
        half: uint256 = (nodes + 1) // 2
        for i: uint256 in range(half, bound=16):
            right: bytes32 = empty(bytes32)
            if 2 * i + 1 < nodes:
                right = level[2 * i + 1]
            level[i] = self._node(level[2 * i], right)
        nodes = half
        height += 1
    width: uint256 = 1 << height
    assert first_leaf % width == 0, "merkle: chunk is not aligned"
    assert leaves == width or first_row + number == count, "merkle: chunk is not a whole subtree"
    self._check(root, count, total, level[0], height, first_leaf // width, proof)
    is_last: bool = first_row + number == count
    assert position <= total and (position == total) == is_last, "merkle: rows do not add up to the total"
    return number, position
