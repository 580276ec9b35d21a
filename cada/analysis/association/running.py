"""All measurements of association on pairs of a caption and its own image: a row for each phrase, and one pair to show.

Legend: N phrases, R regions, P patches, K images, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from cada.analysis.association.attributions import attribution_maps
from cada.analysis.association.correspondence import correspondence
from cada.analysis.association.discrepancy import discrepancy, looks
from cada.analysis.association.names import PHRASE, attribution_names, columns
from cada.analysis.association.prediction import colour_pieces, colours_right, log_likelihoods, masked_words, reduced_images
from cada.analysis.association.regions import OVERLAPPING, Coverage, elsewhere, home_of, taken_patches
from cada.analysis.explanation import phrase_tokens
from cada.datasets.images import normalise
from cada.model.cada import Cada
from cada.model.positions import grid_of
from cada.phrases.masking import Span
from cada.runtime.compute import autocast
from cada.synthpedes.randomness import Stream
from cada.synthpedes.words import words

MOST_PHRASES = 6  # that the pair to show may have
Row = dict[str, Any]
View = tuple[str, str]  # its name, and the region that it is of; "" for whole and nothing
CALLED = [*PHRASE, "person", "text", "slot"]


@dataclass(frozen=True)
class Pair:
    """A caption, number `caption` of its image, with its phrases: their spans in `text`, the normalised caption, and their slots.

    regions: what each covers of the image's patches. slots: None for a phrase of none, or where none are known.
    """

    image: str
    caption: int
    person: int
    text: str
    spans: tuple[Span, ...]
    slots: tuple[str | None, ...]
    regions: Coverage


class Shown(NamedTuple):
    """A pair with its phrases, the maps (N, P), and what each phrase looks at and is predicted by: (N, R) over the regions."""

    pair: Pair
    phrases: list[str]
    slots: list[str | None]
    regions: list[str]
    maps: np.ndarray
    looks: np.ndarray
    predicts: np.ndarray
    compared: Mapping[str, np.ndarray]  # by measure, of each phrase

    @property
    def agreement(self) -> float:
        """Mean over the phrases."""
        return float(self.compared["agreement"].mean())


def associate(
    model: Cada,
    pairs: Sequence[Pair],
    load: Callable[[str], Tensor],
    anatomy: Coverage,
    *,
    attribution: str,
    seed: int,
    batch_size: int,
) -> tuple[pd.DataFrame, Shown]:
    """A row for each phrase whose tokens are not cut off: CALLED and `columns`, not a number where a measure does not apply.

    load: an image (3, H, W) of uint8 by its name. anatomy: by slot a map that knows no image; empty where no slots are known. attribution:
    whose maps the directions are compared by. The second value is the pair to show: of those with the most phrases, up to MOST_PHRASES,
    the one whose agreement is nearest to the mean of all. All is computed in fp32.
    Errors: `ValueError` for an attribution that the model has not, and where no pair has a phrase.
    """
    if attribution not in (known := attribution_names(model.architecture.text.depth)):
        raise ValueError(f"attribution: {attribution} is not among {', '.join(known)}")
    colours = colour_pieces(model.tokenizer, words()["colour"])
    rows: list[Row] = []
    shown: list[Shown] = []
    with autocast(model.device, "fp32"):  # whatever the search computes in: differences of likelihoods are small
        for pair in tqdm(pairs, desc="associate", unit="pair", disable=None):
            ids, phrases, kept = phrase_tokens(model, pair.text, pair.spans)
            if kept:
                image = normalise(load(pair.image)[None].to(model.device))
                maps = _maps(model, image, ids, phrases, batch_size=batch_size)
                views = _views(model, pair, Stream(seed, "elsewhere", pair.image), known=bool(anatomy))
                seen = _seen(model, image[0], ids, phrases, views, colours, batch_size=batch_size)
                drawn = _shown(pair, kept, maps[attribution], seen)
                rows += _rows(drawn, kept, maps, seen, anatomy)
                shown.append(drawn)
    if not shown:
        raise ValueError("pairs: none has a phrase")
    table = pd.DataFrame(rows, columns=[*CALLED, *columns(known)])
    return table.astype(dict.fromkeys(columns(known), np.float64)), _to_show(shown)


def _to_show(shown: Sequence[Shown]) -> Shown:
    mean = np.mean([one.agreement for one in shown])
    few = [one for one in shown if len(one.phrases) <= MOST_PHRASES] or shown
    most = max(len(one.phrases) for one in few)
    return min((one for one in few if len(one.phrases) == most), key=lambda one: abs(one.agreement - mean))


def _grid(model: Cada) -> tuple[int, int]:
    return grid_of(model.architecture.image_size, model.architecture.patch_size)


def _maps(model: Cada, image: Tensor, ids: Tensor, phrases: Tensor, *, batch_size: int) -> dict[str, np.ndarray]:
    """By attribution the maps (N, P) of the phrases of a caption with its image (1, 3, H, W)."""
    with torch.no_grad():
        tokens, _ = model.encode_images(image)
    found = attribution_maps(model, ids, tokens, phrases, batch_size=batch_size)
    return {name: maps.cpu().numpy().astype(np.float64) for name, maps in found.items()}


def _views(model: Cada, pair: Pair, random: Stream, *, known: bool) -> dict[View, np.ndarray]:
    """Which patches (P) each view of the image keeps; known: whether the regions are true ones."""
    grid = _grid(model)
    views = {("whole", ""): np.ones(grid[0] * grid[1], dtype=bool), ("nothing", ""): np.zeros(grid[0] * grid[1], dtype=bool)}
    person = taken_patches(np.sum(list(pair.regions.values()), axis=0))
    for name, coverage in pair.regions.items():
        taken = taken_patches(coverage)
        views["without", name] = ~taken
        if known:
            views |= {("alone", name): taken, ("other", name): ~elsewhere(taken, person, grid, random)}
    return views


def _seen(
    model: Cada,
    image: Tensor,
    ids: Tensor,
    phrases: Tensor,
    views: dict[View, np.ndarray],
    colours: dict[str, list[int]],
    *,
    batch_size: int,
) -> list[dict[View, tuple[float, float]]]:
    """Of each phrase, in each view of the image (3, H, W), its log-likelihood, and whether its colour is found: not a number for none."""
    kept = torch.from_numpy(np.stack(list(views.values()))).to(model.device)  # (K, P)
    found = masked_words(model, ids, reduced_images(image, kept, _grid(model)), phrases, batch_size=batch_size)
    likely = log_likelihoods(found, ids, phrases).T.tolist()  # N lists of K
    right = [[math.nan] * len(kept) if one is None else one.double().tolist() for one in colours_right(found, ids, phrases, colours)]
    return [dict(zip(views, zip(*own, strict=True), strict=True)) for own in zip(likely, right, strict=True)]


def _shown(pair: Pair, kept: Sequence[int], maps: np.ndarray, seen: Sequence[Mapping[View, tuple[float, float]]]) -> Shown:
    """The two matrices of a pair, whose phrases `kept` have these maps (N, P)."""
    regions = [name for name in pair.regions if name not in OVERLAPPING]
    looked = looks(maps, np.stack([pair.regions[name] for name in regions]))
    predicted = np.array([[own["whole", ""][0] - own["without", name][0] for name in regions] for own in seen])
    compared = discrepancy(looked, predicted)
    texts, slots = [pair.text[slice(*pair.spans[place])] for place in kept], [pair.slots[place] for place in kept]
    return Shown(pair, texts, slots, regions, maps, looked, predicted, compared)


def _rows(
    shown: Shown, kept: Sequence[int], maps: Mapping[str, np.ndarray], seen: Sequence[Mapping[View, tuple[float, float]]], anatomy: Coverage
) -> Iterator[Row]:
    pair, regions = shown.pair, shown.regions
    for number, (place, slot) in enumerate(zip(kept, shown.slots, strict=True)):
        row: Row = dict(zip(CALLED, (pair.image, pair.caption, place, pair.person, shown.phrases[number], slot or ""), strict=True))
        row |= {measure: float(values[number]) for measure, values in shown.compared.items()}
        for (view, name), (likely, right) in seen[number].items():
            if name in ("", slot):
                row |= {view: likely, f"colour_{view}": right}
        if slot is not None and slot in anatomy and slot in pair.regions:
            covered = pair.regions[slot]
            own = {name: found[number] for name, found in maps.items()} | {"anatomy": anatomy[slot], "bound": covered}
            row["area"] = covered.mean()
            row |= {f"{name}_{score}": value for name, one in own.items() for score, value in correspondence(one, covered).items()}
            if (home := home_of(slot)) in regions:
                chosen = {"text_right": shown.looks, "image_right": shown.predicts}
                row |= {name: float(regions[matrix[number].argmax()] == home) for name, matrix in chosen.items()}
        yield row
