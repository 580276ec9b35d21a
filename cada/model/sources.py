"""Where weights and vocabularies come from: a file, a folder in transformers' format, or the Hugging Face Hub."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RemoteEntryNotFoundError, RepositoryNotFoundError

from cada.errors import CadaError
from cada.storage.addresses import public, scrubbed
from cada.storage.paths import CONFIG, VOCABULARY

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
DEFAULT_VOCABULARY = "bert-base-uncased"
_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")
_REASONS = {
    LocalEntryNotFoundError: "no connection to the hub",
    RepositoryNotFoundError: "there is no such repository, or you may not read it",
    HFValidationError: "no repository can have this name",
}


@dataclass(frozen=True)
class Source:
    """The files of a model from outside; a bare checkpoint has no configuration."""

    weights: Path
    config: Path | None


def find_source(name: str) -> Source:
    """A checkpoint's file, a folder, or else a repository of the hub, which is fetched. Errors: `CadaError`."""
    path = Path(name)
    if path.is_dir():
        found = [path / file for file in WEIGHTS if (path / file).is_file()]
        if not found:
            raise CadaError(
                f"{path}: the folder has neither {' nor '.join(WEIGHTS)}. Name the folder of a BLIP model, or a checkpoint's file."
            )
        return Source(found[0], path / CONFIG)
    if path.is_file():
        return Source(path, None)
    if name.endswith(_SUFFIXES) or name.startswith((".", "/", "~")) or name.count("/") != 1:
        advice = "Check the path; a repository of the Hugging Face Hub is OWNER/NAME."
        raise CadaError(f"{public(name)}: there is no such file or folder. {advice}")
    advice = "Nor is there such a file or folder: check the name, or fetch the model by hand and name its folder."
    config = _from_hub(name, CONFIG, advice)
    try:
        return Source(_from_hub(name, WEIGHTS[0], advice), config)
    except RemoteEntryNotFoundError:
        return Source(_from_hub(name, WEIGHTS[1], advice), config)


def find_vocabulary(choice: str | None, source: str) -> Path:
    """The file or hub repository `choice`; by default the one beside the weights, and BERT's for a bare checkpoint."""
    beside = Path(source) / VOCABULARY
    default = str(beside) if beside.parent.is_dir() else DEFAULT_VOCABULARY if Path(source).is_file() else source
    choice = choice or default
    path = Path(choice)
    if path.is_file():
        return path
    if path.name == VOCABULARY or path.suffix == ".txt":
        advice = f"Name BERT's: --vocabulary FILE, or --vocabulary {DEFAULT_VOCABULARY} from the hub."
        raise CadaError(f"{public(choice)}: there is no such vocabulary. {advice}")
    return _from_hub(choice, VOCABULARY, "Name a local file: --vocabulary vocab.txt.")


def _from_hub(repository: str, file: str, advice: str) -> Path:
    shown = public(repository)
    print(f"{shown}: downloading from the Hugging Face Hub: {file}", file=sys.stderr)
    try:
        with _quiet_hub():
            return Path(hf_hub_download(repository, file))
    except RemoteEntryNotFoundError as error:
        if file == WEIGHTS[0]:
            raise
        raise CadaError(f"{shown}: this repository of the Hugging Face Hub has no {file}. {advice}") from error
    except (OSError, HFValidationError) as error:
        reason = next((words for kind, words in _REASONS.items() if isinstance(error, kind)), scrubbed(str(error).partition("\n")[0]))
        raise CadaError(f"{shown}: the Hugging Face Hub did not give {file} ({reason}). {advice}") from error


@contextlib.contextmanager
def _quiet_hub() -> Iterator[None]:
    """Without the hub's own lines about every attempt: what came of them is reported once."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
