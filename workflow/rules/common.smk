# What the rules share: the code that decides a step's result, and look-ups in the parameter files.
from contextlib import ExitStack
from functools import cache
from itertools import permutations
from pathlib import Path

from snakemake.exceptions import WorkflowError

from cada import config as parameters
from cada.aside import bring_back
from cada.errors import CadaError
from cada.files import exclusive
from cada.paths import STATE, Layout, chapter_folder, is_sweep, report_folder, transfer_tables, variant_params
from cada.resources import asked, here, partition

# As dvc.yaml calls the steps.
shell.prefix("set -euo pipefail; exec workflow/scripts/step.sh ")

# The file that names the matrix: --configfile if given, else params/workflow.yaml.
MATRIX = Path(os.path.relpath(workflow.configfiles[0]))

VARIANTS = sorted(map(str, Path("params/variants").glob("*.yaml")))
MODEL = ["model.safetensors", "config.json", "vocab.txt"]


def code(*places):
    """The files of modules and packages, templates included."""
    return [str(file) for place in map(Path, places) for file in (files_in(place) if place.is_dir() else [place])]


def files_in(folder):
    """All files but what Python compiles."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.parent.name != "__pycache__")


# The same lists stand in dvc.yaml; a test compares them, and holds them complete. An edit of these files runs the step again.
DATA = ["cada/config"]
DATA += [f"cada/data/{name}.py" for name in ("decoding", "holdout", "manifest", "prepare", "readers", "records", "text", "validation")]
PICTURES = [f"cada/data/{name}.py" for name in ("cache", "images", "loading")]
COMPUTE = ["cada/compute.py", "cada/distributed.py"]
MODELS = ["cada/steps/common.py", *COMPUTE, *PICTURES, "cada/model", "cada/retrieval"]
LEARNING = ["cada/losses.py", "cada/training", "cada/phrases"]
REPORTING = ["cada/steps/matrix.py", "cada/reporting", "cada/retrieval/metrics.py"]
REPORTED = ["cada/steps/matrix.py", "cada/report", "cada/reporting/bootstrap.py", "cada/reporting/formats.py"]
CODE = {
    "data": code("cada/steps/data.py", *DATA, "cada/data/synthpedes"),
    "phrases": code("cada/steps/phrases.py", *DATA, "cada/phrases"),
    "initial": code("cada/steps/initial.py", *DATA, *MODELS, *LEARNING),
    "train": code("cada/steps/train.py", *DATA, *MODELS, *LEARNING),
    "evaluate": code("cada/steps/evaluate.py", *DATA, *MODELS),
    "tables": code("cada/steps/tables.py", "cada/config", *REPORTING),
    "figures": code("cada/steps/figures.py", *DATA, "cada/data/images.py", *REPORTING),
    "probe": code("cada/steps/probe.py", *DATA, *MODELS, "cada/phrases", "cada/probes", "cada/data/synthpedes"),
    "chapter": code("cada/steps/chapter.py", *DATA, *REPORTED, "cada/cost.py", "cada/model/tokenizer.py"),
    "report": code("cada/steps/report.py", "cada/config", *REPORTED, "cada/doctor/machine.py"),
    "probe tables": code("cada/steps/probe_tables.py", "cada/config", *REPORTING),
    "transfer": code("cada/steps/transfer.py", *DATA, *MODELS, "cada/reporting/measured.py"),
    "transfer tables": code("cada/steps/transfer_tables.py", "cada/config", *REPORTING),
    "attention": code("cada/steps/attention.py", *DATA, *PICTURES, *COMPUTE, "cada/model", "cada/phrases", "cada/attention.py", *REPORTING),
}


def read(load, what):
    """What a loader makes of a parameter file; a mistake in it is the user's, not a crash."""
    try:
        return load(what)
    except CadaError as error:
        raise WorkflowError(str(error)) from error


@cache
def dataset_parameters(dataset):
    """All parameters of a data set."""
    return read(parameters.load_dataset, dataset)


# Before any job, not in the middle of the night.
matrix = read(parameters.load_workflow, MATRIX)
for name in matrix.datasets:
    dataset_parameters(name)
for name in matrix.rows:
    read(parameters.load_variant, name)
bring_back(matrix)


def variant_file(wildcards):
    """The file of a variant; a point of a sweep's grid has that of the variant it starts from."""
    return str(variant_params(parameters.base_of(wildcards.variant)))


UNTIL_THE_END = ExitStack()


def hold_work_tree():
    """Refuse while another Snakemake runs in this folder; the lock ends with this process."""
    read(UNTIL_THE_END.enter_context, exclusive(STATE / "locks" / "snakemake.lock", "snakemake in this folder"))


def place_of(step):
    """Where the jobs of a step run: the partition that Slurm's profile or the command line names for it, or this machine."""
    if not (workflow.executor_plugin and workflow.executor_plugin.name == "slurm"):
        return here()
    settings = workflow.resource_settings  # the parsed ones are the only door to what the profile says
    given = [settings._parsed_overwrite_resources.get(step, {}), settings._parsed_default_resources]
    names = [str(named["slurm_partition"].raw).strip("\"'") for named in given if "slurm_partition" in named]
    return read(partition, names[0] if names else None)


@cache
def asked_of(step, dataset, attempt):
    """What a job takes of its machine or asks of a cluster."""
    return asked(step, dataset_parameters(dataset), place_of(step), attempt=attempt)


def threads_of(step):
    """The look-up of a rule's threads."""
    return lambda wildcards: asked_of(step, wildcards.dataset, 1).threads


def resources_of(step):
    """The look-ups of a rule's resources, by their names."""
    look_up = lambda name: lambda wildcards, attempt: getattr(asked_of(step, wildcards.dataset, attempt), name)
    return {name: look_up(name) for name in ("gpu", "mem_mb", "runtime")}


REPORTS = str(Layout("{dataset}").reports(MATRIX))
FIGURES = str(Layout("{dataset}").figures(MATRIX))
TABLES = str(Layout("{dataset}").tables(MATRIX))
ATTENTION = str(Layout("{dataset}").attention(MATRIX))
PROBE_TABLES = str(Layout("{dataset}").probe_tables(MATRIX))
CHAPTER = str(chapter_folder("{dataset}", MATRIX))
REPORT = str(report_folder(MATRIX))
TRANSFERS = str(transfer_tables(MATRIX))


def reported(path, kind):
    """A table or figure with its place in `snakemake --report`; Markdown, which a browser shows as plain text, has none."""
    if path.endswith(".md"):
        return path
    name, format = Path(path).name.split(".")
    labels = {"data set": "{dataset}", kind: name, "format": format}
    return report(path, caption=f"../report/{name}_{kind}.rst", category=f"{kind.title()}s", labels=labels)


def all_results():
    """What the whole pipeline is run for; the models of a sweep are probed by the target `probes` alone."""
    reports = expand([*rules.tables.output, *rules.figures.output, *rules.attention.output], dataset=matrix.datasets)
    probed = [] if is_sweep(MATRIX) else expand(rules.probe_tables.output, dataset=matrix.datasets)
    transfers = rules.transfer_tables.output if len(matrix.datasets) > 1 else []
    return [*reports, *probed, *transfers, *rules.report.output]
