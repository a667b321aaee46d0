# pragma version 0.4.3
"""
@title A plain token (ERC-20), the peer our payouts are compared with
@license Apache-2.0
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


balanceOf: public(HashMap[address, uint256])


@deploy
def __init__(first: address, second: address):
    """
    @param first A holder.
    @param second Another.
    """
    self.balanceOf[first] = 10**18
    self.balanceOf[second] = 10**18


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move an amount to another holder.
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=msg.sender, receiver=receiver, amount=amount)
    return True
