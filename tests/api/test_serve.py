"""The platform as a process: ready, stopped cleanly, refused on what it was not made for."""

import json
import signal
from pathlib import Path
from typing import Any

import httpx

from tests.api.network import Network, call_cli, start, wait_for


def ready(network: Network) -> httpx.Response:
    with network.http(None) as client:
        return client.get("/readyz")


def test_ready_shows_how_far_each_part_got(onboarded: Network) -> None:
    response = wait_for(lambda: found if (found := ready(onboarded)).status_code == 200 else None)
    checks = response.json()["checks"]
    assert checks["worker"] == {"ok": True}
    assert checks["chain"]["head"] >= checks["database"]["indexed_block"] - 1 > 0
    assert wait_for(lambda: ready(onboarded).json()["checks"]["database"]["bank_cursor"]) >= 1


def copied(network: Network, directory: Path, **changes: Any) -> Path:
    """A data directory of the same network with another database, and settings changed."""
    data = directory / "platform"
    data.mkdir()
    keys = [f"{name}-key.{kind}" for name in ("bridge", "attester") for kind in ("json", "password")]
    for name in (*keys, "deployment.json"):
        (data / name).write_bytes((network.data / name).read_bytes())
    settings = json.loads((network.data / "platform.json").read_text()) | changes
    (data / "platform.json").write_text(json.dumps(settings))
    return data


def test_it_ends_cleanly_and_says_what_it_said_before(network: Network, tmp_path: Path) -> None:
    data = copied(network, tmp_path, bank_url="http://127.0.0.1:1")
    service = start(tmp_path / "platform.log", "api.cli", "serve", "--data", data, "--port", 0)
    with httpx.Client(base_url=service.url, trust_env=False) as client:
        assert client.get("/livez").json() == {"status": "ok"}
    assert service.end(signal.SIGTERM) == 0
    for line in service.log.read_text().splitlines():
        json.loads(line)


def test_it_refuses_what_it_was_not_made_for(network: Network, tmp_path: Path) -> None:
    nowhere = call_cli("serve", "--data", tmp_path / "nothing", "--json")
    assert (nowhere.code, json.loads(nowhere.stderr)["code"]) == (1, "platform-unknown")
    data = copied(network, tmp_path)
    deployment = json.loads((data / "deployment.json").read_text())
    (data / "deployment.json").write_text(json.dumps(deployment | {"chain_id": 1}))
    wrong = call_cli("serve", "--data", data, "--port", 0, "--json")
    assert (wrong.code, json.loads(wrong.stderr)["code"]) == (7, "chain-wrong")
    (data / "platform.json").write_text(json.dumps({"chain_url": "http://127.0.0.1:1", "bank_url": "x"}))
    away = call_cli("serve", "--data", data, "--port", 0, "--json")
    assert (away.code, json.loads(away.stderr)["code"]) == (75, "chain-unreachable")
