"""`make faults`: what is worth hours must survive what machines and people do to it.

Each round takes a copy of an undisturbed run, has one job done again, and lets one fault happen to it at a random moment. The next
call must end right, without anybody's cleaning, with the bytes of the undisturbed run. What happens in a round follows from the
seed and its number: `--first 40 --rounds 1` repeats round 40.
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from cada.storage.files import read_json, write_json, write_text
from tests.faults.kinds import JOBS, KINDS, Round, possible
from tests.faults.whole import Lost, Whole

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "results/faults.json"


@dataclass(frozen=True)
class Outcome:
    """What became of a round; `lost` is empty where nothing was."""

    number: int
    kind: str
    job: str
    seconds: float
    killed: bool
    log: list[str]
    lost: str


def main() -> None:
    """Exit code 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="rounds until so many were kills of a running process")
    parser.add_argument("--rounds", type=int, help="so many rounds, however many were kills")
    parser.add_argument("--first", type=int, default=0, help="its number; the report keeps those before it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="this kind of fault alone", choices=possible())
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/cada-faults"), help="where the runs are; an undisturbed one is kept")
    given = parser.parse_args()
    whole = Whole.made_in(given.folder.resolve() / "whole")
    print(f"undisturbed: {', '.join(f'{name} {seconds:.1f} s' for name, seconds in whole.seconds.items())}")
    outcomes = [Outcome(**told) for told in read_json(REPORT) if told["number"] < given.first] if given.first and REPORT.exists() else []
    for number in itertools.count(given.first) if given.rounds is None else range(given.first, given.first + given.rounds):
        outcomes.append(one_round(number, whole, random.Random(f"{given.seed}/{number}"), [given.kind] if given.kind else possible()))
        print(line(outcomes[-1]), flush=True)
        write_json(REPORT, [asdict(outcome) for outcome in outcomes])
        write_text(REPORT.with_suffix(".md"), table(outcomes, seed=given.seed))
        if given.rounds is None and sum(outcome.killed for outcome in outcomes) >= given.kills:
            break
    print(f"\n{table(outcomes, seed=given.seed)}\n{REPORT}")
    sys.exit(any(outcome.lost for outcome in outcomes))


def one_round(number: int, whole: Whole, draw: random.Random, kinds: list[str]) -> Outcome:
    """Let one fault happen in a copy of the undisturbed run; the copy stays where something was lost."""
    began = time.monotonic()
    kind = draw.choices(kinds, [KINDS[kind][2] for kind in kinds])[0]
    fault, suited, _ = KINDS[kind]
    job = JOBS[draw.choice([name for name in suited if name in whole.seconds])]
    tree = whole.copy(whole.root.with_name(f"round-{number}"))
    tree.remove(job)
    case, lost = Round(job, tree, whole, draw), ""
    try:
        fault(case)
        shutil.rmtree(tree.root)
    except Lost as error:
        lost = str(error)
    return Outcome(number, kind, job.name, round(time.monotonic() - began, 1), case.killed, case.log, lost)


def line(outcome: Outcome) -> str:
    """A round in one line, with what was lost below it."""
    result = f"LOST\n{outcome.lost}" if outcome.lost else "ok"
    return f"{outcome.number:4} {outcome.kind}: {outcome.job}; {'; '.join(outcome.log)}; {outcome.seconds} s: {result}"


def table(outcomes: list[Outcome], *, seed: int) -> str:
    """How many rounds of each kind there were, in how many a running process was killed, and how many were lost."""
    kinds, lost = Counter(one.kind for one in outcomes), Counter(one.kind for one in outcomes if one.lost)
    killed = Counter(one.kind for one in outcomes if one.killed)
    rows = [f"| {kind} | {kinds[kind]} | {killed[kind] or ''} | {lost[kind]} |" for kind in KINDS if kinds[kind]]
    seconds = sum(one.seconds for one in outcomes)
    jobs = Counter(one.job for one in outcomes)
    head = [f"# {len(outcomes)} faults, {killed.total()} of them kills of a running process, {lost.total()} lost", ""]
    head += [f"Seed {seed}, {seconds / 60:.0f} minutes.", ""]
    head += [f"Not possible here: {', '.join(missing)}.", ""] if (missing := [kind for kind in KINDS if kind not in possible()]) else []
    steps = "Steps: " + ", ".join(f"{name} {count}" for name, count in jobs.most_common())
    return "\n".join([*head, "| fault | rounds | kills | lost |", "|:--|--:|--:|--:|", *rows, "", steps, ""])


if __name__ == "__main__":
    main()
