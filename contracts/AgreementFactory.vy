# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Factory of agreements: registered templates, instances and their activation by the quorum
@license Apache-2.0
@custom:kill Without signatures of the quorum nothing is activated; there is nothing else to stop.
"""

from interfaces import IAgreement
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from modules import signatures

implements: IFactory

MAX_SIGNERS: constant(uint256) = 16
MAX_ARGUMENT_BYTES: constant(uint256) = 16384
GOVERNOR: constant(uint256) = 1
# A blueprint starts with three bytes that keep it from being called (ERC-5202).
PREAMBLE_BYTES: constant(uint256) = 3

TEMPLATE_TYPEHASH: constant(bytes32) = keccak256("Template(bytes32 template,address blueprint,bytes32 codeHash)")
ACTIVATION_TYPEHASH: constant(bytes32) = keccak256(
    "Activation(address agreement,bytes32 template,bytes32 arguments,bytes32 file,bytes32 results)"
)

ledger: public(immutable(address))
DIRECTORY: public(immutable(address))

_templates: HashMap[bytes32, IFactory.Template]
_instances: HashMap[address, IFactory.Instance]


@deploy
def __init__(ledger_: address):
    """
    @param ledger_ The ledger whose accounts agreements draw on.
    """
    ledger = ledger_
    DIRECTORY = staticcall ILedger(ledger_).directory()


# Governors of two institutions, by signature


@external
def register_template(template: bytes32, blueprint: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Register one version of a template, for good.
    @param template Hash of its name and version.
    @param blueprint Where its code is.
    @param consents Of governors of two institutions, over the code's hash, rising by signer.
    """
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
    agreement: address = create_from_blueprint(
        registered.blueprint, arguments, raw_args=True, code_offset=PREAMBLE_BYTES
    )
    content: bytes32 = keccak256(arguments)
    self._instances[agreement] = IFactory.Instance(
        template=template, arguments=content, file=file, results=results, active=False
    )
    log IFactory.AgreementDeployed(
        agreement=agreement,
        template=template,
        account=staticcall IAgreement(agreement).account(),
        arguments=content,
        file=file,
        results=results,
    )
    return agreement


@external
def activate(agreement: address, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Let an agreement draw on its account.
    @param agreement The agreement.
    @param consents Of supervisors of the tree's quorum, rising by signer.
    """
    instance: IFactory.Instance = self._instances[agreement]
    assert instance.template != empty(bytes32), "factory: unknown agreement"
    assert not instance.active, "factory: agreement is active"
    digest: bytes32 = signatures._digest(
        keccak256(
            abi_encode(
                ACTIVATION_TYPEHASH,
                agreement,
                instance.template,
                instance.arguments,
                instance.file,
                instance.results,
            )
        )
    )
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    account: bytes32 = staticcall IAgreement(agreement).account()
    tree: bytes32 = (staticcall ILedger(ledger).account(account)).tree
    quorum: bytes32 = (staticcall ILedger(ledger).tree(tree)).quorum
    threshold: uint256 = staticcall IDirectory(DIRECTORY).quorum_threshold(quorum)
    counted: uint256 = staticcall IDirectory(DIRECTORY).count_institutions(quorum, signers, block.timestamp)
    assert threshold > 0 and counted >= threshold, "factory: quorum not reached"
    self._instances[agreement].active = True
    extcall ILedger(ledger).grant(account, agreement)
    log IFactory.AgreementActivated(agreement=agreement, account=account)


@view
@external
def template(template: bytes32) -> IFactory.Template:
    """
    @return Template Where a template's code is; zero when not registered.
    """
    return self._templates[template]


@view
@external
def instance(agreement: address) -> IFactory.Instance:
    """
    @return Instance What an agreement was made from.
    """
    return self._instances[agreement]
