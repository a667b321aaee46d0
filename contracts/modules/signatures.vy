# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title EIP-712 signatures over acts people decide
@license Apache-2.0
@notice The domain binds the live chain id and this contract, so that a signature counts in one place only.
"""

_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME_HASH: constant(bytes32) = keccak256("Dyetrace")
_VERSION_HASH: constant(bytes32) = keccak256("1")
# Half the order of secp256k1: a signature with a larger `s` is the malleated twin of another (EIP-2).
_MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
MAX_SIGNERS: constant(uint256) = 16


@internal
@view
def _digest(struct_hash: bytes32) -> bytes32:
    """
    @dev The EIP-712 digest of a struct under this contract's domain.
    @param struct_hash keccak256 of the type hash and the encoded fields.
    @return bytes32 What a signer signs.
    """
    domain: bytes32 = keccak256(abi_encode(_DOMAIN_TYPEHASH, _NAME_HASH, _VERSION_HASH, chain.id, self))
    return keccak256(concat(b"\x19\x01", domain, struct_hash))


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    """
    @dev The signer of a digest. Refuses a malleated signature and one that recovers to nobody.
    @param digest The EIP-712 digest.
    @param signature r, s and v (27 or 28), 65 bytes.
    @return address The signer, never zero.
    """
    assert len(signature) == 65, "signatures: length is not 65"
    r: uint256 = convert(extract32(signature, 0), uint256)
    s: uint256 = convert(extract32(signature, 32), uint256)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    assert s <= _MAX_S, "signatures: high s"
    assert v == 27 or v == 28, "signatures: v is not 27 or 28"
    who: address = ecrecover(digest, v, r, s)
    assert who != empty(address), "signatures: recovers to nobody"
    return who


@internal
@pure
def _recover_all(digest: bytes32, signatures: DynArray[Bytes[65], MAX_SIGNERS]) -> DynArray[address, MAX_SIGNERS]:
    """
    @dev The signers of one digest. They must come in rising order of address, which makes them distinct.
    @param digest The EIP-712 digest.
    @param signatures One signature a signer.
    @return DynArray The signers.
    """
    signers: DynArray[address, MAX_SIGNERS] = []
    last: address = empty(address)
    for signature: Bytes[65] in signatures:
        who: address = self._recover(digest, signature)
        assert convert(who, uint160) > convert(last, uint160), "signatures: not in rising order of signer"
        last = who
        signers.append(who)
    return signers
