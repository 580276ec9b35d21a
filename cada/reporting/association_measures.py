"""What was measured of phrases, in the units of tables, and its means with intervals: of one variant, and of the difference of two.

Legend: Q phrases, S seeds, M measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from cada.analysis.association.names import VIEWS
from cada.reporting.results.associations import AssociationsFile
from cada.reporting.statistics import Difference, paired_bootstrap

SMALL = 0.25  # of the person: slots that are smaller on average are small
LIKELY = {"image": "nothing", "region": "without", "elsewhere": "other"}  # nats: by how much the whole image is better than this view
Tables = Sequence[pd.DataFrame]  # one for each seed, with the same phrases
Estimates = Mapping[str, Difference]


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """A table of phrases with shares in per cent and likelihoods as nats gained and lost.

    image, region, elsewhere: what the whole image gives a phrase beyond no image, its region taken out, and another region of the same size
    taken out. local: region less elsewhere. alone_image: what the region alone gives beyond no image. text_alone, image_alone: whether this
    direction chooses the right region and the other another one.
    """
    shares = [name for name in table.columns if name not in ("person", "slot", "agreement", *VIEWS)]
    found = table.assign(**{name: 100 * table[name] for name in shares})
    found = found.assign(**{name: table["whole"] - table[view] for name, view in LIKELY.items()})
    differ = 100 - found["same"]
    return found.assign(
        local=found["region"] - found["elsewhere"],
        alone_image=table["alone"] - table["nothing"],
        differ=differ,
        text_alone=found["text_right"] * differ / 100,
        image_alone=found["image_right"] * differ / 100,
    )


def small_slots(file: AssociationsFile) -> list[str]:
    """The slots that are smaller than SMALL of the person, on the average of the split that the anatomy is known from."""
    return [slot for slot, share in file.slots.items() if share < SMALL]


def in_slots(tables: Tables, slots: Sequence[str]) -> list[pd.DataFrame]:
    """The phrases of these slots alone."""
    return [table[table["slot"].isin(slots)] for table in tables]


def estimates(tables: Tables, names: Sequence[str]) -> Estimates:
    """The mean of each measure over the phrases that have it and the seeds, with its interval; none of what fewer than two persons have."""
    return _estimates([table[list(names)].to_numpy() for table in tables], tables[0]["person"].to_numpy(), names)


def estimates_between(ours: Tables, theirs: Tables, names: Sequence[str]) -> Estimates:
    """How much more of each measure `ours` have than `theirs`, phrase by phrase and seed by seed."""
    values = [one[list(names)].to_numpy() - other[list(names)].to_numpy() for one, other in zip(ours, theirs, strict=True)]
    return _estimates(values, ours[0]["person"].to_numpy(), names)


def ratio(tables: Tables, part: str, whole: str) -> Difference | None:
    """100 times the mean of one measure over that of another, with the interval of the ratio's linear approximation."""
    kept = [table.dropna(subset=[part, whole]) for table in tables]
    means = [float(np.mean([table[name].mean() for table in kept])) for name in (part, whole)]
    if not len(kept[0]) or means[1] == 0:
        return None
    share = means[0] / means[1]
    parts = [table.assign(ratio=100 * (share + (table[part] - share * table[whole]) / means[1])) for table in kept]
    return estimates(parts, ["ratio"]).get("ratio")


def _estimates(values: Sequence[np.ndarray], persons: np.ndarray, names: Sequence[str]) -> Estimates:
    stacked = np.stack(values, axis=1)  # (Q, S, M)
    found: dict[str, Difference] = {}
    for rows, places in _alike(~np.isnan(stacked).any(axis=1)):
        if len(np.unique(persons[rows])) > 1:
            differences = paired_bootstrap(stacked[rows][:, :, places], persons[rows])
            found |= {names[place]: one for place, one in zip(places, differences, strict=True)}
    return found


def _alike(known: np.ndarray) -> Iterator[tuple[np.ndarray, list[int]]]:
    """The measures (M) that are known of the same phrases (Q, M), and these phrases: they share the draws of the bootstrap."""
    groups: dict[bytes, list[int]] = {}
    for place in range(known.shape[1]):
        groups.setdefault(known[:, place].tobytes(), []).append(place)
    yield from ((known[:, places[0]], places) for places in groups.values())
