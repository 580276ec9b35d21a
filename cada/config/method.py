"""params/variants/: the procedure's switches, the loss weights, and how a variant's switches are resolved.

Each switch is one difference between the published code and a careful reproduction: docs/deviations.md.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cada.config.base import Parameters, Positive, Probability, Weight

Sampling = Literal["random", "lookalikes"]
HardNegatives = Literal["published", "hardest", "sampled"]
LocalGroups = Literal["fixed", "parts"]
Padding = Literal["fixed", "batch"]
Masking = Literal["words", "phrases"]
AraMean = Literal["process", "batch"]
Fusion = Literal["published", "calibrated"]
Selection = Literal["test", "val"]
AbsentVal = Literal["test", "held_out"]
Queries = Literal["first_two", "all"]


class Switches(Parameters):
    """The switches of docs/deviations.md."""

    batches: Sampling
    hard_negatives: HardNegatives
    local_groups: LocalGroups
    group_count: Positive
    padding: Padding
    ara_masking: Masking
    ara_rate: Probability
    ara_mean: AraMean
    fusion: Fusion
    selection: Selection
    absent_val: AbsentVal
    queries: Queries


class SwitchOverrides(Parameters):
    """Any subset of the switches."""

    batches: Sampling | None = None
    hard_negatives: HardNegatives | None = None
    local_groups: LocalGroups | None = None
    group_count: Positive | None = None
    padding: Padding | None = None
    ara_masking: Masking | None = None
    ara_rate: Probability | None = None
    ara_mean: AraMean | None = None
    fusion: Fusion | None = None
    selection: Selection | None = None
    absent_val: AbsentVal | None = None
    queries: Queries | None = None


PROCEDURES = {
    "published": Switches(
        batches="random",
        hard_negatives="published",
        local_groups="fixed",
        group_count=2,
        padding="fixed",
        ara_masking="words",
        ara_rate=0.4,
        ara_mean="process",
        fusion="published",
        selection="test",
        absent_val="test",
        queries="first_two",
    ),
    "robust": Switches(
        batches="random",
        hard_negatives="hardest",
        local_groups="parts",
        group_count=2,
        padding="batch",
        ara_masking="phrases",
        ara_rate=0.8,
        ara_mean="batch",
        fusion="calibrated",
        selection="val",
        absent_val="held_out",
        queries="all",
    ),
}


class LossWeights(Parameters):
    """Weights of the three objectives; the paper's are 1, 1 and 0.1."""

    global_: Weight = Field(alias="global")
    atp: Weight
    ara: Weight


class Variant(Parameters):
    """params/variants/<variant>.yaml: one row of the ablation."""

    title: str
    procedure: Literal["published", "robust"]
    weights: LossWeights
    switches: SwitchOverrides = SwitchOverrides()

    @property
    def reranks(self) -> bool:
        """Only a variant whose match head was trained may re-rank."""
        return self.weights.atp > 0


def resolve_switches(variant: Variant, refinements: SwitchOverrides) -> Switches:
    """The procedure's switches, refined by the data set (robust only), then by the variant."""
    values = PROCEDURES[variant.procedure].model_dump()
    if variant.procedure == "robust":
        values |= refinements.model_dump(exclude_none=True)
    return Switches(**values | variant.switches.model_dump(exclude_none=True))
