"""The tiny model and set as fixtures."""

from __future__ import annotations

import pytest

from tests.training.tiny import tiny_engine, tiny_model, tiny_target, tiny_training


@pytest.fixture
def model():
    return tiny_model()


@pytest.fixture
def training():
    return tiny_training()


@pytest.fixture
def target(training):
    return tiny_target(training)


@pytest.fixture
def engine():
    return tiny_engine()
