# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Clauses: what agreements whose batches follow clauses of guards have in common
@license Apache-2.0
@notice Checks terms and publishes them, keeps what people gave to batches, and says what guards hold for a chunk.
    One serves all agreements; each sees only what it gave itself, and what is said here moves nothing.
@custom:kill Nothing to stop: agreements decide.
"""

from interfaces import IAgreement
from interfaces import IClauses
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from interfaces import IRegistry
from interfaces import ISupervision
from modules import given
from modules import guards
from modules import signatures

implements: IClauses
initializes: given

MAX_GUARDS: constant(uint256) = 24
MAX_SIGNERS: constant(uint256) = 16
SUPERVISOR: constant(uint256) = 8
OPERATOR: constant(uint256) = 16
WITNESS: constant(uint256) = 64

_M32: constant(uint256) = 2**32 - 1
_NO_LIMIT: constant(uint256) = max_value(uint256)


# States of other agreements.
OPEN: constant(uint256) = 1


# What the guards of one clause say about rows; `by_row` if any does.
struct Rows:
    by_row: bool
    payees: uint256
    most: uint256
    payee: uint256
    has_blacklist: bool


FACTORY: public(immutable(address))
LEDGER: public(immutable(address))
DIRECTORY: public(immutable(address))
REGISTRY: public(immutable(address))
SUPERVISION: public(immutable(address))


@deploy
def __init__(factory: address):
    """
    @param factory The agreement factory of the network.
    """
    FACTORY = factory
    LEDGER = staticcall IFactory(factory).ledger()
    REGISTRY = staticcall IFactory(factory).registry()
    DIRECTORY = staticcall ILedger(LEDGER).directory()
    SUPERVISION = staticcall ILedger(LEDGER).SUPERVISION()


# Agreements


@external
def publish(
    terms: DynArray[IAgreement.Guard, MAX_GUARDS], allowed_kinds: uint256, size: uint256, root: bytes32
) -> (address, uint256, bytes32):
    """
    @notice Check terms and write them into the code of a new account. Terms made from another roster than the one in
        force are refused, so that they put nobody in another payee's place.
    @param terms Clauses of guards.
    @param allowed_kinds One bit a kind that the agreement can enforce.
    @param size Number of payees of the roster in force; zero where there is none.
    @param root Its root.
    @return (address, uint256, bytes32) Where they stand; size and root of the roster to take.
    """
    at: address = guards._publish(terms, allowed_kinds)
    for guard: IAgreement.Guard in terms:
        if guard.kind == guards.ROSTER:
            if guard.a != size or guard.subject != root:
                assert size == 0 or guard.party == root, "clauses: terms extend another roster"
                assert guard.a > size, "clauses: roster does not grow"
            return at, guard.a, guard.subject
    return at, size, root


@external
def give(
    terms: address,
    batch: bytes32,
    kind: uint256,
    subject: bytes32,
    who: address,
    moment: uint256,
    known_since: uint256,
) -> bytes32:
    """
    @notice Keep what somebody gave to a batch of the sender by signature, if its terms ask it of this signer.
    @param terms The terms of the batch.
    @param batch The batch.
    @param kind APPROVAL, EVIDENCE or COUNTERSIGN.
    @param subject The kind of evidence; else zero.
    @param who The signer.
    @param moment When it was given, or observed.
    @param known_since The signer must be one since then.
    @return bytes32 The signer's institution.
    """
    return self._give(terms, batch, kind, subject, who, moment, known_since)


@external
def give_document(
    terms: address,
    document: bytes32,
    kind: bytes32,
    holder: bytes32,
    payee: uint256,
    amount: uint256,
    who: address,
) -> bool:
    """
    @notice Keep who registered a document of the sender, or confirmed it in the same words.
    @param terms The terms that ask for it.
    @param document The document.
    @param kind The kind of document.
    @param holder The institution it belongs to.
    @param payee Roster index of whom it pays.
    @param amount What it is good for, minor units.
    @param who The signer.
    @return bool Whether the registry has it in the same words; else the sender registers it.
    """
    self._give(terms, document, guards.DOCUMENT, kind, who, block.timestamp, block.timestamp)
    held: IRegistry.Document = staticcall IRegistry(REGISTRY).document(document)
    return (
        held.agreement == msg.sender
        and held.kind == kind
        and held.holder == holder
        and held.payee == payee
        and held.amount == amount
    )


@external
def revoke(batch: bytes32, who: address):
    """
    @notice Take back an approval of a batch of the sender, for good.
    @param batch The batch.
    @param who Who approved, or the key that followed that one.
    """
    given._revoke(DIRECTORY, self._key(msg.sender, batch), guards.APPROVAL, who)


@view
@external
def judge(facts: IClauses.Facts) -> IClauses.Verdict:
    """
    @notice Evaluate guards for a whole chunk of a batch of the sender, by what the directory and others say now.
        Refuse if a clause has no guard left that could still be satisfied row by row.
    @param facts What the sender knows of the batch.
    @return Verdict What is left to look at in every row.
    """
    verdict: IClauses.Verdict = empty(IClauses.Verdict)
    verdict.met = facts.met | self._waived(facts.terms, facts.terms_hash, facts.account, facts.batch)
    verdict.payees = _NO_LIMIT
    verdict.most = _NO_LIMIT
    verdict.payee = _NO_LIMIT
    silent: Rows = Rows(by_row=False, payees=_NO_LIMIT, most=_NO_LIMIT, payee=_NO_LIMIT, has_blacklist=False)
    rows: Rows = silent
    number: uint256 = guards._length(facts.terms)
    guard: IAgreement.Guard = guards._guard(facts.terms, 0)
    for i: uint256 in range(number, bound=MAX_GUARDS):
        is_met: bool = verdict.met >> guard.clause & 1 == 1
        limit: uint256 = guard.a
        observed: uint256 = 0
        if guard.kind == guards.PAYEE_CAP:
            rows.by_row = True
            window: uint256 = guards._window(guard, block.timestamp)
            verdict.turns = (
                verdict.turns or facts.turned_at == 0 or window != guards._window(guard, facts.turned_at)
            )
            if is_met:
                limit = _NO_LIMIT
            verdict.caps[verdict.cap_count] = IClauses.PayeeCap(
                counter=convert(guards._counter(guard), uint256), window=window, most=limit
            )
            verdict.cap_count += 1
        elif is_met:
            pass
        elif guard.kind == guards.ROSTER:
            rows.by_row = True
            rows.payees = facts.roster_size
        elif guard.kind == guards.PAYOUT_CAP:
            rows.by_row = True
            rows.most = min(rows.most, limit)
        elif guard.kind == guards.BLACKLIST:
            rows.by_row = True
            rows.has_blacklist = True
        elif not guards._is(guards.COUNTED, guard.kind):
            is_met, limit, observed = self._look(facts, guard)
        elif facts.counted >> i & 1 == 0 or guard.kind == guards.DOCUMENT and not self._stands(facts.document, guard):
            limit = 0
        elif guard.kind == guards.DOCUMENT:
            rows.by_row = True
            rows.payee = (staticcall IRegistry(REGISTRY).document(facts.document)).payee
        else:
            is_met = True
        if is_met:
            verdict.met |= 1 << guard.clause
        following: IAgreement.Guard = guards._after(facts.terms, i, number)
        if following.clause != guard.clause:
            if verdict.met >> guard.clause & 1 == 0:
                if not rows.by_row:
                    guards._refuse(guard.clause, i, guard.kind, limit, observed)
                verdict.payees = min(verdict.payees, rows.payees)
                verdict.most = min(verdict.most, rows.most)
                verdict.payee = min(verdict.payee, rows.payee)
                verdict.has_blacklist = verdict.has_blacklist or rows.has_blacklist
            rows = silent
        guard = following
    if verdict.payee != _NO_LIMIT:
        verdict.first = verdict.payee
        verdict.payees = min(verdict.payees, verdict.payee + 1)
        verdict.payees -= min(verdict.payees, verdict.first)
    return verdict


@view
@external
def approvers(agreement: address, batch: bytes32) -> DynArray[address, MAX_SIGNERS]:
    """
    @notice Who stands behind a batch.
    @param agreement The agreement the batch is of.
    @param batch The batch.
    @return DynArray Who approved and did not revoke it, whether or not it still counts.
    """
    return given._since(self._key(agreement, batch), guards.APPROVAL, 0)


@view
@external
def document_room(guard: IAgreement.Guard, document: bytes32, total: uint256) -> (uint256, uint256, uint256):
    """
    @notice What a DOCUMENT guard says of a document of the sender, for a batch.
    @param guard The guard.
    @param document The document.
    @param total Sum of the batch, minor units.
    @return (uint256, uint256, uint256) Code, limit and observed value.
    """
    if not self._stands(document, guard):
        return guards.DOCUMENT, 0, 0
    held: IRegistry.Document = staticcall IRegistry(REGISTRY).document(document)
    return guards.DOCUMENT_AMOUNT, held.amount, held.used + total


@view
@external
def agrees(
    quorum: bytes32, digest: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS], one_is_enough: bool
) -> bool:
    """
    @notice Whether supervisors of a quorum signed.
    @param quorum The quorum.
    @param digest What they sign.
    @param consents Their signatures, rising by signer.
    @param one_is_enough Whether one institution of it is enough; else its threshold is.
    @return bool Whether they do; of a quorum that there is not, nobody does.
    """
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    needed: uint256 = staticcall IDirectory(DIRECTORY).quorum_threshold(quorum)
    if one_is_enough:
        needed = min(needed, 1)
    counted: uint256 = staticcall IDirectory(DIRECTORY).count_institutions(quorum, signers, block.timestamp)
    return needed > 0 and counted >= needed


@view
@external
def waived(terms: address, terms_hash: bytes32, account: bytes32, batch: bytes32) -> uint256:
    """
    @notice Which clauses of a batch need not be satisfied.
    @param terms Where the terms stand.
    @param terms_hash Their hash, which a waiver is bound to.
    @param account The account the batch draws on.
    @param batch The batch.
    @return uint256 One bit a clause of these terms that is waived for a batch now.
    """
    return self._waived(terms, terms_hash, account, batch)


# Internal


@internal
@pure
def _key(agreement: address, batch: bytes32) -> bytes32:
    """
    @dev What a batch is kept under, so that nobody but its agreement adds to it.
    """
    return keccak256(abi_encode(agreement, batch))


@internal
def _give(
    terms: address,
    batch: bytes32,
    kind: uint256,
    subject: bytes32,
    who: address,
    moment: uint256,
    known_since: uint256,
) -> bytes32:
    """
    @dev Keep what somebody gave to a batch or document of the sender, if its terms ask it of this signer.
    """
    role: uint256 = WITNESS
    if kind == guards.APPROVAL:
        role = SUPERVISOR
    elif kind == guards.COUNTERSIGN:
        role = OPERATOR
    signer: IDirectory.Signer = staticcall IDirectory(DIRECTORY).signer(who)
    assert signer.roles & role != 0, "clauses: signer lacks the role"
    assert self._is_asked(terms, kind, subject, signer.institution), "clauses: not asked of this institution"
    assert signer.since <= known_since, "clauses: signer is newer than what it signs"
    renews: bool = kind == guards.EVIDENCE or kind == guards.DOCUMENT
    given._give(DIRECTORY, self._key(msg.sender, batch), kind, subject, who, moment, renews)
    return signer.institution


@internal
@view
def _waived(terms: address, terms_hash: bytes32, account: bytes32, batch: bytes32) -> uint256:
    """
    @dev One bit a clause of terms that is waived for a batch now, without the clauses that nobody waives.
    """
    waived: uint256 = staticcall ISupervision(SUPERVISION).waived(account, batch, terms_hash)
    if waived != 0:
        for i: uint256 in range(guards._length(terms), bound=MAX_GUARDS):
            guard: IAgreement.Guard = guards._guard(terms, i)
            if guards._is(guards.NEVER_WAIVED, guard.kind):
                waived &= ~(1 << guard.clause)
    return waived


@internal
@view
def _is_asked(terms: address, kind: uint256, subject: bytes32, institution: bytes32) -> bool:
    """
    @dev Whether some guard asks an institution for this.
    """
    for i: uint256 in range(guards._length(terms), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards._guard(terms, i)
        party: bytes32 = guard.party
        if kind == guards.APPROVAL and (guard.kind == kind or guard.kind == guards.WAITING):
            party = guard.subject
        elif guard.kind != kind or guard.subject != subject:
            continue
        if given._is_of(DIRECTORY, institution, party, kind == guards.APPROVAL or guard.b > 1):
            return True
    return False


@internal
@view
def _stands(document: bytes32, guard: IAgreement.Guard) -> bool:
    """
    @dev Whether somebody who registered a document of the sender, or confirmed it, is still a witness of the
        institution that a DOCUMENT guard asks for.
    """
    kind: uint256 = guards.DOCUMENT
    key: bytes32 = self._key(msg.sender, document)
    return given._count(DIRECTORY, key, kind, guard.subject, WITNESS, guard.party, False, guards.MAX_SECONDS) > 0


@internal
@view
def _look(facts: IClauses.Facts, guard: IAgreement.Guard) -> (bool, uint256, uint256):
    """
    @dev Whether a guard holds for a whole chunk, its limit and what is observed.
    """
    kind: uint256 = guard.kind
    if kind == guards.APPROVAL or kind == guards.WAITING:
        return self._look_at_approvals(facts, guard)
    if kind == guards.AGREEMENT_STATE:
        return self._look_at_agreement(guard)
    if kind == guards.TIME_WINDOW or kind == guards.CALENDAR_DAY:
        return guards._look_at_clock(guard)
    if kind == guards.BATCH_CAP:
        return False, guard.a, facts.total
    if kind == guards.DYE_CLASS:
        return False, convert(guard.subject, uint256), 0
    role: uint256 = OPERATOR
    freshness: uint256 = guards.MAX_SECONDS
    if kind == guards.EVIDENCE:
        role = WITNESS
        freshness = guard.a
    limit: uint256 = max(guard.b, 1)
    observed: uint256 = given._count(
        DIRECTORY,
        self._key(msg.sender, facts.batch),
        kind,
        guard.subject,
        role,
        guard.party,
        guard.b > 1,
        freshness,
    )
    return observed >= limit, limit, observed


@internal
@view
def _look_at_approvals(facts: IClauses.Facts, guard: IAgreement.Guard) -> (bool, uint256, uint256):
    """
    @dev Whether enough institutions approve, of every kind; long enough ago, where the guard asks that.
    """
    limit: uint256 = guard.a
    quotas: uint256 = guard.b
    age: uint256 = 0
    if guard.kind == guards.WAITING:
        limit = guard.b
        quotas = 0
        age = guard.a
    counts: uint256 = staticcall IDirectory(DIRECTORY).count_approvals(
        guard.subject,
        given._since(self._key(msg.sender, facts.batch), guards.APPROVAL, age),
        facts.reserved_at,
    )
    for _: uint256 in range(guards.INSTITUTION_KINDS):
        if counts & _M32 < limit or quotas == 0:
            break
        counts >>= 32
        limit = quotas & _M32
        quotas >>= 32
    return counts & _M32 >= limit, limit, counts & _M32


@internal
@view
def _look_at_agreement(guard: IAgreement.Guard) -> (bool, uint256, uint256):
    """
    @dev Whether another agreement is in a state, or its account holds enough. Open is only one that is active, and
        only what an active one holds counts; other states outlive it, but not those of one that never was.
    """
    other: address = convert(convert(guard.party, uint160), address)
    held: IFactory.Instance = staticcall IFactory(FACTORY).instance(other)
    limit: uint256 = guard.a
    if guard.a == guards.BALANCE:
        limit = guard.b
    if not held.active and (guard.a == OPEN or guard.a == guards.BALANCE or held.version == 0):
        return False, limit, 0
    if guard.a == guards.BALANCE:
        balance: uint256 = staticcall ILedger(LEDGER).account_balance(
            staticcall IAgreement(other).account(), guard.subject
        )
        return balance >= limit, limit, balance
    state: uint256 = staticcall IAgreement(other).state()
    return state == limit, limit, state
