"""SDM, similarity distribution matching of IRRA (Jiang and Ye, CVPR 2023), with its constants.

Legend: B batch, E common space.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cada.objectives.definition import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import Switches
    from cada.training.objective import Encoded

TEMPERATURE = 0.02
EPSILON = 1e-8


def loss(encoded: Encoded, _switches: Switches) -> dict[str, Tensor]:
    """This process's part of the loss over all pairs: every process computes the whole of it."""
    from cada.runtime import distributed

    matched = similarity_distribution_matching(encoded.images, encoded.texts, encoded.batch.persons)
    return {"loss": matched / distributed.size()}


def similarity_distribution_matching(image_features: Tensor, text_features: Tensor, persons: Tensor) -> Tensor:
    """KL(p || q + eps) of p = softmax(cosine / 0.02) and q, 1 / n for each of n pairs of the same person.

    Image to text plus text to image, each a mean over the rows. Features (B, E) need not be normalised; pair i is of person
    `persons[i]` (B, on the CPU).
    """
    from cada import losses

    logits = losses.both_ways(losses.cosine_logits(image_features, text_features, scale=1 / TEMPERATURE))  # (2, B, B)
    target = losses.same_person(persons, logits)
    log_p = logits.log_softmax(dim=2)
    return (log_p.exp() * (log_p - (target + EPSILON).log())).sum(dim=2).mean(dim=1).sum()


OBJECTIVE = Objective(
    name="sdm",
    label="SDM",
    title="SDM",
    description="similarity distribution matching of IRRA: KL divergence of the softmax of the cosines from who is the same person",
    loss=loss,
    trains=("image", "text", "projections"),
)
