"""The commands of the pipeline: its steps, data, weights, runs, and what is wrong with an installation."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cada.cli.app import GROUPS, app, data, weights
from cada.storage.paths import WORKFLOW

Dataset = Annotated[str, typer.Argument(help="A folder of params/, for example synthpedes.", show_default=False)]
Variant = Annotated[str, typer.Option("--variant", help="A file of params/variants/, for example dual.", show_default=False)]
WorkflowFile = Annotated[Path, typer.Option("--workflow", help="The file that lists the variants and seeds.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the training.", show_default=False)]


@data.command("prepare")
def data_prepare(dataset: Dataset, force: Annotated[bool, typer.Option("--force", help="Draw the set anew.")] = False) -> None:
    """Draw the data set, or check the user's.

    A drawn set is made where it is missing; a set of the user's is validated. Both get a manifest.
    """
    from cada.steps.data import prepare_data

    prepare_data(dataset, force=force)


@data.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="A data set, or nltk-tagger.", show_default=False)],
    archive: Annotated[str | None, typer.Option("--archive", help="A zip or tar file, or its address.", show_default=False)] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", help="Its SHA-256.", show_default=False)] = None,
) -> None:
    """Unpack an archive of a data set.

    Its SHA-256 is checked first. `nltk-tagger` is fetched from NLTK's home.
    """
    from cada.steps.fetch import fetch

    fetch(name, archive=archive, sha256=sha256)


@data.command("sheet")
def data_sheet(dataset: Dataset, output: Annotated[Path, typer.Option("--output", "-o", help="A .png or .jpg file.")]) -> None:
    """Draw images with their captions."""
    from cada.steps.look import draw_sheet

    draw_sheet(dataset, output)


@weights.command("import")
def weights_import(
    source: Annotated[str, typer.Argument(help="A checkpoint's file, a folder in transformers' format, or a hub id.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write, for example weights/blip.", show_default=False)],
    vocabulary: Annotated[str | None, typer.Option("--vocabulary", help="A vocab.txt or a hub id.", show_default=False)] = None,
    image_size: Annotated[
        tuple[int, int] | None, typer.Option("--image-size", min=1, help="Height and width to resize to.", show_default=False)
    ] = None,
    heads: Annotated[
        tuple[int, int] | None, typer.Option("--heads", min=1, help="Of the image and the text encoder.", show_default=False)
    ] = None,
) -> None:
    """Import BLIP's or CADA's published weights.

    Takes BLIP's and the authors' .pth files, and BLIP as transformers stores it. Says where every weight comes from,
    fails on anything unexplained, and prints the lines for params/<dataset>/initial.yaml.
    """
    from cada.steps.weights import import_weights

    import_weights(source, output, vocabulary=vocabulary, image_size=image_size, heads=heads)


@weights.command("export")
def weights_export(
    dataset: Dataset,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write, for example weights/start.", show_default=False)],
) -> None:
    """Give away what was pre-trained here.

    Half precision, with a card: recipe, data, losses, time, and how to make it again. Prints the lines for initial.yaml.
    """
    from cada.steps.weights import export_weights

    export_weights(dataset, output)


def _of_dataset(step: str) -> Callable[..., None]:
    def command(dataset: Dataset) -> None:
        _function(step)(dataset)

    return command


def _of_model(step: str) -> Callable[..., None]:
    def command(dataset: Dataset, variant: Variant, seed: Seed) -> None:
        _function(step)(dataset, variant, seed)

    return command


def _of_matrix(step: str) -> Callable[..., None]:
    def command(dataset: Dataset, workflow: WorkflowFile = WORKFLOW) -> None:
        _function(step)(dataset, workflow=workflow)

    return command


def _of_all(step: str) -> Callable[..., None]:
    def command(workflow: WorkflowFile = WORKFLOW) -> None:
        _function(step)(workflow=workflow)

    return command


def _of_nothing(step: str) -> Callable[..., None]:
    return lambda: _function(step)()


def _function(step: str) -> Callable[..., None]:
    """`module.function` of cada.steps, imported when it is called."""
    module, name = step.split(".")
    function: Callable[..., None] = getattr(import_module(f"cada.steps.{module}"), name)
    return function


# The commands that take nothing but what they are made for, with their help.
COMMANDS = {
    "data validate": (_of_dataset("look.validate_data"), "Check the data set. Counts, captions and every image; writes nothing."),
    "data status": (_of_nothing("status.show_status"), "What is there of every data set. What is missing, and where to ask for it."),
    "phrases": (_of_dataset("phrases.parse_phrases"), "Parse every caption into attribute phrases."),
    "initial": (_of_dataset("initial.make_initial"), "Make the weights every training starts from."),
    "train": (_of_model("train.train_variant"), "Train one variant with one seed. A training that was killed goes on where it was."),
    "evaluate": (_of_model("evaluate.evaluate_variant"), "Rank the test gallery for every caption. Writes metrics and rankings."),
    "probe": (_of_model("probe.probe_variant"), "Change captions and images and search again. Typing errors, swapped colours, blur."),
    "associate": (_of_model("associate.associate_variant"), "Measure what phrases look at, and which regions predict them."),
    "transfer-tables": (_of_all("transfer_tables.tabulate_transfers"), "Write the table of transfers."),
    "tables": (_of_matrix("tables.write_tables"), "Write the tables. Ablation, paired differences, open set, comparison, sensitivity."),
    "probe-tables": (_of_matrix("probe_tables.tabulate_probes"), "Write the tables of the probes. All listed models must be probed."),
    "association-tables": (_of_matrix("association_tables.tabulate_associations"), "Write the tables and the figure of the associations."),
    "figures": (_of_matrix("figures.write_figures"), "Draw the figures. Scores, paired differences, curves and ranked lists."),
    "attention": (_of_matrix("attention.draw_attention"), "Draw what phrases look at. The first images of a few queries."),
    "chapter": (_of_matrix("chapter.write_chapter_of"), "Write a data set's chapter of the report. The cost table lies beside it."),
    "release": (_of_matrix("release.write_release"), "Make the best model ready to search with. Chosen on val; with a model card."),
    "report": (_of_all("report.write_report"), "Bind the chapters into the report. One page that needs no other file; prints where it is."),
    "track sync": (_of_nothing("tracking.sync_tracking"), "Rebuild the runs from results/. For after a pull or an outage of the store."),
}
for _name, (_command, _help) in COMMANDS.items():
    _place, _, _name = _name.rpartition(" ")
    GROUPS.get(_place, app).command(_name, help=_help)(_command)


@app.command("recipes")
def recipes(
    dataset: Annotated[str | None, typer.Argument(help="A data set of the workflow file; without it, all.", show_default=False)] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="The recipes of a variant alone.", show_default=False)] = None,
    workflow: WorkflowFile = WORKFLOW,
) -> None:
    """Bring the recipes up to date with params/ and the code.

    Prints those that changed: what depends on them is run again. Snakemake and DVC do this themselves.
    """
    from cada.steps.recipes import write_recipes

    write_recipes(dataset, variant, workflow=workflow)


@app.command("resume")
def resume(
    dataset: Dataset,
    state: Annotated[str | None, typer.Argument(help="The state's name; without it they are listed.", show_default=False)] = None,
    variant: Annotated[str | None, typer.Option("--variant", help="Without it, the pre-training.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the training.", show_default=False)] = None,
) -> None:
    """Go on from an interrupted training that other code has made.

    The next training of this variant and seed starts at the state's step. Its parameters and inputs must be those of now.
    """
    from cada.steps.resume import resume as resume_from

    resume_from(dataset, variant, seed, state)


@app.command("transfer")
def transfer(
    dataset: Dataset,
    to: Annotated[str, typer.Option("--to", help="The data set whose test split is searched.", show_default=False)],
    variant: Variant,
    seed: Seed,
) -> None:
    """Search another data set's test split.

    The model and all that was chosen with it are those of DATASET.
    """
    from cada.steps.transfer import transfer_variant

    transfer_variant(dataset, to, variant, seed)


@app.command("parity")
def parity(folder: Annotated[Path, typer.Argument(help="A folder of parity vectors.", show_default=False)]) -> None:
    """Compare the model with recorded numbers.

    Prints the largest difference per tensor and fails where one is over its tolerance.
    """
    from cada.doctor.parity import check

    check(folder)


@app.command("doctor")
def doctor(dataset: Annotated[str | None, typer.Argument(help="A data set whose recipe is estimated.", show_default=False)] = None) -> None:
    """Say what is installed, what is there, and what is missing.

    With a data set: how much memory and time its recipe takes here, and what to change where it does not fit.
    """
    from cada.steps.doctor import examine

    examine(dataset)
