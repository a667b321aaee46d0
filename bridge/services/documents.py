"""Documents that people show: what goes on chain of one is a salted commitment; it is kept here."""

from dataclasses import dataclass

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.platform import Platform
from bridge.store.models import DocumentModel
from contracts.ids import commitment

__all__ = ["Shown", "shown"]

SALT_BYTES = 16


@dataclass(frozen=True)
class Shown:
    """A document with its salt, and the commitment to both (32 bytes)."""

    commitment: bytes
    salt: bytes
    content: bytes

    def keep(self, session: Session, kind: str) -> None:
        """Store it under its commitment, once."""
        session.merge(
            DocumentModel(commitment=self.commitment, kind=kind[:64], salt=self.salt, content=self.content)
        )


def shown(platform: Platform, subject: bytes, content: bytes) -> Shown:
    """A document shown for a subject, 32 bytes: the same again has the same commitment here, and nobody who
    lacks the platform's key can try documents against it."""
    salt = keccak(platform.applier.reference_key + subject + content)[:SALT_BYTES]
    return Shown(commitment(salt, content), salt, content)
