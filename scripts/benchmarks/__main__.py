"""Runs the benches whose name starts with the argument; an unknown name ends with 2."""

import argparse
import json
import sys

from scripts.benchmarks import gas, node

SUITES = (gas, node)


def main() -> int:
    """Print one JSON line a figure."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="One JSON line a figure.")
    parser.add_argument("prefix", nargs="?", default="", help="run only the names that start with this")
    prefix: str = parser.parse_args().prefix
    chosen = [[name for name in suite.BENCHES if name.startswith(prefix)] for suite in SUITES]
    if not any(chosen):
        names = [name for suite in SUITES for name in suite.BENCHES]
        print(f"no bench starts with {prefix!r}; there are:", *names, sep="\n  ", file=sys.stderr)
        return 2
    for suite, names in zip(SUITES, chosen, strict=True):
        for figure in suite.figures(names):
            print(json.dumps(figure), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
