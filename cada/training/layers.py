"""How a training computes the layers of its model."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from cada.errors import CadaError
from cada.model.cada import Cada

if TYPE_CHECKING:
    from cada.config.steps import TrainingCompute


def set_up_layers(model: Cada, compute: TrainingCompute) -> None:
    """As `checkpointing` and `compile` say. Errors: `CadaError` where there is no compiler that torch could call."""
    if compute.checkpointing:
        model.checkpoint_layers()
    if compute.compile:
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            raise CadaError(f"compute.compile: there is no C++ compiler {compiler}. Install one (g++, clang), or set compile: false.")
        model.compile_layers()
