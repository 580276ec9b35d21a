"""What each step reads of the parameters, resolved: the variant's switches and weights, and defaults filled in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer

from cada.config import (
    Compute,
    Data,
    DatasetParameters,
    Evaluate,
    Initial,
    LossWeights,
    Model,
    Parameters,
    Phrases,
    Probe,
    Source,
    Switches,
    TrainSettings,
    Variant,
    Workflow,
)
from cada.config.method import SwitchOverrides


def _some(values: Any) -> Any:
    """Only the switches that the step reads: the others are no attributes, so that code which reads one more fails."""
    if isinstance(values, Switches):
        return values
    given = SwitchOverrides.model_validate(values).model_dump()
    return Switches.model_construct(**given)


# The same set is the same text: Python orders its strings by lot.
Names = Annotated[frozenset[str], PlainSerializer(sorted)]
SomeSwitches = Annotated[Switches, BeforeValidator(_some)]


class DataRecipe(Parameters):
    """The data step's."""

    data: Data


class PhrasesRecipe(Parameters):
    """The phrases step's."""

    source: Source
    phrases: Phrases


class InitialRecipe(Parameters):
    """The initial step's."""

    source: Source
    model: Model
    initial: Initial


class OfVariant(Parameters):
    """What the steps of one variant share. `held_out_persons`: of the train persons, where the annotation has no val."""

    procedure: Literal["published", "robust"]
    objectives: Names
    reranks: bool
    switches: SomeSwitches


class TrainRecipe(OfVariant):
    """The train step's, for one variant."""

    source: Source
    held_out_persons: int | None
    weights: LossWeights
    train: TrainSettings


class EvaluateRecipe(OfVariant):
    """The evaluate step's, for one variant."""

    source: Source
    held_out_persons: int | None
    gallery_parts: int
    evaluate: Evaluate


class ProbeRecipe(OfVariant):
    """The probe step's, for one variant. `drawn`: whether the set is drawn, so that every person's attributes are known."""

    source: Source
    held_out_persons: int | None
    drawn: bool
    evaluate: Evaluate
    probe: Probe


class TransferRecipe(OfVariant):
    """The transfer step's, for one variant and one other data set, `target`."""

    target: Source
    gallery_parts: int
    evaluate: Evaluate


class Row(Parameters):
    """A variant, or a point of a sweep, as reports show it."""

    name: str
    title: str
    objectives: Names


class MatrixRecipe(Parameters):
    """Of the steps that read nothing but which variants and seeds there are: tables, probe-tables."""

    rows: tuple[Row, ...]
    seeds: tuple[int, ...]

    @property
    def titles(self) -> dict[str, str]:
        return {row.name: row.title for row in self.rows}

    @property
    def objectives(self) -> dict[str, frozenset[str]]:
        return {row.name: row.objectives for row in self.rows}


class FiguresRecipe(MatrixRecipe):
    """The figures step's."""

    source: Source


class AttentionRecipe(MatrixRecipe):
    """The attention step's."""

    source: Source
    compute: Compute


class TransferTablesRecipe(MatrixRecipe):
    """The transfer-tables step's."""

    datasets: tuple[str, ...]


class ChapterRecipe(MatrixRecipe):
    """The chapter step's: all parameters of the data set, which the report shows, and every variant's switches."""

    parameters: DatasetParameters
    switches: dict[str, Switches]
    published: Switches
    weights: LossWeights
    reranking: Names


class ReportRecipe(MatrixRecipe):
    """The report step's. `workflow`: the matrix. `variants`: of each row, with a sweep's values in place."""

    workflow: Workflow
    variants: dict[str, Variant]
