"""index.json: which model an index belongs to, and how it keeps image tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from cada.errors import CadaError
from cada.gallery.options import Stored
from cada.gallery.release import Release
from cada.storage.files import read_object, write_json
from cada.storage.paths import CONFIG, WEIGHTS

NAME, FORMAT = "index.json", 1


@dataclass(frozen=True)
class Settings:
    """What is in the file."""

    format: int
    model: str  # the absolute path of its folder
    sha256: str  # of its weights
    weights: tuple[int, int]  # their size and modification time (ns), so that they need not be read again
    tokens: Stored

    @classmethod
    def of(cls, model: Path, tokens: Stored) -> Self:
        """Those of a new index for the model in a folder. Errors: `CadaError` where it has no weights."""
        weights = _stat(model)
        return cls(FORMAT, str(model), Release.read(model).digest, weights, tokens)

    @classmethod
    def read(cls, folder: Path, *, model: Path | None = None) -> Self:
        """Those of the index in `folder`, whose model is in the folder `model` now, if it was moved.

        Errors: `CadaError` where there is no index, or its model has changed or is gone.
        """
        if not (folder / NAME).is_file():
            raise CadaError(f"{folder}: there is no index. Make one: cada index IMAGES -o {folder}")
        again = "Make the index again."
        values = read_object(folder / NAME, again=again)
        if values.get("format") != FORMAT:
            raise CadaError(f"{folder / NAME}: its format is {values.get('format')}, this version reads {FORMAT}. {again}")
        moved = {} if model is None else {"model": str(model.resolve())}
        kinds = {"format": int, "model": str, "sha256": str, "weights": list, "tokens": str}
        values = read_object(folder / NAME, again=again, **kinds)
        settings = cls(**{name: values[name] for name in kinds} | {"weights": tuple(values["weights"])} | moved)
        place = Path(settings.model)
        if not (place / CONFIG).is_file():
            raise CadaError(f"{place}: the model of {folder} is gone. Bring it back, or make the index again with another.")
        if _stat(place) != settings.weights and Release.read(place).digest != settings.sha256:
            raise CadaError(f"{place}: these weights are others than those that {folder} was made with. Make the index again.")
        return settings

    def write(self, folder: Path) -> None:
        """Write the file: the folder is an index from then on."""
        write_json(folder / NAME, asdict(self))


def _stat(model: Path) -> tuple[int, int]:
    try:
        known = (model / WEIGHTS).stat()
    except FileNotFoundError as error:
        raise CadaError(f"{model / WEIGHTS}: there is no such file. Name the folder of a release, or of imported weights.") from error
    return known.st_size, known.st_mtime_ns
