# pragma version 0.4.3
"""
@title A plain multi-token (ERC-1155), the peer our payouts are compared with
@license Apache-2.0
"""

MAX_BATCH: constant(uint256) = 256
MAX_DATA: constant(uint256) = 1024
# bytes4(keccak256("onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)"))
BATCH_RECEIVED: constant(bytes4) = 0xbc197c81


event TransferBatch:
    operator: indexed(address)
    sender: indexed(address)
    receiver: indexed(address)
    ids: DynArray[uint256, MAX_BATCH]
    values: DynArray[uint256, MAX_BATCH]


interface Receiver:
    def onERC1155BatchReceived(
        operator: address,
        sender: address,
        ids: DynArray[uint256, MAX_BATCH],
        values: DynArray[uint256, MAX_BATCH],
        data: Bytes[MAX_DATA],
    ) -> bytes4: nonpayable


balanceOf: public(HashMap[address, HashMap[uint256, uint256]])
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])


@deploy
def __init__(first: address, second: address, number: uint256):
    """
    @param first A holder of every token.
    @param second Another.
    @param number How many tokens there are, numbered from zero.
    """
    for i: uint256 in range(number, bound=MAX_BATCH):
        self.balanceOf[first][i] = 10**18
        self.balanceOf[second][i] = 10**18


@external
def safeBatchTransferFrom(
    sender: address,
    receiver: address,
    ids: DynArray[uint256, MAX_BATCH],
    values: DynArray[uint256, MAX_BATCH],
    data: Bytes[MAX_DATA],
):
    """
    @notice Move amounts of several tokens from one holder to another.
    """
    assert receiver != empty(address), "multi_token: zero address"
    assert sender == msg.sender or self.isApprovedForAll[sender][msg.sender], "multi_token: not approved"
    assert len(ids) == len(values), "multi_token: lengths differ"
    for i: uint256 in range(len(ids), bound=MAX_BATCH):
        self.balanceOf[sender][ids[i]] -= values[i]
        self.balanceOf[receiver][ids[i]] += values[i]
    log TransferBatch(operator=msg.sender, sender=sender, receiver=receiver, ids=ids, values=values)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC1155BatchReceived(msg.sender, sender, ids, values, data)
        assert answer == BATCH_RECEIVED, "multi_token: refused by the receiver"
