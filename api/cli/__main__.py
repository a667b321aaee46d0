"""`python -m api.cli`: the same as `dyetrace`."""

from api.cli import main

main()
