"""``dyetrace node``: make a network, run a node."""

import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, NoReturn
from urllib.parse import urlsplit

import typer
from eth_utils.address import to_checksum_address

from node.backup import back_up
from node.chain import open_chain
from node.check import check_chain
from node.errors import CheckFailed, InvalidBlock, NodeError, SetupError, StoreError
from node.genesis import GAS_LIMIT_DEFAULT, Network
from node.geth import GENESIS_FILE_NAME, Genesis, read_file
from node.keys import adopt_keystore, create_plain_key
from node.prune import prune
from node.replica import adopt_network, parse_url
from node.rpc.server import Server
from node.service import Node, in_deep_thread, open_directory
from node.transfer import export_file, import_file

PASSWORD_VARIABLE = "DYETRACE_AUTHORITY_PASSWORD"  # noqa: S105 - a name, not a password

PROGRESS_SECONDS = 5.0

log = logging.getLogger(__name__)

app = typer.Typer(help="The embedded permissioned chain.", no_args_is_help=True)

DataDirectory = Annotated[Path, typer.Option("--data", help="Data directory.", file_okay=False)]


@app.command()
def init(
    data: DataDirectory,
    chain_id: Annotated[int | None, typer.Option(help="EIP-155 chain id of a new network.", min=1)] = None,
    genesis: Annotated[
        Path | None, typer.Option(help="Another client's genesis.json instead, to import its chain.")
    ] = None,
    authority: Annotated[list[str] | None, typer.Option(help="Another address that may seal blocks.")] = None,
    alloc: Annotated[list[str] | None, typer.Option(help="Opening balance, ADDRESS=WEI.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Address that may send; none: all may.")] = None,
    allow_deployer: Annotated[
        list[str] | None, typer.Option(help="Address whose transactions may create contracts; none: all may.")
    ] = None,
    gas_limit: Annotated[int, typer.Option(help="Gas a block.")] = GAS_LIMIT_DEFAULT,
    authority_key_file: Annotated[
        Path | None,
        typer.Option(help="Encrypted keystore to seal with; without it, a new plain key is made."),
    ] = None,
) -> None:
    """Make a network (network.json, the authority's key, the genesis block), or take over a genesis.json."""
    try:
        if (chain_id is None) == (genesis is None):
            raise SetupError("Give either --chain-id for a new network, or --genesis FILE for another's")
        if genesis is not None:
            given = (authority, alloc, allow, allow_deployer, authority_key_file)
            if any(given) or gas_limit != GAS_LIMIT_DEFAULT:
                raise SetupError("With --genesis everything is in the file: leave the other options away")
            typer.echo(json.dumps(_adopted(data, genesis)))
            return
        network = create_network(
            data,
            chain_id or 0,
            authority or [],
            _balances(alloc or []),
            allow or [],
            gas_limit,
            authority_key_file,
            allow_deployer or [],
        )
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps({"data": str(data), "chain_id": chain_id, "authorities": network.authorities}))


@app.command(name="import")
def import_(
    data: DataDirectory,
    file: Annotated[Path, typer.Argument(help="Blocks in RLP, one after the other.", dir_okay=False)],
) -> None:
    """Append the blocks of a file that another client wrote; each is run and checked, a bad one is named."""
    _log_to_stderr("INFO")
    try:
        with open_directory(data) as chain:
            done = in_deep_thread(lambda: import_file(chain, file, _Progress("imported")))
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps({"added": done.added, "known": done.known, "head": done.head}))


@app.command()
def export(
    data: DataDirectory,
    file: Annotated[Path, typer.Argument(help="File to write; it must not exist yet.", dir_okay=False)],
    first: Annotated[int, typer.Option(help="First block.", min=0)] = 1,
    last: Annotated[int | None, typer.Option(help="Last block; the head if not given.", min=0)] = None,
) -> None:
    """Write blocks to a file in RLP, as other clients import them."""
    try:
        with open_directory(data) as chain, _new_file(file) as opened:
            count = export_file(chain, opened, first, chain.head.block_number if last is None else last)
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps({"blocks": count, "file": str(file)}))


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
    block_interval: Annotated[
        float,
        typer.Option(
            help="Least seconds from one block to the next, such as 0.1. What comes meanwhile shares the "
            "next one; if nothing comes, none is made. 0: a block as soon as something waits.",
            min=0,
        ),
    ] = 0,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of web pages that may use this node, https://example.org; none: none may."),
    ] = None,
    keep_states: Annotated[
        int, typer.Option(help="Forget states of blocks older than this many; 0: never.", min=0)
    ] = 0,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run a node; prints one JSON line with its URL once it listens."""
    _log_to_stderr(log_level)
    try:
        origins = frozenset(_origin(entry) for entry in allow_origin or [])
        password = _password(authority_password_file)
        node = Node(data, password, heartbeat_seconds or None, block_interval, keep_states)
        serve(node, _listen(host, port), origins)
    except NodeError as exc:
        _fail(exc)


@app.command()
def check(
    data: DataDirectory,
    as_json: Annotated[bool, typer.Option("--json", help="No progress, only the last line.")] = False,
) -> None:
    """Run every block again from genesis and compare all that is stored; ends with one JSON line."""
    _log_to_stderr("WARNING" if as_json else "INFO")
    try:
        with open_directory(data) as chain:
            result = in_deep_thread(lambda: check_chain(chain, data)).as_json()
    except CheckFailed as exc:
        result = exc.as_json()
    except (StoreError, InvalidBlock) as exc:
        result = {"ok": False, "block": None, "fault": str(exc)}
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps(result))
    raise typer.Exit(0 if result["ok"] else 1)


@app.command()
def backup(
    data: DataDirectory,
    to: Annotated[Path, typer.Option(help="New directory to make.")],
    with_key: Annotated[bool, typer.Option(help="Copy the authority's key too.")] = False,
) -> None:
    """Copy a data directory, in use or not, into one that `run` accepts; prints one JSON line."""
    _log_to_stderr("WARNING")
    try:
        done = in_deep_thread(lambda: back_up(data, to, with_key=with_key))
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps(done.as_json()))


@app.command("prune")
def prune_states(
    data: DataDirectory,
    keep_states: Annotated[int, typer.Option(help="How many of the last blocks' states to keep.", min=1)],
) -> None:
    """Forget the states of older blocks; no node may run on the directory meanwhile."""
    _log_to_stderr("INFO")
    try:
        with open_directory(data) as chain:
            swept = prune(chain.store, keep_states)
            chain.store.compact_state()
            head, floor = chain.head.block_number, chain.store.floor_number()
    except NodeError as exc:
        _fail(exc)
    typer.echo(json.dumps({"head": head, "floor": floor, "entries_forgotten": swept}))


@app.command()
def replica(
    data: DataDirectory,
    follow: Annotated[str, typer.Option(help="URL of the node to follow, https://HOST.")],
    network: Annotated[
        Path | None,
        typer.Option(
            help="network.json or genesis.json, got from the network's operators by a way you trust; once."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)
    ] = 8545,
    allow_plain_http: Annotated[
        bool, typer.Option(help="Follow another host over http: only on a network that is itself protected.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin of web pages that may use this node, https://example.org; none: none may."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Follow another institution's node, verify every block, serve what is verified and nothing else."""
    _log_to_stderr(log_level)
    try:
        origins = frozenset(_origin(entry) for entry in allow_origin or [])
        url = parse_url(follow, allow_plain_http)
        adopt_network(data, network)
        serve(Node(data, follow=url), _listen(host, port), origins)
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
    allow_deployers: list[str],
) -> Network:
    """Make a data directory with everything in it.

    Raises:
        SetupError: one is there already, or a value is unusable.
    """
    if directory.exists() and any(directory.iterdir()):
        raise SetupError(f"{directory} isn't empty; a network is made only in a new or empty directory")
    Network.new(chain_id, authorities or ["0x" + "00" * 20], alloc, allow, gas_limit, allow_deployers)
    directory.mkdir(parents=True, exist_ok=True)
    if key_file is None:
        own = create_plain_key(directory).public_key.to_checksum_address()
    else:
        own = to_checksum_address(adopt_keystore(key_file, directory))
    others = [address for address in authorities if address.lower() != own.lower()]
    network = Network.new(chain_id, [own, *others], alloc, allow, gas_limit, allow_deployers)
    open_chain(directory, network, None).store.close()
    network.save(directory)
    return network


def serve(node: Node, listener: socket.socket, origins: frozenset[str]) -> None:
    """Serve a node on a bound socket until SIGTERM or SIGINT; re-raises why it had to stop otherwise."""
    server = Server(node, origins)
    failures: list[NodeError] = []

    def stop(error: NodeError) -> None:
        failures.append(error)
        server.stop()

    def interrupted(*_: object) -> None:
        """Before uvicorn listens to signals itself, and again afterwards, when it repeats them."""
        server.stop()

    node.on_failure = stop
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, interrupted)
    host, port = listener.getsockname()[:2]
    with node:
        shown = f"[{host}]" if ":" in host else host
        typer.echo(json.dumps({"url": f"http://{shown}:{port}", "chain_id": node.chain.chain_id}))
        sys.stdout.flush()
        if not server.run(listener):
            _leave(node, failures)
    if failures:
        raise failures[0]


class _Progress:
    """Tells of every so many blocks."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._told = time.monotonic()

    def __call__(self, number: int) -> None:
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            log.info("%s block %d", self._word, number)


def _adopted(data: Path, source: Path) -> dict[str, object]:
    """A data directory for the network of a genesis.json; what to tell of it."""
    text = read_file(source)
    genesis = Genesis.parse(text, str(source))
    if data.exists() and any(data.iterdir()):
        raise SetupError(f"{data} isn't empty; a network is made only in a new or empty directory")
    data.mkdir(parents=True, exist_ok=True)
    chain = open_chain(data, genesis, None)
    first = chain.head
    chain.store.close()
    (data / GENESIS_FILE_NAME).write_bytes(text)
    return {"data": str(data), "chain_id": genesis.config.chain_id, "genesis": f"0x{first.hash.hex()}"}


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("xb") as file:
            yield file
    except OSError as exc:
        raise SetupError(f"{path} can't be written: {exc.strerror}") from exc


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log whole URLs, credentials included


def _leave(node: Node, failures: list[NodeError]) -> NoReturn:
    """End at once, as a request still runs: closing the database under it could crash the process."""
    node.stop_making()
    log.warning("a request still runs and is abandoned")
    for failure in failures:
        typer.echo(f"error: {failure}", err=True)
    sys.stderr.flush()
    os._exit(1 if failures else 0)


def _origin(value: str) -> str:
    """An origin as browsers write it: RFC 6454 §6.2, scheme and host, a port only if it isn't the default."""
    parts = urlsplit(value)
    if not parts.hostname or value != f"{parts.scheme}://{parts.netloc}" or parts.username is not None:
        raise SetupError(
            f"--allow-origin {value}: write SCHEME://HOST or SCHEME://HOST:PORT and nothing after"
        )
    return value.lower()


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
