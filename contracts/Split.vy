# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Split: one receipt to several parties, and a refund rolled back over all of them
@license Apache-2.0
@notice Whatever rests on the account when somebody clears it is one receipt: fixed fees come off once, in the
    order of the parts and as far as it reaches, then shares of what the fees leave, rounded down and capped; the
    rest goes to one account. What a receipt gave to whom follows from its total, so only that is kept.
@custom:kill Freezing the account on the Ledger stops it; the quorum may retire it.
"""

from interfaces import IAgreement
from interfaces import ILedger
from interfaces import ISplit
from modules import parties
from modules import proportion

implements: IAgreement
initializes: parties
exports: (parties.LEDGER, parties.DIRECTORY, parties.is_done)

# With the account itself and that of the rest, as many accounts as an agreement may draw on.
MAX_PARTS: constant(uint256) = 14
MAX_ACCOUNTS: constant(uint256) = 16
WHOLE_BP: constant(uint256) = 10_000
# What becomes of it: it never ends.
OPEN: constant(uint256) = 1

_M64: constant(uint256) = 2**64 - 1
_REFUNDED: constant(uint256) = 64

REFUND_TYPEHASH: constant(bytes32) = keccak256(
    "SplitRefund(uint256 receipt,uint256 amount,bytes32 reference,uint256 deadline)"
)

account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
REFUND_TO: public(immutable(bytes32))
terms_hash: public(immutable(bytes32))
_PARTS: immutable(DynArray[ISplit.Part, MAX_PARTS])
# The account, those of the parts in their order, that of the rest.
_ACCOUNTS: immutable(DynArray[bytes32, MAX_ACCOUNTS])

# Number of receipts; the first is 1.
receipts: public(uint256)
# By number: total in bits 0-63, what of it was refunded in bits 64-127.
_receipts: HashMap[uint256, uint256]


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    parts_: DynArray[ISplit.Part, MAX_PARTS],
    remainder_to: bytes32,
    refund_to: bytes32,
):
    """
    @param account_ The account whose money is divided.
    @param dye_class The line of that account.
    @param parts_ Who gets what.
    @param remainder_to The account that gets the rest, rounding included.
    @param refund_to The payer's account, to which refunds go.
    """
    parties.__init__()
    assert len(parts_) > 0, "split: no parts"
    named: DynArray[bytes32, MAX_ACCOUNTS] = [account_]
    shared_bp: uint256 = 0
    for part: ISplit.Part in parts_:
        self._check_part(part)
        shared_bp += part.share_bp
        named.append(part.account)
    assert shared_bp <= WHOLE_BP, "split: shares above the whole"
    named.append(remainder_to)
    parties._check_accounts(named)
    assert refund_to not in named, "parties: named twice"
    parties._check_beside(account_, refund_to)
    account = account_
    DYE_CLASS = dye_class
    REFUND_TO = refund_to
    _PARTS = parts_
    _ACCOUNTS = named
    terms_hash = keccak256(abi_encode(account_, dye_class, parts_, remainder_to, refund_to))


# Anyone


@external
def clear() -> uint256:
    """
    @notice Divide all that rests on the account, as one receipt.
    @return uint256 The receipt's number.
    """
    total: uint256 = parties._balance(account, DYE_CLASS)
    assert total > 0, "split: nothing to divide"
    receipt: uint256 = self.receipts + 1
    self.receipts = receipt
    self._receipts[receipt] = total
    amounts: DynArray[uint256, MAX_ACCOUNTS] = self._divide(total)
    log ISplit.Divided(receipt=receipt, total=total, amounts=amounts)
    for i: uint256 in range(len(amounts), bound=MAX_ACCOUNTS):
        parties._pay(account, DYE_CLASS, _ACCOUNTS[i + 1], amounts[i], convert(receipt, bytes32), False)
    return receipt


# Operators of the account's controller, by signature


@external
def refund(receipt: uint256, amount: uint256, reference: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Give part of a receipt back to its payer, from all who got of it in proportion to what they got.
        However many steps it takes, refunding the whole takes from each exactly what it got. Nothing moves
        unless every party has its part.
    @param receipt The receipt's number.
    @param amount Minor units.
    @param reference The operator's reference; the agreement takes it once.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(REFUND_TYPEHASH, receipt, amount, reference, deadline)), deadline
    )
    controller: bytes32 = (staticcall ILedger(parties.LEDGER).account(account)).controller
    parties._signed(controller, parties.OPERATOR, digest, signature)
    parties._once(controller, reference)
    assert amount > 0, "split: nothing to refund"
    amounts: DynArray[uint256, MAX_ACCOUNTS] = self._rolled_back(receipt, amount)
    assert self._lacking(amounts) == empty(bytes32), "split: a party lacks its part of the refund"
    self._receipts[receipt] += amount << _REFUNDED
    log ISplit.RolledBack(receipt=receipt, reference=reference, amount=amount, amounts=amounts)
    for i: uint256 in range(len(amounts), bound=MAX_ACCOUNTS):
        parties._pay(_ACCOUNTS[i + 1], DYE_CLASS, REFUND_TO, amounts[i], reference, True)


# The factory


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Its terms are those it was deployed with.
    @param arguments Encoded terms; not looked at.
    """
    raise "split: terms do not change"


# Anyone may look


@view
@external
def accounts() -> DynArray[bytes32, MAX_ACCOUNTS]:
    """
    @notice Where it draws on money.
    @return DynArray The account, those of the parts in their order, that of the rest: a refund draws on them.
    """
    return _ACCOUNTS


@view
@external
def terms() -> DynArray[IAgreement.Guard, 24]:
    """
    @notice Its terms, as guards.
    @return DynArray No guards.
    """
    return []


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
def state() -> uint256:
    """
    @notice Where it stands.
    @return uint256 Open.
    """
    return OPEN


@view
@external
def parts() -> DynArray[ISplit.Part, MAX_PARTS]:
    """
    @notice How receipts are divided.
    @return DynArray Who gets what.
    """
    return _PARTS


@view
@external
def receipt(receipt: uint256) -> ISplit.Receipt:
    """
    @notice What became of a receipt.
    @param receipt Its number, from one.
    @return Receipt What a receipt divided and what of it was refunded.
    """
    return self._receipt(receipt)


@view
@external
def divided(total: uint256) -> DynArray[uint256, MAX_ACCOUNTS]:
    """
    @notice How a receipt would be divided.
    @param total Minor units.
    @return DynArray What each party gets of a receipt of this total, the rest last; minor units.
    """
    return self._divide(total)


@view
@external
def rolled_back(receipt: uint256, amount: uint256) -> DynArray[uint256, MAX_ACCOUNTS]:
    """
    @notice How a refund would be borne.
    @param receipt Number of the receipt, from one.
    @param amount Minor units of the refund.
    @return DynArray What each party would give back for a refund now, the rest last; minor units.
    """
    return self._rolled_back(receipt, amount)


@view
@external
def lacking(receipt: uint256, amount: uint256) -> bytes32:
    """
    @notice What stands in the way of a refund.
    @param receipt Number of the receipt, from one.
    @param amount Minor units of the refund.
    @return bytes32 The first account that lacks its part of a refund now; zero when none does.
    """
    return self._lacking(self._rolled_back(receipt, amount))


# Internal


@internal
@pure
def _check_part(part: ISplit.Part):
    """
    @dev Throws unless a part gives something and its cap leaves room for its fee.
    """
    assert part.share_bp <= WHOLE_BP, "split: shares above the whole"
    assert part.fee_minor > 0 or part.share_bp > 0, "split: empty part"
    assert part.fee_minor <= parties.MAX_AMOUNT, "parties: amount out of bounds"
    assert part.cap_minor == 0 or part.cap_minor >= part.fee_minor, "split: cap below the fee"


@internal
@view
def _divide(total: uint256) -> DynArray[uint256, MAX_ACCOUNTS]:
    """
    @dev What each party gets of a receipt, the rest last.
    """
    assert total <= parties.MAX_AMOUNT, "parties: amount out of bounds"
    parts: DynArray[ISplit.Part, MAX_PARTS] = _PARTS
    amounts: DynArray[uint256, MAX_ACCOUNTS] = []
    left: uint256 = total
    for part: ISplit.Part in parts:
        fee: uint256 = min(part.fee_minor, left)
        left -= fee
        amounts.append(fee)
    rest: uint256 = left
    for i: uint256 in range(len(parts), bound=MAX_PARTS):
        share: uint256 = left * parts[i].share_bp // WHOLE_BP
        if parts[i].cap_minor > 0:
            share = min(share, parts[i].cap_minor - amounts[i])
        rest -= share
        amounts[i] += share
    amounts.append(rest)
    return amounts


@internal
@view
def _receipt(receipt: uint256) -> ISplit.Receipt:
    """
    @dev A receipt; zero when there is none of this number.
    """
    word: uint256 = self._receipts[receipt]
    return ISplit.Receipt(total=word & _M64, refunded=word >> _REFUNDED)


@internal
@view
def _rolled_back(receipt: uint256, amount: uint256) -> DynArray[uint256, MAX_ACCOUNTS]:
    """
    @dev What each party gives back for a refund, the rest last.
    """
    held: ISplit.Receipt = self._receipt(receipt)
    assert held.total > 0, "split: unknown receipt"
    assert amount <= held.total - held.refunded, "split: more than is left of the receipt"
    return proportion._steps(self._divide(held.total), held.refunded, amount)


@internal
@view
def _lacking(amounts: DynArray[uint256, MAX_ACCOUNTS]) -> bytes32:
    """
    @dev The first account that lacks its amount; zero when none does.
    """
    for i: uint256 in range(len(amounts), bound=MAX_ACCOUNTS):
        if amounts[i] > 0 and parties._balance(_ACCOUNTS[i + 1], DYE_CLASS) < amounts[i]:
            return _ACCOUNTS[i + 1]
    return empty(bytes32)
