"""A model as three ONNX graphs: images, texts, and the match of a text with images.

Legend: n images or texts, L tokens of a text, S tokens of an image, I wide, E common space.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from onnx_ir.passes.common import ClearMetadataAndDocStringPass
from torch import Tensor, nn
from torch.nn import functional as F

from cada.datasets.images import MEAN, STD
from cada.model.cada import Cada

OPSET = 20


class _Images(nn.Module):
    """uint8 images (n, 3, height, width) to unit features (n, E) and tokens (n, S, I)."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Cada) -> None:
        super().__init__()
        self.model = model
        for name, values in (("mean", MEAN), ("deviation", STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens, projected = self.model.encode_images((images.float() / 255 - self.mean) / self.deviation)
        return F.normalize(projected, dim=-1), tokens


class _Texts(nn.Module):
    """Token ids (n, L), and which are no padding, to unit features (n, E)."""

    def __init__(self, model: Cada) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return F.normalize(self.model.encode_text(ids, mask), dim=-1)


class _Match(nn.Module):
    """The ids (1, L) of one text, without padding, and tokens (n, S, I) of images to match logits (n, 2)."""

    def __init__(self, model: Cada) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, tokens: Tensor) -> Tensor:
        count = tokens.shape[0]
        ids = ids.expand(count, -1)
        states = self.model.match_hidden(ids, torch.ones_like(ids), tokens, images=torch.arange(count))
        return self.model.match_head(states[:, 0])


def write_graphs(model: Cada, folder: Path) -> None:
    """Write image.onnx, text.onnx and match.onnx, in float32; any number of images and texts of any length go through them."""
    height, width = model.architecture.image_size
    batch, length, images = torch.export.Dim("batch"), torch.export.Dim("length"), torch.export.Dim("images")
    ids = torch.full((2, 5), model.tokenizer.mask)
    image = torch.zeros(2, 3, height, width, dtype=torch.uint8)
    _write(_Images(model), (image,), folder / "image.onnx", {"images": {0: batch}}, ["features", "tokens"])
    of_text = {"ids": {0: batch, 1: length}, "mask": {0: batch, 1: length}}
    _write(_Texts(model), (ids, torch.ones_like(ids)), folder / "text.onnx", of_text, ["features"])
    tokens, _ = model.encode_images(image.float())
    _write(_Match(model), (ids[:1], tokens.detach()), folder / "match.onnx", {"ids": {1: length}, "tokens": {0: images}}, ["logits"])


def _write(
    module: nn.Module, inputs: tuple[Tensor, ...], path: Path, dynamic: Mapping[str, Mapping[int, torch.export.Dim]], outputs: list[str]
) -> None:
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it speaks of torchvision, which nothing here uses
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module.eval(),
                inputs,
                input_names=list(dynamic),
                output_names=outputs,
                dynamic_shapes=dict(dynamic),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
        assert program is not None
        ClearMetadataAndDocStringPass()(program.model)  # stack traces, with the paths of the machine that exports
        program.save(path, external_data=False)
    finally:
        logger.setLevel(level)


def quantise(folder: Path) -> None:
    """The graphs' matrices as int8, each row with a scale; activations are quantised as they come."""
    from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic

    for name in ("image", "text", "match"):
        path, whole = folder / f"{name}.onnx", folder / f"{name}.fp32.onnx"
        path.rename(whole)
        quant_pre_process(whole, whole, skip_symbolic_shape=True)
        quantize_dynamic(whole, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"])
        whole.unlink()
