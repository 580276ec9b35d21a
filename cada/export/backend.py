"""The model of an index by onnxruntime: no torch in the process, so that a search begins in a second.

Legend: n images, S tokens of an image, I wide; E common space; T texts, K candidates each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from cada.gallery.backend import TokenChunks
from cada.model.tokenizer import TokenizedCaptions, Tokenizer
from cada.storage.files import read_json
from cada.storage.paths import CONFIG, VOCABULARY


class OnnxBackend:
    """The graphs that `cada export` has written into a model folder. Each is loaded when it is needed."""

    def __init__(self, folder: Path, graphs: Path) -> None:
        architecture = read_json(folder / CONFIG)
        self._graphs = graphs
        self.tokenizer = Tokenizer.read(folder / VOCABULARY, architecture["max_tokens"])
        height, width = architecture["image_size"]
        self.image_size, self.width = (height, width), architecture["projection"]
        rows, columns = (side // patch for side, patch in zip(architecture["image_size"], architecture["patch_size"], strict=True))
        self.token_shape = (1 + rows * columns, architecture["vision"]["width"])

    def encode_images(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As in `Backend`."""
        features, tokens = self._images.run(None, {"images": images})
        return features, tokens

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """As in `Backend`."""
        captions = self.tokenizer(list(texts))
        ids = captions.ids[:, : captions.lengths.max()].astype(np.int64)
        mask = (np.arange(ids.shape[1]) < captions.lengths[:, None]).astype(np.int64)
        features: np.ndarray = self._texts.run(None, {"ids": ids, "mask": mask})[0]
        return features

    def match(self, texts: Sequence[str], candidates: np.ndarray, chunks: TokenChunks) -> np.ndarray:
        """As in `Backend`."""
        captions: TokenizedCaptions = self.tokenizer(list(texts))
        logits = np.zeros((*candidates.shape, 2), np.float32)
        for first, tokens in chunks:
            for place, (ids, length, wanted) in enumerate(zip(captions.ids, captions.lengths, candidates, strict=True)):
                inside = np.flatnonzero((wanted >= first) & (wanted < first + len(tokens)))
                if inside.size:
                    read = ids[None, :length].astype(np.int64)
                    read[:, 0] = self.tokenizer.enc
                    logits[place, inside] = self._match.run(None, {"ids": read, "tokens": tokens[wanted[inside] - first]})[0]
        return logits

    @cached_property
    def _images(self) -> Any:
        return self._session("image")

    @cached_property
    def _texts(self) -> Any:
        return self._session("text")

    @cached_property
    def _match(self) -> Any:
        return self._session("match")

    def _session(self, name: str) -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors alone
        return onnxruntime.InferenceSession(self._graphs / f"{name}.onnx", options, providers=onnxruntime.get_available_providers())
