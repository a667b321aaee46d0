# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Directory of institutions, signers, roles and quorums
@license Apache-2.0
@notice Governors of two institutions announce changes, which wait; suspension is immediate. The recovery signers,
    fixed at founding, stand above lost or rogue governors: while a recovery waits, no other change is applied
    and no key rotated, so that nobody can outrun it.
@custom:kill Suspend every governor: no role can be gained any more, unless by a recovery, which waits twice as long.
"""

from interfaces import IDirectory
from modules import signatures

implements: IDirectory

MAX_SIGNERS: constant(uint256) = 16
MAX_CHANGES: constant(uint256) = 64
# How many keys may follow a signer's first one: what `count_approvals` follows at most.
MAX_ROTATIONS: constant(uint256) = 16
MAX_DELAY_SECONDS: constant(uint256) = 365 * 86_400
# How long announced changes may be applied once their delay is over.
LAPSE_SECONDS: public(constant(uint256)) = 30 * 86_400

# Kinds of change: what `subject`, `institution`, `who` and `operand` mean.
ADD_INSTITUTION: constant(uint256) = 1  # institution, operand = kind (bank, agency, enterprise, auditor)
ADD_SIGNER: constant(uint256) = 2  # institution, who, operand = roles
ADD_MEMBER: constant(uint256) = 3  # subject = quorum, institution
REMOVE_MEMBER: constant(uint256) = 4  # subject = quorum, institution
SET_THRESHOLD: constant(uint256) = 5  # subject = quorum, operand = threshold
ROTATE_SIGNER: constant(uint256) = 6  # who = old key, operand = new key
SUSPEND_SIGNER: constant(uint256) = 7  # who, or the key that follows it; nothing happens if it is suspended

GOVERNOR: constant(uint256) = 1
MINTER: constant(uint256) = 2
SETTLER: constant(uint256) = 4
SUPERVISOR: constant(uint256) = 8
ATTESTER: constant(uint256) = 256
ALL_ROLES: constant(uint256) = 511
LAST_INSTITUTION_KIND: constant(uint256) = 4

CHANGES_TYPEHASH: constant(bytes32) = keccak256("Changes(bytes32 changes,uint256 nonce)")
RECOVERY_TYPEHASH: constant(bytes32) = keccak256("Recovery(bytes32 changes,uint256 nonce)")
WITHDRAWAL_TYPEHASH: constant(bytes32) = keccak256("Withdrawal(bytes32 change)")
SUSPENSION_TYPEHASH: constant(bytes32) = keccak256("Suspension(address signer,uint256 since)")
ROTATION_TYPEHASH: constant(bytes32) = keccak256("Rotation(address signer,address successor,uint256 since)")

# A signer's authority: roles in bits 0-15, since in bits 16-79, how many keys came before in bits 80-87.
_ROLES: constant(uint256) = 2**16 - 1
_SINCE: constant(uint256) = 16
_SINCE_MASK: constant(uint256) = 2**64 - 1
_ROTATIONS: constant(uint256) = 80
# Approvals are counted in 32 bits each: all of them, then by kind of institution.
_COUNT_BITS: constant(uint256) = 32
_COUNT_MASK: constant(uint256) = 2**32 - 1


struct Record:
    institution: bytes32
    authority: uint256


DELAY_SECONDS: public(immutable(uint256))
RECOVERY_DELAY: public(immutable(uint256))
RECOVERY_THRESHOLD: public(immutable(uint256))

is_recovery_signer: public(HashMap[address, bool])
institution_kind: public(HashMap[bytes32, uint256])
quorum_size: public(HashMap[bytes32, uint256])
quorum_threshold: public(HashMap[bytes32, uint256])
# When announced changes may be applied; zero when not announced, withdrawn or already applied.
ready_at: public(HashMap[bytes32, uint256])
next_nonce: public(uint256)
# Apart from the governors' nonces: they could spoil collected signatures by announcing something.
next_recovery_nonce: public(uint256)

# The recovery announced last, unless applied or withdrawn.
_recovery: bytes32
# Who signed an announced change.
_announcers: HashMap[bytes32, DynArray[address, MAX_SIGNERS]]
_signers: HashMap[address, Record]
# The key that followed a rotated one.
_successors: HashMap[address, address]
# The kind of each institution in a quorum; zero when it is not a member.
_member_kinds: HashMap[bytes32, HashMap[bytes32, uint256]]


@deploy
def __init__(
    delay_seconds: uint256,
    founding: DynArray[IDirectory.Change, MAX_CHANGES],
    recovery_signers: DynArray[address, MAX_SIGNERS],
    recovery_threshold: uint256,
):
    """
    @param delay_seconds How long an announced change waits before it may be applied; a recovery waits twice as long.
    @param founding The changes that make the first directory; at least two institutions must govern it.
    @param recovery_signers Who can announce recoveries, for ever. None of them is ever a signer.
    @param recovery_threshold How many of them must sign; two at least.
    """
    assert delay_seconds <= MAX_DELAY_SECONDS, "directory: delay over a year"
    DELAY_SECONDS = delay_seconds
    RECOVERY_DELAY = 2 * delay_seconds
    RECOVERY_THRESHOLD = recovery_threshold
    self._set_recovery_signers(recovery_signers, recovery_threshold)
    governors: DynArray[address, MAX_SIGNERS] = []
    for change: IDirectory.Change in founding:
        self._apply(change)
        if change.kind == ADD_SIGNER and change.operand & GOVERNOR != 0:
            assert len(governors) < MAX_SIGNERS, "directory: too many governors"
            governors.append(change.who)
    assert self._are_two_institutions(governors, GOVERNOR), "directory: two institutions must govern"


# Governors


@external
def announce(
    changes: DynArray[IDirectory.Change, MAX_CHANGES], consents: DynArray[Bytes[65], MAX_SIGNERS]
) -> bytes32:
    """
    @notice Announce changes; anyone may apply them once the delay is over.
    @param changes What to change, in order.
    @param consents Governors' signatures over the changes and the current nonce, rising by signer.
    @return bytes32 The id to apply or withdraw them by.
    """
    nonce: uint256 = self.next_nonce
    content: bytes32 = keccak256(abi_encode(changes))
    signers: DynArray[address, MAX_SIGNERS] = self._signers_of(
        keccak256(abi_encode(CHANGES_TYPEHASH, content, nonce)), consents
    )
    assert self._are_two_institutions(signers, GOVERNOR), "directory: governors of two institutions must sign"
    self.next_nonce = nonce + 1
    change_id: bytes32 = keccak256(abi_encode(content, nonce))
    self._announcers[change_id] = signers
    self._queue(change_id, changes, nonce, DELAY_SECONDS, False)
    return change_id


@external
def withdraw(change_id: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Stop announced changes for ever. A recovery can be withdrawn by the recovery signers only.
    @param change_id What was announced.
    @param consents Signatures over its id, rising by signer.
    """
    assert self.ready_at[change_id] != 0, "directory: not announced"
    signers: DynArray[address, MAX_SIGNERS] = self._signers_of(
        keccak256(abi_encode(WITHDRAWAL_TYPEHASH, change_id)), consents
    )
    if change_id == self._recovery:
        assert self._are_recovery_quorum(signers), "directory: recovery signers must sign"
        self._recovery = empty(bytes32)
    else:
        assert self._are_two_institutions(signers, GOVERNOR), "directory: governors of two institutions must sign"
    self._withdraw(change_id)


@external
def suspend(who: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Take every role from a signer at once. What it and the keys before it approved stops counting.
    @param who The signer to suspend.
    @param consents Over the signer and since when it is one: by one governor of its institution, or by
        governors of two institutions, rising by signer.
    """
    self._check_active(who)
    signers: DynArray[address, MAX_SIGNERS] = self._signers_of(
        keccak256(abi_encode(SUSPENSION_TYPEHASH, who, self._since(who))), consents
    )
    assert self._govern(
        signers, self._signers[who].institution
    ), "directory: own governor or two institutions must sign"
    self._suspend(who, signers[0])


@external
def rotate(old: address, new: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Give a signer another key at once. What the old key approved keeps counting, unless it is revoked, by
        either key; the old one can do nothing else.
    @param old The signer's key.
    @param new The key that follows; never a signer before.
    @param consents Over both keys and since when the old one is a signer, rising by signer: by both keys and
        by another governor of the institution, or governors of two institutions (the old key may be one of them).
    """
    assert self._pending_recovery() == empty(bytes32), "directory: recovery is pending"
    self._check_active(old)
    signers: DynArray[address, MAX_SIGNERS] = self._signers_of(
        keccak256(abi_encode(ROTATION_TYPEHASH, old, new, self._since(old))), consents
    )
    others: DynArray[address, MAX_SIGNERS] = []
    for who: address in signers:
        if who != old and who != new:
            others.append(who)
    # The new key signs too: else a governor could take an address that a recovery is about to add.
    assert len(others) + 2 == len(signers), "directory: both keys must sign"
    if not self._govern(others, self._signers[old].institution):
        others.append(old)
        assert self._are_two_institutions(others, GOVERNOR), "directory: another governor must sign"
    self._rotate(old, new)


# Recovery signers


@external
def announce_recovery(
    changes: DynArray[IDirectory.Change, MAX_CHANGES], consents: DynArray[Bytes[65], MAX_SIGNERS]
) -> bytes32:
    """
    @notice Announce changes that need no governor, for when governors are lost, suspended or rogue. Until they are
        applied, withdrawn or lapsed, no other change is applied and no key rotated; suspension still works.
        A recovery that waits already is withdrawn.
    @param changes What to change, in order.
    @param consents Recovery signers' signatures over the changes and the current nonce of recoveries, rising by
        signer.
    @return bytes32 The id to withdraw them by.
    """
    nonce: uint256 = self.next_recovery_nonce
    recovery_id: bytes32 = self._recovery_id(changes, nonce)
    signers: DynArray[address, MAX_SIGNERS] = self._signers_of(recovery_id, consents)
    assert self._are_recovery_quorum(signers), "directory: recovery signers must sign"
    # A rotation fails once its old key is suspended, which a rogue governor can do at any time.
    for change: IDirectory.Change in changes:
        assert change.kind != ROTATE_SIGNER, "directory: recovery rotates no key"
    if self._recovery != empty(bytes32):
        self._withdraw(self._recovery)
    self.next_recovery_nonce = nonce + 1
    self._recovery = recovery_id
    self._queue(recovery_id, changes, nonce, RECOVERY_DELAY, True)
    return recovery_id


# Anyone


@external
def apply(changes: DynArray[IDirectory.Change, MAX_CHANGES], nonce: uint256):
    """
    @notice Apply announced changes after the delay. Suspending a governor who signed them stops them.
    @param changes Exactly what was announced.
    @param nonce The nonce it was announced under.
    """
    assert self._pending_recovery() == empty(bytes32), "directory: recovery is pending"
    change_id: bytes32 = keccak256(abi_encode(keccak256(abi_encode(changes)), nonce))
    announced_at: uint256 = self._take(change_id) - DELAY_SECONDS
    assert self._still_govern(
        self._announcers[change_id], announced_at
    ), "directory: a governor who signed is suspended"
    self._apply_all(change_id, changes)


@external
def apply_recovery(changes: DynArray[IDirectory.Change, MAX_CHANGES], nonce: uint256):
    """
    @notice Apply an announced recovery after its delay.
    @param changes Exactly what was announced.
    @param nonce The nonce of recoveries it was announced under.
    """
    recovery_id: bytes32 = self._recovery_id(changes, nonce)
    self._take(recovery_id)
    self._recovery = empty(bytes32)
    self._apply_all(recovery_id, changes)


@view
@external
def pending_recovery() -> bytes32:
    """
    @notice Whether a recovery waits.
    @return bytes32 The recovery that keeps other changes from being applied, or zero.
    """
    return self._pending_recovery()


@view
@external
def signer(who: address) -> IDirectory.Signer:
    """
    @notice What is known about a signer.
    @param who The signer's key.
    @return Signer The institution, roles (zero when suspended or rotated), start and successor of a signer.
    """
    record: Record = self._signers[who]
    return IDirectory.Signer(
        institution=record.institution,
        roles=record.authority & _ROLES,
        since=self._since(who),
        successor=self._successors[who],
    )


@view
@external
def latest(who: address) -> address:
    """
    @notice Who acts for a signer by now.
    @param who A key, maybe one that was rotated.
    @return address The last of the keys that followed a signer's by rotation, or the signer's own.
    """
    return self._latest(who)


@view
@external
def holds(who: address, role: uint256) -> bool:
    """
    @notice Whether somebody may act in a role.
    @param who The signer's key.
    @param role One role, or several of which one is enough; a bit each.
    @return bool Whether the signer holds the role now.
    """
    return self._holds(who, role)


@view
@external
def acts_for(who: address, institution: bytes32, role: uint256) -> bool:
    """
    @notice Whether somebody may act in a role for an institution.
    @param who The signer's key.
    @param institution The institution.
    @param role One role, or several of which one is enough; a bit each.
    @return bool Whether the signer holds the role now, for that institution.
    """
    return self._acts_for(who, institution, role)


@view
@external
def is_member(quorum: bytes32, institution: bytes32) -> bool:
    """
    @notice Whether an institution is in a quorum.
    @param quorum The quorum.
    @param institution The institution.
    @return bool Whether the institution is in the quorum.
    """
    return self._member_kinds[quorum][institution] != 0


@view
@external
def are_two_institutions(signers: DynArray[address, MAX_SIGNERS], role: uint256) -> bool:
    """
    @notice Whether signers can decide what no institution decides alone.
    @param signers Who signed; distinct.
    @param role The role that each must hold.
    @return bool Whether every signer holds the role and they come from at least two institutions.
    """
    return self._are_two_institutions(signers, role)


@view
@external
def count_institutions(
    quorum: bytes32, signers: DynArray[address, MAX_SIGNERS], known_since: uint256
) -> uint256:
    """
    @notice Count the quorum's institutions that have a supervisor among the signers, each once. A rotated key
        does not count: this is about who signs now.
    @param quorum The quorum.
    @param signers Distinct signers.
    @param known_since A signer added after this time does not count.
    @return uint256 How many institutions sign, by what the directory says now.
    """
    return self._count(quorum, signers, known_since, False) & _COUNT_MASK


@view
@external
def count_approvals(
    quorum: bytes32, approvers: DynArray[address, MAX_SIGNERS], known_since: uint256
) -> uint256:
    """
    @notice Count the quorum's institutions that have a supervisor among the approvers, each once. A rotated key
        counts by the key that follows it.
    @param quorum The quorum.
    @param approvers Who approved, when each was a supervisor.
    @param known_since An approver added, or added again, after this time does not count.
    @return uint256 How many institutions approve, by what the directory says now: all in bits 0-31, then
        banks, agencies, enterprises and auditors, 32 bits each.
    """
    return self._count(quorum, approvers, known_since, True)


# Internal: reading


@internal
@view
def _holds(who: address, role: uint256) -> bool:
    """
    @dev Whether a signer holds a role now.
    """
    return self._signers[who].authority & _ROLES & role != 0


@internal
@view
def _acts_for(who: address, institution: bytes32, role: uint256) -> bool:
    """
    @dev Whether a signer holds a role now, for an institution.
    """
    record: Record = self._signers[who]
    return record.authority & _ROLES & role != 0 and record.institution == institution


@internal
@view
def _since(who: address) -> uint256:
    """
    @dev Since when a signer is one.
    """
    return (self._signers[who].authority >> _SINCE) & _SINCE_MASK


@internal
@view
def _latest(who: address) -> address:
    """
    @dev The last of the keys that followed a signer's, or the signer's own.
    """
    latest: address = who
    for _: uint256 in range(MAX_ROTATIONS):
        successor: address = self._successors[latest]
        if successor == empty(address):
            break
        latest = successor
    return latest


@internal
@view
def _are_two_institutions(signers: DynArray[address, MAX_SIGNERS], role: uint256) -> bool:
    """
    @dev Whether every signer holds the role and not all are of one institution.
    """
    if len(signers) < 2:
        return False
    first: bytes32 = self._signers[signers[0]].institution
    second_found: bool = False
    for who: address in signers:
        if not self._holds(who, role):
            return False
        if self._signers[who].institution != first:
            second_found = True
    return second_found


@internal
@view
def _govern(signers: DynArray[address, MAX_SIGNERS], institution: bytes32) -> bool:
    """
    @dev Whether signers may decide at once about an institution's signer: one governor of its own, or
        governors of two institutions.
    """
    if len(signers) == 1:
        return self._acts_for(signers[0], institution, GOVERNOR)
    return self._are_two_institutions(signers, GOVERNOR)


@internal
@view
def _still_govern(announcers: DynArray[address, MAX_SIGNERS], announced_at: uint256) -> bool:
    """
    @dev Whether those who announced a change then govern ever since, maybe by keys that followed theirs.
    """
    latest: DynArray[address, MAX_SIGNERS] = []
    for who: address in announcers:
        key: address = self._latest(who)
        if self._since(key) > announced_at:
            return False
        latest.append(key)
    return self._are_two_institutions(latest, GOVERNOR)


@internal
@view
def _are_recovery_quorum(signers: DynArray[address, MAX_SIGNERS]) -> bool:
    """
    @dev Whether enough recovery signers signed, and nobody else.
    """
    for who: address in signers:
        if not self.is_recovery_signer[who]:
            return False
    return len(signers) >= RECOVERY_THRESHOLD


@internal
@view
def _pending_recovery() -> bytes32:
    """
    @dev The recovery that waits and has not lapsed, or zero.
    """
    recovery_id: bytes32 = self._recovery
    if block.timestamp > self.ready_at[recovery_id] + LAPSE_SECONDS:
        return empty(bytes32)
    return recovery_id


@internal
@view
def _count(
    quorum: bytes32, signers: DynArray[address, MAX_SIGNERS], known_since: uint256, follow: bool
) -> uint256:
    """
    @dev Count institutions, all and by kind, each once; following rotated keys or not.
    """
    counts: uint256 = 0
    counted: DynArray[bytes32, MAX_SIGNERS] = []
    for who: address in signers:
        record: Record = self._signers[who]
        if follow and record.authority & _ROLES == 0:
            record = self._signers[self._latest(who)]
        if record.authority & SUPERVISOR == 0 or (record.authority >> _SINCE) & _SINCE_MASK > known_since:
            continue
        if record.institution in counted:
            continue
        kind: uint256 = self._member_kinds[quorum][record.institution]
        if kind != 0:
            counted.append(record.institution)
            counts += 1 | 1 << (_COUNT_BITS * kind)
    return counts


@internal
@view
def _signers_of(struct_hash: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]) -> DynArray[address, MAX_SIGNERS]:
    """
    @dev Who signed a struct; distinct.
    """
    return signatures._recover_all(signatures._digest(struct_hash), consents)


@internal
@pure
def _recovery_id(changes: DynArray[IDirectory.Change, MAX_CHANGES], nonce: uint256) -> bytes32:
    """
    @dev The id of a recovery, which is also the struct that is signed. No ordinary change has the same.
    """
    return keccak256(abi_encode(RECOVERY_TYPEHASH, keccak256(abi_encode(changes)), nonce))


@internal
@view
def _check_active(who: address):
    """
    @dev Throws unless a signer holds roles now.
    """
    assert self._successors[who] == empty(address), "directory: key was rotated"
    assert self._signers[who].authority & _ROLES != 0, "directory: not an active signer"


@internal
@view
def _check_key(who: address):
    """
    @dev Throws for a key that can never be a signer's.
    """
    assert who != empty(address), "directory: zero signer"
    assert not self.is_recovery_signer[who], "directory: recovery signer"


# Internal: announced changes


@internal
def _queue(
    change_id: bytes32,
    changes: DynArray[IDirectory.Change, MAX_CHANGES],
    nonce: uint256,
    delay_seconds: uint256,
    recovery: bool,
):
    """
    @dev Let changes wait.
    """
    assert len(changes) > 0, "directory: no changes"
    ready_at: uint256 = block.timestamp + delay_seconds
    self.ready_at[change_id] = ready_at
    log IDirectory.ChangesAnnounced(change_id=change_id, nonce=nonce, ready_at=ready_at, recovery=recovery)


@internal
def _withdraw(change_id: bytes32):
    """
    @dev Forget announced changes.
    """
    self.ready_at[change_id] = 0
    log IDirectory.ChangesWithdrawn(change_id=change_id)


@internal
def _take(change_id: bytes32) -> uint256:
    """
    @dev Take changes off the queue when it is time to apply them.
    @return uint256 Since when they could be applied.
    """
    ready_at: uint256 = self.ready_at[change_id]
    assert ready_at != 0, "directory: not announced"
    assert block.timestamp >= ready_at, "directory: delay not over"
    assert block.timestamp <= ready_at + LAPSE_SECONDS, "directory: announcement lapsed"
    self.ready_at[change_id] = 0
    return ready_at


@internal
def _apply_all(change_id: bytes32, changes: DynArray[IDirectory.Change, MAX_CHANGES]):
    """
    @dev Make all changes, or none.
    """
    for change: IDirectory.Change in changes:
        self._apply(change)
    log IDirectory.ChangesApplied(change_id=change_id)


# Internal: changes


@internal
def _apply(change: IDirectory.Change):
    """
    @dev Make one change. Refuses what would leave a quorum that one institution, or nobody, can reach.
    """
    if change.kind == ADD_INSTITUTION:
        self._add_institution(change)
    elif change.kind == ADD_SIGNER:
        self._add_signer(change)
    elif change.kind == ADD_MEMBER:
        self._add_member(change)
    elif change.kind == REMOVE_MEMBER:
        self._remove_member(change)
    elif change.kind == SET_THRESHOLD:
        self._set_threshold(change)
    elif change.kind == ROTATE_SIGNER:
        assert change.operand <= convert(max_value(uint160), uint256), "directory: not an address"
        self._check_active(change.who)
        self._rotate(change.who, convert(convert(change.operand, uint160), address))
    elif change.kind == SUSPEND_SIGNER:
        self._suspend(self._latest(change.who), empty(address))
    else:
        raise "directory: unknown change"


@internal
def _set_recovery_signers(recovery_signers: DynArray[address, MAX_SIGNERS], threshold: uint256):
    """
    @dev Fix who can announce recoveries. None of them can do so alone.
    """
    assert threshold >= 2, "directory: threshold below two"
    assert threshold <= len(recovery_signers), "directory: quorum unreachable"
    for who: address in recovery_signers:
        # Also refuses one that is named twice.
        self._check_key(who)
        self.is_recovery_signer[who] = True


@internal
def _add_institution(change: IDirectory.Change):
    """
    @dev Add an institution of a known kind, once.
    """
    assert change.institution != empty(bytes32), "directory: zero institution"
    assert self.institution_kind[change.institution] == 0, "directory: institution exists"
    assert change.operand >= 1 and change.operand <= LAST_INSTITUTION_KIND, "directory: unknown kind"
    self.institution_kind[change.institution] = change.operand
    log IDirectory.InstitutionAdded(institution=change.institution, kind=change.operand)


@internal
def _add_signer(change: IDirectory.Change):
    """
    @dev Add a signer, or give a suspended one roles again in its own institution.
    """
    self._check_key(change.who)
    self._check_roles(change.operand)
    assert self.institution_kind[change.institution] != 0, "directory: unknown institution"
    assert self._successors[change.who] == empty(address), "directory: key was rotated"
    record: Record = self._signers[change.who]
    assert record.authority & _ROLES == 0, "directory: signer is active"
    assert record.institution in [empty(bytes32), change.institution], "directory: signer of another institution"
    since: uint256 = block.timestamp
    if record.institution != empty(bytes32):
        # Later than this second and than ever before, so that nothing signed about or by the suspended signer
        # counts again.
        since = max(since, self._since(change.who)) + 1
    rotations: uint256 = record.authority >> _ROTATIONS
    self._signers[change.who] = Record(
        institution=change.institution, authority=change.operand | since << _SINCE | rotations << _ROTATIONS
    )
    log IDirectory.SignerAdded(who=change.who, institution=change.institution, roles=change.operand)


@internal
@pure
def _check_roles(roles: uint256):
    """
    @dev Throws for roles nobody may hold together: who attests what the bank booked does not bring it onto the
        ledger, by minting or by returns.
    """
    assert roles != 0 and roles <= ALL_ROLES, "directory: unknown roles"
    assert (
        roles & (MINTER | SETTLER) == 0 or roles & ATTESTER == 0
    ), "directory: attester mints or settles"


@internal
def _suspend(who: address, by: address):
    """
    @dev Take every role from a signer that has some; `by` is zero when announced changes do it.
    """
    authority: uint256 = self._signers[who].authority
    if authority & _ROLES == 0:
        return
    self._signers[who].authority = authority & ~_ROLES
    log IDirectory.SignerSuspended(who=who, by=by)


@internal
def _rotate(old: address, new: address):
    """
    @dev Let a new key follow an active signer's: same institution, roles and start.
    """
    self._check_key(new)
    assert self._signers[new].institution == empty(bytes32), "directory: not a new key"
    record: Record = self._signers[old]
    assert record.authority >> _ROTATIONS < MAX_ROTATIONS, "directory: rotated too often"
    self._signers[new] = Record(institution=record.institution, authority=record.authority + (1 << _ROTATIONS))
    self._signers[old].authority = record.authority & ~_ROLES
    self._successors[old] = new
    log IDirectory.SignerRotated(who=old, successor=new)


@internal
def _add_member(change: IDirectory.Change):
    """
    @dev Put an institution into a quorum.
    """
    kind: uint256 = self.institution_kind[change.institution]
    assert change.subject != empty(bytes32), "directory: zero quorum"
    assert kind != 0, "directory: unknown institution"
    assert self._member_kinds[change.subject][change.institution] == 0, "directory: already a member"
    self._member_kinds[change.subject][change.institution] = kind
    self.quorum_size[change.subject] += 1
    log IDirectory.QuorumMemberSet(quorum=change.subject, institution=change.institution, member=True)


@internal
def _remove_member(change: IDirectory.Change):
    """
    @dev Take an institution out of a quorum that stays reachable without it.
    """
    threshold: uint256 = self.quorum_threshold[change.subject]
    assert self._member_kinds[change.subject][change.institution] != 0, "directory: not a member"
    assert threshold != 0, "directory: threshold not set"
    assert self.quorum_size[change.subject] > threshold, "directory: quorum unreachable"
    self._member_kinds[change.subject][change.institution] = 0
    self.quorum_size[change.subject] -= 1
    log IDirectory.QuorumMemberSet(quorum=change.subject, institution=change.institution, member=False)


@internal
def _set_threshold(change: IDirectory.Change):
    """
    @dev Set how many institutions a quorum needs: two at least, so that none can reach it alone.
    """
    assert change.operand >= 2, "directory: threshold below two"
    # What a quorum decides takes no more signatures than that.
    assert change.operand <= MAX_SIGNERS, "directory: quorum unreachable"
    assert change.operand <= self.quorum_size[change.subject], "directory: quorum unreachable"
    self.quorum_threshold[change.subject] = change.operand
    log IDirectory.QuorumThresholdSet(quorum=change.subject, threshold=change.operand)
