"""ATP: the caption's tokens read the image's patches, and say whether the two belong together (method section 3).

Legend: B batch of all processes, b rows of this process, P patches, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import LocalGroups, Switches
    from cada.losses import Negatives
    from cada.training.objective import Encoded


BUSY = 96  # rows of some thirty tokens in twelve layers: a GPU computes them for longer than their kernels take to start


def loss(encoded: Encoded, switches: Switches) -> dict[str, Tensor]:
    """This process's part of the loss, and of the rows without a negative."""
    from cada import losses
    from cada.runtime import distributed

    persons, how = encoded.batch.persons, switches.hard_negatives
    negatives = losses.hard_negatives(encoded.images, encoded.texts, persons, how=how, generator=encoded.generator)
    matched = token_patch_loss(encoded, negatives, groups=switches.local_groups, group_count=switches.group_count)
    return {"loss": matched, "degenerate": negatives.degenerate / distributed.size()}


def token_patch_loss(encoded: Encoded, negatives: Negatives, *, groups: LocalGroups, group_count: int = 2) -> Tensor:
    """Match or no match for the whole caption and for `group_count` groups of its tokens.

    b pairs, then b captions with a wrong image, then b images with a wrong caption. Wrong partners come from the whole
    batch; gradients reach the wrong images' tokens too, on whatever process they were made.
    """
    import torch

    from cada import losses
    from cada.runtime import distributed
    from cada.runtime.compute import few_calls, upload
    from cada.training.chunks import summed

    model, captions = encoded.model, encoded.batch.captions
    count = len(captions.ids)
    own = distributed.own_rows(count)
    device = encoded.tokens.device
    shown = distributed.gather(encoded.tokens, count)  # (B, 1 + P, D)
    rows = upload(torch.arange(count)[own], device)  # (b,)
    parts = upload(losses.token_groups(captions.lengths, captions.ids.shape[1], how=groups, count=group_count), device)  # (B, groups, L)
    image = torch.cat([rows, negatives.image[own], rows])  # (3b,)
    text = torch.cat([rows, rows, negatives.text[own]])  # (3b,)
    place = torch.arange(len(image), device=device)
    matches = place < len(rows)
    shared = few_calls(device)
    if shared:  # keys and values are there for all chunks: what the hardest captions read decides no shape, and nobody waits for it
        if 2 * len(rows) < count:  # of all images, this process's and the wrong ones
            shown = shown.index_select(0, image[: 2 * len(rows)])
            image = torch.cat([place[: 2 * len(rows)], rows - own.start])
        inputs = model.text_encoder.keys_and_values(shown)
    else:  # a chunk projects those of few images, and no others are in memory
        order = image.argsort(stable=True)
        image, text, matches, inputs = image[order], text[order], matches[order], [shown]

    def seen(chunk: slice, inputs: Sequence[Tensor]) -> tuple[Tensor | Sequence[Tensor], Tensor]:
        """What the pairs of a chunk read, and the place of each one's."""
        if shared:
            return inputs, image[chunk]
        wanted, places = image[chunk].unique(return_inverse=True)
        return inputs[0][wanted], places

    def match(chunk: slice, *inputs: Tensor) -> Tensor:
        caption, (read, images) = text[chunk], seen(chunk, inputs)
        hidden = model.match_hidden(captions.ids[caption], captions.mask[caption], read, images=images)  # (n, L, D)
        means = losses.means_of(parts[caption], hidden)  # (n, groups, D)
        whole, local = model.match_head(hidden[:, 0]), model.local_match_head(means)
        share = len(caption) / (3 * count)
        return (losses.match_loss(whole, matches[chunk]) + losses.match_loss(local, matches[chunk])) * share

    size = rows_at_once(len(rows), micro_batch=encoded.micro_batch, few_calls=shared)
    return summed(match, inputs, model.parameters(), count=len(text), size=size, weight=encoded.weight)


def rows_at_once(pairs: int, *, micro_batch: int | None, few_calls: bool) -> int:
    """Of the three rows of each pair of this process those whose activations are in memory at a time.

    A third: no more activations than the other objectives have. On a GPU (`few_calls`) as many as keep it busy.
    """
    return micro_batch or (max(pairs, min(3 * pairs, BUSY)) if few_calls else pairs)


OBJECTIVE = Objective(
    name="atp",
    label="ATP",
    title="ATP",
    description="text tokens to image patches: match or no match of a caption and of groups of its tokens, with hard negatives",
    loss=loss,
    trains=("image", "text", "cross", "match head", "local match head"),
    costs=("pair", "negatives"),
    at_once=True,
    switches=("hard_negatives", "local_groups", "group_count", "fusion"),
)
