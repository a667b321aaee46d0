# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Factory of agreements: registered templates, instances, and what the quorum decides about them
@license Apache-2.0
@notice An agreement draws on nothing before the quorum of its tree activates it, takes other terms only when
    the quorum adopts them, and draws on nothing after the quorum retired it, which is for good.
@custom:kill Without signatures of the quorum nothing is activated; `retire` stops one agreement.
"""

from interfaces import IAccounts
from interfaces import IAgreement
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from interfaces import IRegistry
from modules import signatures

implements: IFactory

MAX_SIGNERS: constant(uint256) = 16
MAX_ACCOUNTS: constant(uint256) = 16
MAX_ARGUMENT_BYTES: constant(uint256) = 16384
GOVERNOR: constant(uint256) = 1
# A blueprint starts with three bytes that keep it from being called (ERC-5202).
PREAMBLE_BYTES: constant(uint256) = 3
PREAMBLE: constant(Bytes[3]) = x"fe7100"

TEMPLATE_TYPEHASH: constant(bytes32) = keccak256("Template(bytes32 template,address blueprint,bytes32 codeHash)")
ACTIVATION_TYPEHASH: constant(bytes32) = keccak256(
    "Activation(address agreement,bytes32 template,bytes32 arguments,bytes32 file,bytes32 results)"
)
ADOPTION_TYPEHASH: constant(bytes32) = keccak256(
    "Adoption(address agreement,uint256 version,bytes32 arguments,bytes32 file,bytes32 results)"
)
RETIREMENT_TYPEHASH: constant(bytes32) = keccak256("Retirement(address agreement)")

ledger: public(immutable(address))
registry: public(immutable(address))
ACCOUNTS: public(immutable(address))
DIRECTORY: public(immutable(address))

_templates: HashMap[bytes32, IFactory.Template]
_instances: HashMap[address, IFactory.Instance]
# What an agreement said at its deployment; it is asked once, so that it can't answer otherwise later.
_accounts: HashMap[address, DynArray[bytes32, MAX_ACCOUNTS]]


@deploy
def __init__(ledger_: address, registry_: address):
    """
    @param ledger_ The ledger whose accounts agreements draw on.
    @param registry_ Where agreements register documents.
    """
    ACCOUNTS = staticcall ILedger(ledger_).ACCOUNTS()
    assert staticcall IAccounts(ACCOUNTS).FACTORY() == self, "factory: the ledger has another factory"
    assert staticcall IRegistry(registry_).factory() == self, "factory: the registry has another factory"
    ledger = ledger_
    registry = registry_
    DIRECTORY = staticcall ILedger(ledger_).directory()


# Governors of two institutions, by signature


@external
def register_template(template: bytes32, blueprint: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Register one version of a template, for good.
    @param template Hash of its name and semantic version, `name@x.y.z`.
    @param blueprint Where its code is.
    @param consents Of governors of two institutions, over the code's hash, rising by signer.
    """
    assert template != empty(bytes32), "factory: zero id"
    assert self._templates[template].blueprint == empty(address), "factory: template exists"
    code_hash: bytes32 = blueprint.codehash
    assert blueprint.codesize > PREAMBLE_BYTES, "factory: no code at the blueprint"
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(TEMPLATE_TYPEHASH, template, blueprint, code_hash))
    )
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    assert staticcall IDirectory(DIRECTORY).are_two_institutions(
        signers, GOVERNOR
    ), "factory: governors of two institutions must sign"
    self._templates[template] = IFactory.Template(blueprint=blueprint, code_hash=code_hash)
    log IFactory.TemplateRegistered(template=template, blueprint=blueprint, code_hash=code_hash)


# Supervisors of the tree's quorum, by signature


@external
def activate(agreement: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Let an agreement draw on its accounts.
    @param agreement The agreement.
    @param consents Of supervisors of the tree's quorum, over all it was made from, rising by signer.
    """
    instance: IFactory.Instance = self._instances[agreement]
    assert instance.template != empty(bytes32), "factory: unknown agreement"
    assert not instance.active, "factory: agreement is active"
    assert instance.version == 0, "factory: agreement is retired"
    accounts: DynArray[bytes32, MAX_ACCOUNTS] = self._accounts[agreement]
    self._decided(
        accounts,
        keccak256(
            abi_encode(
                ACTIVATION_TYPEHASH,
                agreement,
                instance.template,
                instance.arguments,
                instance.file,
                instance.results,
            )
        ),
        consents,
    )
    self._instances[agreement].version = 1
    self._instances[agreement].active = True
    deposits: bool = staticcall IAgreement(agreement).holds_deposits()
    for account: bytes32 in accounts:
        # Deposits rest on the first account; others are the parties' own, from which they pay.
        extcall IAccounts(ACCOUNTS).grant(account, agreement, deposits and account == accounts[0])
    log IFactory.AgreementActivated(agreement=agreement, account=accounts[0])


@external
def adopt(
    agreement: address,
    arguments: Bytes[MAX_ARGUMENT_BYTES],
    file: bytes32,
    results: bytes32,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Give an active agreement the next version of its terms.
    @param agreement The agreement.
    @param arguments Encoded terms, as the template takes them.
    @param file Hash of the agreement file of this version.
    @param results Hash of its expected results.
    @param consents Of supervisors of the tree's quorum, over this version number, rising by signer.
    """
    instance: IFactory.Instance = self._instances[agreement]
    assert instance.active, "factory: agreement is not active"
    version: uint256 = instance.version + 1
    content: bytes32 = keccak256(arguments)
    self._decided(
        self._accounts[agreement],
        keccak256(abi_encode(ADOPTION_TYPEHASH, agreement, version, content, file, results)),
        consents,
    )
    self._instances[agreement] = IFactory.Instance(
        template=instance.template, arguments=content, file=file, results=results, version=version, active=True
    )
    extcall IAgreement(agreement).adopt(arguments)
    log IFactory.TermsAdopted(
        agreement=agreement,
        version=version,
        terms=staticcall IAgreement(agreement).terms_hash(),
        arguments=content,
        file=file,
        results=results,
    )


@external
def retire(agreement: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Take an agreement's accounts away from it, for good.
    @param agreement The agreement.
    @param consents Of supervisors of the tree's quorum, rising by signer.
    """
    assert self._instances[agreement].active, "factory: agreement is not active"
    accounts: DynArray[bytes32, MAX_ACCOUNTS] = self._accounts[agreement]
    self._decided(accounts, keccak256(abi_encode(RETIREMENT_TYPEHASH, agreement)), consents)
    self._instances[agreement].active = False
    for account: bytes32 in accounts:
        extcall IAccounts(ACCOUNTS).revoke(account, agreement)
    log IFactory.AgreementRetired(agreement=agreement)


# Anyone


@external
def deploy(template: bytes32, arguments: Bytes[MAX_ARGUMENT_BYTES], file: bytes32, results: bytes32) -> address:
    """
    @notice Make an agreement. It can do nothing before the quorum activates it.
    @param template Hash of the template's name and version.
    @param arguments Encoded constructor arguments.
    @param file Hash of the agreement file.
    @param results Hash of its expected results.
    @return address The agreement.
    """
    registered: IFactory.Template = self._templates[template]
    assert registered.blueprint != empty(address), "factory: unknown template"
    # Code at an address can change: an account that delegates (EIP-7702) has the code it chooses.
    assert registered.blueprint.codehash == registered.code_hash, "factory: blueprint changed"
    # What agreements share is registered too, and is not made again.
    assert slice(registered.blueprint.code, 0, PREAMBLE_BYTES) == PREAMBLE, "factory: not a blueprint"
    agreement: address = create_from_blueprint(
        registered.blueprint, arguments, raw_args=True, code_offset=PREAMBLE_BYTES
    )
    accounts: DynArray[bytes32, MAX_ACCOUNTS] = staticcall IAgreement(agreement).accounts()
    assert len(accounts) > 0, "factory: agreement on no account"
    assert staticcall IAgreement(agreement).account() == accounts[0], "factory: accounts contradict each other"
    content: bytes32 = keccak256(arguments)
    self._accounts[agreement] = accounts
    self._instances[agreement] = IFactory.Instance(
        template=template, arguments=content, file=file, results=results, version=0, active=False
    )
    log IFactory.AgreementDeployed(
        agreement=agreement,
        template=template,
        account=accounts[0],
        arguments=content,
        file=file,
        results=results,
    )
    return agreement


@reentrant
@view
@external
def template(template: bytes32) -> IFactory.Template:
    """
    @notice Where the code of a template is.
    @param template Hash of the template's name and version.
    @return Template Where a template's code is; zero when not registered. Agreements ask while they are deployed.
    """
    return self._templates[template]


@view
@external
def instance(agreement: address) -> IFactory.Instance:
    """
    @notice What an agreement was made from.
    @param agreement The agreement.
    @return Instance What an agreement was made from, and the version of its terms.
    """
    return self._instances[agreement]


@view
@external
def accounts(agreement: address) -> DynArray[bytes32, MAX_ACCOUNTS]:
    """
    @notice What an agreement draws on.
    @param agreement The agreement.
    @return DynArray The accounts that activation grants, or granted, to an agreement.
    """
    return self._accounts[agreement]


# Internal


@internal
@view
def _decided(
    accounts: DynArray[bytes32, MAX_ACCOUNTS], content: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]
):
    """
    @dev Throws unless the quorum of the accounts' one tree signed.
    @param accounts Of the agreement it is about.
    @param content Hash of the typed message.
    @param consents Of supervisors, rising by signer.
    """
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(signatures._digest(content), consents)
    quorum: bytes32 = (staticcall ILedger(ledger).tree(self._tree(accounts))).quorum
    threshold: uint256 = staticcall IDirectory(DIRECTORY).quorum_threshold(quorum)
    counted: uint256 = staticcall IDirectory(DIRECTORY).count_institutions(quorum, signers, block.timestamp)
    assert threshold > 0 and counted >= threshold, "factory: quorum not reached"


@internal
@view
def _tree(accounts: DynArray[bytes32, MAX_ACCOUNTS]) -> bytes32:
    """
    @dev The one tree that accounts are of.
    """
    tree: bytes32 = empty(bytes32)
    for account: bytes32 in accounts:
        found: bytes32 = (staticcall ILedger(ledger).account(account)).tree
        assert found != empty(bytes32), "factory: unknown account"
        assert tree == empty(bytes32) or found == tree, "factory: accounts of two trees"
        tree = found
    return tree
