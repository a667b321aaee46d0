# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Directory of institutions, signers, roles and quorums
@license Apache-2.0
@notice Changes need governors of two institutions and a delay; suspension is immediate.
@custom:kill Suspend every governor: nothing can change any more, and no role can be gained.
"""

from interfaces import IDirectory
from modules import signatures

implements: IDirectory

MAX_SIGNERS: constant(uint256) = 16
MAX_CHANGES: constant(uint256) = 64

# Kinds of change: what `subject`, `institution`, `who` and `operand` mean.
ADD_INSTITUTION: constant(uint256) = 1  # institution, operand = kind (bank, agency, enterprise, auditor)
ADD_SIGNER: constant(uint256) = 2  # institution, who, operand = roles
ADD_MEMBER: constant(uint256) = 3  # subject = quorum, institution
REMOVE_MEMBER: constant(uint256) = 4  # subject = quorum, institution
SET_THRESHOLD: constant(uint256) = 5  # subject = quorum, operand = threshold

GOVERNOR: constant(uint256) = 1
SUPERVISOR: constant(uint256) = 8
ALL_ROLES: constant(uint256) = 255
LAST_INSTITUTION_KIND: constant(uint256) = 4

CHANGES_TYPEHASH: constant(bytes32) = keccak256("Changes(bytes32 changes,uint256 nonce)")
SUSPENSION_TYPEHASH: constant(bytes32) = keccak256("Suspension(address signer,uint256 since)")

DELAY_SECONDS: public(immutable(uint256))

institution_kind: public(HashMap[bytes32, uint256])
is_member: public(HashMap[bytes32, HashMap[bytes32, bool]])
quorum_size: public(HashMap[bytes32, uint256])
quorum_threshold: public(HashMap[bytes32, uint256])
# When announced changes may be applied; zero when not announced or already applied.
ready_at: public(HashMap[bytes32, uint256])
next_nonce: public(uint256)
# Who signed an announced change.
_announcers: HashMap[bytes32, DynArray[address, MAX_SIGNERS]]

_signers: HashMap[address, IDirectory.Signer]


@deploy
def __init__(delay_seconds: uint256, founding: DynArray[IDirectory.Change, MAX_CHANGES]):
    """
    @param delay_seconds How long an announced change waits before it may be applied.
    @param founding The changes that make the first directory; at least two institutions must govern it.
    """
    DELAY_SECONDS = delay_seconds
    governors: DynArray[address, MAX_SIGNERS] = []
    for change: IDirectory.Change in founding:
        self._apply(change)
        if change.kind == ADD_SIGNER and change.operand & GOVERNOR != 0:
            assert len(governors) < MAX_SIGNERS, "directory: too many governors"
            governors.append(change.who)
    assert self._are_two_institutions(governors, GOVERNOR), "directory: two institutions must govern"


# Governors of two institutions


@external
def announce(
    changes: DynArray[IDirectory.Change, MAX_CHANGES], consents: DynArray[Bytes[65], MAX_SIGNERS]
) -> bytes32:
    """
    @notice Announce changes; anyone may apply them once the delay is over.
    @param changes What to change, in order.
    @param consents Governors' signatures over the changes and the current nonce, rising by signer.
    @return bytes32 The id to apply them by.
    """
    assert len(changes) > 0, "directory: no changes"
    nonce: uint256 = self.next_nonce
    content: bytes32 = keccak256(abi_encode(changes))
    digest: bytes32 = signatures._digest(keccak256(abi_encode(CHANGES_TYPEHASH, content, nonce)))
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    assert self._are_two_institutions(signers, GOVERNOR), "directory: governors of two institutions must sign"
    self.next_nonce = nonce + 1
    change_id: bytes32 = keccak256(abi_encode(content, nonce))
    self.ready_at[change_id] = block.timestamp + DELAY_SECONDS
    self._announcers[change_id] = signers
    log IDirectory.ChangesAnnounced(change_id=change_id, nonce=nonce, ready_at=block.timestamp + DELAY_SECONDS)
    return change_id


@external
def suspend(who: address, signature: Bytes[65]):
    """
    @notice Take every role from a signer at once. Approvals it gave stop counting.
    @param who The signer to suspend.
    @param signature By a governor, over the signer and since when it is one.
    """
    since: uint256 = self._signers[who].since
    digest: bytes32 = signatures._digest(keccak256(abi_encode(SUSPENSION_TYPEHASH, who, since)))
    by: address = signatures._recover(digest, signature)
    assert self._holds(by, GOVERNOR), "directory: not a governor"
    assert self._signers[who].roles != 0, "directory: not an active signer"
    self._signers[who].roles = 0
    log IDirectory.SignerSuspended(who=who, by=by)


# Anyone


@external
def apply(changes: DynArray[IDirectory.Change, MAX_CHANGES], nonce: uint256):
    """
    @notice Apply announced changes after the delay. Suspending a governor who signed them stops them.
    @param changes Exactly what was announced.
    @param nonce The nonce it was announced under.
    """
    change_id: bytes32 = keccak256(abi_encode(keccak256(abi_encode(changes)), nonce))
    ready_at: uint256 = self.ready_at[change_id]
    assert ready_at != 0, "directory: not announced"
    assert block.timestamp >= ready_at, "directory: delay not over"
    assert self._are_two_institutions(self._announcers[change_id], GOVERNOR), "directory: a governor who signed is suspended"
    self.ready_at[change_id] = 0
    for change: IDirectory.Change in changes:
        self._apply(change)


@view
@external
def signer(who: address) -> IDirectory.Signer:
    """
    @return Signer The institution, roles (zero when suspended) and start of a signer.
    """
    return self._signers[who]


@view
@external
def holds(who: address, role: uint256) -> bool:
    """
    @return bool Whether the signer holds the role now.
    """
    return self._holds(who, role)


@view
@external
def acts_for(who: address, institution: bytes32, role: uint256) -> bool:
    """
    @return bool Whether the signer holds the role now, for that institution.
    """
    return self._holds(who, role) and self._signers[who].institution == institution


@view
@external
def are_two_institutions(signers: DynArray[address, MAX_SIGNERS], role: uint256) -> bool:
    """
    @return bool Whether every signer holds the role and they come from at least two institutions.
    """
    return self._are_two_institutions(signers, role)


@view
@external
def count_institutions(
    quorum: bytes32, signers: DynArray[address, MAX_SIGNERS], known_since: uint256
) -> uint256:
    """
    @notice Count the quorum's institutions that have a supervisor among the signers, each once.
    @param quorum The quorum.
    @param signers Distinct signers.
    @param known_since A signer added after this time does not count.
    @return uint256 How many institutions approve, by what the directory says now.
    """
    counted: DynArray[bytes32, MAX_SIGNERS] = []
    for who: address in signers:
        record: IDirectory.Signer = self._signers[who]
        if record.roles & SUPERVISOR == 0 or record.since > known_since:
            continue
        if self.is_member[quorum][record.institution] and record.institution not in counted:
            counted.append(record.institution)
    return len(counted)


# Internal


@internal
@view
def _holds(who: address, role: uint256) -> bool:
    """
    @dev Whether a signer holds a role now.
    """
    return self._signers[who].roles & role != 0


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
    else:
        raise "directory: unknown change"


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
    assert change.who != empty(address), "directory: zero signer"
    assert self.institution_kind[change.institution] != 0, "directory: unknown institution"
    assert change.operand != 0 and change.operand <= ALL_ROLES, "directory: unknown roles"
    record: IDirectory.Signer = self._signers[change.who]
    assert record.roles == 0, "directory: signer is active"
    assert record.since == 0 or record.institution == change.institution, "directory: signer of another institution"
    self._signers[change.who] = IDirectory.Signer(
        institution=change.institution, roles=change.operand, since=block.timestamp
    )
    log IDirectory.SignerAdded(who=change.who, institution=change.institution, roles=change.operand)


@internal
def _add_member(change: IDirectory.Change):
    """
    @dev Put an institution into a quorum.
    """
    assert change.subject != empty(bytes32), "directory: zero quorum"
    assert self.institution_kind[change.institution] != 0, "directory: unknown institution"
    assert not self.is_member[change.subject][change.institution], "directory: already a member"
    self.is_member[change.subject][change.institution] = True
    self.quorum_size[change.subject] += 1
    log IDirectory.QuorumMemberSet(quorum=change.subject, institution=change.institution, member=True)


@internal
def _remove_member(change: IDirectory.Change):
    """
    @dev Take an institution out of a quorum that stays reachable without it.
    """
    assert self.is_member[change.subject][change.institution], "directory: not a member"
    assert self.quorum_size[change.subject] > self.quorum_threshold[change.subject], "directory: quorum unreachable"
    self.is_member[change.subject][change.institution] = False
    self.quorum_size[change.subject] -= 1
    log IDirectory.QuorumMemberSet(quorum=change.subject, institution=change.institution, member=False)


@internal
def _set_threshold(change: IDirectory.Change):
    """
    @dev Set how many institutions a quorum needs: two at least, so that none can reach it alone.
    """
    assert change.operand >= 2, "directory: threshold below two"
    assert change.operand <= self.quorum_size[change.subject], "directory: quorum unreachable"
    self.quorum_threshold[change.subject] = change.operand
    log IDirectory.QuorumThresholdSet(quorum=change.subject, threshold=change.operand)
