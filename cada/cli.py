"""The command line: names, arguments and help. The work is done by the functions it calls, imported when they are needed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cada.gallery.options import Format, Stored
from cada.runtime.console import console
from cada.runtime.parent_process import end_with_workflow
from cada.storage.paths import WORKFLOW

app = typer.Typer(
    help="Text-to-image person retrieval by cross-modal adaptive dual association.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data = typer.Typer(help="Fetch, draw, validate and look at data sets.", no_args_is_help=True)
weights = typer.Typer(help="Weights to start from.", no_args_is_help=True)
track = typer.Typer(help="The MLflow store.", no_args_is_help=True)
GROUPS = {"data": data, "weights": weights, "track": track}
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)

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
    "transfer-tables": (_of_all("transfer_tables.tabulate_transfers"), "Write the table of transfers."),
    "tables": (_of_matrix("tables.write_tables"), "Write the tables. Ablation, paired differences, open set, comparison, sensitivity."),
    "probe-tables": (_of_matrix("probe_tables.tabulate_probes"), "Write the tables of the probes. All listed models must be probed."),
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


@app.command("index")
def index(
    images: Annotated[Path, typer.Argument(help="A folder of images, or one image.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the index.", show_default=False)],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", help="A release, or imported weights; chosen once.", show_default=False)
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option("--boxes", help="Persons in the images: CSV, or JSON as COCO has it.", show_default=False)
    ] = None,
    tokens: Annotated[Stored | None, typer.Option("--tokens", help="How image tokens are kept for re-ranking.", show_default=False)] = None,
    part: Annotated[
        str | None, typer.Option("--part", help="Index the i-th of n parts of the files alone, written i/n.", show_default=False)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and take in what changes.")] = False,
) -> None:
    """Index a folder of images of one's own, or bring its index up to date.

    Reads what is new or has changed, recognises what was moved, forgets what is gone. What cannot be read is skipped and listed.
    """
    from cada.steps.gallery import index_images

    index_images(images, output, model=model, boxes=boxes, tokens=tokens, part=part, watch=watch)


@app.command("detect")
def detect(
    images: Annotated[Path, typer.Argument(help="A folder of photographs.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV file to write.", show_default=False)],
    threshold: Annotated[float, typer.Option("--threshold", help="The least score: higher ones find less, and less that is wrong.")] = 0.5,
) -> None:
    """Find persons in photographs with OpenCV's detector of 2005.

    For those who have no better one: it misses many. Writes boxes for `cada index --boxes`.
    """
    from cada.steps.gallery import detect_persons

    detect_persons(images, output, threshold=threshold)


@app.command("approximate")
def approximate(index: Annotated[Path, typer.Argument(help="The folder of an index.", show_default=False)]) -> None:
    """Make searches of millions of images fast.

    An approximate index beside the exact one; make it again when many images have been added.
    """
    from cada.steps.gallery import approximate_index

    approximate_index(index)


@app.command("merge")
def merge(
    output: Annotated[Path, typer.Argument(help="The folder of the index to write.", show_default=False)],
    parts: Annotated[list[Path], typer.Argument(help="Indexes of the same model.", show_default=False)],
) -> None:
    """Merge indexes into one.

    Copies what they hold; nothing is encoded again. Made by several machines with `cada index --part i/n`.
    """
    from cada.steps.gallery import merge_indexes

    merge_indexes(output, parts)


@app.command("export")
def export(
    model: Annotated[Path, typer.Argument(help="A release, or imported weights.", show_default=False)],
    int8: Annotated[bool, typer.Option("--int8", help="A quarter of the size, at a small loss.")] = False,
) -> None:
    """Write a model as ONNX beside its weights.

    Indexes of it are then searched by onnxruntime, which starts in a fraction of torch's time.
    """
    from cada.steps.export import export_model

    export_model(model, int8=int8)


@app.command("search")
def search(
    index: Annotated[Path, typer.Argument(help="The folder of an index.", show_default=False)],
    query: Annotated[str | None, typer.Argument(help="A sentence that describes the person.", show_default=False)] = None,
    image: Annotated[Path | None, typer.Option("--image", help="Search by an image instead.", show_default=False)] = None,
    plus: Annotated[list[str], typer.Option("--plus", help="What must be there, too.", show_default=False)] = [],  # noqa: B006
    minus: Annotated[list[str], typer.Option("--minus", help="What must not be there.", show_default=False)] = [],  # noqa: B006
    k: Annotated[int, typer.Option("-k", min=1, help="How many images to show.")] = 10,
    rerank: Annotated[
        int | None, typer.Option("--rerank", min=0, help="How many images are compared closely; 0 for none.", show_default=False)
    ] = None,
    path: Annotated[str | None, typer.Option("--path", help="Only paths of this pattern, such as '*/door/*'.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only images from this time on, ISO 8601.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only images before this time.", show_default=False)] = None,
    phrases: Annotated[bool, typer.Option("--phrases", help="Say how well each phrase matches alone.")] = False,
    queries: Annotated[
        Path | None, typer.Option("--queries", help="A CSV file with a column query, and possibly id.", show_default=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How hits are written.")] = "text",
    paths: Annotated[bool, typer.Option("--paths", help="The same as --format paths.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file to write them to.", show_default=False)] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Draw the images: a .png or .jpg file.", show_default=False)] = None,
) -> None:
    """Search an index with a sentence.

    Prints rank, match, cosine, confidence and path of the best images, best first.
    """
    from cada.steps.gallery import search_index

    search_index(
        index,
        query,
        image=image,
        plus=plus,
        minus=minus,
        queries=queries,
        output=output,
        form="paths" if paths else form,
        sheet=sheet,
        since=since,
        until=until,
        k=k,
        rerank=rerank,
        path=path,
        phrases=phrases,
    )


@app.command("serve")
def serve(
    index: Annotated[Path, typer.Argument(help="The folder of an index.", show_default=False)],
    host: Annotated[str, typer.Option("--host", help="The address to listen at; any but this machine's own needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8765,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="A file with the token that clients must send; or CADA_TOKEN.", show_default=False)
    ] = None,
    log_queries: Annotated[
        Path | None, typer.Option("--log-queries", help="Add every query to this file; without it none is kept.", show_default=False)
    ] = None,
    show_paths: Annotated[bool, typer.Option("--show-paths", help="Show in which folder an image lies.")] = False,
    rate: Annotated[int, typer.Option("--rate", min=1, help="Requests that a client may make in a minute.")] = 2400,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Search an index in the browser, or by REST.

    One page, which asks nothing of other servers, and an API that /openapi.json describes. Ends with Ctrl-C.
    """
    from cada.steps.serve import serve_index

    serve_index(
        index,
        host=host,
        port=port,
        token_file=token_file,
        log_queries=log_queries,
        show_paths=show_paths,
        rate=rate,
        open_page=open_page,
    )


@app.command("explain")
def explain(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    caption: Annotated[str, typer.Argument(help="A sentence that describes the person.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .png, .svg or .pdf file.", show_default=False)],
    model: Annotated[Path | None, typer.Option("--model", "-m", help="A release, or imported weights.", show_default=False)] = None,
) -> None:
    """Draw what a model makes of an image and a sentence.

    Where each phrase looks, how well it matches alone, and the words that the decoder expects in its place.
    """
    from cada.steps.explain import explain_image

    explain_image(image, caption, model=model, output=output)


@track.command("register")
def track_register(
    index: Annotated[Path, typer.Argument(help="The folder of an index.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="What the model is called in MLflow.")] = "cada-gallery",
) -> None:
    """Register an index with its model in MLflow.

    `mlflow models serve` then answers sentences with ranked images.
    """
    from cada.steps.tracking import register_index

    register_index(index, name)


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


def main() -> None:
    """Entry point: what the user can fix becomes lines on stderr and exit code 1."""
    end_with_workflow()
    with console("cada"):
        app(prog_name="cada")
