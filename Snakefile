# The pipeline on one page: which files each step turns into which. dvc.yaml says the same to DVC.
#   snakemake --cores 8 all                                               every data set, variant and seed of params/workflow.yaml
#   snakemake --cores 8 --configfile params/sweeps/ara.yaml -- all        a grid of values
#   snakemake --cores 8 --configfile params/smoke/workflow.yaml -- all    the same on the small drawn set
import shutil

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version, validate

min_version("9.27")

if shutil.which("cada") is None:
    raise WorkflowError("The command cada is not found. Activate the environment: source .venv/bin/activate (make environment builds it).")


configfile: "params/workflow.yaml"


validate(config, "workflow/schemas/workflow.schema.json")


report: "workflow/report/workflow.rst"


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    target="[a-z][a-z0-9_]*",
    variant="[a-z][a-z0-9_]*(,[a-z_]+=[^/,]+)*",
    seed="[0-9]+",


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/phrases.smk"
include: "workflow/rules/initial.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/attention.smk"
include: "workflow/rules/probes.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/report.smk"


onstart:
    hold_work_tree()


rule all:
    default_target: True
    input:
        all_results(),


rule probes:
    input:
        expand(rules.probe_tables.output, dataset=matrix.datasets),


rule transfers:
    input:
        rules.transfer_tables.output,
