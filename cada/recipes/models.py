"""What each step reads of the parameters, resolved: the variant's switches and weights, and defaults filled in."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainSerializer

from cada.config import (
    Associate,
    Choice,
    Compute,
    Data,
    DatasetParameters,
    Deviation,
    Evaluate,
    Initial,
    Model,
    Padding,
    Parameters,
    Phrases,
    Probe,
    Search,
    SomeSwitches,
    Source,
    Synthesis,
    TrainSettings,
    Variant,
    Weights,
    Workflow,
)

# The same set is the same text: Python orders its strings at random.
Names = Annotated[frozenset[str], PlainSerializer(sorted)]


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
    """What the steps of one variant share."""

    reranks: bool
    switches: SomeSwitches


class TrainRecipe(OfVariant):
    """The train step's, for one variant. `held_out_persons`: of the train persons, where the annotation has no val."""

    source: Source
    held_out_persons: int | None
    weights: Weights
    train: TrainSettings


class EvaluateRecipe(OfVariant):
    """The evaluate step's, for one variant."""

    procedure: str
    source: Source
    held_out_persons: int | None
    gallery_parts: int
    evaluate: Evaluate


class OfSearch(OfVariant):
    """What the steps share that search with a model once more: of evaluate.yaml, what does not choose the cosine's weight."""

    search: Search
    bootstrap: int
    compute: Compute


class ProbeRecipe(OfSearch):
    """The probe step's, for one variant. `synthesis`: of a drawn set, of which every person's attributes are known."""

    source: Source
    synthesis: Synthesis | None
    probe: Probe


class AssociateRecipe(Parameters):
    """The associate step's, for one variant. `reranks`, `decodes`: whether it trains the match head, and the attribute decoder.

    `synthesis`: how the set is drawn, if it is.
    """

    reranks: bool
    decodes: bool
    source: Source
    synthesis: Synthesis | None
    associate: Associate
    batch_size: int
    compute: Compute


class TransferRecipe(OfSearch):
    """The transfer step's, for one variant and one other data set, `target`."""

    target: Source
    gallery_parts: int


class Row(Parameters):
    """A variant, or a point of a sweep."""

    name: str
    objectives: Names


class TitledRow(Row):
    """The same as tables and figures call it."""

    title: str


class MatrixRecipe(Parameters):
    """Of the steps that read which variants and seeds there are."""

    rows: tuple[Row, ...]
    seeds: tuple[int, ...]

    @property
    def objectives(self) -> dict[str, frozenset[str]]:
        return {row.name: row.objectives for row in self.rows}


class TitledRecipe(MatrixRecipe):
    """Of the steps that show titles too. tables and release read nothing else."""

    rows: tuple[TitledRow, ...]

    @property
    def titles(self) -> dict[str, str]:
        return {row.name: row.title for row in self.rows}


class FiguresRecipe(TitledRecipe):
    """The figures step's."""

    source: Source


class AssociationTablesRecipe(MatrixRecipe):
    """The association-tables step's."""

    source: Source


class AttentionRecipe(MatrixRecipe):
    """The attention step's. `threads`: evaluate.yaml's."""

    source: Source
    threads: int


class ProbeTablesRecipe(MatrixRecipe):
    """The probe-tables step's. `synthesis`: of a drawn set, whose look-alikes are drawn again from it and from the probe's seed."""

    synthesis: Synthesis | None
    probe_seed: int


class TransferTablesRecipe(TitledRecipe):
    """The transfer-tables step's."""

    datasets: tuple[str, ...]


class ChapterRecipe(MatrixRecipe):
    """The chapter step's: all parameters of the data set, which the report shows, and where the run is not as published."""

    parameters: DatasetParameters
    padding: dict[str, Padding]
    deviations: tuple[Deviation, ...]
    choices: tuple[Choice, ...]
    reranking: Names


class VariantRow(Row):
    """The same with all of its file."""

    variant: Variant


class ReportRecipe(Parameters):
    """The report step's. `workflow`: the matrix."""

    workflow: Workflow
    rows: tuple[VariantRow, ...]
