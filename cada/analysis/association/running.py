"""All measurements of association on pairs of a caption and its own image: a row for each phrase, and one pair to show.

Legend: N phrases, R regions, P patches, K images, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from cada.analysis.association.attributions import attribution_maps, attribution_names
from cada.analysis.association.correspondence import SCORES, correspondence
from cada.analysis.association.discrepancy import MEASURES, discrepancy, looks
from cada.analysis.association.prediction import colour_pieces, colours_right, log_likelihoods, masked_words, reduced_images
from cada.analysis.association.regions import OVERLAPPING, Coverage, elsewhere, home_of, taken_patches
from cada.analysis.explanation import phrase_tokens
from cada.datasets.images import normalise
from cada.model.cada import Cada
from cada.model.positions import grid_of
from cada.phrases.masking import Span
from cada.synthpedes.randomness import Stream
from cada.synthpedes.words import words

BASELINES = ("anatomy", "bound")  # maps that read no image, and the region itself
VIEWS = ("whole", "nothing", "without", "alone", "other")  # of the image: the phrase's region out, it alone, another one out
MOST_PHRASES = 6  # that the pair to show may have
CALLED = ["image", "caption", "phrase", "person", "text", "slot"]


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
    agreement: float  # mean over the phrases


def columns(layers: int) -> list[str]:
    """The numbers of each phrase, for a match encoder of so many layers."""
    maps = [f"{name}_{score}" for name in (*attribution_names(layers), *BASELINES) for score in SCORES]
    colours = [f"colour_{view}" for view in VIEWS]
    return ["area", *maps, *VIEWS, *colours, *MEASURES, "text_right", "image_right"]


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
    whose maps the directions are compared by. The second value is the pair to show: of those with the most phrases, up to MOST_PHRASES, the
    one whose agreement is nearest to the mean of all.
    Errors: `ValueError` for an attribution that the model has not, and where no pair has a phrase.
    """
    layers = len(model.text_encoder.bert.encoder.layer)
    if attribution not in (known := attribution_names(layers)):
        raise ValueError(f"attribution: {attribution} is not among {', '.join(known)}")
    colours = colour_pieces(model.tokenizer, words()["colour"])
    rows: list[dict[str, Any]] = []
    shown: list[Shown] = []
    for pair in tqdm(pairs, desc="associate", unit="pair", disable=None):
        random = Stream(seed, "elsewhere", pair.image)
        found, drawn = _measure(model, pair, load(pair.image), anatomy, colours, attribution, random, batch_size)
        rows += found
        shown += [drawn] if drawn else []
    if not shown:
        raise ValueError("pairs: none has a phrase")
    table = pd.DataFrame(rows, columns=[*CALLED, *columns(layers)])
    return table.astype(dict.fromkeys(columns(layers), np.float64)), _to_show(shown)


def _to_show(shown: Sequence[Shown]) -> Shown:
    mean = np.mean([one.agreement for one in shown])
    few = [one for one in shown if len(one.phrases) <= MOST_PHRASES] or shown
    most = max(len(one.phrases) for one in few)
    return min((one for one in few if len(one.phrases) == most), key=lambda one: abs(one.agreement - mean))


def _measure(
    model: Cada,
    pair: Pair,
    image: Tensor,
    anatomy: Coverage,
    colours: dict[str, list[int]],
    attribution: str,
    random: Stream,
    batch_size: int,
) -> tuple[list[dict[str, Any]], Shown | None]:
    ids, phrases, kept = phrase_tokens(model, pair.text, pair.spans)
    if not kept:
        return [], None
    grid = grid_of(model.architecture.image_size, model.architecture.patch_size)
    read = normalise(image[None].to(model.device))
    with torch.no_grad():
        tokens, _ = model.encode_images(read)
    maps = {name: found.cpu().numpy() for name, found in attribution_maps(model, ids, tokens, phrases, batch_size=batch_size).items()}
    views = _views(pair, grid, random, known=bool(anatomy))
    images = reduced_images(read[0], torch.from_numpy(np.stack(list(views.values()))).to(model.device), grid)
    found = masked_words(model, ids, images, phrases, batch_size=batch_size)
    likely = dict(zip(views, log_likelihoods(found, ids, phrases).cpu().numpy(), strict=True))  # (N) each
    right = colours_right(found, ids, phrases, colours)
    seen = [None if one is None else dict(zip(views, one.tolist(), strict=True)) for one in right]

    regions = [name for name in pair.regions if name not in OVERLAPPING]
    looked = looks(maps[attribution].astype(np.float64), np.stack([pair.regions[name] for name in regions]))
    predicted = np.stack([likely["whole", ""] - likely["without", name] for name in regions], axis=1)
    compared = discrepancy(looked, predicted)
    chosen = {"text_right": looked.argmax(axis=1), "image_right": predicted.argmax(axis=1)}
    texts, slots = [pair.text[slice(*pair.spans[place])] for place in kept], [pair.slots[place] for place in kept]
    rows = []
    for number, (place, text, slot) in enumerate(zip(kept, texts, slots, strict=True)):
        row: dict[str, Any] = dict(zip(CALLED, (pair.image, pair.caption, place, pair.person, text, slot or ""), strict=True))
        row |= {measure: values[number] for measure, values in compared.items()}
        row |= _views_of(likely, number, slot) | _colours_of(seen[number], slot)
        if slot is not None and slot in pair.regions and slot in anatomy:
            covered = pair.regions[slot]
            own = {name: found[number] for name, found in maps.items()} | {"anatomy": anatomy[slot], "bound": covered}
            row["area"] = covered.mean()
            row |= {f"{name}_{score}": value for name, one in own.items() for score, value in correspondence(one, covered).items()}
            if (home := home_of(slot)) in regions:
                row |= {name: float(regions[places[number]] == home) for name, places in chosen.items()}
        rows.append(row)
    drawn = Shown(pair, texts, slots, regions, maps[attribution], looked, predicted, float(compared["agreement"].mean()))
    return rows, drawn


def _views(pair: Pair, grid: tuple[int, int], random: Stream, *, known: bool) -> dict[tuple[str, str], np.ndarray]:
    """Which patches (P) are kept in each view of the image, by its name and its region; known: whether the regions are true ones."""
    count = grid[0] * grid[1]
    views = {("whole", ""): np.ones(count, dtype=bool), ("nothing", ""): np.zeros(count, dtype=bool)}
    person = taken_patches(np.sum(list(pair.regions.values()), axis=0))
    for name, coverage in pair.regions.items():
        taken = taken_patches(coverage)
        views["without", name] = ~taken
        if known:
            views |= {("alone", name): taken, ("other", name): ~elsewhere(taken, person, grid, random)}
    return views


def _views_of(likely: dict[tuple[str, str], np.ndarray], number: int, slot: str | None) -> dict[str, float]:
    """A phrase's log-likelihood in each view: whole, nothing, and those of its own region."""
    return {view: float(values[number]) for (view, region), values in likely.items() if region in ("", slot)}


def _colours_of(seen: dict[tuple[str, str], bool] | None, slot: str | None) -> dict[str, float]:
    """The same for whether its colour is found."""
    return {} if seen is None else {f"colour_{view}": float(right) for (view, region), right in seen.items() if region in ("", slot)}
