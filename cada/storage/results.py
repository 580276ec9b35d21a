"""Reading the JSON files that steps leave behind, as the classes that they were written from."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cada.errors import CadaError
from cada.storage.files import read_json, reading

Result = TypeVar("Result")


class ResultFile(BaseModel):
    """What a reader needs of a JSON file; it may have other keys."""

    model_config = ConfigDict(frozen=True)


def read_result(path: Path, kind: type[Result], *, command: str) -> Result:
    """The pydantic model or dataclass `kind` in `path`, which `command` makes. Errors: `CadaError` where it is missing or does not fit."""
    again = f"Make it with `{command}`."
    try:
        with reading(path, missing=again):
            path.stat()
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CadaError(f"{path}: {key or 'the file'}: {error.errors()[0]['msg']}. {again}") from error
