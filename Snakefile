# The pipeline: its steps, with their files and commands, are in cada/pipeline.py; dvc.yaml says the same to DVC.
#   snakemake --cores 8 all                                               every data set, variant and seed of params/workflow.yaml
#   snakemake --cores 8 --config 'variants=[dual]' 'seeds=[0]' -- all     some of them
#   snakemake --cores 8 --configfile params/sweeps/ara.yaml -- all        a grid of values
#   snakemake --cores 8 --configfile params/smoke/workflow.yaml -- all    the same on the small drawn set
import os
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

min_version("9.27")

sys.path.insert(0, str(Path(workflow.basedir)))  # the code of this folder

if shutil.which("cada") is None and not workflow.deployment_settings.deployment_method:
    raise WorkflowError("The command cada is not found. Activate the environment: source .venv/bin/activate (make environment builds it).")

# The file that names the matrix: --configfile if given, else params/workflow.yaml.
MATRIX = Path("params/workflow.yaml")
if given := workflow.config_settings.configfiles:
    if len(given) > 1:
        raise WorkflowError(f"--configfile: {', '.join(map(str, given))}: a matrix is one file. Name one.")
    MATRIX = Path(os.path.relpath(given[0]))
else:

    configfile: "params/workflow.yaml"


report: "workflow/report/workflow.rst"


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    target="[a-z][a-z0-9_]*",
    variant="[a-z][a-z0-9_]*(,[a-z_]+=[A-Za-z0-9_.+-]+)*",
    seed="[0-9]+",


include: "workflow/rules/common.smk"
include: "workflow/rules/steps.smk"


onstart:
    hold_work_tree()


rule all:
    default_target: True
    input:
        all_reports(),


rule probes:
    input:
        expand(rules.probe_tables.output, dataset=matrix.datasets),


rule associations:
    input:
        expand(rules.association_tables.output, dataset=matrix.datasets),


rule transfers:
    input:
        rules.transfer_tables.output,
