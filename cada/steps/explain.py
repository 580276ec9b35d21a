"""One image and a caption explained as a figure."""

from __future__ import annotations

from pathlib import Path

from cada.analysis.explanation import explain
from cada.errors import CadaError
from cada.gallery.release import Release
from cada.gallery.sources import Unreadable, open_image
from cada.model.folder import load_model
from cada.phrases.chunking import parse
from cada.reporting.figures.explanation import explanation_figure
from cada.reporting.figures.style import style, write_figure
from cada.steps.gallery import default_model


def explain_image(image: Path, caption: str, *, model: Path | None, output: Path) -> None:
    """Draw where each phrase of `caption` looks in `image`, and the words that are expected in its place, as `output`."""
    if output.suffix not in (".png", ".svg", ".pdf"):
        raise CadaError(f"{output}: not a .png, .svg or .pdf file. Choose one of these names.")
    try:
        opened = open_image(image)
    except Unreadable as error:
        raise CadaError(f"{image}: cannot be read: {error}. Name a JPEG, PNG, BMP, TIFF or WebP file.") from error
    spans = [(phrase.start, phrase.end) for phrase in parse(caption)]
    folder = model or default_model()
    told = explain(load_model(folder), opened, caption, spans=spans, decodes=Release.read(folder).decodes)
    with style():
        write_figure(explanation_figure(told, caption), output)
    for phrase, match in zip(told.phrases, told.matches, strict=True):
        print(f"{match:4.0%}  {phrase}")
