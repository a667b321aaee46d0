"""What other agreements were at a block, as a guard that asks for them counts it.

`Clauses._look_at_agreement` a second time: open is only one that is active, and only what an active one holds
counts; other states outlive it, but not those of one that never was. What does not count is zero, for which
no guard can ask.
"""

from sqlalchemy.orm import Session
from web3 import Web3

from bridge.chain import Chain
from bridge.store import projections
from contracts.terms import OPEN_STATE, Guard

__all__ = ["balance_of", "state_of"]


def state_of(chain: Chain, guard: Guard, block: int) -> int:
    """The state of the agreement that a guard names, at the end of a block."""
    address = Web3.to_checksum_address(guard.party[12:])
    held = chain.read("AgreementFactory", "instance", address, block=block)
    if held.version == 0:
        return 0
    state = int(chain.read("Disbursement", "state", at=address, block=block))
    return state if held.active or state != OPEN_STATE else 0


def balance_of(session: Session, chain: Chain, guard: Guard, block: int) -> int:
    """What the agreement that a guard names held of a class at the end of a block, minor units."""
    address = Web3.to_checksum_address(guard.party[12:])
    if not chain.read("AgreementFactory", "instance", address, block=block).active:
        return 0
    account = projections.agreement(session, address).account
    return int(chain.read("Ledger", "account_balance", account, guard.subject, block=block))
