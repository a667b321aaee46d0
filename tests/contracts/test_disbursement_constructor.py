"""Disbursement: where a new one finds the other contracts."""

import boa
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.ids import template_id
from tests.contracts.chain import reverts
from tests.contracts.world import TREE, WAGES, World


def test_a_disbursement_finds_the_others_by_the_factory(world: World) -> None:
    payout = world.disbursement()
    assert payout.LEDGER() == world.ledger.address
    assert payout.ACCOUNTS() == world.accounts.address
    assert payout.DIRECTORY() == world.directory.address
    assert payout.REGISTRY() == world.registry.address
    assert payout.FACTORY() == world.factory.address
    shared = world.factory.template(template_id("clauses", "1.0.0"))
    assert payout.CLAUSES() == shared.blueprint
    assert shared.code_hash == keccak(boa.env.get_code(shared.blueprint))
    assert (payout.account(), payout.DYE_CLASS(), payout.state()) == (TREE, WAGES, 1)


def test_a_factory_without_the_shared_clauses(world: World) -> None:
    place = artifact("AgreementFactory").storage["_templates"].to_bytes(32)
    slot = int.from_bytes(keccak(place + template_id("clauses", "1.0.0")))
    boa.env.set_storage(world.factory.address, slot, 0)
    with reverts("disbursement: clauses not registered"):
        world.disbursement()
