"""The choices of the command line, where they cost no import."""

from __future__ import annotations

from typing import Literal

Stored = Literal["float16", "int8", "none"]  # how image tokens are kept
Format = Literal["text", "paths", "json", "csv", "trec"]  # how hits are written
Runtime = Literal["torch", "onnx"]  # what computes the model
