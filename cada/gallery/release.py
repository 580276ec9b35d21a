"""What a model folder says of how it is searched with: release.json beside the weights.

A folder without one, such as imported weights, is searched as the published code does it, and no threshold is known for it.
Legend: n non-mated searches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from cada.storage.files import digest, read_json, write_json

RELEASE, CARD = "release.json", "README.md"
WEIGHTS, CONFIG, VOCABULARY = "model.safetensors", "config.json", "vocab.txt"
FILES = (WEIGHTS, CONFIG, VOCABULARY)


@dataclass(frozen=True)
class OpenSet:
    """What val says about persons who are not there.

    nonmated: the first hits' scores (n,) of searches for persons who were not in the gallery, ascending; gallery: its images.
    top_k: how many images were matched. curve: slope and intercept of the logistic curve from the first hit's score to the
    probability that it shows the described person, were every second person not there.
    """

    gallery: int
    nonmated: list[float]
    top_k: int | None
    curve: tuple[float, float]


@dataclass(frozen=True)
class Release:
    """How a model is searched with. `fusion` and `weight` as in `cada.rerank`; `top_k`: images that are re-ranked, None for none."""

    folder: Path = field(compare=False)
    fusion: str = "published"
    weight: float | None = None
    top_k: int | None = 32
    open_set: OpenSet | None = None
    origin: dict[str, Any] = field(default_factory=dict)  # data set, variant, seed, digests: what the card says in words

    @classmethod
    def read(cls, folder: Path | str) -> Self:
        """That of a model folder. Errors: `CadaError` for a file that is not whole."""
        folder = Path(folder)
        if not (folder / RELEASE).is_file():
            return cls(folder)
        told = read_json(folder / RELEASE)
        known = told.pop("open_set")
        return cls(folder, **told, open_set=known and OpenSet(**known | {"curve": tuple(known["curve"])}))

    def write(self) -> None:
        """Write release.json into the folder."""
        told = asdict(replace(self, folder=Path()))
        del told["folder"]
        write_json(self.folder / RELEASE, told)

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: an index holds features of these and no others."""
        return digest(self.folder / WEIGHTS)
