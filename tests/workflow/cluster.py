"""A cluster of one node: Slurm's controller, its node and munge as children of the test, on this machine alone."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.workflow.project import wait_until

DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
CPUS, MEMORY, LIMIT = 4, 64000, "2-00:00:00"  # what the node says of itself; nothing holds a job to it

# Without accounting, as a small cluster is: sacct fails. KillWait: seconds from SIGTERM to SIGKILL.
CONFIG = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
KillWait=2
ReturnToService=2
{gres}
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} {node_gres}
PartitionName=main Nodes=ALL Default=YES MaxTime={limit} State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A running cluster, by the file that Slurm's commands find it with."""

    config: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.config)}

    def ask(self, *command: str) -> str:
        """What one of Slurm's commands answers."""
        done = subprocess.run(command, env=os.environ | self.environment, text=True, stdout=subprocess.PIPE, check=True)
        return done.stdout.strip()

    def jobs(self, step: str) -> dict[str, str]:
        """The states of the jobs of a step by their numbers, the last one last."""
        lines = self.ask("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%T|%k").splitlines()
        found = [line.split("|") for line in lines]
        return {number: state for number, state, comment in found if comment.startswith(f"rule_{step}")}


def missing() -> list[str]:
    """The programs of a cluster that are not installed."""
    return [name for name in (*DAEMONS, "sbatch") if shutil.which(name, path=PATH) is None]


@contextmanager
def cluster(folder: Path, *, gpu: bool = False) -> Iterator[Cluster]:
    """Start the three programs, wait for the node, and end exactly these programs; the `gpu` is only said to be there."""
    folder.chmod(0o711)  # munge wants its socket reached by all
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key, config = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o600)
    (folder / "gres.conf").write_text("NodeName=localhost Name=gpu File=/dev/null\n" if gpu else "")
    controller, node = free_ports(2)
    config.write_text(
        CONFIG.format(
            user=getpass.getuser(),
            folder=folder,
            controller=controller,
            node=node,
            cpus=CPUS,
            memory=MEMORY,
            limit=LIMIT,
            gres="GresTypes=gpu" if gpu else "",
            node_gres="Gres=gpu:1" if gpu else "",
        )
    )
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    munge += [f"--socket={folder}/munge.socket", f"--key-file={key}"]
    started = Cluster(config)
    with ExitStack() as daemons:
        daemons.enter_context(daemon(folder, "munged", "--foreground", "--force", *munge))
        wait_until((folder / "munge.socket").exists, seconds=10, what="munge")
        daemons.enter_context(daemon(folder, "slurmctld", "-D", "-f", str(config)))
        daemons.enter_context(daemon(folder, "slurmd", "-D", "-f", str(config)))
        ready = ["sinfo", "--noheader", "--states=idle", "--format=%D"]

        def idle() -> bool:
            done = subprocess.run(ready, env=os.environ | started.environment, text=True, capture_output=True, check=False)
            return done.stdout.strip() == "1"

        wait_until(idle, seconds=30, what=f"the node; {folder} has the programs' logs")
        daemons.callback(end_all_jobs, started)
        yield started


def end_all_jobs(running: Cluster) -> None:
    """Cancel what a failed test left, which outlives the node's program, and end what Slurm has lost of a job.

    A Snakemake whose batch shell was ended first hangs and is nobody's child; without cgroups Slurm does not find it again.
    """
    running.ask("scancel", f"--user={getpass.getuser()}")
    wait_until(lambda: not running.ask("squeue", "--noheader"), seconds=60, what="the jobs to end")
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("SLURM_CONF") == str(running.config):
                process.kill()


@contextmanager
def daemon(folder: Path, name: str, *arguments: str) -> Iterator[None]:
    """A program in the foreground, with its log in the folder. The node is not told where slurm.conf is but by its own option."""
    program = shutil.which(name, path=PATH)
    assert program
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    with (folder / f"{name}.txt").open("w") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=subprocess.STDOUT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_ports(count: int) -> list[int]:
    """Different ports that nobody uses now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
