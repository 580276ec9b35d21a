"""ARA: masked attribute words are predicted from the image by the attribute decoder (method section 3).

Legend: B batch of all processes, L tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import AraMean, Switches
    from cada.training.objective import Encoded


def loss(encoded: Encoded, switches: Switches) -> dict[str, Tensor]:
    """This process's part of the loss over the attribute groups that are masked in this step."""
    from cada import losses

    selected = losses.select_groups(encoded.batch.captions.groups, rate=switches.ara_rate, generator=encoded.generator)  # on the CPU
    return {"loss": region_attribute_loss(encoded, selected, over=divisor(selected, mean=switches.ara_mean))}


def divisor(selected: Tensor, *, mean: AraMean) -> int:
    """What this process's sum over masked tokens is divided by; selected (B, L).

    `batch`: the masked tokens of all processes. `process`: this process's own, times the number of processes, as
    published; a process that happens to have masked nothing adds nothing.
    """
    from cada.runtime import distributed

    if mean == "batch":
        return max(1, int(selected.sum()))
    return max(1, int(selected[distributed.own_rows(len(selected))].sum())) * distributed.size()


def region_attribute_loss(encoded: Encoded, selected: Tensor, *, over: int) -> Tensor:
    """Predict the masked words, `selected` (B, L), of this process's captions from their images; the sum divided by `over`."""
    from cada.training.objective import masked_words_loss

    return masked_words_loss(encoded, selected, encoded.model.attribute_decoder, over=over)


OBJECTIVE = Objective(
    name="ara",
    label="ARA",
    title="ARA",
    says="image regions to text attributes: masked attribute phrases are predicted by the attribute decoder",
    loss=loss,
    trains=("image", "decoder", "word head"),
    costs=("decoder", "vocabulary"),
    predicts=0.5,  # attribute phrases are about half of a caption
    switches=("ara_masking", "ara_rate", "ara_mean"),
    phrases=True,
)
