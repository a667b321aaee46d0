# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title What people gave to a batch by signature: approvals, evidence, countersignatures, documents
@license Apache-2.0
@notice One entry a person, kept whatever becomes of that person: what it counts for is decided when it is asked,
    by what the directory says then. Rotated keys are followed.
"""

from interfaces import IDirectory

MAX_SIGNERS: constant(uint256) = 16
_MOMENT: constant(uint256) = 160
_REVOKED: constant(uint256) = 1 << 255

# By batch, kind of guard and its subject: who (bits 0-159), the moment that counts (160-254), revoked (255).
_entries: HashMap[bytes32, HashMap[uint256, HashMap[bytes32, DynArray[uint256, MAX_SIGNERS]]]]


@internal
def _give(
    directory: address, batch: bytes32, kind: uint256, subject: bytes32, who: address, moment: uint256, renews: bool
):
    """
    @dev Note what somebody gave. The key that followed a rotated one is the same person.
    @param moment When it was given, or when the evidence was observed.
    @param renews Whether a later moment may take the place of an earlier one of the same person.
    """
    entry: uint256 = convert(who, uint256) | moment << _MOMENT
    number: uint256 = len(self._entries[batch][kind][subject])
    for i: uint256 in range(number, bound=MAX_SIGNERS):
        held: uint256 = self._entries[batch][kind][subject][i]
        if self._is_by(directory, held, who):
            assert renews and moment > held >> _MOMENT, "given: repeated"
            self._entries[batch][kind][subject][i] = entry
            return
    assert number < MAX_SIGNERS, "given: too many signers"
    self._entries[batch][kind][subject].append(entry)


@internal
def _revoke(directory: address, batch: bytes32, kind: uint256, who: address):
    """
    @dev Take back what somebody gave, for good.
    """
    found: bool = False
    for i: uint256 in range(len(self._entries[batch][kind][empty(bytes32)]), bound=MAX_SIGNERS):
        held: uint256 = self._entries[batch][kind][empty(bytes32)][i]
        if held < _REVOKED and self._is_by(directory, held, who):
            self._entries[batch][kind][empty(bytes32)][i] = held | _REVOKED
            found = True
    assert found, "given: nothing to revoke"


@internal
@view
def _since(batch: bytes32, kind: uint256, age: uint256) -> DynArray[address, MAX_SIGNERS]:
    """
    @dev Who gave something at least so many seconds ago and did not revoke it.
    """
    who: DynArray[address, MAX_SIGNERS] = []
    for held: uint256 in self._entries[batch][kind][empty(bytes32)]:
        if (held >> _MOMENT) + age <= block.timestamp:
            who.append(self._who(held))
    return who


@internal
@view
def _count(
    directory: address,
    batch: bytes32,
    kind: uint256,
    subject: bytes32,
    role: uint256,
    party: bytes32,
    is_quorum: bool,
    freshness: uint256,
) -> uint256:
    """
    @dev Count the institutions for which somebody gave something and has held the role ever since. Who was
        suspended and added again since then gives it anew.
    @param party The only institution that counts, or the quorum whose members count.
    @param freshness How many seconds the moment may be ago.
    """
    counted: DynArray[bytes32, MAX_SIGNERS] = []
    for held: uint256 in self._entries[batch][kind][subject]:
        latest: address = staticcall IDirectory(directory).latest(self._who(held))
        signer: IDirectory.Signer = staticcall IDirectory(directory).signer(latest)
        moment: uint256 = held >> _MOMENT
        if moment + freshness < block.timestamp or signer.roles & role == 0 or signer.since > moment:
            continue
        if signer.institution not in counted and self._is_of(directory, signer.institution, party, is_quorum):
            counted.append(signer.institution)
    return len(counted)


@internal
@view
def _is_of(directory: address, institution: bytes32, party: bytes32, is_quorum: bool) -> bool:
    """
    @dev Whether an institution is the party, or a member of it.
    """
    if is_quorum:
        return staticcall IDirectory(directory).is_member(party, institution)
    return institution == party


@internal
@pure
def _who(entry: uint256) -> address:
    """
    @dev Whose entry it is.
    """
    return convert(convert(entry & (2**160 - 1), uint160), address)


@internal
@view
def _is_by(directory: address, entry: uint256, who: address) -> bool:
    """
    @dev Whether an entry is somebody's, by this key or by one before it.
    """
    return self._who(entry) == who or staticcall IDirectory(directory).latest(self._who(entry)) == who
