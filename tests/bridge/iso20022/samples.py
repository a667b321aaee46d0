"""Small bank messages, put together from parts."""

from __future__ import annotations

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"

ACCOUNT = "<Acct><Id><IBAN>CN27DYET0000000000000001</IBAN></Id><Ccy>CNY</Ccy></Acct>"


def entry(
    amount: str = "10.00",
    *,
    currency: str = "CNY",
    direction: str = "CRDT",
    status: str = "<Cd>BOOK</Cd>",
    reference: str | None = "REF-1",
    details: str = "",
    dates: str = "<BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt>",
    more: str = "",
) -> str:
    servicer = "" if reference is None else f"<AcctSvcrRef>{reference}</AcctSvcrRef>"
    transactions = f"<NtryDtls>{details}</NtryDtls>" if details else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{more}'
        f"<Sts>{status}</Sts>{dates}{servicer}{transactions}</Ntry>"
    )


def detail(
    amount: str | None = "10.00",
    *,
    end_to_end_id: str = "E2E-1",
    reference: str | None = None,
    direction: str = "",
    more: str = "",
) -> str:
    servicer = "" if reference is None else f"<AcctSvcrRef>{reference}</AcctSvcrRef>"
    money = "" if amount is None else f'<Amt Ccy="CNY">{amount}</Amt>'
    side = f"<CdtDbtInd>{direction}</CdtDbtInd>" if direction else ""
    return (
        f"<TxDtls><Refs>{servicer}<EndToEndId>{end_to_end_id}</EndToEndId></Refs>{money}{side}{more}</TxDtls>"
    )


def balance(type_code: str, amount: str, direction: str = "CRDT") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{type_code}</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{amount}</Amt>'
        f"<CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>2026-11-23</Dt></Dt></Bal>"
    )


def statement(*entries: str, balances: str = "", head: str = "<ElctrncSeqNb>7</ElctrncSeqNb>") -> str:
    return f"<Stmt><Id>STMT-1</Id>{head}{ACCOUNT}{balances}{''.join(entries)}</Stmt>"


def document(body: str, message: str = "camt.053.001.08", root: str = "BkToCstmrStmt") -> bytes:
    header = "<GrpHdr><MsgId>MSG-1</MsgId><CreDtTm>2026-11-23T17:00:00+08:00</CreDtTm></GrpHdr>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{NAMESPACE}{message}">'
        f"<{root}>{header}{body}</{root}></Document>"
    ).encode()
