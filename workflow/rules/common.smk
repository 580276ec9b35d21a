# What the rules share: the matrix, the recipes, and how a step of the table becomes a rule.
import re
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from cada import pipeline, recipes
from cada.storage.unlisted import UNLISTED, moved_files, restore_listed
from cada.config import DatasetParameters, matrix_of
from cada.errors import CadaError
from cada.storage.files import bring_to_the_present, exclusive
from cada.storage.paths import STATE, is_sweep
from cada.recipes.places import OF_MATRIX
from cada.runtime.resources import here, needed, partition


def read(load, *what):
    """What a function makes of the user's files; a mistake in them is the user's, not a crash."""
    try:
        return load(*what)
    except CadaError as error:
        raise WorkflowError(str(error)) from error


matrix = read(matrix_of, config, MATRIX)
STEPS = pipeline.steps(MATRIX, datasets=len(matrix.datasets))
# A wrong parameter is reported here, before any job; a job on a cluster takes the recipes that are there.
RECIPES = read(recipes.texts, recipes.recipes_of(matrix, MATRIX), matrix) if workflow.is_main_process else {}
UNTIL_THE_END = ExitStack()


def hold_work_tree():
    """Refuse while another Snakemake runs in this folder; the lock ends with this process."""
    read(UNTIL_THE_END.enter_context, exclusive(STATE / "locks" / "snakemake.lock", "snakemake in this folder"))


@cache
def prepare():
    """Before the graph is built: the recipes are brought up to date and, unless nothing will be run, results of the matrix come back."""
    if not workflow.is_main_process:
        return
    read(recipes.put, RECIPES)
    if workflow.executor_plugin is not None and not workflow.dryrun:
        restore_listed(matrix)
        bring_to_the_present(Path("results"), Path("weights"))
    elif count := len(moved_files(matrix)):
        print(
            f"{count} results of this matrix lie in {UNLISTED}. A run restores them first; this plan counts them as missing.",
            file=sys.stderr,
        )


def recipe_of(step):
    """The step's recipe as an input: a function, which Snakemake calls when it builds the graph, and not for --lint or --list-rules."""

    def path(wildcards):
        prepare()
        return step.recipe.format(**dict(wildcards.items()))

    return path


def of_wildcards(pattern):
    """A pattern of the table in the words of Snakemake: {wildcards.dataset} for {dataset}."""
    return re.sub(r"(?<!{){(\w+)}", r"{wildcards.\1}", pattern)


def command_of(step):
    """The step's command line. Every word that a user chose is quoted, or holds no character that means anything to a shell."""
    return lambda wildcards: step.command.format(**dict(wildcards.items()))


def inputs_of(step):
    """The step's inputs, with all files of those that it takes for every variant and seed."""
    return [path for pattern in step.inputs for path in (every(pattern) if isinstance(pattern, pipeline.Every) else [pattern])]


def every(pattern):
    cells = pipeline.combinations(pattern.over, matrix)
    return expand(pattern.pattern, zip, **{name: [cell[name] for cell in cells] for name in pattern.over}, allow_missing=True)


def all_reports():
    """What the whole pipeline is run for; the models of a sweep are examined by the targets `probes` and `associations` alone."""
    names = {*OF_MATRIX, "report"} - ({"probe-tables", "association-tables", "release"} if is_sweep(MATRIX) else set())
    names |= {"transfer-tables"} if len(matrix.datasets) > 1 else set()
    return [path for step in STEPS if step.name in names for path in expand(step.outputs, dataset=matrix.datasets)]


def outputs_of(step):
    """The step's outputs, those that `snakemake --report` shows with their captions."""
    return [shown(step, path) for path in step.outputs]


# Which steps make what a caption of workflow/report/ is written for: ablation_table.rst, for example.
KINDS = {"tables": "table", "figures": "figure", "attention": "figure", "probe-tables": "probe", "association-tables": "association"}


def shown(step, path):
    """An output with its place in Snakemake's report, if there is a caption for it."""
    if path in step.curves:
        labels = {"data set": "{dataset}", "variant": "{variant}", "seed": "{seed}"}
        return report(path, caption="../report/history.rst", category="Training", labels=labels)
    (name, _, format), kind = Path(path).name.partition("."), KINDS.get(step.name)
    if format == "md" or not Path(workflow.basedir, f"workflow/report/{name}_{kind}.rst").is_file():
        return path
    labels = {"data set": "{dataset}", kind: name, "format": format}
    return report(path, caption=f"../report/{name}_{kind}.rst", category=f"{kind.title()}s", labels=labels)


def beside(step, kind, suffix):
    """The log or the benchmark of a step: where its recipe lies, but for the folder's name; with the seed, which no recipe has."""
    parts = [kind if part == "recipes" else part for part in Path(step.recipe).with_suffix("").parts]
    return str(Path(*parts, *(["{seed}"] if "seed" in step.over else []))) + suffix


@cache
def dataset_parameters(dataset):
    """All parameters of a data set, as the recipes of this run have them."""
    prepare()
    values = recipes.recorded(recipes.Recipe("chapter", dataset, workflow=MATRIX))["values"]["parameters"]
    return DatasetParameters.model_validate(values)


def place_of(step):
    """Where the jobs of a step run: the partition that Slurm's profile or the command line names for it, or this machine."""
    if not (workflow.executor_plugin and workflow.executor_plugin.name == "slurm"):
        return here()
    settings = workflow.resource_settings  # the parsed ones are the only door to what the profile says
    given = [settings._parsed_overwrite_resources.get(step.rule, {}), settings._parsed_default_resources]
    names = [str(named["slurm_partition"].raw).strip("\"'") for named in given if "slurm_partition" in named]
    return read(partition, names[0] if names else None)


@cache
def needed_of(step, dataset, attempt):
    """What a job takes of its machine, or of a cluster."""
    return needed(step.name, dataset_parameters(dataset), place_of(step), attempt=attempt)


def threads_of(step):
    """The look-up of a rule's threads."""
    return (lambda wildcards: needed_of(step, wildcards.dataset, 1).threads) if step.computes else 1


def resources_of(step):
    """The look-ups of a rule's resources, by their names; what computes little takes the profile's."""
    look_up = lambda name: lambda wildcards, attempt: getattr(needed_of(step, wildcards.dataset, attempt), name)
    return {name: look_up(name) for name in ("gpu", "mem_mb", "runtime")} if step.computes else {}
