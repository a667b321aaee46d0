"""What mutants of the clauses showed that no other test asks."""

from contracts.terms import Guard, Kind
from tests.contracts.disbursements import ALWAYS, disburse, refused, set_blocked
from tests.contracts.world import QUORUM, World, agency_one_supervisor, rows_of


def test_a_blacklist_counts_whatever_clauses_come_after_it(world: World) -> None:
    terms = [ALWAYS, Guard(1, Kind.BLACKLIST, subject=QUORUM), Guard(2, Kind.PAYOUT_CAP, 100)]
    payout = disburse(world, terms)
    set_blocked(payout, 1, True, (agency_one_supervisor,))
    rows = rows_of([10, 20, 30])
    batch = world.reserve(payout, rows)
    clause, guard, code, *_ = refused(world, payout, batch, rows)
    assert (clause, guard, code) == (1, 1, "payee-blocked")
