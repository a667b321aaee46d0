# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Parties: institutions that act in an agreement by what their signers signed
@license Apache-2.0
@notice Anyone may hand a signature in; what counts is whether its signer acts for the party now. An agreement
    learns its Ledger from the factory that deploys it.
"""

from interfaces import IAccounts
from interfaces import IAgreement
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from modules import signatures

SUPERVISOR: constant(uint256) = 8
OPERATOR: constant(uint256) = 16
WITNESS: constant(uint256) = 64

MAX_NAMED: constant(uint256) = 16
# Accounts above a closed one that are looked at for an open one.
MAX_HEIGHT: constant(uint256) = 32
# What a line holds at most when something starts: larger terms could never be met.
MAX_AMOUNT: constant(uint256) = 2**62

_M160: constant(uint256) = 2**160 - 1
_SINCE: constant(uint256) = 160

LEDGER: public(immutable(address))
DIRECTORY: public(immutable(address))

# References an institution used here, each once: another party's reference cannot be used up by front-running.
is_done: public(HashMap[bytes32, HashMap[bytes32, bool]])
# Nonce of what an institution signs next here, where its acts come in an order: no other party can use it up.
next_nonce: public(HashMap[bytes32, uint256])


@deploy
def __init__():
    """
    @dev Only the factory deploys agreements.
    """
    LEDGER = staticcall IFactory(msg.sender).ledger()
    DIRECTORY = staticcall ILedger(LEDGER).directory()


# What is signed


@internal
@view
def _digest(struct_hash: bytes32, deadline: uint256) -> bytes32:
    """
    @dev What the parties sign, while it may still be handed in.
    @param struct_hash keccak256 of the type hash and the encoded fields, the deadline among them.
    @param deadline Chain time after which the signatures are void.
    @return bytes32 The EIP-712 digest.
    """
    assert block.timestamp <= deadline, "parties: signature expired"
    return signatures._digest(struct_hash)


@internal
def _signed(institution: bytes32, role: uint256, digest: bytes32, signature: Bytes[65]):
    """
    @dev Throws unless a signer who now holds the role for the institution signed.
    """
    who: address = self._signer(institution, role, digest, signature)
    log IAgreement.OperatorActed(digest=digest, operator=who)


@internal
@view
def _signer(institution: bytes32, role: uint256, digest: bytes32, signature: Bytes[65]) -> address:
    """
    @return address Who signed; throws unless that signer now holds the role for the institution.
    """
    who: address = signatures._recover(digest, signature)
    assert staticcall IDirectory(DIRECTORY).acts_for(who, institution, role), "parties: not signed for the party"
    return who


@internal
@view
def _term(who: address) -> uint256:
    """
    @return uint256 A signer and since when it is one, in one word: bits 0-159 and from 160.
    """
    return convert(who, uint256) | (staticcall IDirectory(DIRECTORY).signer(who)).since << _SINCE


@internal
@view
def _stands(term: uint256) -> bool:
    """
    @return bool Whether the signer of a word of `_term`, or the key that followed it, has been one ever since: its
        roles are those of then. Nobody is the signer of a word of zero.
    """
    latest: address = staticcall IDirectory(DIRECTORY).latest(convert(term & _M160, address))
    held: IDirectory.Signer = staticcall IDirectory(DIRECTORY).signer(latest)
    return held.roles != 0 and held.since == term >> _SINCE


@internal
def _signed_next(institution: bytes32, role: uint256, digest: bytes32, signature: Bytes[65]):
    """
    @dev Throws unless the institution signed under its next nonce here, which this uses up.
    """
    self._signed(institution, role, digest, signature)
    self.next_nonce[institution] += 1


@internal
def _once(institution: bytes32, reference: bytes32):
    """
    @dev Use up an institution's reference.
    """
    assert not self.is_done[institution][reference], "parties: repeated"
    self.is_done[institution][reference] = True


# What terms may name


@internal
@view
def _check_institutions(named: DynArray[bytes32, MAX_NAMED]):
    """
    @dev Throws unless all are institutions of the directory and no two are the same.
    """
    self._check_distinct(named)
    for institution: bytes32 in named:
        self._check_known(institution)


@internal
@view
def _check_known(institution: bytes32):
    """
    @dev Throws unless the directory has the institution.
    """
    assert staticcall IDirectory(DIRECTORY).institution_kind(institution) != 0, "parties: unknown institution"


@internal
@view
def _check_accounts(named: DynArray[bytes32, MAX_NAMED]):
    """
    @dev Throws unless all are open accounts of the first one's tree and no two are the same.
    """
    self._check_distinct(named)
    for account: bytes32 in named:
        self._check_beside(named[0], account)


@internal
@view
def _check_below_root(account: bytes32):
    """
    @dev Throws for the root account: whatever leaves a closed account next to it goes to the root.
    """
    held: IAccounts.Account = staticcall ILedger(LEDGER).account(account)
    assert held.parent != empty(bytes32), "parties: deposits on the root account"


@internal
@view
def _check_beside(account: bytes32, other: bytes32):
    """
    @dev Throws unless the other account is open and of the same tree.
    """
    assert self._is_open(other), "parties: account not open"
    tree: bytes32 = (staticcall ILedger(LEDGER).account(other)).tree
    assert tree == (staticcall ILedger(LEDGER).account(account)).tree, "parties: accounts of two trees"


@internal
@view
def _is_open(account: bytes32) -> bool:
    """
    @return bool Whether an account exists and is open.
    """
    held: IAccounts.Account = staticcall ILedger(LEDGER).account(account)
    return held.tree != empty(bytes32) and not held.closed


@internal
@view
def _check_controls(institution: bytes32, account: bytes32):
    """
    @dev Throws unless the institution controls the account: one it draws on by its signature, or that is paid as its own.
    """
    assert (
        staticcall ILedger(LEDGER).account(account)
    ).controller == institution, "parties: account of another institution"


@internal
@pure
def _check_distinct(named: DynArray[bytes32, MAX_NAMED]):
    """
    @dev Throws when two are the same.
    """
    seen: DynArray[bytes32, MAX_NAMED] = []
    for one: bytes32 in named:
        assert one not in seen, "parties: named twice"
        seen.append(one)


@internal
@pure
def _check_amount(amount: uint256):
    """
    @dev Throws unless an amount of the terms could ever rest on a line.
    """
    assert amount > 0 and amount <= MAX_AMOUNT, "parties: amount out of bounds"


# Money


@internal
@view
def _balance(account: bytes32, dye_class: bytes32) -> uint256:
    """
    @return uint256 What rests on an account's line, minor units.
    """
    return staticcall ILedger(LEDGER).account_balance(account, dye_class)


@internal
def _pay(account: bytes32, dye_class: bytes32, destination: bytes32, amount: uint256, info: bytes32, back: bool):
    """
    @dev Move money, if any, to an account; to the first other open one above it when it is closed, where the
        money of a closed account goes. So no party keeps the others' money here by closing an account. Where
        the root itself pays and no other is open, the money stays.
    @param back Whether it goes back to where it came from.
    """
    receiver: bytes32 = self._open_from(destination, account)
    if amount > 0 and receiver != account:
        extcall ILedger(LEDGER).transfer(account, dye_class, receiver, amount, info, back)


@internal
@view
def _open_from(destination: bytes32, payer: bytes32) -> bytes32:
    """
    @dev An account, or the first open one above it that is not the payer.
    """
    found: bytes32 = destination
    for _: uint256 in range(MAX_HEIGHT):
        held: IAccounts.Account = staticcall ILedger(LEDGER).account(found)
        if held.parent == empty(bytes32) or (not held.closed and found != payer):
            return found
        found = held.parent
    # The root is never closed.
    return (staticcall ILedger(LEDGER).account(destination)).tree
