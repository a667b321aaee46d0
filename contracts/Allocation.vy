# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Allocation: funds accounts of the same tree from one above or beside them, under its terms
@license Apache-2.0
@notice The quorum approves it once, at activation; from then on operators allocate within its caps.
@custom:kill Freezing the account on the Ledger stops it.
"""

from interfaces import IAgreement
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from modules import guards
from modules import signatures

implements: IAgreement
initializes: guards

MAX_GUARDS: constant(uint256) = 24
MAX_DESTINATIONS: constant(uint256) = 64
# PAYOUT_CAP, WINDOW_CAP, TIME_WINDOW: an allocation has no batch that could be approved or attested.
ALLOWED_KINDS: constant(uint256) = 56
OPERATOR: constant(uint256) = 16

ALLOCATION_TYPEHASH: constant(bytes32) = keccak256(
    "Allocation(bytes32 terms,bytes32 destination,uint256 amount,bytes32 reference,uint256 deadline)"
)

LEDGER: public(immutable(address))
DIRECTORY: public(immutable(address))
account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
terms_hash: public(immutable(bytes32))
_DESTINATIONS: immutable(DynArray[bytes32, MAX_DESTINATIONS])

# References of allocations made, each once.
is_done: public(HashMap[bytes32, bool])


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    destinations_: DynArray[bytes32, MAX_DESTINATIONS],
    terms: DynArray[IAgreement.Guard, MAX_GUARDS],
):
    """
    @param account_ The account it funds others from.
    @param dye_class The line of that account.
    @param destinations_ The accounts it may fund.
    @param terms Clauses of guards.
    """
    guards.__init__(terms, ALLOWED_KINDS)
    assert len(destinations_) > 0, "allocation: no destination"
    assert account_ not in destinations_, "allocation: funds itself"
    LEDGER = staticcall IFactory(msg.sender).ledger()
    DIRECTORY = staticcall ILedger(LEDGER).directory()
    account = account_
    DYE_CLASS = dye_class
    _DESTINATIONS = destinations_
    terms_hash = keccak256(abi_encode(account_, dye_class, destinations_, terms))


# Operators of the account's controller, by signature


@external
def allocate(destination: bytes32, amount: uint256, reference: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Fund an account.
    @param destination One of the agreement's destinations.
    @param amount Minor units.
    @param reference The operator's reference; an agreement takes it once, whatever else is signed.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator.
    """
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(ALLOCATION_TYPEHASH, terms_hash, destination, amount, reference, deadline))
    )
    who: address = signatures._recover(digest, signature)
    controller: bytes32 = (staticcall ILedger(LEDGER).account(account)).controller
    assert staticcall IDirectory(DIRECTORY).acts_for(who, controller, OPERATOR), "allocation: not an operator"
    assert block.timestamp <= deadline, "allocation: signature expired"
    assert destination in _DESTINATIONS, "allocation: not a destination"
    assert not self.is_done[reference], "allocation: repeated"
    self.is_done[reference] = True

    approvals: uint256[24] = empty(uint256[24])
    satisfied: uint256 = guards._check_whole(0, 0, approvals)
    guard: uint256 = guards._first_refusal(satisfied, 0, amount)
    if guard != MAX_GUARDS:
        guards._refuse_row(guard, 0, amount)
    # What an allocation moved stays moved: nothing ever gives its windows back.
    _: uint256 = guards._consume(amount)
    log IAgreement.OperatorActed(digest=digest, operator=who)
    extcall ILedger(LEDGER).transfer(account, DYE_CLASS, destination, amount, reference)


# Anyone


@view
@external
def terms() -> DynArray[IAgreement.Guard, MAX_GUARDS]:
    """
    @return DynArray The terms.
    """
    return guards._terms()


@view
@external
def destinations() -> DynArray[bytes32, MAX_DESTINATIONS]:
    """
    @return DynArray The accounts it may fund.
    """
    return _DESTINATIONS


@view
@external
def consumed(guard: uint256, moment: uint256) -> uint256:
    """
    @return uint256 What a window cap has consumed in the window of a moment, minor units.
    """
    return guards.consumed[guard][guards._window(guards._terms()[guard], moment)]
