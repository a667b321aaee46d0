"""A real mock-bank in its own process, and what a test or a demo asks of it behind its back.

No pytest here: scripts use it too. Amounts are integers of minor units.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import httpx

__all__ = ["BankProcess", "cny_iban", "start_bank"]

SEEDED_ACCOUNTS = ("ACME", "GLOBEX", "INITECH", "EURODIS")
HOME_CLEARING_ID = "999999992"
"""The mock bank's own clearing number: an `Othr` creditor named with it is looked up there."""

_START_SECONDS = 15.0
_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:[0-9]+)/")


def cny_iban(number: int) -> str:
    """An invented `CN` IBAN with right check digits (ISO 7064 mod 97-10); China has none."""
    basic = f"DYET{number:016d}"
    digits = "".join(str(int(character, 36)) for character in basic + "CN00")
    return f"CN{98 - int(digits) % 97:02d}{basic}"


@dataclass
class BankProcess:
    """One running bank."""

    url: str
    process: subprocess.Popen[bytes]
    client: httpx.Client = field(repr=False)
    log: IO[bytes] = field(repr=False)

    def stop(self) -> None:
        """End the bank; a second call does nothing."""
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)
        self.log.close()

    def __enter__(self) -> BankProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One call to the bank's control plane; its JSON. Raises httpx.HTTPStatusError."""
        response = self.client.request(method, path, json=body)
        response.raise_for_status()
        return response.json()

    def record(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """As `ask`, for an answer that is one object."""
        answer: dict[str, Any] = self.ask(method, path, body)
        return answer

    def records(self, method: str, path: str) -> list[dict[str, Any]]:
        """As `ask`, for an answer that is a list of objects."""
        answer: list[dict[str, Any]] = self.ask(method, path)
        return answer

    def create_account(
        self,
        account_id: str,
        name: str,
        iban: str,
        balance_minor: int = 0,
        behaviour: str = "accept",
        **fields: object,
    ) -> dict[str, Any]:
        """Open a CNY account; `fields` are mock-bank's: account_number, closed, parameters …"""
        return self.record(
            "POST",
            "/_mock/accounts",
            {
                "id": account_id,
                "name": name,
                "iban": iban,
                "currency": "CNY",
                "balance": balance_minor,
                "behaviour": behaviour,
                **fields,
            },
        )

    def close_seeded_accounts(self) -> None:
        """Close the four EUR accounts it starts with, which send a statement every day."""
        for account_id in SEEDED_ACCOUNTS:
            self.patch_account(account_id, closed=True)

    def account(self, account_id: str) -> dict[str, Any]:
        """The account as the bank holds it: balance, behaviour, closed …"""
        return self.record("GET", f"/_mock/accounts/{account_id}")

    def patch_account(self, account_id: str, **fields: object) -> dict[str, Any]:
        """Change an account: behaviour, parameters, closed, balance …"""
        return self.record("PATCH", f"/_mock/accounts/{account_id}", fields)

    def return_later(self, account_id: str, end_to_end_id: str, days: int = 3, reason: str = "AC04") -> None:
        """Have one payment come back `days` bank days after it books. Call before it books."""
        parameters = {"days": days, "reason": reason, "end_to_end_id": end_to_end_id}
        self.patch_account(account_id, behaviour="return-later", parameters=parameters)

    def gap_statement(self, account_id: str) -> None:
        """Leave the last entry off statements from now on. Call before the day ends."""
        self.patch_account(account_id, behaviour="statement-gap", parameters={})

    def accept_again(self, account_id: str) -> None:
        """End any behaviour; a return already scheduled still comes."""
        self.patch_account(account_id, behaviour="accept", parameters={})

    def post_credit(self, account_id: str, amount_minor: int, **fields: object) -> dict[str, Any]:
        """Make money arrive; `fields`: debtor={name, iban, bic}, note, reference, end_to_end_id …"""
        return self.record(
            "POST", "/_mock/credits", {"account": account_id, "amount": amount_minor, **fields}
        )

    def report_now(self, account_id: str) -> dict[str, Any]:
        """Have a camt.052 of the day so far sent."""
        return self.record("POST", f"/_mock/accounts/{account_id}/report")

    def advance(self, days: int = 1) -> list[str]:
        """Move bank time by whole calendar days; the business days entered on the way."""
        entered: list[str] = self.ask("POST", f"/_mock/advance?days={days}")["businessDaysCrossed"]
        return entered

    def payments(self) -> list[dict[str, Any]]:
        """Every payment the bank decided on, newest first, each with its `end_to_end_id`."""
        return self.records("GET", "/_mock/payments")

    def findings(self, file: bytes) -> list[dict[str, Any]]:
        """What the bank finds wrong with a payment file, storing nothing."""
        response = self.client.post(
            "/_mock/validate",
            content=file,
            headers={"accept": "application/json", "content-type": "application/xml"},
        )
        found: list[dict[str, Any]] = response.json()["findings"]
        return found


def start_bank(clock: str = "2026-11-23T09:00", db: Path | None = None, *options: str) -> BankProcess:
    """Start mock-bank on a free port and wait until it answers.

    `clock` is bank time, `YYYY-MM-DDTHH:MM`, best a business morning; `db` None is in memory; `options`
    are more of its flags. Raises RuntimeError with its words when it doesn't start in 15 s.
    """
    command = [sys.executable, "-m", "mockbank", "--port", "0", "--clock", clock]
    command += ["--db", str(db) if db else ":memory:", *options]
    log = tempfile.TemporaryFile()  # noqa: SIM115  # BankProcess.stop closes it
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    try:
        url = _wait_for_url(process, log)
        client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        bank = BankProcess(url=url, process=process, client=client, log=log)
        bank.ask("GET", "/_mock/health")
    except BaseException:
        process.kill()
        process.wait()
        log.close()
        raise
    return bank


def _wait_for_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """Poll for the line that says the port the bank chose; it is bound by then.

    The log is read at its own offset, because the bank writes at the one it shares with us.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        words = os.pread(log.fileno(), 65536, 0).decode(errors="replace")
        match = _LISTENING.search(words)
        if match is not None:
            return match[1]
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
    words = os.pread(log.fileno(), 65536, 0).decode(errors="replace")
    raise RuntimeError(f"mock-bank did not start: {words}")
