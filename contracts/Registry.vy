# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Registry of documents: each counts once in the whole network, for ever
@license Apache-2.0
@notice A document is known by a keyed hash of what makes it unique, so that a repeat shows and nobody can read
    it. It belongs to the agreement that registered it, and only an agreement that a quorum activated may
    register: an id can't be taken ahead of its owner by somebody whom no quorum let in.
@custom:kill Retiring an agreement ends its registrations; nothing here moves money.
"""

from interfaces import IFactory
from interfaces import IRegistry

implements: IRegistry

# No line holds more.
MAX_AMOUNT: constant(uint256) = 2**62

factory: public(immutable(address))

_documents: HashMap[bytes32, IRegistry.Document]


@deploy
def __init__(factory_: address):
    """
    @param factory_ The agreement factory; it may be deployed after the registry.
    """
    assert factory_ != empty(address), "registry: zero address"
    factory = factory_


# An active agreement


@external
def register(document: bytes32, kind: bytes32, holder: bytes32, payee: uint256, amount: uint256):
    """
    @notice Enter a document that no agreement ever entered.
    @param document Keyed hash of what makes it unique.
    @param kind What it is: an invoice, an order, a receipt.
    @param holder The institution it belongs to.
    @param payee Roster index of whom it pays.
    @param amount What it is good for, minor units.
    """
    assert (staticcall IFactory(factory).instance(msg.sender)).active, "registry: not an active agreement"
    assert document != empty(bytes32) and kind != empty(bytes32) and holder != empty(bytes32), "registry: zero id"
    assert self._documents[document].agreement == empty(address), "registry: document exists"
    assert amount > 0 and amount <= MAX_AMOUNT, "registry: amount out of bounds"
    self._documents[document] = IRegistry.Document(
        agreement=msg.sender, kind=kind, holder=holder, payee=payee, amount=amount, used=0
    )
    log IRegistry.DocumentRegistered(
        document=document, agreement=msg.sender, kind=kind, holder=holder, payee=payee, amount=amount
    )


# The document's agreement, also after it was retired: what it used it must be able to give back


@external
def use(document: bytes32, amount: uint256):
    """
    @notice Speak for part of what a document is good for.
    @param document The document.
    @param amount Minor units, at most what is left.
    """
    self._only_its_agreement(document)
    used: uint256 = self._documents[document].used
    assert amount <= self._documents[document].amount - used, "registry: more than is left"
    self._set_used(document, used + amount)


@external
def give_back(document: bytes32, amount: uint256):
    """
    @notice Leave part of what was spoken for to others again.
    @param document The document.
    @param amount Minor units, at most what is used.
    """
    self._only_its_agreement(document)
    used: uint256 = self._documents[document].used
    assert amount <= used, "registry: more than is used"
    self._set_used(document, used - amount)


@external
def hand_over(document: bytes32, holder: bytes32):
    """
    @notice Make a document belong to another institution.
    @param document The document.
    @param holder The institution.
    """
    self._only_its_agreement(document)
    assert holder != empty(bytes32), "registry: zero id"
    self._documents[document].holder = holder
    log IRegistry.DocumentHeld(document=document, holder=holder)


# Anyone


@view
@external
def document(document: bytes32) -> IRegistry.Document:
    """
    @notice What a document is good for.
    @param document Keyed hash of what makes it unique.
    @return Document The document; its agreement is zero when it was never registered.
    """
    return self._documents[document]


# Internal


@internal
@view
def _only_its_agreement(document: bytes32):
    """
    @dev Throws unless the sender registered the document.
    """
    assert self._documents[document].agreement == msg.sender, "registry: not the document's agreement"


@internal
def _set_used(document: bytes32, used: uint256):
    """
    @dev Note how much of a document is spoken for.
    """
    self._documents[document].used = used
    log IRegistry.DocumentUsed(document=document, used=used)
