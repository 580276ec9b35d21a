"""The global association: caption and image of one person get features that are alike (method section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import Switches
    from cada.training.objective import Encoded


def loss(encoded: Encoded, _switches: Switches) -> dict[str, Tensor]:
    """This process's part of the loss over all pairs: every process computes the whole of it."""
    from cada import losses
    from cada.runtime import distributed

    return {"loss": losses.global_association(encoded.images, encoded.texts, encoded.batch.persons) / distributed.size()}


OBJECTIVE = Objective(
    name="global",
    label="global",
    title="Global association",
    description="KL divergences and cross-entropy between the cosines of all pairs of a batch and who is the same person",
    loss=loss,
    trains=("image", "text", "projections"),
)
