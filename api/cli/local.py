"""Commands for whoever runs the platform: they work on a data directory, not through the API."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import emit
from api.cli.session import AsJson
from api.log import configure_logging
from bridge.errors import Conflict, Invalid

if TYPE_CHECKING:
    from bridge.platform import Platform

__all__ = ["deploy", "keys", "keystores", "serve"]

keys = typer.Typer(help="Keys of the API.", no_args_is_help=True)
keystores = typer.Typer(help="Signing keys of people.", no_args_is_help=True)

Data = Annotated[Path, typer.Option(help="Data directory of the platform.", file_okay=False)]


def serve(
    data: Data,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8600,
    as_json: AsJson = False,
) -> None:
    """Run the platform; prints one JSON line with its URL once it listens."""
    from api.serve import serve as run

    configure_logging()
    _require_platform(data)
    run(data, host, port)


def deploy(
    data: Data,
    rpc: Annotated[str, typer.Option(help="JSON-RPC of the chain's node.")],
    bank: Annotated[str, typer.Option(help="The bank's channel.")],
    founding: Annotated[Path, typer.Option(help="The founding file, YAML.", dir_okay=False)],
    confirmations: Annotated[int, typer.Option(help="Blocks on top that make a block final.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Deploy the contracts of a new network and set up its platform."""
    from api.cli.founding import found

    configure_logging()
    emit(found(data, rpc, bank, founding, confirmations), as_json)


@keys.command("new")
def new_key(
    data: Data,
    name: Annotated[str, typer.Option(help="Who it is for.")],
    institution: Annotated[str, typer.Option(help="Institution of the holder.")],
    role: Annotated[str, typer.Option(help="bank, operator, supervisor, teller or auditor.")],
    as_json: AsJson = False,
) -> None:
    """Make a key of the API. It is shown once; only a hash is kept."""
    from bridge.services import keys as service

    with _opened(data) as platform:
        secret = service.create(platform, name, institution, role)
    emit({"name": name, "institution": institution, "role": role, "key": secret}, as_json)


@keys.command("list")
def list_keys(data: Data, as_json: AsJson = False) -> None:
    """Who may call the API, and as what; a revoked key says so. The keys themselves are kept nowhere."""
    from bridge.services import keys as service

    with _opened(data) as platform:
        emit(service.listing(platform), as_json)


@keys.command("revoke")
def revoke_key(
    data: Data,
    name: Annotated[str, typer.Argument(help="As `key list` names it.")],
    as_json: AsJson = False,
) -> None:
    """Make a key open nothing from now on, also on a platform that runs."""
    from bridge.services import keys as service

    with _opened(data) as platform:
        service.revoke(platform, name)
    emit({"name": name, "revoked": True}, as_json)


@contextmanager
def _opened(data: Path) -> "Iterator[Platform]":
    """The platform of a data directory. Raises Invalid."""
    from bridge.platform import Platform, Settings

    configure_logging()
    _require_platform(data)
    with closing(Platform.open(data, Settings.read(data))) as platform:
        yield platform


def _require_platform(data: Path) -> None:
    if not (data / "platform.json").exists():
        raise Invalid(
            "platform-unknown",
            f"There is no platform in {data}; make it with: "
            f"dyetrace deploy --data {data} --rpc URL --bank URL --founding FILE",
        )


@keystores.callback()
def _keystores() -> None:
    """Keeps `new` a command of its own."""


@keystores.command("new")
def new_keystore(
    path: Annotated[Path, typer.Argument(help="File to write; never overwritten.")],
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for a password instead of writing a random one beside it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a signing key, encrypted, and print its address."""
    from bridge.keys import create_keystore

    password = None
    if ask:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    try:
        key = create_keystore(path, password)
    except FileExistsError as error:
        raise Conflict("keystore-exists", f"{path.name} exists; a key is never overwritten.") from error
    emit({"keystore": str(path), "address": key.address}, as_json)
