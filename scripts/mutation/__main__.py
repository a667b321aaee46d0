"""Mutates contracts; ends with 1 when a mutant survives that is not on the list of survivors."""

import argparse
import json
import multiprocessing
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from scripts.mutation.mutants import Mutant, mutants
from scripts.mutation.survivors import entry, listed
from scripts.mutation.targets import TARGETS
from scripts.mutation.workshop import SURVIVED, Verdict, warm_up, workshop
from scripts.vyper_source import sources

PROCESSES = 2
TIMEOUT_SECONDS = 300
# How many mutants a process takes at a time: neighbours, which the same tests catch.
SHARE = 8


def main() -> int:
    """Try the chosen mutants, one JSON line each; a summary ends the run."""
    chosen = _arguments()
    known = {survivor.key: survivor.reason for survivor in listed()}
    pool = [
        mutant for source in sources() for mutant in mutants(source) if _is_asked(mutant, chosen.contract)
    ]
    if not pool:
        print("no such contract; there are:", *TARGETS, sep="\n  ", file=sys.stderr)
        return 2
    if chosen.sample:
        fresh = [mutant for mutant in pool if mutant.key not in known]
        pool = random.Random(chosen.seed).sample(fresh, min(chosen.sample, len(fresh)))
    warm_up()
    if not chosen.sample and not _tests_pass(sorted({mutant.source for mutant in pool})):
        return 2
    counted: Counter[str] = Counter()
    unlisted = []
    for mutant, verdict in _tried(pool):
        counted[verdict.outcome] += 1
        reason = known.get(mutant.key)
        print(json.dumps(_line(mutant, verdict, reason)), flush=True)
        if verdict.outcome == SURVIVED and reason is None:
            unlisted.append(mutant)
    print(json.dumps({"seed": chosen.seed, "mutants": len(pool), **counted, "unlisted": len(unlisted)}))
    for mutant in unlisted:
        print(json.dumps(entry(mutant, "")), file=sys.stderr)
    return 1 if unlisted else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description="Changes contracts; tests must fail.")
    parser.add_argument("what", choices=["contracts"])
    parser.add_argument("--contract", action="append", help="only this source: Ledger, lines, ...")
    parser.add_argument("--sample", type=int, default=0, help="only so many mutants, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _is_asked(mutant: Mutant, names: Sequence[str] | None) -> bool:
    return not names or mutant.source in names or mutant.source.rpartition("/")[2] in names


def _tests_pass(names: Sequence[str]) -> bool:
    """Whether the tests of these sources pass without any change; tells those that don't."""
    with workshop(TIMEOUT_SECONDS * 4) as place:
        for name in names:
            verdict = place.try_source(name)
            print(f"{name}: tests take {verdict.seconds} s", file=sys.stderr, flush=True)
            if verdict.outcome != SURVIVED:
                print(f"{name} without a change: {verdict.outcome} {verdict.by}", file=sys.stderr)
                return False
    return True


def _tried(pool: Sequence[Mutant]) -> Iterator[tuple[Mutant, Verdict]]:
    """Verdicts as they come, from all processes."""
    context = multiprocessing.get_context("fork")
    tasks = context.JoinableQueue()
    answers = context.Queue()
    for start in range(0, len(pool), SHARE):
        tasks.put(pool[start : start + SHARE])
    for _ in range(PROCESSES):
        tasks.put([])
    workers = [context.Process(target=_work, args=(tasks, answers), daemon=True) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for _ in pool:
        mutant, verdict = answers.get()
        if isinstance(verdict, Exception):
            raise verdict
        yield mutant, verdict
    for worker in workers:
        worker.join()


def _work(
    tasks: "multiprocessing.JoinableQueue[list[Mutant]]", answers: "multiprocessing.Queue[object]"
) -> None:
    """Take shares until there is none."""
    with workshop(TIMEOUT_SECONDS) as place:
        parent = os.getppid()
        while share := tasks.get():
            for mutant in share:
                if os.getppid() != parent:
                    return
                try:
                    answers.put((mutant, place.try_mutant(mutant)))
                except Exception as failed:  # noqa: BLE001 - the parent raises it
                    answers.put((mutant, failed))


def _line(mutant: Mutant, verdict: Verdict, reason: str | None) -> dict[str, object]:
    """What is printed of a mutant."""
    told: dict[str, object] = {
        "at": f"contracts/{mutant.source}.vy:{mutant.line}",
        "function": mutant.function,
        "kind": mutant.kind,
        "before": mutant.before,
        "after": mutant.after,
        "outcome": verdict.outcome,
        "by": verdict.by,
        "seconds": verdict.seconds,
    }
    return told if reason is None else {**told, "listed": reason}


if __name__ == "__main__":
    sys.exit(main())
