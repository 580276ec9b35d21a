"""The parameter files under params/: frozen models, one YAML loader, one resolution of switches and weights.

Sizes are (height, width). Only the command line holds a whole configuration; functions get the values they need.
"""

from cada.config.base import Parameters, Pinned
from cada.config.data import Counts, Data, Format, Persons, Phrases, Source, Synthesis
from cada.config.loading import (
    DatasetParameters,
    complaint,
    known_datasets,
    load,
    load_dataset,
    load_storage,
    load_variant,
    load_workflow,
    matrix_of,
    validated,
)
from cada.config.matrix import Grid, Workflow
from cada.config.method import (
    PROCEDURES,
    PUBLISHED_WEIGHTS,
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
    WeightOverrides,
    read_by,
    refined,
    resolve_switches,
    resolve_weights,
)
from cada.config.model import Architecture, Model, Transformer
from cada.config.steps import (
    Augmentation,
    Compute,
    Evaluate,
    ImageProbes,
    Initial,
    Optimisation,
    Pretraining,
    Probe,
    Search,
    TextProbes,
    Train,
    TrainingCompute,
    TrainSettings,
    Validation,
)
from cada.config.storage import Storage
