"""Masked words predicted in the text encoder, which reads the image too.

Word pieces are masked one by one, all replaced by [MASK]; the text encoder runs in its multimodal mode, as for ATP, with the
caption's own image, and the word head of the attribute decoder reads its states, with the text encoder's word embeddings.
It stands for IRRA's implicit relation reasoning (Jiang and Ye, CVPR 2023), and differs from it: IRRA leaves the text encoder
unimodal and puts one cross-attention layer and a transformer of four layers of its own above it, with queries from the text, and
a head of its own; it replaces by BERT's rule (80 % [MASK], 10 % another word, 10 % kept). Here no parameter is added.
Legend: B batch of all processes, L tokens, M masked tokens, D width, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cada.config import Switches
    from cada.datasets.loading import TokenBatch
    from cada.training.objective import Encoded

RATE = 0.15  # of the word pieces: BERT's, and IRRA's


def loss(encoded: Encoded, _switches: Switches) -> dict[str, Tensor]:
    """This process's part of the mean over the masked words of all processes."""
    selected = random_words(encoded.batch.captions, rate=RATE, generator=encoded.generator)
    return {"loss": masked_language_loss(encoded, selected)}


def random_words(captions: TokenBatch, *, rate: float, generator: torch.Generator) -> Tensor:
    """Word pieces (B, L) chosen one by one with probability `rate`, never [CLS] or [SEP]; drawn on the CPU."""
    import torch

    from cada import losses

    place = torch.arange(captions.ids.shape[1])
    pieces = (place > 0) & (place < (captions.lengths - 1)[:, None])
    return losses.select_groups(torch.where(pieces, place, -1), rate=rate, generator=generator)


def masked_language_loss(encoded: Encoded, selected: Tensor) -> Tensor:
    """Predict the masked words, `selected` (B, L), from the rest of the caption and the image."""
    from cada.runtime.compute import selected_rows
    from cada.training.objective import masked_words_loss

    model = encoded.model
    head = model.attribute_decoder.bert.cls.predictions

    def logits(ids: Tensor, visible: Tensor, tokens: Tensor, chosen: Tensor) -> Tensor:
        hidden = selected_rows(model.match_hidden(ids, visible, tokens), chosen)  # (M, D)
        return head.transform(hidden) @ model.text_encoder.bert.embeddings.word_embeddings.weight.T + head.bias  # (M, V)

    return masked_words_loss(encoded, selected, logits, over=max(1, int(selected.sum())))


OBJECTIVE = Objective(
    name="mlm",
    label="MLM",
    title="Masked words",
    description="masked words are predicted by the text encoder, which reads the image: after IRRA's implicit relation reasoning",
    loss=loss,
    trains=("image", "text", "cross", "word head"),
    costs=("pair", "vocabulary"),
    predicts=RATE,
)
