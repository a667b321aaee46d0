"""From an agreement file to what the chain takes: guards, constructor arguments and the hashes signed for."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from contracts.agreement._check_asked import asked_faults
from contracts.agreement._check_clauses import clause_faults
from contracts.agreement._check_courses import course_faults
from contracts.agreement._check_directory import account_faults, guard_faults, party_faults
from contracts.agreement._check_expected import expectation_faults
from contracts.agreement._check_operands import operand_faults
from contracts.agreement._check_sections import section_faults
from contracts.agreement._places import guard_places
from contracts.agreement.codes import Code
from contracts.agreement.directory import DirectoryFacts
from contracts.agreement.guard_models import PayeeRoster
from contracts.agreement.guards import Bindings, chain_guards
from contracts.agreement.model import Agreement, AgreementFile
from contracts.agreement.roster import RosterEntry, read_roster, roster_root
from contracts.agreement.section_arguments import chain_rule, section_arguments
from contracts.agreement.sections import SECTIONS
from contracts.agreement.workflow import set_faults, together, workflow_faults
from contracts.errors import AgreementInvalid, Fault
from contracts.ids import name_id, template_id
from contracts.terms import Guard, Rule, allocation_arguments, disbursement_arguments

__all__ = ["CompiledAgreement", "agreement_faults", "check_together", "compile_terms"]

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
    rules: tuple[Rule, ...]
    """What an allocation moves by itself, in order."""
    guards: tuple[Guard, ...]
    """Empty for a template without clauses."""
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
    roster_before: Sequence[RosterEntry] = (),
) -> CompiledAgreement:
    """Check an agreement against the directory and turn it into terms on chain.

    `roster_files` maps file names to their bytes; `salt_for` gives each payee account its salt, 16 bytes or
    more, its own in every agreement and the same in all its versions. `roster_before` is the roster of the
    version this one replaces. Raises AgreementInvalid with every fault found, ValueError for a salt that is
    too short.
    """
    content = file.content
    faults = (
        *agreement_faults(file, directory_facts, roster_files, roster_before),
        *workflow_faults((content,), directory_facts)[0],
    )
    if faults:
        raise AgreementInvalid(faults)
    roster, _ = _roster(content, roster_files, roster_before)
    root = roster_root(roster, salt_for) if roster else NO_ROSTER
    grows = 0 < len(roster_before) < len(roster)
    extends = roster_root(roster_before, salt_for) if grows else NO_ROSTER
    addresses = {name: held.address for name, held in directory_facts.agreements.items()}
    clauses = chain_guards(content, Bindings(len(roster), root, extends, addresses))
    guards = tuple(guard for clause in clauses for guard in clause)
    rules = tuple(map(chain_rule, content.rules))
    return CompiledAgreement(
        file=file,
        template_id=template_id(*content.template.split("@")),
        account_id=name_id(content.accounts.pays_from),
        dye_class_id=name_id(content.accounts.dye_class),
        destinations=tuple(map(name_id, content.accounts.funds)),
        rules=rules,
        guards=guards,
        clause_names=tuple(clause.name for clause in content.clauses),
        roster=roster,
        roster_root=root,
        arguments=_arguments(content, guards, rules),
        file_hash=keccak(file.source + root),
        results_hash=keccak(_canonical_results(content)),
    )


def _arguments(content: Agreement, guards: tuple[Guard, ...], rules: tuple[Rule, ...]) -> bytes:
    account, dye_class = name_id(content.accounts.pays_from), name_id(content.accounts.dye_class)
    if content.template_name in SECTIONS:
        return section_arguments(content)
    if content.template_name == "allocation":
        destinations = tuple(map(name_id, content.accounts.funds))
        return allocation_arguments(account, dye_class, destinations, guards, rules)
    return disbursement_arguments(account, dye_class, guards)


def agreement_faults(
    file: AgreementFile,
    directory_facts: DirectoryFacts,
    roster_files: Mapping[str, bytes],
    roster_before: Sequence[RosterEntry] = (),
) -> tuple[Fault, ...]:
    """Every fault of one file against the directory, in no need of salts."""
    roster, faults = _roster(file.content, roster_files, roster_before)
    return (*_faults(file.content, directory_facts, None if faults else roster or None), *faults)


def check_together(
    files: Sequence[AgreementFile], directory_facts: DirectoryFacts, roster_files: Mapping[str, bytes]
) -> tuple[tuple[Fault, ...], ...]:
    """Every fault of the files of a workflow, one tuple a file: each by itself, and all together.

    A file may name another of the set that is not deployed yet.
    """
    contents = [file.content for file in files]
    facts = together(contents, directory_facts)
    alone = [agreement_faults(file, facts, roster_files) for file in files]
    cycles, exits = workflow_faults(contents, directory_facts), set_faults(contents, directory_facts)
    return tuple((*a, *b, *c) for a, b, c in zip(alone, cycles, exits, strict=True))


def _faults(
    content: Agreement, facts: DirectoryFacts, roster: tuple[RosterEntry, ...] | None
) -> Iterator[Fault]:
    yield from section_faults(content)
    yield from party_faults(content, facts)
    yield from account_faults(content, facts)
    yield from operand_faults(content)
    yield from clause_faults(content)
    yield from asked_faults(content)
    yield from guard_faults(content, facts)
    yield from expectation_faults(content, roster)
    yield from course_faults(content, facts)


def _roster(
    content: Agreement, files: Mapping[str, bytes], before: Sequence[RosterEntry]
) -> tuple[tuple[RosterEntry, ...], tuple[Fault, ...]]:
    """Entries of the first roster the file names; that there is one is checked with the clauses."""
    for where, _, guard in guard_places(content):
        if isinstance(guard, PayeeRoster) and guard.file in files:
            return read_roster(guard.file, files[guard.file], before)
        if isinstance(guard, PayeeRoster):
            message = f"hand in {guard.file} together with the agreement"
            return (), (Fault(f"{where}.file", Code.ROSTER_FILE_MISSING, message),)
    return (), ()


def _canonical_results(content: Agreement) -> bytes:
    cases = [case.model_dump(mode="json", by_alias=True) for case in content.expected]
    return json.dumps(cases, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
