"""`dyetrace trace`: where money came from, where it went."""

from typing import Annotated
from urllib.parse import quote

import typer

from api.cli.session import Session, connected

__all__ = ["app"]

app = typer.Typer(help="Where money came from, and where it went.", no_args_is_help=True)


@app.command()
@connected
def payout(
    session: Session,
    end_to_end_id: Annotated[
        str, typer.Argument(help="The bank's id, or your own reference; `batch payouts` lists both.")
    ],
) -> None:
    """A payout back to the credits it came from."""
    session.emit(session.client.get(f"/v1/traces/payouts/{quote(end_to_end_id)}"))


@app.command()
@connected
def credit(session: Session, reference: str) -> None:
    """A credit, by bank reference or lot, forward to all it paid."""
    session.emit(session.client.get(f"/v1/traces/credits/{quote(reference)}"))
