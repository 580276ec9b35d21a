"""Weights for a folder that initial.yaml can name: imported from outside, or pre-trained here and given away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from cada import config
from cada.datasets import manifest as manifests
from cada.errors import CadaError, about
from cada.gallery.release import Release
from cada.model.blip import read_config
from cada.model.checkpoint import read_state
from cada.model.folder import count_parameters, folder_digest, load_notes, load_weights, save_model
from cada.model.importing import import_state
from cada.model.sizes import MAX_TOKENS
from cada.model.sources import find_source, find_vocabulary
from cada.model.tokenizer import Tokenizer
from cada.recipes import Recipe, recorded
from cada.recipes.models import InitialRecipe
from cada.reporting.html.provenance import provenance
from cada.reporting.rendering import as_yaml, render
from cada.reporting.results.seconds import read_seconds
from cada.storage.files import digest, write_text
from cada.storage.paths import VOCABULARY, WEIGHTS, Layout
from cada.synthpedes.attributes import PRETRAIN
from cada.synthpedes.generate import PRETRAINING

COVERAGE, CARD = "coverage.txt", "README.md"


def import_weights(
    source: str,
    output: Path,
    *,
    vocabulary: str | None = None,
    image_size: tuple[int, int] | None = None,
    heads: tuple[int, int] | None = None,
) -> None:
    """Write the model folder `output`, print the account of the import and the `weights` for initial.yaml.

    The folder also gets coverage.txt, the account key by key. Errors: `CadaError`; nothing is written then.
    """
    found, words = find_source(source), find_vocabulary(vocabulary, source)
    config = read_config(found.config) if found.config else None
    state, entries = read_state(found.weights), Tokenizer.read(words, MAX_TOKENS).entries
    with about(f"{found.weights}, vocabulary {words}"):
        imported = import_state(state, entries, config=config, heads=heads, image_size=image_size)
    write_text(output / COVERAGE, imported.listing())
    save_model(output, imported.weights, architecture=imported.architecture, vocabulary=words)
    decodes = any(name.startswith("attribute_decoder.") for name in imported.origins)
    Release(output, decodes=decodes, origin={"imported": Path(source).name, "weights_sha256": digest(output / WEIGHTS)}).write()
    for line in imported.summary():
        print(line)
    print(f"key by key: {output / COVERAGE}")
    _print_lines(output)


def export_weights(dataset: str, output: Path) -> None:
    """Write what was pre-trained for `dataset` into the folder `output`, in half precision, with its card; print as above.

    The card says what the step knew: its recipe, the manifest, the last losses, and the seconds, where Snakemake measured them.
    Errors: `CadaError` where the weights were not pre-trained here.
    """
    layout, own = Layout(dataset), Recipe("initial", dataset)
    recipe, weights, notes = InitialRecipe.model_validate(recorded(own)["values"]), load_weights(layout.initial), load_notes(layout.initial)
    if recipe.initial.pretrain is None or not notes:
        raise CadaError(f"{layout.initial}: these weights were not pre-trained here. Export those of a set with `source: pretrain`.")
    save_model(
        output,
        {name: value.to(torch.float16) for name, value in weights.items()},
        architecture=recipe.model.architecture,
        vocabulary=layout.initial / VOCABULARY,
    )
    card = render(
        "card.md.jinja",
        name=output.name,
        folder=output,
        dataset=dataset,
        parameters=count_parameters(weights),
        facts=_facts(layout, recipe.initial.pretrain, notes),
        losses={name: value for name, value in notes.items() if name.startswith("loss")},
        recipe=as_yaml(recipe),
    )
    write_text(output / CARD, card)
    _print_lines(output)


def _facts(layout: Layout, settings: config.Pretraining, notes: Mapping[str, float]) -> dict[str, str]:
    manifest, steps, batch = manifests.read(layout.manifest, layout.dataset), int(notes["step"]), settings.optimisation.batch_size
    drawn = ", ".join(f"{count:,} {kind}" for kind, count in manifest["splits"][PRETRAIN].items())
    seconds = read_seconds(layout.root / "benchmarks" / "initial.tsv")
    cores = f"processes: {settings.compute.processes}, threads in each: {settings.compute.threads}"
    return {
        **provenance(),
        "persons": f"{drawn}; SHA-256 of the annotation {manifest['annotation'][PRETRAINING]['sha256']}",
        "seen": f"{steps:,} steps of {batch} pairs: {steps * batch:,} pairs, {notes['epoch']:.2f} times all captions",
        "time": f"{seconds / 3600:.2f} hours, {cores}" if seconds else f"not measured, {cores}",
        "seed": str(settings.seed),
    }


def _print_lines(folder: Path) -> None:
    print("For params/<dataset>/initial.yaml, beside `source: file`:\n")
    print(f"weights:\n  path: {folder}\n  sha256: {folder_digest(folder)}")
