"""One violation of each guard, tried on the chain: what it refuses with is the chain's own revert data.

People sign with their real keys. Calls that belong together, or to another time, run as one simulation on the
current state; nothing of it stays.
"""

from eth_utils.crypto import keccak

from bridge.chain import Call, Chain
from bridge.simulation import batch_id, simulate_calls
from contracts.ids import name_id
from contracts.rows import Row, RowTree
from contracts.terms import Refusal
from contracts.typed_data import Value
from scripts.demonstration.network import Network, expect

__all__ = ["attempt_all"]

HOUR_SECONDS = 3600
NO_DOCUMENT = bytes(32)
AFTER_THE_TERM = 2_114_352_000
"""2037-01-01 in the agreement's time zone."""


class _Attempt:
    """A batch of one payout under the real agreement, signed by real people."""

    def __init__(self, network: Network, agreement: str, rows: RowTree, now: int) -> None:
        self.network = network
        self.chain: Chain = network.chain()
        self.agreement = agreement
        self.rows = rows
        self.deadline = now + HOUR_SECONDS
        self.terms = self.chain.read("Disbursement", "terms_hash", at=agreement)
        self.account = name_id("swift-courier/east")
        dye_class = name_id("courier-pay")
        self.batch = batch_id(self.chain.deployment, agreement, self.account, dye_class, rows, self.deadline)
        self.rows_as_signed: dict[str, Value] = {
            "root": rows.root,
            "count": len(rows.rows),
            "total": rows.total_minor,
            "deadline": self.deadline,
        }
        self.drawn: dict[str, Value] = {"dyeClass": dye_class, **self.rows_as_signed, "document": NO_DOCUMENT}

    def reserve(self) -> Call:
        message = self.chain.message("Reservation", self.agreement, terms=self.terms, **self.drawn)
        signature = message.sign(self.network.signers["swift-courier-east"])
        return self.chain.call("Disbursement", "reserve", *self.drawn.values(), signature, at=self.agreement)

    def approve(self, supervisor: str) -> Call:
        message = self.chain.message(
            "Approval",
            self.agreement,
            batch=self.batch,
            terms=self.terms,
            account=self.account,
            **self.rows_as_signed,
            document=NO_DOCUMENT,
        )
        signature = message.sign(self.network.signers[supervisor])
        return self.chain.call("Disbursement", "approve", self.batch, signature, at=self.agreement)

    def attest(self) -> Call:
        kind, digest = name_id("delivery-report"), keccak(b"report")
        observed_at = self.deadline - HOUR_SECONDS
        message = self.chain.message(
            "Evidence", self.agreement, batch=self.batch, kind=kind, digest=digest, observedAt=observed_at
        )
        signature = message.sign(self.network.signers["clear-audit"])
        given = (self.batch, kind, digest, observed_at, signature)
        return self.chain.call("Disbursement", "attest", *given, at=self.agreement)

    def execute(self) -> Call:
        chunk = self.rows.chunks()[0]
        return self.chain.call(
            "Disbursement", "execute", self.batch, chunk.rows, chunk.proof, False, at=self.agreement
        )

    def refusal(self, moment: int, calls: list[Call]) -> Refusal:
        """What refuses, of calls of which only the last may fail."""
        sender = self.network.signers["swift-courier-ops"].address
        results = simulate_calls(self.chain, sender, [(moment, calls)])
        *earlier, last = results
        expect(all(isinstance(result, bytes) for result in earlier), f"too early a refusal: {results}")
        if not isinstance(last, Refusal):
            raise TypeError(f"the chain let a violation pass: {calls[-1]}")
        return last


def attempt_all(network: Network, agreement: str, payees: int) -> list[Refusal]:
    """A refusal for each of the six guards, in the order of the clauses."""
    now = network.chain().now() + 1

    def attempt(row: Row, start: int = now) -> _Attempt:
        return _Attempt(network, agreement, RowTree([row]), start)

    def complete(tried: _Attempt) -> list[Call]:
        supervisors = ("labour-bureau", "transport-bureau")
        approvals = [tried.approve(name) for name in supervisors]
        return [tried.reserve(), *approvals, tried.attest(), tried.execute()]

    info = keccak(b"violation")
    plain = attempt(Row(0, 150_000, info))
    stranger = attempt(Row(payees, 150_000, info))
    large = attempt(Row(0, 200_001, info))
    flood = attempt(Row(0, 50_000_001, info))
    late = attempt(Row(0, 150_000, info), AFTER_THE_TERM)
    return [
        plain.refusal(
            now, [plain.reserve(), plain.approve("labour-bureau"), plain.attest(), plain.execute()]
        ),
        stranger.refusal(now, complete(stranger)),
        large.refusal(now, complete(large)),
        flood.refusal(now, [flood.reserve()]),
        late.refusal(AFTER_THE_TERM, complete(late)),
        plain.refusal(now, [each for each in complete(plain) if each != plain.attest()]),
    ]
