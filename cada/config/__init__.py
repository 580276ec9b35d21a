"""The parameter files under params/: frozen models, one YAML loader, one resolution of the switches.

Sizes are (height, width). Only the command line holds a whole configuration; functions get the values they need.
"""

from cada.config.base import Parameters, Pinned
from cada.config.data import Counts, Data, Format, Persons, Phrases, Synthesis
from cada.config.loading import DatasetParameters, complaint, known_datasets, load, load_dataset, load_variant, load_workflow, params_hash
from cada.config.matrix import Grid, Workflow, base_of
from cada.config.method import (
    PROCEDURES,
    AbsentVal,
    AraMean,
    Fusion,
    HardNegatives,
    LocalGroups,
    LossWeights,
    Masking,
    Padding,
    Queries,
    Selection,
    Switches,
    SwitchOverrides,
    Variant,
    resolve_switches,
)
from cada.config.model import Architecture, Model, Transformer
from cada.config.steps import Augmentation, Compute, Evaluate, Initial, Optimisation, Pretraining, Train, Validation

__all__ = [
    "PROCEDURES",
    "AbsentVal",
    "AraMean",
    "Architecture",
    "Augmentation",
    "Compute",
    "Counts",
    "Data",
    "DatasetParameters",
    "Evaluate",
    "Format",
    "Fusion",
    "Grid",
    "HardNegatives",
    "Initial",
    "LocalGroups",
    "LossWeights",
    "Masking",
    "Model",
    "Optimisation",
    "Padding",
    "Parameters",
    "Persons",
    "Phrases",
    "Pinned",
    "Pretraining",
    "Queries",
    "Selection",
    "SwitchOverrides",
    "Switches",
    "Synthesis",
    "Train",
    "Transformer",
    "Validation",
    "Variant",
    "Workflow",
    "base_of",
    "complaint",
    "known_datasets",
    "load",
    "load_dataset",
    "load_variant",
    "load_workflow",
    "params_hash",
    "resolve_switches",
]
