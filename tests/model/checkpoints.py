"""Checkpoints in the published layouts, with random values."""

from __future__ import annotations

import torch
from torch import Tensor

BASE = {"width": 768, "depth": 12, "mlp": 3072, "patches": 196, "patch": 16, "vocabulary": 30524, "positions": 512}
SMALL = {"width": 24, "depth": 2, "mlp": 40, "patches": 16, "patch": 8, "vocabulary": 19, "positions": 20}
READ = (("crossattention", "self.key"), ("crossattention", "self.value"))  # what the images' tokens go into
TIED = {
    "text_decoder.cls.predictions.decoder.weight": "text_decoder.bert.embeddings.word_embeddings.weight",
    "text_decoder.cls.predictions.decoder.bias": "text_decoder.cls.predictions.bias",
}


def published_state(**sizes: int) -> dict[str, Tensor]:
    """What a published CADA checkpoint has under `model`; tied entries share their memory."""
    draw = torch.Generator().manual_seed(1)
    state = {}
    for name, shape in published_shapes(**sizes).items():
        if name.endswith("position_ids"):
            state[name] = torch.arange(shape[1])[None]
        else:
            state[name] = torch.randn(shape, generator=draw) * 0.05 + name.endswith(("norm1.weight", "norm2.weight", "LayerNorm.weight"))
    return state | {copy: state[original] for copy, original in TIED.items()}


def pretraining_state(**sizes: int) -> dict[str, Tensor]:
    """What BLIP's model_base.pth has under `model`: no local match head, and much that only the pre-training used.

    The decoder shares all but its self-attention with the text encoder, and its head was made before the two extra tokens.
    """
    state = {name: value for name, value in published_state(**sizes).items() if not name.startswith("itm_local_head")}
    for name in state:
        if name.startswith("text_decoder.bert.") and ".attention." not in name:
            state[name] = state[name.replace("text_decoder.bert.", "text_encoder.")]
    head = "text_decoder.cls.predictions"
    state[f"{head}.decoder.weight"] = state[f"{head}.decoder.weight"] + 0.5
    state[f"{head}.bias"] = state[f"{head}.bias"][:-2]
    parts = ("visual_encoder", "text_encoder", "vision_proj", "text_proj")
    momentum = {
        name.replace(part, f"{part}_m", 1): value * 2 for name, value in state.items() for part in parts if name.startswith(f"{part}.")
    }
    queues = {"image_queue": torch.zeros(4, 6), "text_queue": torch.zeros(4, 6), "queue_ptr": torch.zeros(1, dtype=torch.long)}
    return state | momentum | queues | {"temp": torch.tensor(0.07)}


def published_shapes(
    *, width: int, depth: int, mlp: int, patches: int, patch: int, vocabulary: int, positions: int, image_width: int | None = None
) -> dict[str, tuple]:
    """Every entry of a published checkpoint (method section 2), position ids and tied copies included; images may be wider."""
    D, wide = width, image_width or width

    def linear(name: str, rows: int, columns: int) -> dict[str, tuple]:
        return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}

    def norm(name: str, size: int = D) -> dict[str, tuple]:
        return {f"{name}.weight": (size,), f"{name}.bias": (size,)}

    shapes: dict[str, tuple] = {"visual_encoder.cls_token": (1, 1, wide), "visual_encoder.pos_embed": (1, 1 + patches, wide)}
    shapes |= {"visual_encoder.patch_embed.proj.weight": (wide, 3, patch, patch), "visual_encoder.patch_embed.proj.bias": (wide,)}
    shapes |= norm("visual_encoder.norm", wide)
    for layer in range(depth):
        block = f"visual_encoder.blocks.{layer}"
        shapes |= norm(f"{block}.norm1", wide) | norm(f"{block}.norm2", wide)
        shapes |= linear(f"{block}.attn.qkv", 3 * wide, wide) | linear(f"{block}.attn.proj", wide, wide)
        shapes |= linear(f"{block}.mlp.fc1", mlp, wide) | linear(f"{block}.mlp.fc2", wide, mlp)
    for bert in ("text_encoder", "text_decoder.bert"):
        shapes[f"{bert}.embeddings.position_ids"] = (1, positions)
        shapes[f"{bert}.embeddings.word_embeddings.weight"] = (vocabulary, D)
        shapes[f"{bert}.embeddings.position_embeddings.weight"] = (positions, D)
        shapes |= norm(f"{bert}.embeddings.LayerNorm")
        for layer in range(depth):
            block = f"{bert}.encoder.layer.{layer}"
            for attention in ("attention", "crossattention"):
                for part in ("self.query", "self.key", "self.value", "output.dense"):
                    read = wide if (attention, part) in READ else D
                    shapes |= linear(f"{block}.{attention}.{part}", D, read)
                shapes |= norm(f"{block}.{attention}.output.LayerNorm")
            shapes |= linear(f"{block}.intermediate.dense", mlp, D) | linear(f"{block}.output.dense", D, mlp)
            shapes |= norm(f"{block}.output.LayerNorm")
    head = "text_decoder.cls.predictions"
    shapes |= {f"{head}.bias": (vocabulary,)} | linear(f"{head}.transform.dense", D, D) | norm(f"{head}.transform.LayerNorm")
    shapes |= linear(f"{head}.decoder", vocabulary, D)
    shapes |= linear("vision_proj", 256, wide) | linear("text_proj", 256, D) | linear("itm_head", 2, D) | linear("itm_local_head", 2, D)
    return shapes
