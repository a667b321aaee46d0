"""Every error is a problem of RFC 9457, whatever raised it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from api.app import MAX_BODY_BYTES, create_app
from api.kinds import PROBLEM_TYPE
from api.problems import MEDIA_TYPE
from bridge import errors
from bridge.bank import BankRefused, BankUnreachable
from bridge.batch_file import BatchFileRefused
from bridge.batch_file.model import RowFault
from bridge.platform import Platform
from bridge.services import keys
from bridge.store import directory
from bridge.store.base import Database
from bridge.store.chain_models import UnstoredRow
from bridge.trace.model import TraceBroken, TraceTooLarge
from bridge.worker import Worker
from contracts.errors import AgreementInvalid, Fault, RowsInvalid

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def refused_by_clause() -> Exception:
    details: dict[str, object] = {"clause": 2, "guard": 0, "limit": 200_000, "observed": 200_001}
    return errors.ChainRefused("payout-cap", "The chain refuses.", **details)


RAISED: dict[str, tuple[Callable[[], Exception], int, str]] = {
    "not-found": (lambda: errors.NotFound("batch-unknown", "No."), 404, "batch-unknown"),
    "conflict": (lambda: errors.Conflict("batch-not-reserved", "No."), 409, "batch-not-reserved"),
    "invalid": (lambda: errors.Invalid("deadline-invalid", "No."), 422, "deadline-invalid"),
    "money": (lambda: errors.MoneyRefused("amount-invalid", "No."), 422, "amount-invalid"),
    "message": (lambda: errors.MessageRefused("message-doctype", "No."), 422, "message-doctype"),
    "key": (lambda: errors.Forbidden("key-unknown", "No."), 401, "key-unknown"),
    "forbidden": (lambda: errors.Forbidden("same-person", "No."), 403, "same-person"),
    "refused": (refused_by_clause, 409, "payout-cap"),
    "chain": (lambda: errors.ChainUnreachable("chain-unreachable", "No."), 503, "chain-unreachable"),
    "bank": (lambda: BankUnreachable("bank-unreachable", "No."), 503, "bank-unreachable"),
    "diverged": (lambda: errors.ChainDiverged("chain-diverged", "No."), 503, "chain-diverged"),
    "bank-refused": (lambda: BankRefused("bank-refused", "No.", answer="secret"), 502, "bank-refused"),
    "chain-error": (lambda: errors.ChainError("chain-error", "No."), 502, "chain-error"),
    "trace-large": (lambda: TraceTooLarge("trace-too-large", "No."), 422, "trace-too-large"),
    "trace-broken": (lambda: TraceBroken("trace-broken", "No."), 500, "trace-broken"),
    "rows": (lambda: RowsInvalid("no rows"), 422, "rows-invalid"),
    "surprise": (lambda: RuntimeError("张三 6217001111111111111"), 500, "internal"),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Database(f"sqlite:///{tmp_path_factory.mktemp('problems') / 'platform.db'}")
    made.migrate()
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def app(database: Database) -> FastAPI:
    """The API over a platform of which only the database is there, with routes that only fail."""
    worker = SimpleNamespace(alive=True, halted=None, failing=False)
    made = create_app(cast(Platform, SimpleNamespace(database=database)), cast(Worker, worker))

    def fail(name: str) -> None:
        raise RAISED[name][0]()

    made.add_api_route("/fail/{name}", fail)
    return made


@pytest.fixture(scope="module")
def secret(app: FastAPI, database: Database) -> str:
    with database.begin() as session:
        directory.put_name(session, "north-bank")
    return keys.create(app.state.platform, "somebody", "north-bank", "bank")


def ask(app: FastAPI, method: str, path: str, key: str | None = None, **parts: Any) -> httpx.Response:
    """One request, in this process."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            headers = parts.pop("headers", {}) | ({"Authorization": f"Bearer {key}"} if key else {})
            return await client.request(method, path, headers=headers, **parts)

    return asyncio.run(send())


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem in an answer, checked for form."""
    found: dict[str, Any] = response.json()
    assert response.headers["content-type"] == MEDIA_TYPE
    assert found.keys() >= MEMBERS
    assert (response.status_code, found["status"], found["code"]) == (status, status, code)
    assert found["type"].startswith(PROBLEM_TYPE)
    assert found["request_id"] == response.headers["x-request-id"]
    return found


@pytest.mark.parametrize("name", RAISED)
def test_errors_raised_on_purpose_have_a_status_and_keep_their_code(app: FastAPI, name: str) -> None:
    _, status, code = RAISED[name]
    response = ask(app, "GET", f"/fail/{name}")
    found = problem(response, status, code)
    assert found["instance"] == f"/fail/{name}"
    assert ("retry-after" in response.headers) == (status == 503)
    assert ("www-authenticate" in response.headers) == (status == 401)
    if status >= 500:
        assert "answer" not in found


def test_a_refusal_names_clause_guard_limit_and_observed(app: FastAPI) -> None:
    found = problem(ask(app, "GET", "/fail/refused"), 409, "payout-cap")
    assert {key: found[key] for key in ("clause", "guard", "limit", "observed")} == {
        "clause": 2,
        "guard": 0,
        "limit": 200_000,
        "observed": 200_001,
    }
    assert found["type"] != problem(ask(app, "GET", "/fail/conflict"), 409, "batch-not-reserved")["type"]


def test_a_surprise_says_nothing_about_itself(app: FastAPI) -> None:
    with capture_logs() as logged:
        response = ask(app, "GET", "/fail/surprise")
    problem(response, 500, "internal")
    assert [each["error"] for each in logged if each["event"] == "request-failed"] == ["RuntimeError"]
    for text in (response.text, str(logged)):
        assert "张三" not in text
        assert "6217001111111111111" not in text


def test_every_fault_of_a_file_is_an_error(app: FastAPI) -> None:
    faults = (
        RowFault(3, "amount", "amount-invalid", "Write it plainly.", "1e3"),
        RowFault(None, None, "x", "y", ""),
    )
    app.add_api_route("/fail-rows", lambda: raising(BatchFileRefused(faults, 1_200)))
    found = problem(ask(app, "GET", "/fail-rows"), 422, "batch-file-refused")
    assert found["fault_count"] == 1_200
    assert found["errors"][0] == {
        "location": "file",
        "row": 3,
        "column": "amount",
        "code": "amount-invalid",
        "detail": "Write it plainly.",
        "value": "1e3",
    }


def raising(error: Exception) -> None:
    raise error


def test_every_fault_of_an_agreement_is_an_error(app: FastAPI) -> None:
    invalid = AgreementInvalid((Fault("clauses[2]", "cap-invalid", "Write an amount."),))
    app.add_api_route("/fail-agreement", lambda: raising(invalid))
    found = problem(ask(app, "GET", "/fail-agreement"), 422, "agreement-invalid")
    assert [(each["pointer"], each["code"]) for each in found["errors"]] == [("clauses[2]", "cap-invalid")]


def test_an_unknown_route_and_another_method(app: FastAPI) -> None:
    problem(ask(app, "GET", "/v1/nothing"), 404, "route-unknown")
    problem(ask(app, "GET", "/"), 404, "route-unknown")
    assert "POST" in ask(app, "DELETE", "/v1/batches").headers["allow"]
    problem(ask(app, "DELETE", "/v1/batches"), 405, "method-not-allowed")


def test_a_request_of_another_form_names_every_field_and_repeats_no_value(app: FastAPI, secret: str) -> None:
    body = {"account": "Not A Name", "parent": "swift-courier", "more": 1}
    response = ask(app, "POST", "/v1/accounts/openings/prepare", secret, json=body)
    found = problem(response, 422, "request-invalid")
    places = {each["pointer"]: each["code"] for each in found["errors"]}
    assert places == {
        "/account": "string-pattern-mismatch",
        "/controller": "missing",
        "/more": "extra-forbidden",
    }
    assert "Not A Name" not in response.text
    problem(
        ask(
            app,
            "POST",
            "/v1/accounts/openings/prepare",
            secret,
            content=b"{",
            headers={"content-type": "application/json"},
        ),
        422,
        "request-invalid",
    )


@pytest.mark.parametrize("amount", ["5", 5.0, True, 0, -1, 2**62])
def test_money_is_a_json_integer(app: FastAPI, secret: str, amount: object) -> None:
    body = {"lot": "00" * 32, "account": "a", "dye_class": "general", "amount_minor": amount}
    found = problem(
        ask(app, "POST", "/v1/accounts/identifications/prepare", secret, json=body), 422, "request-invalid"
    )
    assert [each["pointer"] for each in found["errors"]] == ["/amount_minor"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_the_limit_is_refused(app: FastAPI, secret: str, chunked: bool) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)

    async def pieces() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    content = pieces() if chunked else body
    response = ask(
        app,
        "POST",
        "/v1/accounts/openings/prepare",
        secret,
        content=content,
        headers={"content-type": "application/json"},
    )
    problem(response, 413, "body-too-large")


def test_uploads_have_a_limit_of_their_own(app: FastAPI, secret: str) -> None:
    form = {"agreement": "nothing"}
    larger = ask(app, "POST", "/v1/batches", secret, data=form, files={"file": ("p.csv", b"x" * 71 * 2**20)})
    problem(larger, 413, "body-too-large")


def test_a_form_that_is_none(app: FastAPI, secret: str) -> None:
    response = ask(
        app,
        "POST",
        "/v1/batches",
        secret,
        content=b"x",
        headers={"content-type": "multipart/form-data; boundary=y"},
    )
    assert response.json()["code"] in ("request-malformed", "request-invalid")
    assert response.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("header", [None, "Basic eDp5", "Bearer", "Bearer dt_wrong", "dt_wrong"])
def test_without_a_known_key_nobody_is_anybody(app: FastAPI, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = ask(app, "GET", "/v1/batches", headers=headers)
    found = response.json()
    assert response.status_code == 401
    assert found["code"] == ("key-unknown" if header == "Bearer dt_wrong" else "key-missing")
    assert "dt_wrong" not in response.text


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_3", True), ("x" * 65, False), ("a b", False), ("", False)]
)
def test_a_harmless_request_id_is_kept(app: FastAPI, given: str, kept: bool) -> None:
    answered = ask(app, "GET", "/livez", headers={"x-request-id": given}).headers["x-request-id"]
    assert (answered == given) is kept
    assert answered


def test_live_touches_nothing(app: FastAPI) -> None:
    response = ask(app, "GET", "/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def ready_of(
    database: Database, worker: SimpleNamespace, chain: SimpleNamespace, bank_away: str | None = None
) -> httpx.Response:
    indexer = SimpleNamespace(indexed=lambda: 7)
    platform = SimpleNamespace(database=database, chain=chain, indexer=indexer, bank_away=bank_away)
    return ask(create_app(cast(Platform, platform), cast(Worker, worker)), "GET", "/readyz")


def test_logs_that_no_table_takes_are_shown_and_stop_nobody(database: Database) -> None:
    turning = SimpleNamespace(alive=True, halted=None, failing=False)
    chain = SimpleNamespace(head=lambda: 9)
    assert ready_of(database, turning, chain).json()["checks"]["logs"] == {"ok": True}
    kept = {"name": "Minted", "address": "0x", "content": "", "reason": "OverflowError"}
    with database.begin() as session:
        session.add(UnstoredRow(id=1, block=1, transaction=bytes(32), **kept))
    response = ready_of(database, turning, chain)
    assert response.status_code == 200
    assert response.json()["checks"]["logs"] == {"ok": False, "code": "logs-unstored", "unstored": 1}


def test_ready_says_what_does_not_work(database: Database) -> None:
    turning = SimpleNamespace(alive=True, halted=None, failing=False)
    chain = SimpleNamespace(head=lambda: 9)
    response = ready_of(database, turning, chain)
    assert response.status_code == 200
    assert response.json()["checks"]["chain"] == {"ok": True, "head": 9}
    assert response.json()["checks"]["database"]["indexed_block"] == 7
    alone = ready_of(database, turning, chain, "bank-unreachable")
    assert alone.status_code == 200
    assert alone.json()["checks"]["bank"] == {"ok": False, "code": "bank-unreachable"}
    halted = SimpleNamespace(alive=False, halted=errors.ChainDiverged("chain-diverged", "No."))
    stopped = ready_of(database, halted, chain)
    assert stopped.status_code == 503
    assert stopped.json()["checks"]["worker"] == {"ok": False, "code": "chain-diverged"}
    dead = ready_of(database, SimpleNamespace(alive=False, halted=None), chain)
    assert dead.json()["checks"]["worker"] == {"ok": False, "code": "worker-stopped"}
    failing = ready_of(database, SimpleNamespace(alive=True, halted=None, failing=True), chain)
    assert failing.json()["checks"]["worker"] == {"ok": False, "code": "worker-failing"}
    away = SimpleNamespace(head=lambda: raising(errors.ChainUnreachable("chain-unreachable", "No.")))
    gone = ready_of(database, turning, away)
    assert (gone.status_code, gone.json()["checks"]["chain"]["code"]) == (503, "chain-unreachable")


@pytest.mark.parametrize(
    ("halted", "code"),
    [(errors.ChainDiverged("chain-diverged", "No."), "chain-diverged"), (None, "worker-stopped")],
)
def test_without_a_worker_no_act_is_begun(
    database: Database, secret: str, halted: Exception | None, code: str
) -> None:
    worker = SimpleNamespace(alive=False, halted=halted)
    app = create_app(cast(Platform, SimpleNamespace(database=database)), cast(Worker, worker))
    body = {"signatures": ["0x" + "00" * 65]}
    problem(ask(app, "POST", "/v1/batches/00/reservations", secret, json=body), 503, code)


def test_the_document_shows_problems_and_roles(app: FastAPI) -> None:
    document = ask(app, "GET", "/v1/openapi.json").json()
    operations = [
        each for path, item in document["paths"].items() if path.startswith("/v1/") for each in item.values()
    ]
    assert len(operations) > 40
    for operation in operations:
        failing = {code: each for code, each in operation["responses"].items() if code >= "400"}
        assert failing.keys() >= {"401", "403", "422", "503"}
        assert all(list(each["content"]) == [MEDIA_TYPE] for each in failing.values())
        assert set(operation["x-roles"]) <= set(keys.ROLES)
        assert operation["security"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_reference_page_needs_no_other_server(app: FastAPI) -> None:
    for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        response = ask(app, "GET", path)
        assert response.status_code == 200
        assert "http://" not in response.text
        assert "https://" not in response.text
        assert "default-src 'none'" in response.headers["content-security-policy"]


def test_no_page_is_named_that_is_not_packaged() -> None:
    pages = Path(__file__).parent.parent.parent / "api" / "pages"
    assert {each.name for each in pages.iterdir()} == {"docs.html", "docs.js", "docs.css"}
