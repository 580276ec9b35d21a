"""The parameter files under params/: frozen models, one YAML loader, one resolution of switches and weights.

Sizes are (height, width). Only the command line holds a whole configuration; functions get the values they need.
"""

from cada.config.base import Parameters, Pinned
from cada.config.choices import Choice
from cada.config.data import Counts, Data, Format, Persons, Phrases, Source, Synthesis
from cada.config.deviations import Deviation
from cada.config.loading import (
    DatasetParameters,
    complaint,
    known_datasets,
    load,
    load_dataset,
    load_procedure,
    load_storage,
    load_variant,
    load_workflow,
    matrix_of,
    validated,
)
from cada.config.matrix import Grid, Workflow
from cada.config.method import Refinements, Variant, Weights
from cada.config.model import Architecture, Model, Transformer
from cada.config.procedures import Method, Procedure, resolve, resolve_variant
from cada.config.steps import (
    Associate,
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
    Training,
    TrainingCompute,
    TrainSettings,
    Validation,
)
from cada.config.storage import Storage
from cada.config.switches import (
    AbsentVal,
    AraMean,
    Fusion,
    HardNegatives,
    LocalGroups,
    Masking,
    Padding,
    Queries,
    Selection,
    SomeSwitches,
    Switches,
    read_by,
)
