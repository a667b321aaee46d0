"""Ethereum JSON-RPC over HTTP."""
