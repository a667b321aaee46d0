# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Accounts: trees of them below supervised bank accounts
@license Apache-2.0
@notice Says whose money an account's is, which agreements may draw on it, and whether it may start anything. It
    holds no money: the Ledger asks here before money moves.
@custom:kill Pausing stops whatever would start anywhere; answers of the bank and reads go on.
"""

from interfaces import IAccounts
from interfaces import IDirectory

implements: IAccounts

# An account deeper than this cannot be moved.
MAX_LEVELS: constant(uint256) = 64

MINTER: constant(uint256) = 2
SETTLER: constant(uint256) = 4

_NUMBER: constant(uint256) = 2**32 - 1
_FROZEN: constant(uint256) = 1 << 32
_CLOSED: constant(uint256) = 1 << 33
_DEPOSITS: constant(uint256) = 1 << 34
_GRANT: constant(uint256) = 1 << 64

DIRECTORY: public(immutable(address))
FACTORY: public(immutable(address))
SUPERVISION: public(immutable(address))

is_paused: public(bool)
is_granted: public(HashMap[bytes32, HashMap[address, bool]])
# The root account of each tree, by the tree's number, from 1.
tree_at: public(HashMap[uint256, bytes32])

_tree_count: uint256
_roots: HashMap[bytes32, IAccounts.Root]
# Number of the tree (32 bits), frozen, closed, holds deposits; from bit 64 how many agreements may draw on the account.
_words: HashMap[bytes32, uint256]
_parents: HashMap[bytes32, bytes32]
_controllers: HashMap[bytes32, bytes32]


@deploy
def __init__(directory: address, factory: address, supervision: address):
    """
    @param directory Who may act.
    @param factory The agreement factory, the only one that can let an agreement draw on an account.
    @param supervision Verifies what people decide about accounts.
    """
    assert directory != empty(address) and factory != empty(address), "accounts: zero address"
    assert supervision != empty(address), "accounts: zero address"
    DIRECTORY = directory
    FACTORY = factory
    SUPERVISION = supervision


# The bank, by role of the sender


@external
def open_tree(tree: bytes32, bank: bytes32, quorum: bytes32, currency: bytes3, controller: bytes32):
    """
    @notice Open a supervised account as the root of a tree.
    @param tree Its id, which is the id of the root account too.
    @param bank The bank that holds the account; the sender settles for it.
    @param quorum Who activates agreements on this money.
    @param currency ISO 4217 code: three letters, A to Z.
    @param controller The institution whose money it is.
    """
    self._only(bank, msg.sender, SETTLER)
    assert staticcall IDirectory(DIRECTORY).quorum_threshold(quorum) >= 2, "accounts: unknown quorum"
    code: uint256 = convert(currency, uint256)
    for i: uint256 in range(3):
        letter: uint256 = code >> (8 * i) & 255
        assert letter >= 65 and letter <= 90, "accounts: currency is not three letters"
    number: uint256 = self._tree_count + 1
    self._tree_count = number
    self.tree_at[number] = tree
    self._roots[tree] = IAccounts.Root(bank=bank, quorum=quorum, currency=currency, number=number)
    log IAccounts.TreeOpened(tree=tree, bank=bank, quorum=quorum, currency=currency)
    self._open(tree, empty(bytes32), number, controller)


# The factory


@external
def grant(account: bytes32, agreement: address, deposits: bool):
    """
    @notice Let an agreement the quorum activated draw on an account.
    @param account The account.
    @param agreement The agreement.
    @param deposits Whether it holds others' money there: then no other agreement may draw on the account.
    """
    self._factory()
    self._open_account(account)
    assert agreement != empty(address), "accounts: zero address"
    assert not self.is_granted[account][agreement], "accounts: nothing to change"
    word: uint256 = self._words[account]
    assert word & _DEPOSITS == 0, "accounts: an agreement holds deposits there"
    if deposits:
        assert word < _GRANT, "accounts: another agreement draws on it"
        word |= _DEPOSITS
    self.is_granted[account][agreement] = True
    self._words[account] = word + _GRANT
    log IAccounts.AgreementGranted(account=account, agreement=agreement)


@external
def revoke(account: bytes32, agreement: address):
    """
    @notice Stop an agreement from drawing on an account. Anyone may release its open batches then.
    @param account The account.
    @param agreement The agreement.
    """
    self._factory()
    assert self.is_granted[account][agreement], "accounts: nothing to change"
    self.is_granted[account][agreement] = False
    # Where there are deposits, the agreement that held them was the only one.
    self._words[account] = (self._words[account] & ~_DEPOSITS) - _GRANT
    log IAccounts.AgreementRevoked(account=account, agreement=agreement)


# Supervision


@external
def open_account(account: bytes32, parent: bytes32, controller: bytes32):
    """
    @notice Open an account below another.
    @param account Its id; nobody has used it.
    @param parent The account above it.
    @param controller The institution that controls it.
    """
    self._supervision()
    self._open(account, parent, self._open_account(parent), controller)


@external
def move_account(account: bytes32, parent: bytes32):
    """
    @notice Put an account, with all below it, under another account of its tree.
    @param account The account.
    @param parent The account it goes under; not one below it.
    """
    self._supervision()
    assert self._parents[account] != empty(bytes32), "accounts: the root stays"
    assert self._open_account(parent) == self._open_account(account), "accounts: another tree"
    above: bytes32 = parent
    for _: uint256 in range(MAX_LEVELS):
        if above == empty(bytes32):
            break
        assert above != account, "accounts: below itself"
        above = self._parents[above]
    assert above == empty(bytes32), "accounts: too deep to move"
    self._parents[account] = parent
    log IAccounts.AccountMoved(account=account, parent=parent)


@external
def close_account(account: bytes32):
    """
    @notice Close an account for good. What is there, and what comes back later, goes to its parent. While an
        agreement may draw on it, what rests there is not its controller's alone: the quorum retires that first.
    @param account The account; not a root.
    """
    self._supervision()
    self._open_account(account)
    assert self._words[account] < _GRANT, "accounts: an agreement draws on it"
    assert self._parents[account] != empty(bytes32), "accounts: the root stays"
    self._words[account] |= _CLOSED
    log IAccounts.AccountClosed(account=account)


@external
def set_frozen(account: bytes32, frozen: bool):
    """
    @notice Freeze an account, frozen or not, or unfreeze it. Frozen money starts nothing.
    @param account The account.
    @param frozen What to make it.
    """
    self._supervision()
    word: uint256 = self._word(account)
    assert frozen or word & _FROZEN != 0, "accounts: nothing to change"
    self._words[account] = word | _FROZEN if frozen else word ^ _FROZEN
    log IAccounts.AccountFrozen(account=account, frozen=frozen)


@external
def set_paused(paused: bool):
    """
    @notice Pause or resume.
    @param paused What to make it.
    """
    self._supervision()
    assert self.is_paused != paused, "accounts: nothing to change"
    self.is_paused = paused
    log IAccounts.PauseSet(paused=paused)


# Anyone


@view
@external
def root(tree: bytes32) -> IAccounts.Root:
    """
    @notice What belongs to a tree as a whole.
    @param tree The tree.
    @return Root Bank, quorum and currency of a tree, and its number; all zero when there is none.
    """
    return self._roots[tree]


@view
@external
def account(account: bytes32) -> IAccounts.Account:
    """
    @notice What is known about an account.
    @param account The account.
    @return Account The account; its tree is zero when it does not exist.
    """
    word: uint256 = self._words[account]
    return IAccounts.Account(
        tree=self.tree_at[word & _NUMBER],
        parent=self._parents[account],
        controller=self._controllers[account],
        frozen=word & _FROZEN != 0,
        closed=word & _CLOSED != 0,
    )


@view
@external
def running(account: bytes32) -> uint256:
    """
    @notice Throws while paused.
    @param account The account.
    @return uint256 Number of the account's tree.
    """
    self._running()
    return self._word(account) & _NUMBER


@view
@external
def receives(account: bytes32) -> uint256:
    """
    @notice Throws unless money may arrive on the account now.
    @param account The account.
    @return uint256 Number of its tree.
    """
    self._running()
    return self._open_account(account)


@view
@external
def starts(account: bytes32, agreement: address) -> uint256:
    """
    @notice Throws unless an agreement may start something with the account's money now.
    @param account The account.
    @param agreement The agreement; it must be granted the account.
    @return uint256 Number of its tree.
    """
    return self._starts(account, agreement)


@view
@external
def transfers(account: bytes32, agreement: address, destination: bytes32) -> uint256:
    """
    @notice Throws unless an agreement may move the account's money to the destination now.
    @param account The account.
    @param agreement The agreement; it must be granted the account.
    @param destination The account it goes to; open and of the same tree.
    @return uint256 Number of their tree.
    """
    number: uint256 = self._starts(account, agreement)
    assert self._open_account(destination) == number, "accounts: another tree"
    return number


@view
@external
def mints(tree: bytes32, who: address) -> uint256:
    """
    @notice Throws unless `who` may mint for a supervised account now.
    @param tree The supervised account.
    @param who Who would mint.
    @return uint256 Number of the tree.
    """
    self._running()
    held: IAccounts.Root = self._roots[tree]
    assert held.number != 0, "accounts: unknown tree"
    self._only(held.bank, who, MINTER)
    return held.number


@view
@external
def settles(account: bytes32, who: address) -> uint256:
    """
    @notice Throws unless `who` speaks for the bank of the account's tree.
    @param account Any account of the tree.
    @param who Who would speak for the bank.
    @return uint256 Number of the tree.
    """
    number: uint256 = self._word(account) & _NUMBER
    self._only(self._roots[self.tree_at[number]].bank, who, SETTLER)
    return number


@view
@external
def sweeps(account: bytes32) -> bytes32:
    """
    @notice Throws unless what is on the account may go to its parent now: it is closed and not frozen.
    @param account The account.
    @return bytes32 The parent.
    """
    self._running()
    word: uint256 = self._word(account)
    assert word & _CLOSED != 0, "accounts: account is open"
    assert word & _FROZEN == 0, "accounts: account frozen"
    return self._parents[account]


# Internal


@internal
@view
def _only(institution: bytes32, who: address, role: uint256):
    """
    @dev Throws unless the signer holds the role for the institution.
    """
    assert staticcall IDirectory(DIRECTORY).acts_for(who, institution, role), "accounts: sender lacks the role"


@internal
@view
def _supervision():
    """
    @dev Throws unless Supervision calls.
    """
    assert msg.sender == SUPERVISION, "accounts: not supervision"


@internal
@view
def _factory():
    """
    @dev Throws unless the factory calls.
    """
    assert msg.sender == FACTORY, "accounts: not the factory"


@internal
@view
def _running():
    """
    @dev Throws while paused.
    """
    assert not self.is_paused, "accounts: paused"


@internal
@view
def _word(account: bytes32) -> uint256:
    """
    @dev Number of the tree and flags of an account that exists.
    """
    word: uint256 = self._words[account]
    assert word != 0, "accounts: unknown account"
    return word


@internal
@view
def _open_account(account: bytes32) -> uint256:
    """
    @dev Number of the tree of an account that exists and is open.
    """
    word: uint256 = self._word(account)
    assert word & _CLOSED == 0, "accounts: account closed"
    return word & _NUMBER


@internal
@view
def _starts(account: bytes32, agreement: address) -> uint256:
    """
    @dev Throws unless an agreement may start something with the account's money now.
    """
    self._running()
    word: uint256 = self._word(account)
    assert word & _CLOSED == 0, "accounts: account closed"
    assert word & _FROZEN == 0, "accounts: account frozen"
    assert self.is_granted[account][agreement], "accounts: agreement not granted"
    return word & _NUMBER


@internal
def _open(account: bytes32, parent: bytes32, number: uint256, controller: bytes32):
    """
    @dev Open an account under an id nobody has used.
    """
    assert account != empty(bytes32), "accounts: zero id"
    assert self._words[account] == 0, "accounts: account exists"
    assert staticcall IDirectory(DIRECTORY).institution_kind(controller) != 0, "accounts: unknown institution"
    self._words[account] = number
    self._parents[account] = parent
    self._controllers[account] = controller
    log IAccounts.AccountOpened(account=account, parent=parent, tree=self.tree_at[number], controller=controller)
