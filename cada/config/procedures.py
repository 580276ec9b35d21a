"""Procedures, and how a variant's switches and weights are resolved: the procedure's, as the data set refines them, and then as the
variant has them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cada.config.base import Parameters, Positive
from cada.config.method import Refinements, Variant, Weights
from cada.config.model import Architecture, Model
from cada.config.steps import Augmentation, Initial, Optimisation, TrainSettings
from cada.config.switches import Switches
from cada.objectives import OBJECTIVES

STARTS = {"pretrain": "a small model, pre-trained on persons of this data set's own", "file": "the weights that initial.yaml names"}


class TrainingRecipe(Parameters):
    """Where models start, how large they are, how they are trained and searched with."""

    start: str  #: which weights training starts from
    model: Architecture  #: sizes of the model, as in model.yaml
    optimisation: Optimisation  #: how it is trained, as in train.yaml
    augmentation: Augmentation  #: random changes of training images, as in train.yaml
    top_k: Positive  #: how many images of each query are re-ranked


def recipe_of(initial: Initial, model: Model, train: TrainSettings, top_k: int) -> TrainingRecipe:
    """The recipe of a data set's parameter files."""
    return TrainingRecipe(
        start=STARTS[initial.source],
        model=model.architecture,
        optimisation=train.optimisation,
        augmentation=train.augmentation,
        top_k=top_k,
    )


class PublishedRecipe(TrainingRecipe):
    """A recipe as it was published for one data set, and what differs for others."""

    #: batch size and `top_k` of other data sets, by their names
    others: dict[str, dict[Literal["batch_size", "top_k"], Positive]] = Field(default_factory=dict)

    def of(self, dataset: str) -> TrainingRecipe:
        """What was published for a data set; for one that nobody published on, the first one's."""
        own = self.others.get(dataset, {})
        optimisation = self.optimisation.model_copy(update={"batch_size": own.get("batch_size", self.optimisation.batch_size)})
        values = dict(self) | {"optimisation": optimisation, "top_k": own.get("top_k", self.top_k)}
        return TrainingRecipe(**{name: values[name] for name in TrainingRecipe.model_fields})


class Procedure(Parameters):
    """params/procedures/<procedure>.yaml: all switches and weights."""

    refined: bool  #: whether a data set's train.yaml has a say
    weights: Weights  #: weight of each loss
    switches: Switches  #: the value of every switch
    recipe: PublishedRecipe | None = None  #: what else was published, for reports to compare with


class Method(Parameters):
    """What a variant comes to: all switches, and the weights of the objectives that it is trained by, in the registry's order."""

    switches: Switches
    weights: Weights

    @property
    def reranks(self) -> bool:
        """Only a variant whose match head was trained may re-rank."""
        return any(OBJECTIVES[name].reranks for name in self.weights)

    @property
    def decodes(self) -> bool:
        """Whether the attribute decoder is trained."""
        return any(OBJECTIVES[name].decodes for name in self.weights)

    @property
    def needs_phrases(self) -> bool:
        """Whether an objective reads the attribute phrases of the captions."""
        return any(OBJECTIVES[name].phrases for name in self.weights)


def resolve(procedure: Procedure, *refinements: Refinements | None) -> Method:
    """The procedure's values, and in their place those of the `refinements`, of which the last one has the last word.

    Errors: `ValueError` where every objective is left out.
    """
    switches, weights = dict(procedure.switches), dict(procedure.weights)
    for layer in filter(None, refinements):
        switches |= dict(layer.switches)
        weights |= layer.weights
    chosen = {name: weight for name, weight in weights.items() if weight}
    if not chosen:
        raise ValueError("weights: every objective is left out")
    return Method(switches=Switches.model_validate(switches), weights=chosen)


def resolve_variant(variant: Variant, procedure: Procedure, of_dataset: Refinements | None = None) -> Method:
    """What a variant is on a data set, whose refinements count where the procedure lets them."""
    return resolve(procedure, of_dataset if procedure.refined else None, variant)
