"""``dyetrace node``: make a network, run a node."""

import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import uvicorn
from eth_utils.address import to_checksum_address

from node.chain import open_chain
from node.errors import NodeError, SetupError
from node.genesis import GAS_LIMIT_DEFAULT, Network
from node.keys import adopt_keystore, create_plain_key
from node.rpc.server import create_app
from node.service import Node

PASSWORD_VARIABLE = "DYETRACE_AUTHORITY_PASSWORD"  # noqa: S105 - a name, not a password

app = typer.Typer(help="The embedded permissioned chain.", no_args_is_help=True)

DataDirectory = Annotated[Path, typer.Option("--data", help="Data directory.", file_okay=False)]


@app.command()
def init(
    data: DataDirectory,
    chain_id: Annotated[int, typer.Option(help="EIP-155 chain id.", min=1)],
    authority: Annotated[list[str] | None, typer.Option(help="Another address that may seal blocks.")] = None,
    alloc: Annotated[list[str] | None, typer.Option(help="Opening balance, ADDRESS=WEI.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Address that may send; none: all may.")] = None,
    gas_limit: Annotated[int, typer.Option(help="Gas a block.")] = GAS_LIMIT_DEFAULT,
    authority_key_file: Annotated[
        Path | None,
        typer.Option(help="Encrypted keystore to seal with; without it, a new plain key is made."),
    ] = None,
) -> None:
    """Make a network: network.json, the authority's key and the genesis block."""
    try:
        network = create_network(
            data,
            chain_id,
            authority or [],
            _balances(alloc or []),
            allow or [],
            gas_limit,
            authority_key_file,
        )
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps({"data": str(data), "chain_id": chain_id, "authorities": network.authorities}))


@app.command()
def run(
    data: DataDirectory,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)
    ] = 8545,
    authority_password_file: Annotated[
        Path | None, typer.Option(help=f"File with the keystore's password; else {PASSWORD_VARIABLE}.")
    ] = None,
    heartbeat_seconds: Annotated[
        float, typer.Option(help="Make an empty block after this long without one; 0: never.", min=0)
    ] = 0,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run a node; prints one JSON line with its URL once it listens."""
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        node = Node(data, _password(authority_password_file), heartbeat_seconds or None)
        serve(node, _listen(host, port))
    except NodeError as exc:
        _fail(exc)


def create_network(
    directory: Path,
    chain_id: int,
    authorities: list[str],
    alloc: dict[str, int],
    allow: list[str],
    gas_limit: int,
    key_file: Path | None,
) -> Network:
    """Make a data directory with everything in it.

    Raises:
        SetupError: one is there already, or a value is unusable.
    """
    if directory.exists() and any(directory.iterdir()):
        raise SetupError(f"{directory} isn't empty; a network is made only in a new or empty directory")
    Network.new(chain_id, authorities or ["0x" + "00" * 20], alloc, allow, gas_limit)
    directory.mkdir(parents=True, exist_ok=True)
    if key_file is None:
        own = create_plain_key(directory).public_key.to_checksum_address()
    else:
        own = to_checksum_address(adopt_keystore(key_file, directory))
    others = [address for address in authorities if address.lower() != own.lower()]
    network = Network.new(chain_id, [own, *others], alloc, allow, gas_limit)
    open_chain(directory, network, None).store.close()
    network.save(directory)
    return network


def serve(node: Node, listener: socket.socket) -> None:
    """Serve a node on a bound socket until SIGTERM or SIGINT; re-raises why it had to stop otherwise."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(node), log_config=None, access_log=False, lifespan="off")
    )
    failures: list[NodeError] = []

    def stop(error: NodeError) -> None:
        failures.append(error)
        server.should_exit = True

    def interrupted(*_: object) -> None:
        """Before uvicorn listens to signals itself, and again afterwards, when it repeats them."""
        server.should_exit = True

    node.on_failure = stop
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    host, port = listener.getsockname()[:2]
    with node:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(json.dumps({"url": f"http://{shown}:{port}", "chain_id": node.chain.chain_id}))
        sys.stdout.flush()
        server.run(sockets=[listener])
    if failures:
        raise failures[0]


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    except OSError as exc:
        raise SetupError(f"Can't listen on {host}:{port}: {exc.strerror}") from exc
    return listener


def _password(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(PASSWORD_VARIABLE)
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as exc:
        raise SetupError(f"{file} can't be read: {exc.strerror}") from exc


def _balances(entries: list[str]) -> dict[str, int]:
    balances = {}
    for entry in entries:
        address, _, wei = entry.partition("=")
        if not wei.isdecimal():
            raise SetupError(f"--alloc {entry}: write ADDRESS=WEI")
        balances[address] = int(wei)
    return balances


def _fail(error: NodeError) -> NoReturn:
    typer.echo(f"error: {error}", err=True)
    raise typer.Exit(1)
