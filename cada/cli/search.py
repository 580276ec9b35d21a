"""The commands that search one's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cada.cli.app import app, track
from cada.gallery.options import Format, Stored


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
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, help="The least score: higher ones find less, and less that is wrong.")
    ] = 0.5,
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
    int8: Annotated[bool, typer.Option("--int8", help="A third of the size, at a small loss.")] = False,
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
    plus: Annotated[list[str] | None, typer.Option("--plus", help="What must be there, too.", show_default=False)] = None,
    minus: Annotated[list[str] | None, typer.Option("--minus", help="What must not be there.", show_default=False)] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many images to show.")] = 10,
    rerank: Annotated[
        int | None, typer.Option("--rerank", min=0, help="How many images are compared closely; 0 for none.", show_default=False)
    ] = None,
    path: Annotated[str | None, typer.Option("--path", help="Only paths of this pattern, such as '*/door/*'.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only images from this time on, ISO 8601.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only images before this time.", show_default=False)] = None,
    phrases: Annotated[bool, typer.Option("--phrases", help="Say how well each phrase of the sentence matches alone.")] = False,
    queries: Annotated[
        Path | None, typer.Option("--queries", help="A CSV file with a column query, and possibly id.", show_default=False)
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How hits are written.")] = "text",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file to write them to.", show_default=False)] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", help="Draw the images: a .png or .jpg file.", show_default=False)] = None,
    thumbnails: Annotated[bool, typer.Option(help="Show the images in a terminal that can: kitty, iTerm2 and others.")] = True,
) -> None:
    """Search an index with a sentence.

    Prints rank, match, cosine, confidence and path of the best images, best first.
    """
    from cada.steps.gallery import search_index

    search_index(
        index,
        query,
        image=image,
        plus=plus or [],
        minus=minus or [],
        queries=queries,
        output=output,
        form=form,
        sheet=sheet,
        thumbnails=thumbnails,
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
