"""The embedded permissioned chain: py-evm, durable blocks, standard Ethereum JSON-RPC.

Hashing and recovery use the C libraries. Both choices are read from the environment the first time a hash
is taken, so they are made here, before anything else of the package is imported; an operator's own choice
stands.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
os.environ.setdefault("ECC_BACKEND_CLASS", "eth_keys.backends.CoinCurveECCBackend")
