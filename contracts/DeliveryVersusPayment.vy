# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Delivery versus payment: a document, such as a warehouse receipt, against its price
@license Apache-2.0
@notice The seller delivers a document, which a witness confirms; it is then locked here. Once the price rests on
    the account anyone may settle: the document becomes the buyer's and the price the seller's, or nothing
    happens. Unsettled at the deadline, the document stays the seller's and the money goes back to the buyer.
@custom:kill Freezing the account on the Ledger stops it; both parties together cancel it.
"""

from interfaces import IAgreement
from interfaces import IDeliveryVersusPayment
from interfaces import IFactory
from interfaces import ILedger
from interfaces import IRegistry
from modules import parties

implements: IAgreement
initializes: parties
exports: (parties.LEDGER, parties.DIRECTORY)

# A deadline beyond any contract's life would lock money up by a slip of the pen.
MAX_SECONDS: constant(uint256) = 30 * 366 * 86400

OPEN: constant(uint256) = 1
RELEASED: constant(uint256) = 2
EXPIRED: constant(uint256) = 3
REFUNDED: constant(uint256) = 4

DELIVERY_TYPEHASH: constant(bytes32) = keccak256("Delivery(bytes32 document,bytes32 kind,uint256 deadline)")
RESCISSION_TYPEHASH: constant(bytes32) = keccak256("Rescission(bytes32 document,uint256 deadline)")

REGISTRY: public(immutable(address))
account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
BUYER: public(immutable(bytes32))
SELLER: public(immutable(bytes32))
BUYER_ACCOUNT: public(immutable(bytes32))
SELLER_ACCOUNT: public(immutable(bytes32))
PRICE: public(immutable(uint256))
KIND: public(immutable(bytes32))
WITNESS: public(immutable(bytes32))
DEADLINE: public(immutable(uint256))
terms_hash: public(immutable(bytes32))

_state: uint256
# Zero before it is delivered.
document: public(bytes32)


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    buyer: bytes32,
    seller: bytes32,
    buyer_account: bytes32,
    seller_account: bytes32,
    price: uint256,
    kind: bytes32,
    witness: bytes32,
    deadline: uint256,
):
    """
    @param account_ The account on which the buyer's money arrives.
    @param dye_class The line of that account.
    @param buyer Whose the document becomes.
    @param seller Whose it is before.
    @param buyer_account Where money that is not for the seller goes.
    @param seller_account Where the price goes.
    @param price Minor units.
    @param kind What kind of document.
    @param witness The institution that confirms the document; none of the parties.
    @param deadline Last second at which it may settle.
    """
    parties.__init__()
    parties._check_institutions([buyer, seller, witness])
    parties._check_accounts([account_, buyer_account, seller_account])
    parties._check_below_root(account_)
    parties._check_controls(seller, seller_account)
    parties._check_amount(price)
    assert kind != empty(bytes32), "delivery: zero kind"
    assert deadline > block.timestamp, "delivery: deadline is over"
    assert deadline - block.timestamp <= MAX_SECONDS, "delivery: deadline out of bounds"
    REGISTRY = staticcall IFactory(msg.sender).registry()
    account = account_
    DYE_CLASS = dye_class
    BUYER = buyer
    SELLER = seller
    BUYER_ACCOUNT = buyer_account
    SELLER_ACCOUNT = seller_account
    PRICE = price
    KIND = kind
    WITNESS = witness
    DEADLINE = deadline
    self._state = OPEN
    terms_hash = keccak256(
        abi_encode(
            account_, dye_class, buyer, seller, buyer_account, seller_account, price, kind, witness, deadline
        )
    )


# The parties, by signature


@external
def deliver(document: bytes32, deadline: uint256, seller_signature: Bytes[65], witness_signature: Bytes[65]):
    """
    @notice Lock a document for the buyer. It counts here for good, and nowhere else in the network.
    @param document Its keyed hash.
    @param deadline Chain time after which the signatures are void.
    @param seller_signature By an operator of the seller.
    @param witness_signature By a witness, over the same.
    """
    self._only_open()
    assert self.document == empty(bytes32), "delivery: delivered already"
    assert document != empty(bytes32), "delivery: zero document"
    assert block.timestamp <= DEADLINE, "delivery: deadline is over"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(DELIVERY_TYPEHASH, document, KIND, deadline)), deadline
    )
    parties._signed(SELLER, parties.OPERATOR, digest, seller_signature)
    parties._signed(WITNESS, parties.WITNESS, digest, witness_signature)
    self.document = document
    log IDeliveryVersusPayment.Delivered(document=document)
    extcall IRegistry(REGISTRY).register(document, KIND, SELLER, 0, PRICE)


@external
def cancel(deadline: uint256, buyer_signature: Bytes[65], seller_signature: Bytes[65]):
    """
    @notice End it unsettled: the document stays the seller's and the money goes back to the buyer.
    @param deadline Chain time after which the signatures are void.
    @param buyer_signature By an operator of the buyer.
    @param seller_signature By an operator of the seller, over the same.
    """
    self._only_open()
    assert block.timestamp <= DEADLINE, "delivery: deadline is over"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(RESCISSION_TYPEHASH, self.document, deadline)), deadline
    )
    parties._signed(BUYER, parties.OPERATOR, digest, buyer_signature)
    parties._signed(SELLER, parties.OPERATOR, digest, seller_signature)
    self._end(REFUNDED)
    self._give_back()


# Anyone


@external
def settle():
    """
    @notice Exchange document and price, both or neither; what rests above the price goes back to the buyer.
    """
    self._only_open()
    assert block.timestamp <= DEADLINE, "delivery: deadline is over"
    assert self.document != empty(bytes32), "delivery: nothing delivered"
    resting: uint256 = parties._balance(account, DYE_CLASS)
    assert resting >= PRICE, "delivery: price not paid"
    self._end(RELEASED)
    log IDeliveryVersusPayment.Exchanged(document=self.document, price=PRICE, excess=resting - PRICE)
    extcall IRegistry(REGISTRY).use(self.document, PRICE)
    extcall IRegistry(REGISTRY).hand_over(self.document, BUYER)
    # To the seller's own account or not at all: it gave its document for that.
    extcall ILedger(parties.LEDGER).transfer(account, DYE_CLASS, SELLER_ACCOUNT, PRICE, self.document, False)
    parties._pay(account, DYE_CLASS, BUYER_ACCOUNT, resting - PRICE, self.document, True)


@external
def close():
    """
    @notice End it after its deadline: the document stays the seller's and the money goes back to the buyer.
    """
    self._only_open()
    assert block.timestamp > DEADLINE, "delivery: deadline is not over"
    self._end(EXPIRED)
    self._give_back()


@external
def sweep():
    """
    @notice Give money that came after the end back to the buyer.
    """
    assert self._state != OPEN, "delivery: still open"
    assert parties._balance(account, DYE_CLASS) > 0, "delivery: nothing to give back"
    self._give_back()


# The factory


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Its terms are those it was deployed with.
    @param arguments Encoded terms; not looked at.
    """
    raise "delivery: terms do not change"


# Anyone may look


@view
@external
def accounts() -> DynArray[bytes32, 16]:
    """
    @notice Where it draws on money.
    @return DynArray The account on which the buyer's money arrives.
    """
    return [account]


@view
@external
def state() -> uint256:
    """
    @notice Where it stands.
    @return uint256 1 open, 2 exchanged, 3 expired, 4 cancelled. It is expired as soon as it cannot settle any
        more, `close` called or not.
    """
    if self._state == OPEN and block.timestamp > DEADLINE:
        return EXPIRED
    return self._state


@pure
@external
def holds_deposits() -> bool:
    """
    @notice Whose money it is that rests.
    @return bool True: what rests is held for others.
    """
    return True


@view
@external
def terms() -> DynArray[IAgreement.Guard, 24]:
    """
    @notice Its terms, as guards.
    @return DynArray No guards.
    """
    return []


# Internal


@internal
@view
def _only_open():
    """
    @dev Throws once it has ended.
    """
    assert self._state == OPEN, "delivery: has ended"


@internal
def _end(state: uint256):
    """
    @dev End it, for good.
    """
    self._state = state
    log IAgreement.StateSet(state=state)


@internal
def _give_back():
    """
    @dev Give all that rests on the account to the buyer.
    """
    resting: uint256 = parties._balance(account, DYE_CLASS)
    parties._pay(account, DYE_CLASS, BUYER_ACCOUNT, resting, self.document, True)
