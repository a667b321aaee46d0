"""Shapes that several routes share. Money is an integer of minor units; ids and hashes are hex."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from web3 import Web3

__all__ = [
    "Address",
    "AmountMinor",
    "Body",
    "Hash",
    "Items",
    "Name",
    "Performed",
    "Prepared",
    "Signature",
    "Signed",
    "Start",
    "Transaction",
    "sentence",
]

_SLUG = "[a-z0-9]+(-[a-z0-9]+)*"

_NAME = f"^{_SLUG}(/{_SLUG})*$"

Name = Annotated[
    str,
    StringConstraints(pattern=_NAME, max_length=120),
    Field(description="Lower-case words joined by -; accounts join such names by /."),
]
NAME_FORM = "a name is lower-case words joined by -, such as swift-courier"


def sentence(error: Mapping[str, Any]) -> str:
    """What pydantic found wrong, in words a person can act on."""
    is_name = error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == _NAME
    return NAME_FORM if is_name else str(error["msg"]).removeprefix("Value error, ")


Hash = Annotated[
    str, StringConstraints(pattern="^(0x)?[0-9a-fA-F]{64}$"), Field(description="32 bytes, hex.")
]
Signature = Annotated[
    str,
    StringConstraints(pattern="^0x[0-9a-fA-F]{130}$"),
    Field(description="r ‖ s ‖ v, 65 bytes, over the digest that prepare gave."),
]
Start = Annotated[int | None, Field(ge=0, lt=2**62, description="Where it starts; prepare fills it in.")]
AmountMinor = Annotated[int, Field(gt=0, lt=2**62, description="Minor units (分).")]


def _checksummed(value: str) -> str:
    if not Web3.is_address(value):
        raise ValueError("an address has 20 bytes: 0x and 40 hexadecimal digits, with a right checksum")
    return Web3.to_checksum_address(value)


Address = Annotated[str, StringConstraints(max_length=42), AfterValidator(_checksummed)]


class Body(BaseModel):
    """What a request says: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Signed(Body):
    """An act with the signatures of those who decide it."""

    signatures: list[Signature] = Field(min_length=1, max_length=16)


class Prepared(BaseModel):
    """An act to be signed."""

    typed_data: dict[str, Any] = Field(description="EIP-712, as eth_signTypedData_v4 takes it.")
    digest: str = Field(description="What is signed, 32 bytes, in full.")
    request: dict[str, Any] = Field(
        description="The body that performs the act, once `signatures` is added: what prepare left to the "
        "server is filled in."
    )


class Transaction(BaseModel):
    """Where an act is on chain."""

    hash: str
    block: int


class Performed(BaseModel):
    """An act that is done. The same body again gives the same answer."""

    transaction: Transaction


class Items(BaseModel):
    """A list. `next` is there when more follow: hand it in as `after`."""

    items: list[dict[str, Any]]
    next: int | None = None
