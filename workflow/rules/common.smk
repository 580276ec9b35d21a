# What the rules share: the code that decides a step's result, and look-ups in the parameter files.
from functools import cache
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version
from snakemake.exceptions import WorkflowError

from cada import config as parameters
from cada.errors import CadaError

# The file that names the matrix: --configfile if given, else params/workflow.yaml.
MATRIX = os.path.relpath(workflow.configfiles[0])

TABLES = expand("{table}.{kind}", table=["ablation", "comparison"], kind=["csv", "md", "tex"])
VARIANTS = sorted(map(str, Path("params/variants").glob("*.yaml")))
MODEL = ["model.safetensors", "config.json", "vocab.txt"]


def code(*places):
    """The Python files of modules and packages."""
    return [str(file) for place in map(Path, places) for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]


# The same lists stand in dvc.yaml; a test compares them, and holds them complete. An edit of these files runs the step again.
DATA = ["cada/config"]
DATA += [f"cada/data/{name}.py" for name in ("decoding", "holdout", "manifest", "prepare", "readers", "records", "text", "validation")]
PICTURES = [f"cada/data/{name}.py" for name in ("cache", "images", "loading")]
MODELS = ["cada/steps/common.py", "cada/compute.py", "cada/distributed.py", *PICTURES, "cada/model", "cada/retrieval"]
LEARNING = ["cada/losses.py", "cada/training", "cada/phrases"]
CODE = {
    "data": code("cada/steps/data.py", *DATA, "cada/data/synthpedes"),
    "phrases": code("cada/steps/phrases.py", *DATA, "cada/phrases"),
    "initial": code("cada/steps/initial.py", *DATA, *MODELS, *LEARNING),
    "train": code("cada/steps/train.py", *DATA, *MODELS, *LEARNING),
    "evaluate": code("cada/steps/evaluate.py", *DATA, *MODELS),
    "tables": code("cada/steps/tables.py", "cada/config", "cada/reporting", "cada/retrieval/metrics.py"),
}


@cache
def dataset_parameters(dataset):
    """All parameters of a data set; a mistake in a file is the user's, not a crash."""
    try:
        return parameters.load_dataset(dataset)
    except CadaError as error:
        raise WorkflowError(str(error)) from error


def check_variant(variant):
    """Stop where the file of a variant is missing or wrong."""
    try:
        parameters.load_variant(variant)
    except CadaError as error:
        raise WorkflowError(str(error)) from error


# Before any job, not in the middle of the night.
for name in config["datasets"]:
    dataset_parameters(name)
for name in config["variants"]:
    check_variant(name)


def threads_of(section):
    """The number of threads that a step with these parameters takes, in all its processes."""
    return section.compute.threads * processes(section.compute) if section else 1


def gpus_of(section):
    """How many GPUs a step with these parameters takes: trainings on CPUs must not wait for one another."""
    return processes(section.compute) if section and cuda(section.compute.device) else 0


def processes(compute):
    """In how many processes a step runs; `auto` is one per GPU."""
    if compute.processes != "auto":
        return compute.processes
    if not cuda(compute.device):
        return 1
    from cada.compute import process_count  # imports torch: two seconds

    return process_count(compute)


@cache
def cuda(device):
    """Whether the step will run on CUDA."""
    if device != "auto":
        return device == "cuda"
    if Version(version("torch")).local == "cpu":
        return False
    from cada.compute import resolve_device  # imports torch: two seconds

    return resolve_device(device).type == "cuda"


def all_tables():
    """What the whole pipeline is run for."""
    return expand("results/{dataset}/tables/{table}", dataset=config["datasets"], table=TABLES)
