"""What both tools would run, asked in one process: each start of Snakemake or DVC takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
from dvc.repo import Repo
from snakemake.api import ConfigSettings, DAGSettings, OutputSettings, ResourceSettings, SnakemakeApi

SHELL = "exec workflow/scripts/step.sh "


def snakemake_plan(matrix: str = "params/workflow.yaml") -> set[str]:
    """The commands of the jobs that `snakemake all` would run."""
    return {job.shellcmd.removeprefix(SHELL).split(" 2> ")[0] for job in snakemake_jobs(matrix, needed=True) if job.shellcmd}


def snakemake_jobs(matrix: str = "params/workflow.yaml", *, needed: bool = False, target: str = "all") -> list[Any]:
    """All jobs, or those that would run. The only use of Snakemake's private parts."""
    with SnakemakeApi(OutputSettings(dryrun=True)) as api:
        workflow = api.workflow(
            snakefile=Path("Snakefile"),
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path(matrix)]),
        )
        settings = DAGSettings(targets={target}, forceall=not needed, max_checksum_file_size=10**9)
        dag = workflow.dag(settings)
        dag.execute_workflow(executor="dryrun")
        graph = workflow._workflow.dag
        return [job for job in graph.jobs if not needed or graph.needrun(job)]


def dvc_plan() -> set[str]:
    """The commands of the stages that `dvc repro` would run, but for those that write recipes.

    `dvc repro --dry` names the stages whose own inputs have changed; those that follow are found in DVC's graph.
    """
    with Repo() as repo:
        changed = {name for name, changes in repo.status().items() if "always changed" not in changes}
        graph = repo.index.graph  # from a stage to those that it depends on
        stages = [stage for stage in graph if stage.addressing in changed and not _writes_recipes(stage)]
        reached = {*stages, *(follower for stage in stages for follower in nx.ancestors(graph, stage))}
        return {str(stage.cmd).removeprefix(SHELL) for stage in reached}


def _writes_recipes(stage: Any) -> bool:
    return str(stage.cmd).removeprefix(SHELL).startswith("cada recipes")
