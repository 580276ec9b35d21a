"""params/variants/: the procedure's switches, the loss weights, and how a variant's are resolved: the procedure's, as the data
set refines them, and then as the variant has them.

Each switch is one difference between the published code and a careful reproduction: docs/deviations.md.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field

from cada.config.base import Overrides, Parameters, Positive, Probability, Weight

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


class SwitchOverrides(Overrides):
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


# The steps that read a switch, and the objective without which they do not.
READERS: dict[str, tuple[frozenset[str], str | None]] = {
    "batches": (frozenset({"train"}), None),
    "hard_negatives": (frozenset({"train"}), "atp"),
    "local_groups": (frozenset({"train"}), "atp"),
    "group_count": (frozenset({"train"}), "atp"),
    "padding": (frozenset({"train"}), None),
    "ara_masking": (frozenset({"train"}), "ara"),
    "ara_rate": (frozenset({"train"}), "ara"),
    "ara_mean": (frozenset({"train"}), "ara"),
    "fusion": (frozenset({"train", "evaluate"}), "atp"),
    "selection": (frozenset({"train", "evaluate"}), None),
    "absent_val": (frozenset({"train", "evaluate"}), None),
    "queries": (frozenset({"train", "evaluate", "probe", "transfer"}), None),
}


class LossWeights(Parameters):
    """Weights of the three objectives; an objective with weight 0 is left out, at no cost."""

    global_: Weight = Field(alias="global")
    atp: Weight
    ara: Weight


class WeightOverrides(Overrides):
    """Any subset of the weights."""

    global_: Weight | None = Field(default=None, alias="global")
    atp: Weight | None = None
    ara: Weight | None = None


PUBLISHED_WEIGHTS = LossWeights.model_validate({"global": 1.0, "atp": 1.0, "ara": 0.1})


class Variant(Parameters):
    """params/variants/<variant>.yaml: one row of the ablation. It leaves an objective out by the weight 0."""

    title: str
    procedure: Literal["published", "robust"]
    weights: WeightOverrides = WeightOverrides()
    switches: SwitchOverrides = SwitchOverrides()

    @property
    def objectives(self) -> frozenset[str]:
        """Those that are not left out: of `global_`, `atp` and `ara`."""
        return frozenset(name for name, weight in self.weights if weight != 0)

    @property
    def reranks(self) -> bool:
        """Only a variant whose match head was trained may re-rank."""
        return "atp" in self.objectives


def resolve_switches(variant: Variant, refinements: SwitchOverrides) -> Switches:
    """The procedure's switches, refined by the data set (robust only), then by the variant."""
    start = PROCEDURES[variant.procedure]
    return refined(start if variant.procedure == "published" else refined(start, refinements), variant.switches)


def resolve_weights(variant: Variant, refinements: WeightOverrides) -> LossWeights:
    """The published weights, refined by the data set (robust only), then by the variant."""
    start = PUBLISHED_WEIGHTS
    return refined(start if variant.procedure == "published" else refined(start, refinements), variant.weights)


def read_by(step: str, switches: Switches, objectives: frozenset[str]) -> Switches:
    """Those of the switches that a step reads for a variant with these objectives: the others are no attributes of the result."""
    read = {name for name, (steps, objective) in READERS.items() if step in steps and objective in objectives | {None}}
    return Switches.model_construct(**{name: value for name, value in switches if name in read})


P = TypeVar("P", bound=Parameters)


def refined(start: P, overrides: Overrides) -> P:
    """`start` with those values that `overrides` has."""
    values = start.model_dump(by_alias=True) | overrides.model_dump(by_alias=True)
    return type(start).model_validate(values)
