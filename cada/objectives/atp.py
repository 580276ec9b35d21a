"""ATP: the caption's tokens read the image's patches, and say whether the two belong together (method section 3).

Legend: B batch of all processes, b rows of this process, P patches, L tokens, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import LocalGroups, Switches
    from cada.losses import Negatives
    from cada.training.objective import Encoded


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
    from cada.runtime.compute import upload
    from cada.training.chunks import summed

    model, captions = encoded.model, encoded.batch.captions
    count = len(captions.ids)
    own = distributed.own_rows(count)
    device = encoded.tokens.device
    everyone = distributed.gather(encoded.tokens, count)  # (B, 1 + P, D)
    rows, lengths = torch.arange(count)[own], upload(captions.lengths, device)  # (b,), (B,)
    image = torch.cat([rows, negatives.image[own].cpu(), rows])  # (3b,), the only thing for which the step waits
    order = image.argsort(stable=True)  # a chunk projects the keys and values of few images
    image, matches = image[order], upload(order < len(rows), device)
    here = upload(rows, device)
    text = torch.cat([here, here, upload(negatives.text[own], device)])[upload(order, device)]  # (3b,)

    def match(tokens: Tensor, chunk: slice) -> Tensor:
        caption = text[chunk]
        wanted, images = (upload(places, device) for places in image[chunk].unique(return_inverse=True))
        hidden = model.match_hidden(captions.ids[caption], captions.mask[caption], tokens[wanted], images=images)  # (n, L, D)
        means = losses.group_means(hidden, lengths[caption], how=groups, count=group_count)  # (n, groups, D)
        whole, local = model.match_head(hidden[:, 0]), model.local_match_head(means)
        share = len(caption) / (3 * count)
        return (losses.match_loss(whole, matches[chunk]) + losses.match_loss(local, matches[chunk])) * share

    size = encoded.micro_batch or len(rows)  # a third of the pairs at a time: no more activations than the other objectives have
    return summed(match, everyone, model.parameters(), count=len(text), size=size, weight=encoded.weight)


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
