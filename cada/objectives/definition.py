"""What is known of an objective before any loss is computed. Importing it imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from cada.config import Switches
    from cada.training.objective import Encoded

Loss = Callable[["Encoded", "Switches"], "dict[str, Tensor]"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One loss of the training: everything else that is said or counted of it follows from this.

    `name` is its key in `weights`, `label` its name in tables, `title` the title of its curve, `says` a sentence.
    `loss` takes the encoded batch, whose image and text features (B, E) are those of all processes and not normalised, and the
    switches. It returns this process's part as `loss`: what every process computes alike is divided by `distributed.size()`, for
    the parts are added up. Whatever else it returns is a column of the history too. It draws from the batch's generator only.
    `trains` names the parts of `cada.model.cost.parameter_parts` that it gives a gradient, and `costs` those of
    `cada.model.cost.forward_flops` that it adds to the encoders' passes. `predicts`: of which share of a caption's tokens it computes
    logits, at most. `at_once`: it has its gradient chunk by chunk (`cada.training.chunks.summed`), and keeps nothing for the backward
    pass. `switches`: those that only such objectives read. `phrases`: whether it needs the attribute phrases of the captions.
    """

    name: str
    label: str
    title: str
    says: str
    loss: Loss
    trains: tuple[str, ...]
    costs: tuple[str, ...] = ()
    predicts: float = 0.0
    at_once: bool = False
    switches: tuple[str, ...] = ()
    phrases: bool = False

    @property
    def column(self) -> str:
        """Its column in a history."""
        return f"loss_{self.name}"

    @property
    def module(self) -> str:
        """Where it is defined."""
        return self.loss.__module__

    @property
    def reranks(self) -> bool:
        """Whether it trains the match head, so that a variant with it may re-rank."""
        return "match head" in self.trains

    @property
    def decodes(self) -> bool:
        """Whether it trains the attribute decoder."""
        return "decoder" in self.trains
