"""What a project has and lacks: data sets, initial weights, NLTK's tagger.

Each function answers with one line for the page, and with what to do where a thing is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cada import config
from cada.datasets import manifest
from cada.datasets.prepared import source_files
from cada.doctor.estimate import annotated_counts
from cada.errors import CadaError, of_package
from cada.storage.paths import Layout


@dataclass(frozen=True)
class Finding:
    """The state of a thing in a few words, and what to do where it is missing."""

    state: str
    remedy: str | None = None


def data_finding(dataset: str, data: config.Data) -> Finding:
    """Whether the set is there and prepared; a drawn one is made when it is wanted."""
    layout = Layout(dataset)
    if data.synthesis and not data.root.exists():
        return Finding("drawn when it is wanted")
    try:
        source_files(dataset, data)
    except CadaError as error:
        return Finding("missing", str(error))
    if not layout.manifest.is_file():
        return Finding(f"in {data.root}, not prepared yet")
    try:
        manifest.compare(manifest.read(layout.manifest, dataset), data.root, dataset)
    except CadaError as error:
        return Finding("changed since it was prepared", str(error))
    return Finding(f"in {data.root}, prepared")


def val_finding(dataset: str, data: config.Data, holding_out: Sequence[str]) -> Finding:
    """Where val comes from; the variants `holding_out` need `held_out_persons` where the annotation has none."""
    splits, place = annotated_splits(dataset, data), Layout(dataset).params("data")
    if splits is None:
        return Finding("not known before the set is prepared")
    if "val" in splits:
        return Finding("the annotation's")
    if data.held_out_persons is not None:
        return Finding(f"none: {data.held_out_persons} train persons are held out, or test serves as val where absent_val is test")
    if not holding_out:
        return Finding("none: test serves as val")
    return Finding(
        "none, and no held_out_persons",
        f"{place}: held_out_persons is missing, the annotation has no val split, and variants hold persons out: {', '.join(holding_out)}. "
        "Say how many train persons become val, or take variants with absent_val: test.",
    )


def annotated_splits(dataset: str, data: config.Data) -> Collection[str] | None:
    """The annotation's splits, by data.yaml or else by the manifest; None where neither says."""
    if counts := annotated_counts(data):
        return counts.keys()
    path = Layout(dataset).manifest
    return manifest.read(path, dataset)["splits"] if path.is_file() else None


def weights_finding(dataset: str, initial: config.Initial, model: config.Model) -> Finding:
    """Whether the imported weights are named, there, the ones named, and of the sizes of `model`."""
    layout = Layout(dataset)
    place = layout.params("initial")
    if initial.source == "pretrain":
        return Finding("pre-trained here")
    if initial.weights is None:
        return Finding("not named", f"{place}: no weights are named. `cada weights import` makes them and prints the lines to put there.")
    folder = initial.weights.path
    if not folder.is_dir():
        return Finding("missing", f"{folder}: there is no such folder, but {place} names it. `cada weights import` makes it.")
    from cada.model.agreement import agreed_architecture  # imports transformers: seconds

    try:
        agreed_architecture(layout, initial.weights, model)
    except CadaError as error:
        return Finding("not as the parameters say", str(error))
    return Finding(f"in {folder}, as named")


def tagger_finding(users: Sequence[str]) -> Finding:
    """NLTK's tagger, which the variants `users` need."""
    from cada.phrases.words import attribute_words  # imports nltk: seconds

    try:
        attribute_words([["red"]])
    except (CadaError, ModuleNotFoundError) as error:
        reason = of_package(error) if isinstance(error, ModuleNotFoundError) else error
        return Finding("not installed", f"{', '.join(users)}: {reason}") if users else Finding("not installed, and no variant needs it")
    return Finding("installed")
