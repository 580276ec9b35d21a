"""What a model folder says of how it is searched with: release.json beside the weights.

A folder without one, such as the start in the repository, is searched as the published code does it. No threshold is known for it, nor
for imported weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cada.errors import CadaError
from cada.retrieval.openset import ValSearches
from cada.storage.files import digest, read_object, write_json
from cada.storage.paths import WEIGHTS

RELEASE, CARD = "release.json", "README.md"


@dataclass(frozen=True)
class Release:
    """How a model is searched with. `fusion` and `weight` as in `cada.rerank`; `top_k`: images that are re-ranked, None for none.

    open_set: what val says of persons who are not there, None where that is not known. origin: data set, variant, seed and digest, or what
    was imported. decodes: whether its decoder was trained to say masked words.
    """

    folder: Path = field(compare=False)
    fusion: str = "published"
    weight: float | None = None
    top_k: int | None = 32
    open_set: ValSearches | None = None
    origin: dict[str, Any] = field(default_factory=dict)
    decodes: bool = True

    @classmethod
    def read(cls, folder: Path | str) -> Self:
        """That of a model folder. Errors: `CadaError` for a file that is not whole."""
        folder = Path(folder)
        if not (folder / RELEASE).is_file():
            return cls(folder)
        kinds = {"fusion": str, "weight": float | int | None, "top_k": int | None, "open_set": dict | None, "origin": dict, "decodes": bool}
        again = "Make it again with `cada release`."
        found = read_object(folder / RELEASE, again=again, **kinds)
        known = found["open_set"]
        try:
            return cls(folder, **{name: found[name] for name in kinds} | {"open_set": known and ValSearches.of_json(known)})
        except (KeyError, TypeError, ValueError) as error:
            raise CadaError(f"{folder / RELEASE}: open_set: not as it was written ({error!r}). {again}") from error

    def write(self) -> None:
        """Write release.json into the folder."""
        told = {"fusion": self.fusion, "weight": self.weight, "top_k": self.top_k, "decodes": self.decodes, "origin": self.origin}
        write_json(self.folder / RELEASE, told | {"open_set": self.open_set and self.open_set.as_json()})

    @property
    def digest(self) -> str:
        """SHA-256 of the weights: an index holds features of these and no others."""
        return digest(self.folder / WEIGHTS)
