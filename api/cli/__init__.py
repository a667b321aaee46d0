"""The command line, `dyetrace`.

Exit codes: 0 done, 1 failed, 2 misused, 3 not allowed, 4 not found, 5 conflict, 6 refused by the contracts,
7 verification failed, 75 try again.
"""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from api.cli import accounts, agreements, batches, institutions, local, reconciliation, traces
from api.cli.output import report
from api.errors import ApiError, Misused
from api.kinds import kind_of
from bridge.errors import BridgeError
from contracts.errors import ContractsError

__all__ = ["app", "main"]


class _WithNode(TyperGroup):
    """Adds `node` when it is asked for: an embedded chain is much to load for a look at a list."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command's name."""
        return [*super().list_commands(ctx), "node"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by name."""
        if cmd_name != "node":
            return super().get_command(ctx, cmd_name)
        from node.cli import app as node

        command = typer.main.get_command(node)
        command.name = cmd_name
        return command


app = typer.Typer(
    help="Supervised money you can trace to the cent.",
    cls=_WithNode,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(local.serve)
app.command()(local.deploy)
app.add_typer(local.keys, name="key")
app.add_typer(local.keystores, name="keystore")
app.add_typer(institutions.app, name="institution")
app.add_typer(accounts.app, name="account")
app.add_typer(agreements.app, name="agreement")
app.add_typer(agreements.allocations, name="allocation")
app.add_typer(agreements.documents, name="document")
app.add_typer(batches.evidence, name="evidence")
app.add_typer(batches.app, name="batch")
app.command()(reconciliation.reconcile)
app.add_typer(reconciliation.breaks, name="break")
app.add_typer(traces.app, name="trace")
app.command()(reconciliation.invariants)


def main() -> None:
    """Run the command line and end the process. What it writes is for its own user alone."""
    os.umask(0o077)
    try:
        app()
    except ApiError as error:
        _fail(error.code, error.message, error, error.exit_code)
    except BridgeError as error:
        _fail(error.code, error.message, error, kind_of(error).exit_code)
    except ContractsError as error:
        _fail(error.code, str(error), error, kind_of(error).exit_code)
    except UnicodeEncodeError as error:
        _fail("argument-invalid", "An argument is not UTF-8; type it again.", error, Misused.exit_code)


def _fail(code: str, message: str, error: Exception, exit_code: int) -> None:
    report(code, message, error, "--json" in sys.argv)
    sys.exit(exit_code)
