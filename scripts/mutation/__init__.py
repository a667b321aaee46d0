"""Mutation tests of the contracts: every change of a line that should matter must fail a test."""
