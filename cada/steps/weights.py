"""Import of weights from outside into a folder that initial.yaml can name."""

from __future__ import annotations

from pathlib import Path

from cada.errors import CadaError
from cada.files import write_text
from cada.model.blip import read_config
from cada.model.checkpoint import read_state
from cada.model.coverage import listing, summary
from cada.model.folder import folder_digest, save_model
from cada.model.importing import import_state
from cada.model.sources import find_source, find_vocabulary
from cada.model.tokenizer import EXTRA_TOKENS, Tokenizer

COVERAGE = "coverage.txt"


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
    imported = import_state(read_state(found.weights), source=str(found.weights), config=config, heads=heads, image_size=image_size)
    size = Tokenizer(words, imported.architecture.max_tokens).size
    if size != imported.words:
        raise CadaError(
            f"{words}: its {size - len(EXTRA_TOKENS)} entries, {' and '.join(EXTRA_TOKENS)} are {size} tokens, but {found.weights} "
            f"has embeddings of {imported.words}. Name the vocabulary that these weights were trained with: --vocabulary."
        )
    write_text(output / COVERAGE, listing(imported))
    save_model(output, imported.weights, architecture=imported.architecture, vocabulary=words)
    for line in summary(imported):
        print(line)
    print(f"key by key: {output / COVERAGE}\nFor params/<dataset>/initial.yaml, beside `source: file`:\n")
    print(f"weights:\n  path: {output}\n  sha256: {folder_digest(output)}")
