"""The kinds of faults: what is done to a job, and what has to hold afterwards."""

from __future__ import annotations

import errno
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from tests import locks
from tests.faults.whole import MOST_SECONDS, Copy, Job, Lost, Whole, ended, jobs
from tests.forked import Forked
from tests.workflow.project import alive, wait_until

JOBS = {job.name: job for job in jobs()}
COMPUTING = ("initial", "train", "evaluate", "probe", "associate", "attention")
SHARED = ("evaluate", "probe", "associate")  # in as many processes as evaluate.yaml says
TRACKED = ("initial", "train", "evaluate")
LEFT_SECONDS = 5  # until the last process of a killed group has gone; a step asks for its parent every 0.2 seconds
CGROUP = Path("/sys/fs/cgroup")
GROUPS = CGROUP / "memory" if (CGROUP / "memory").is_dir() else CGROUP  # of version 1, or 2
TRACEBACK = "Traceback (most recent call last)"


@dataclass
class Round:
    """One fault: the copy of the undisturbed run that it happens in, and the job that it happens to."""

    job: Job
    tree: Copy
    whole: Whole
    draw: random.Random
    log: list[str] = field(default_factory=list)
    killed: bool = False  # a signal has reached a running process

    def moment(self, *, of: float = 1.0) -> None:
        """Wait for a random part of the time that the job takes."""
        seconds = self.draw.uniform(0.0, self.whole.seconds[self.job.name] * of)
        self.log.append(f"after {seconds:.3f} s")
        time.sleep(seconds)

    def survives(self, *, workflow: bool = False) -> None:
        """Nothing half is there and nobody works on; the next call ends right, with the results of the undisturbed run."""
        end = time.monotonic() + LEFT_SECONDS
        while orphans := self.tree.processes():
            if time.monotonic() > end:
                raise Lost(f"{len(orphans)} processes are left")
            time.sleep(0.05)
        if half := self.tree.differing(self.job, self.whole.results, half=True):
            raise Lost(f"not whole, and under its name: {half}")
        code, said = self.tree.call(self.job, workflow=workflow)
        if code != 0:
            raise Lost(f"the next call ended with {code}:\n{said[-3000:]}")
        if differing := self.tree.differing(self.job, self.whole.results):
            raise Lost(f"not as in the undisturbed run: {differing}")
        if left := [str(path.relative_to(self.tree.root)) for path in self.tree.root.rglob("*.partial")]:
            raise Lost(f"left behind: {left}")

    def one_line(self, said: str, *facts: str) -> None:
        """The step said what is wrong, in one line with these facts, and without a traceback."""
        lines = [line for line in said.splitlines() if line.startswith("cada: ")]
        self.log += lines[:1]
        if TRACEBACK in said:
            raise Lost(f"a traceback:\n{said[-3000:]}")
        if not any(all(fact in line for fact in facts) for line in lines):
            raise Lost(f"no line with {facts}:\n{said[-3000:]}")


def killed(number: signal.Signals) -> Callable[[Round], None]:
    """A signal to the step and its processes, as a terminal, a cluster or the kernel sends it."""

    def fault(case: Round) -> None:
        process = case.tree.step(case.job)
        case.moment()
        case.killed = _send(process, number, group=True)
        ended(process)
        case.survives()

    return fault


def killed_workflow(number: signal.Signals, *, whom: str) -> Callable[[Round], None]:
    """A signal to Snakemake and its steps, to Snakemake alone, or to the step alone, which it may notice."""

    def fault(case: Round) -> None:
        process = case.tree.snakemake(*case.job.outputs)
        if whom == "step" and (step := _descendant(process, case.tree)) is not None:
            case.moment()
            case.killed = _send_one(step, number)
        elif whom != "step":
            case.moment(of=2.0)
            case.killed = _send(process, number, group=whom == "group")
        ended(process)
        case.survives(workflow=True)

    return fault


def worker_died(case: Round) -> None:
    """One of two processes that share a step is killed: the other must not wait for it."""
    with _parameters(case, "params/smoke/evaluate.yaml"):
        process = case.tree.step(case.job)
        worker = _descendant(process, case.tree)
        if worker is not None:
            case.moment(of=0.5)
            case.log.append(f"worker {worker.pid} is killed")
            case.killed = _send_one(worker, signal.SIGKILL)
        code, said = ended(process)
        if code != 0 and "one of its 2 processes has failed" not in said:
            raise Lost(f"nothing about the process that died:\n{said[-2000:]}")
    case.survives()


def out_of_memory(case: Round) -> None:
    """A job and all its processes, or Snakemake and its steps, may take a part of the memory they want: the kernel ends the largest."""
    workflow = case.job.in_workflow and case.draw.random() < 0.5
    size = int(2 ** case.draw.uniform(*((26, 30) if workflow else (22, 27))))
    with _memory(size) as (group, kills):
        process = case.tree.snakemake(*case.job.outputs) if workflow else case.tree.step(case.job)
        (group / "cgroup.procs").write_text(str(process.pid))
        code, said = ended(process)
        case.killed = kills() > 0
        case.log.append(f"{size >> 20} MB{' with Snakemake' * workflow}, {kills()} ended, exit code {code}")
        if code != 0 and not case.killed:
            raise Lost(f"it ended, and not by the kernel:\n{said[-3000:]}")
    case.survives(workflow=workflow)


def no_locks(case: Round) -> None:
    """The file system has no locks, which has three error numbers: a job that needs one says so before it writes."""
    shutil.rmtree(case.tree.root / ".cada/cache", ignore_errors=True)
    number = case.draw.choice(locks.NUMBERS)
    code, said = ended(case.tree.step(case.job, before=partial(locks.refuse_locks, number)))
    case.log.append(f"{errno.errorcode[number]}, exit code {code}")
    if code == 0:
        raise Lost("it took no lock")
    case.one_line(said, os.strerror(number), "locked")
    case.survives()


def full_disk(case: Round) -> None:
    """The job writes to a file system of its own, on which there is room for a part of its results at most."""
    with _mounted(case.tree) as leave:
        leave(case.draw.randrange(_results(case)))
        code, said = ended(case.tree.step(case.job))
        case.log.append(f"exit code {code}")
        if code != 0:
            case.one_line(said, "cannot be")
        leave(2**30)
        case.survives()


def file_too_large(case: Round) -> None:
    """No file may become larger than some of the results are."""
    size = case.draw.randrange(max(path.stat().st_size for path in _outputs(case.whole.root, case.job)))
    code, said = ended(case.tree.step(case.job, before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))))
    case.log.append(f"{size} bytes, exit code {code}")
    if code != 0:
        case.one_line(said, "cannot be")
    case.survives()


def read_only(case: Round) -> None:
    """Results lie on a file system that nobody may write to."""
    place = case.tree.root / Path(case.job.outputs[0]).parts[0]
    place.mkdir(exist_ok=True)
    _command("mount", "--bind", place, place)
    try:
        _command("mount", "-o", "remount,ro,bind", place)
        code, said = ended(case.tree.step(case.job))
    finally:
        _command("umount", place)
    if code == 0:
        raise Lost("it ended well, and could write nothing")
    case.one_line(said, "cannot be")
    case.survives()


def damaged_input(case: Round) -> None:
    """One of the files that the job reads is cut off, empty, or of other bytes: it is named, and with a whole one all is right."""
    _damaged(case, case.tree.root / case.draw.choice(case.job.inputs))


def damaged_image(case: Round) -> None:
    """An image or the annotations of the data set; the decoded images are not at hand."""
    shutil.rmtree(case.tree.root / ".cada/cache", ignore_errors=True)
    data = case.tree.root / "data/smoke"
    images = sorted(data.rglob("*.jpg"))
    _damaged(case, case.draw.choice([data / "reid_raw.json", case.draw.choice(images)]))


def damaged_cache(case: Round) -> None:
    """A file of the caches, which hold what can be made again."""
    cached = sorted(path for path in (case.tree.root / ".cada/cache").rglob("*.npy"))
    for path in cached if case.draw.random() < 0.5 else [case.draw.choice(cached)]:
        case.log.append(f"{path.relative_to(case.tree.root)}: {damage(path, case.draw)}")
    case.survives()


def damaged_state(case: Round) -> None:
    """The state of an interrupted training is damaged: the next one begins anew, or names it."""
    process = case.tree.step(case.job)
    folder = case.tree.root / ".cada/resume/smoke" / ("initial/0" if case.job.name == "initial" else "dual/0")
    while not any(folder.glob("*.pt")) and process.poll() is None:
        time.sleep(0.005)
    case.moment(of=0.2)
    case.killed = _send(process, signal.SIGKILL, group=True)
    ended(process)
    if states := sorted(path for path in folder.glob("[!.]*.*") if path.suffix in (".pt", ".json")):
        _damaged(case, case.draw.choice(states), anew=True)
    else:
        case.survives()


def clock_jumps(case: Round) -> None:
    """Every file is as old, or as far in the future, as it happens."""
    now = time.time()
    for path in case.tree.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (now + case.draw.uniform(-1e8, 1e6),) * 2)
    process = case.tree.snakemake(*case.job.outputs)
    code, said = ended(process)
    if code != 0:
        raise Lost(f"it ended with {code}:\n{said[-3000:]}")
    case.tree.remove(case.job)
    case.survives(workflow=True)


def not_a_number(case: Round) -> None:
    """A learning rate at which the loss becomes no number: the step is named, and no such state or model is kept."""
    with _parameters(case, f"params/smoke/{case.job.name}.yaml", r"learning_rate: \S+", "learning_rate: 1.0e+30"):
        code, said = ended(case.tree.step(case.job))
        if code == 0:
            raise Lost("it ended well")
        case.one_line(said, "step")
    case.survives()


def two_runs(case: Round) -> None:
    """Two calls in one folder: one of them may refuse, and names the other's process."""
    workflow = case.draw.random() < 0.5 and case.job.in_workflow
    start = (lambda: case.tree.snakemake(*case.job.outputs)) if workflow else (lambda: case.tree.step(case.job))
    first = start()
    case.moment(of=0.5)
    outcomes = [ended(first), ended(start())] if first.poll() is not None else [ended(one) for one in (first, start())]
    for code, said in outcomes:
        if code != 0 and (TRACEBACK in said or not re.search(r"PID \d+", said)):
            raise Lost(f"refused for another reason:\n{said[-3000:]}")
    if all(code != 0 for code, _ in outcomes):
        raise Lost("both refused")
    case.log.append(f"exit codes {[code for code, _ in outcomes]}")
    if differing := case.tree.differing(case.job, case.whole.results):
        raise Lost(f"not as in the undisturbed run: {differing}")
    case.survives(workflow=workflow)


def tracking_gone(case: Round) -> None:
    """MLflow's store goes away, or is no store any more, while a step writes to it: results do not depend on it."""
    store = case.tree.root / "store.db"
    process = case.tree.step(case.job, CADA_TRACKING="on", MLFLOW_TRACKING_URI=f"sqlite:///{store}")
    case.moment(of=2.0)
    how = case.draw.choice(["removed", "damaged", "a folder"])
    case.log.append(f"the store is {how}")
    if how == "damaged" and store.exists():
        damage(store, case.draw)
    elif how != "damaged":
        store.unlink(missing_ok=True)
        if how == "a folder":
            store.mkdir()
    code, said = ended(process)
    if code != 0 or TRACEBACK in said:
        raise Lost(f"it ended with {code}:\n{said[-3000:]}")
    if differing := case.tree.differing(case.job, case.whole.results):
        raise Lost(f"not as in the undisturbed run: {differing}")
    case.survives()


NUMBERS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
ALL = tuple(JOBS)
IN_WORKFLOW = tuple(name for name, job in JOBS.items() if job.in_workflow)
LOCKING = ("data", "initial", "train", *SHARED, "index")
READING = tuple(name for name, job in JOBS.items() if job.inputs)

# Each kind with the jobs that it may happen to, and how often it is drawn.
KINDS: dict[str, tuple[Callable[[Round], None], tuple[str, ...], int]] = {
    **{f"{name} to a step": (killed(number), ALL, weight) for (name, number), weight in zip(NUMBERS.items(), (16, 7, 2), strict=True)},
    "SIGKILL to Snakemake and its steps": (killed_workflow(signal.SIGKILL, whom="group"), IN_WORKFLOW, 3),
    "SIGKILL to Snakemake alone": (killed_workflow(signal.SIGKILL, whom="leader"), IN_WORKFLOW, 2),
    "SIGTERM to Snakemake": (killed_workflow(signal.SIGTERM, whom="leader"), IN_WORKFLOW, 1),
    "SIGKILL to a step under Snakemake": (killed_workflow(signal.SIGKILL, whom="step"), IN_WORKFLOW, 2),
    "a worker dies": (worker_died, SHARED, 1),
    "an OOM kill": (out_of_memory, ALL, 4),
    "no locks": (no_locks, LOCKING, 3),
    "the disk is full": (full_disk, ALL, 4),
    "a file may not grow": (file_too_large, ALL, 3),
    "results are read-only": (read_only, ALL, 2),
    "a damaged input": (damaged_input, READING, 6),
    "a damaged image or annotation": (damaged_image, ("phrases", *COMPUTING), 2),
    "a damaged cache": (damaged_cache, COMPUTING, 2),
    "a damaged state": (damaged_state, ("initial", "train"), 3),
    "the clock jumps": (clock_jumps, IN_WORKFLOW, 1),
    "a loss that is no number": (not_a_number, ("train",), 1),
    "two runs in one folder": (two_runs, ALL, 2),
    "MLflow's store goes away": (tracking_gone, TRACKED, 2),
}


def possible() -> list[str]:
    """The kinds that this user may let happen here."""
    mounts = os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0
    groups = (
        os.geteuid() == 0
        and os.access(GROUPS, os.W_OK)
        and (GROUPS != CGROUP or "memory" in (CGROUP / "cgroup.subtree_control").read_text())
    )
    here = {"the disk is full": mounts, "results are read-only": mounts, "an OOM kill": groups}
    return [kind for kind in KINDS if here.get(kind, True)]


def damage(path: Path, draw: random.Random) -> str:
    """Damage a file as disks, copies and editors do; says how."""
    whole = path.read_bytes()
    forms = {
        "empty": lambda: b"",
        "cut off": lambda: whole[: draw.randrange(max(1, len(whole)))],
        "other bytes": lambda: draw.randbytes(len(whole)),
        "all zeros": lambda: bytes(len(whole)),
        "JSON of another kind": lambda: draw.choice([b"{}", b"[]", b"null", b'"text"', b"[1, 2]"]),
    }
    form = draw.choice(list(forms))
    path.write_bytes(forms[form]())
    return form


def _damaged(case: Round, path: Path, *, anew: bool = False) -> None:
    """With a damaged file the job ends right all the same, or names it; `anew`: it is deleted then, else put back as it was."""
    kept = path.read_bytes()
    case.log.append(f"{path.relative_to(case.tree.root)}: {damage(path, case.draw)}")
    code, said = case.tree.call(case.job)
    if code != 0:
        case.one_line(said, path.name)
        path.unlink() if anew else path.write_bytes(kept)
    elif differing := case.tree.differing(case.job, case.whole.results):
        raise Lost(f"a damaged file was taken as it is, and makes others: {differing}")
    elif not anew:
        path.write_bytes(kept)
    case.tree.remove(case.job)
    case.survives()


def _send(process: Forked, number: signal.Signals, *, group: bool) -> bool:
    """Whether it ran."""
    if process.poll() is not None:
        return False
    try:
        os.killpg(process.pid, number) if group else os.kill(process.pid, number)
    except ProcessLookupError:  # it has ended, or is no leader of a group yet
        if process.poll() is not None:
            return False
        os.kill(process.pid, number)
    return True


def _send_one(process: psutil.Process, number: signal.Signals) -> bool:
    """Whether it ran."""
    try:
        ran = alive(process)
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return ran


def _descendant(process: Forked, tree: Copy) -> psutil.Process | None:
    """The first process of `cada` under this one, once there is one; None if this one ends before."""
    while process.poll() is None:
        for pid in tree.processes():
            try:
                command = psutil.Process(pid).cmdline()
                if pid != process.pid and any(Path(part).name == "cada" for part in command[:4]):
                    return psutil.Process(pid)
            except psutil.Error:
                continue
        time.sleep(0.05)
    return None


@contextmanager
def _parameters(case: Round, name: str, pattern: str = r"threads: 1", text: str = "threads: 1, processes: 2") -> Iterator[None]:
    """The round's tree with other parameters, for a while."""
    path = case.tree.root / name
    before = path.read_text()
    changed = re.sub(pattern, text, before)
    if changed == before:
        raise ValueError(f"{name} has no {pattern}")
    path.write_text(changed)
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def _memory(size: int) -> Iterator[tuple[Path, Callable[[], int]]]:
    """A control group of so many bytes; how many of its processes the kernel has ended."""
    group = GROUPS / f"cada-faults-{os.getpid()}"
    limit, events = ("memory.max", "memory.events") if GROUPS == CGROUP else ("memory.limit_in_bytes", "memory.oom_control")
    group.mkdir()
    try:
        (group / limit).write_text(str(size))
        yield group, lambda: int(re.findall(r"oom_kill (\d+)", (group / events).read_text())[0])
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text(), seconds=MOST_SECONDS, what="the group to be empty")
        group.rmdir()


@contextmanager
def _mounted(tree: Copy) -> Iterator[Callable[[int], None]]:
    """The tree on a file system of its own; what is yielded leaves so many bytes free there."""

    def leave(free: int) -> None:
        now = os.statvfs(tree.root)
        _command("mount", "-o", f"remount,size={(now.f_blocks - now.f_bfree) * now.f_frsize + free}", tree.root)

    kept = tree.root.with_name(f"{tree.root.name}.kept")
    tree.root.rename(kept)
    tree.root.mkdir()
    _command("mount", "-t", "tmpfs", "-o", f"size={2**30}", "tmpfs", tree.root)
    try:
        shutil.copytree(kept, tree.root, symlinks=True, dirs_exist_ok=True)
        yield leave
    finally:
        _command("umount", "--lazy", tree.root)
        tree.root.rmdir()
        kept.rename(tree.root)


def _command(*words: str | Path) -> None:
    subprocess.run(list(map(str, words)), check=True, capture_output=True)


def _outputs(root: Path, job: Job) -> list[Path]:
    return [root / path for path in job.outputs]


def _results(case: Round) -> int:
    return sum(path.stat().st_size for path in _outputs(case.whole.root, case.job))
