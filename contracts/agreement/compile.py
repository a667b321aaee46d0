"""From an agreement file to what the chain takes: guards, constructor arguments and the hashes signed for."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from eth_hash.auto import keccak

from contracts.agreement._check_clauses import clause_faults, guard_places
from contracts.agreement._check_directory import (
    account_faults,
    approval_faults,
    evidence_faults,
    party_faults,
)
from contracts.agreement._check_expected import expectation_faults
from contracts.agreement.codes import Code
from contracts.agreement.directory import DirectoryFacts
from contracts.agreement.guards import chain_guard
from contracts.agreement.model import Agreement, AgreementFile, Approval, Evidence, PayeeRoster
from contracts.agreement.roster import RosterEntry, read_roster, roster_root
from contracts.errors import AgreementInvalid, Fault
from contracts.ids import name_id, template_id
from contracts.terms import Guard, allocation_arguments, disbursement_arguments

__all__ = ["CompiledAgreement", "compile_terms"]

NO_ROSTER = bytes(32)


@dataclass(frozen=True)
class CompiledAgreement:
    """An agreement as the factory deploys it; every id and hash has 32 bytes."""

    file: AgreementFile
    template_id: bytes
    account_id: bytes
    dye_class_id: bytes
    destinations: tuple[bytes, ...]
    """Ids of the accounts an allocation may fund, in the order of the file; empty for a disbursement."""
    guards: tuple[Guard, ...]
    clause_names: tuple[str, ...]
    """Names of the clauses, by the number a refusal gives."""
    roster: tuple[RosterEntry, ...]
    roster_root: bytes
    """Root of the roster, 32 zero bytes without one."""
    arguments: bytes
    """ABI-encoded constructor arguments of the template."""
    file_hash: bytes
    """keccak(bytes of the file ‖ roster root). The root stands for the roster: it is salted, so that nothing
    on chain lets anybody test a guess at a payee."""
    results_hash: bytes
    """keccak of the expected results as JSON: keys sorted, no spaces, UTF-8, defaults written out."""


def compile_terms(
    file: AgreementFile,
    directory_facts: DirectoryFacts,
    roster_files: Mapping[str, bytes],
    salt_for: Callable[[str], bytes],
) -> CompiledAgreement:
    """Check an agreement against the directory and turn it into terms on chain.

    `roster_files` maps file names to their bytes; `salt_for` gives each payee account its salt, 16 bytes or
    more, its own in every agreement. Raises AgreementInvalid with every fault found, ValueError for a salt
    that is too short.
    """
    content = file.content
    roster, faults = _roster(content, roster_files)
    faults = (*_faults(content, directory_facts, None if faults else roster or None), *faults)
    if faults:
        raise AgreementInvalid(faults)
    root = roster_root(roster, salt_for) if roster else NO_ROSTER
    guards = tuple(
        chain_guard(content, number, guard, len(roster), root) for _, number, guard in guard_places(content)
    )
    account, dye_class = name_id(content.accounts.pays_from), name_id(content.accounts.dye_class)
    destinations = tuple(map(name_id, content.accounts.funds))
    return CompiledAgreement(
        file=file,
        template_id=template_id(*content.template.split("@")),
        account_id=account,
        dye_class_id=dye_class,
        destinations=destinations,
        guards=guards,
        clause_names=tuple(clause.name for clause in content.clauses),
        roster=roster,
        roster_root=root,
        arguments=(
            allocation_arguments(account, dye_class, destinations, guards)
            if content.template_name == "allocation"
            else disbursement_arguments(account, dye_class, guards)
        ),
        file_hash=keccak(file.source + root),
        results_hash=keccak(_canonical_results(content)),
    )


def _faults(
    content: Agreement, facts: DirectoryFacts, roster: tuple[RosterEntry, ...] | None
) -> Iterator[Fault]:
    yield from party_faults(content, facts)
    yield from account_faults(content, facts)
    yield from clause_faults(content)
    for where, _, guard in guard_places(content):
        if isinstance(guard, Approval):
            yield from approval_faults(content, facts, where, guard)
        elif isinstance(guard, Evidence):
            yield from evidence_faults(content, facts, where, guard)
    yield from expectation_faults(content, roster)


def _roster(
    content: Agreement, files: Mapping[str, bytes]
) -> tuple[tuple[RosterEntry, ...], tuple[Fault, ...]]:
    """Entries of the first roster the file names; that there is one is checked with the clauses."""
    for where, _, guard in guard_places(content):
        if isinstance(guard, PayeeRoster) and guard.file in files:
            return read_roster(guard.file, files[guard.file])
        if isinstance(guard, PayeeRoster):
            message = f"hand in {guard.file} together with the agreement"
            return (), (Fault(f"{where}.file", Code.ROSTER_FILE_MISSING, message),)
    return (), ()


def _canonical_results(content: Agreement) -> bytes:
    cases = [case.model_dump(mode="json", by_alias=True) for case in content.expected]
    return json.dumps(cases, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
