"""``python -m node`` is ``dyetrace node``."""

from node.cli import app

app(prog_name="dyetrace node")
