"""Whether imported weights are the ones that a recipe names, with its vocabulary and its sizes."""

from __future__ import annotations

from cada.config import Architecture, Model, Pinned, load
from cada.errors import CadaError
from cada.model.folder import folder_digest
from cada.storage.files import checked, digest
from cada.storage.paths import CONFIG, VOCABULARY, Layout


def agreed_architecture(layout: Layout, pinned: Pinned, model: Model) -> Architecture:
    """The architecture of the weights `pinned`, once digest, vocabulary and sizes were seen to be those of the parameter files.

    The image size may be another. Errors: `CadaError` names what differs.
    """
    if (found := folder_digest(pinned.path)) != pinned.sha256:
        raise CadaError(
            f"{pinned.path}: its digest is {found}, {layout.params('initial')} says {pinned.sha256}. "
            "Import the weights again, or, if they are right, write their digest there."
        )
    vocabulary = pinned.path / VOCABULARY
    if model.vocabulary is not None and digest(checked(**dict(model.vocabulary))) != digest(vocabulary):
        place = layout.params("model")
        raise CadaError(f"{place}: vocabulary: {model.vocabulary.path} is not the one of the weights, {vocabulary}. Leave the key out.")
    return _of_the_same_sizes(layout, pinned, model)


def _of_the_same_sizes(layout: Layout, pinned: Pinned, model: Model) -> Architecture:
    """Captions' length and dropout are no property of weights, and position embeddings are resized to the image size."""
    architecture, place = load(pinned.path / CONFIG, Architecture), layout.params("model")
    ours, theirs = (item.model_dump(exclude={"image_size", "max_tokens", "dropout"}) for item in (model.architecture, architecture))
    wrong = [f"{place}: {key}: {ours[key]}, but {pinned.path / CONFIG} has {theirs[key]}." for key in ours if ours[key] != theirs[key]]
    if wrong:
        raise CadaError("\n".join([*wrong, f"{place}: write the sizes of the weights, or name other weights in initial.yaml."]))
    return architecture
