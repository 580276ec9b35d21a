"""The three transformers of CADA, built from transformers' ViT and BERT (method section 2).

Legend: B batch, P patches, L tokens, D width of the text, I width of the images, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import BertConfig, BertLMHeadModel, BertModel, ViTConfig, ViTModel

from cada.model.positions import grid_of
from cada.runtime.compute import selected_rows

if TYPE_CHECKING:
    from cada.config import Architecture


def initial_deviation(width: int) -> float:
    """BERT's 0.02 at width 768, and the same variance of a product at other widths: small models start faster."""
    return 0.02 * math.sqrt(768 / width)


def sine_cosine_positions(grid: tuple[int, int], width: int) -> Tensor:
    """Where learned position embeddings (P, D) of a grid (rows, columns) start: half amplitude, so that patches dominate."""
    quarter = width // 4
    frequency = 10000 ** (-torch.arange(quarter) / quarter)
    row, column = (axis.flatten()[:, None] * frequency for axis in torch.meshgrid(*map(torch.arange, grid), indexing="ij"))
    waves = torch.cat([row.sin(), row.cos(), column.sin(), column.cos()], dim=1)
    return 0.5 * F.pad(waves, (0, width - 4 * quarter))


def layers_of(transformer: nn.Module) -> nn.ModuleList:
    """Its layers: its one list of modules, whose name changes with transformers' releases."""
    (layers,) = (module for module in transformer.modules() if isinstance(module, nn.ModuleList))
    return layers


@cache
def compilation() -> Mapping[str, Any]:
    """How torch compiles a part of a model. What breaks its graph is an error; kernels that do not wait for each other, as the many
    casts of weights, are started together; and so are products of one tensor. Layers of all kinds are one function to torch, which
    compiles it for each kind, for one row, for some, and for captions of any length: more often than torch expects of a function.
    """
    import torch._dynamo  # torch's compiler is imported where it is used
    from torch._inductor import config

    from cada.model.joined import JoinedProducts

    torch._dynamo.config.recompile_limit = 64
    together = {"combo_kernels": True, "combo_kernel_max_num_nodes": 32}
    known = {name: value for name, value in together.items() if hasattr(config, name)}  # gpu-check runs on a machine's own torch too
    return {"fullgraph": True, "options": {**known, "pre_grad_custom_pass": JoinedProducts()}}


def compile_parts(embeddings: nn.Module, transformer: nn.Module) -> None:
    """Let torch compile them, layer by layer, when they are first called; layers of a kind share what is compiled, and weights keep
    their names.
    """
    for part in (embeddings, *layers_of(transformer)):
        part.compile(**compilation())


class ImageEncoder(nn.Module):
    """ViT: pre-norm, exact GELU, learned positions, [CLS], final LayerNorm, no dropout."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        sizes, image_size, patch_size = architecture.vision, architecture.image_size, architecture.patch_size
        config = ViTConfig(
            hidden_size=sizes.width,
            num_hidden_layers=sizes.depth,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.mlp,
            image_size=image_size,
            patch_size=patch_size,
            layer_norm_eps=1e-6,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=initial_deviation(sizes.width),
            attn_implementation="sdpa",
        )
        self.vit = ViTModel(config, add_pooling_layer=False)
        with torch.no_grad():
            self.vit.embeddings.position_embeddings[0, 1:] = sine_cosine_positions(grid_of(image_size, patch_size), sizes.width)

    def compile_layers(self) -> None:
        """See `compile_parts`."""
        compile_parts(self.vit.embeddings, self.vit)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, height, width) to image tokens (B, 1 + P, I), [CLS] first."""
        return self.vit(images).last_hidden_state


def _bert_config(architecture: Architecture, vocabulary: int) -> BertConfig:
    """BERT as a decoder with cross-attention to image tokens; no cache, since nothing is generated."""
    sizes = architecture.text
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.depth,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.mlp,
        max_position_embeddings=architecture.positions,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.dropout,
        layer_norm_eps=1e-12,
        initializer_range=initial_deviation(sizes.width),
        is_decoder=True,
        add_cross_attention=True,
        use_cache=False,
        attn_implementation="sdpa",
    )


def _adapt(bert: BertModel, image_width: int) -> None:
    """What the model has otherwise than transformers' BERT.

    The published model has no token-type embedding: it is zero, and never trained. BERT's cross-attention reads tokens of its
    own width, BLIP's those of an image encoder of any width.
    """
    nn.init.zeros_(bert.embeddings.token_type_embeddings.weight)
    bert.embeddings.token_type_embeddings.weight.requires_grad_(False)
    width = bert.config.hidden_size
    for layer in bert.encoder.layer if image_width != width else ():
        for name in ("key", "value"):
            projection = nn.Linear(image_width, width)
            nn.init.normal_(projection.weight, std=initial_deviation(image_width))
            nn.init.zeros_(projection.bias)
            setattr(layer.crossattention.self, name, projection)


class TextEncoder(nn.Module):
    """One BERT in two bidirectional modes that share every weight: text alone, and text attending to an image."""

    def __init__(self, architecture: Architecture, *, vocabulary: int) -> None:
        super().__init__()
        self.bert = BertModel(_bert_config(architecture, vocabulary), add_pooling_layer=False)
        _adapt(self.bert, architecture.vision.width)
        self._read: Callable[..., Tensor] = _read
        self._projected: Callable[..., list[Tensor]] = _keys_and_values

    def compile_layers(self) -> None:
        """What reads images outside of transformers' own layers is compiled too: `read_images` and `keys_and_values`."""
        compile_parts(self.bert.embeddings, self.bert)
        compiled: Any = torch.compile  # its types are lost with the options
        self._read, self._projected = (compiled(function, **compilation()) for function in (_read, _keys_and_values))

    def forward(self, ids: Tensor, mask: Tensor, image_tokens: Tensor | None = None) -> Tensor:
        """Token ids and mask (B, L) to hidden states (B, L, D).

        Without `image_tokens` (B, 1 + P, I) the cross-attention is skipped (the unimodal mode). A prepared boolean
        4-D mask keeps BERT's decoder bidirectional.
        """
        bidirectional = mask.bool()[:, None, None, :]  # (B, 1, 1, L)
        return self.bert(ids, attention_mask=bidirectional, encoder_hidden_states=image_tokens).last_hidden_state

    def read_images(self, ids: Tensor, mask: Tensor, image_tokens: Tensor | Sequence[Tensor], images: Tensor) -> Tensor:
        """Caption i (N, L) attending to the tokens of image `images[i]` (N), rows of image_tokens (G, 1 + P, I): states (N, L, D).

        The same as `forward` with the tokens repeated; keys and values are projected once per image, whoever reads it, or may be
        given instead of the tokens.
        """
        visible = mask.bool()[:, None, None, :]
        states = self.bert.embeddings(input_ids=ids)
        for place, layer in enumerate(self.bert.encoder.layer):
            shown = image_tokens if isinstance(image_tokens, Tensor) else image_tokens[2 * place : 2 * place + 2]
            if self.training and layer.gradient_checkpointing:
                states = checkpoint(self._read, layer, states, visible, shown, images, use_reentrant=False)
            else:
                states = self._read(layer, states, visible, shown, images)
        return states

    def keys_and_values(self, image_tokens: Tensor) -> list[Tensor]:
        """What the layers read of image tokens (G, 1 + P, I): keys and values (G, 1 + P, D) of the first one, and so on."""
        return self._projected(self.bert.encoder.layer, image_tokens)


def _keys_and_values(layers: Sequence[Any], image_tokens: Tensor) -> list[Tensor]:
    attentions = (layer.crossattention.self for layer in layers)
    # contiguous: joined products are views of one tensor, and their gradients would be added in as many tensors of its size
    return [project(image_tokens).contiguous() for cross in attentions for project in (cross.key, cross.value)]


def _read(layer: Any, states: Tensor, visible: Tensor, shown: Tensor | Sequence[Tensor], images: Tensor) -> Tensor:
    """One layer of BERT as it is in transformers, but for the keys and values."""
    return read_in_layer(layer, layer.attention(states, visible)[0], shown, images)


def read_in_layer(layer: Any, states: Tensor, shown: Tensor | Sequence[Tensor], images: Tensor, readable: Tensor | None = None) -> Tensor:
    """A layer of BERT from its cross-attention on: states (N, L, D) that attend to what is `shown` of the images `images` (N).

    shown: image tokens (G, 1 + P, I), or the layer's keys and values of them (G, 1 + P, D). readable (N, L, 1 + P): which of
    them each word may attend to, if not all; at least one.
    """
    cross = layer.crossattention.self
    heads = (cross.num_attention_heads, -1)
    # index_select: unlike indexing, its backward adds in one order, whatever the number of threads
    query = cross.query(states).unflatten(-1, heads).transpose(1, 2)  # (N, H, L, D / H)
    projected = (project(shown) for project in (cross.key, cross.value)) if isinstance(shown, Tensor) else shown
    key, value = (part.index_select(0, images).unflatten(-1, heads).transpose(1, 2) for part in projected)
    dropout, seen = cross.dropout.p if layer.training else 0.0, None if readable is None else readable[:, None]
    context = F.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=dropout)
    states = layer.crossattention.output(context.transpose(1, 2).flatten(2), states)
    return layer.output(layer.intermediate(states), states)


def causal_mask(mask: Tensor) -> Tensor:
    """What each token of the decoder sees: itself and the tokens before it that `mask` (B, L) has: (B, 1, L, L)."""
    length = mask.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    return causal & mask.bool()[:, None, None, :]


class AttributeDecoder(nn.Module):
    """A second BERT of the same shape with a masked-language head; its self-attention is causal."""

    def __init__(self, architecture: Architecture, *, vocabulary: int) -> None:
        super().__init__()
        self.bert = BertLMHeadModel(_bert_config(architecture, vocabulary))
        _adapt(self.bert.bert, architecture.vision.width)

    def compile_layers(self) -> None:
        """See `compile_parts`. The head reads another number of masked words in every step."""
        compile_parts(self.bert.bert.embeddings, self.bert)
        self.bert.cls.compile(**compilation(), dynamic=True)

    def forward(self, ids: Tensor, mask: Tensor, image_tokens: Tensor, selected: Tensor) -> Tensor:
        """Masked ids (B, L) to logits (M, V) at the M positions where `selected` (B, L) is true, row by row.

        The label of a position is at the same position: nothing is shifted.
        """
        hidden = self.bert.bert(ids, attention_mask=causal_mask(mask), encoder_hidden_states=image_tokens).last_hidden_state
        return self.bert.cls(selected_rows(hidden, selected))
