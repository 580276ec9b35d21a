"""probe.yaml: every strength is one that the changes take, and wrong ones are named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cada import config
from cada.analysis.probes.images import image_changes
from cada.analysis.probes.text import text_changes
from cada.synthpedes.attributes import FAMILY
from tests.messages import Fact, refused
from tests.tracked import copy_tracked, tracked


@pytest.mark.parametrize("dataset", [Path(name).parent.name for name in tracked("params") if name.endswith("/data.yaml")])
def test_every_strength_belongs_to_a_kind(dataset: str) -> None:
    probe = config.load_dataset(dataset).probe
    text, images = probe.text.model_dump(), probe.image.model_dump()
    assert set(text) < set(text_changes(**text, groups=(("a", "b"),)))
    assert set(images) == set(image_changes(**images))


def test_the_drawn_persons_are_probed_with_their_look_alikes() -> None:
    parameters = config.load_dataset("synthpedes")
    assert parameters.data.synthesis is not None and parameters.data.synthesis.persons.test % FAMILY == 0
    assert parameters.probe.persons is not None and parameters.probe.consecutive == FAMILY


@pytest.mark.parametrize(
    ("pattern", "text", "facts"),
    [
        ("blur: .*", "blur: 0", ("image.blur", "greater than 0")),
        ("low_resolution: .*", "low_resolution: 1", ("image.low_resolution", "greater than 1")),
        ("typing_errors: .*", "typing_errors: 10", ("text.typing_errors", "equal to 1", 10)),
        ("persons: .*", "persons: 0", ("persons", "greater than 0")),
        ("persons: .*", "persons: 4", ("persons", 4, "consecutive", 3)),
        ("occlusion: .*", "oclusion: 0.2", ("image.oclusion", "occlusion")),
    ],
)
def test_a_wrong_strength_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, text: str, facts: tuple[Fact, ...]
) -> None:
    copy_tracked("params", tmp_path / "params")
    monkeypatch.chdir(tmp_path)
    path = Path("params/smoke/probe.yaml")
    path.write_text(re.sub(pattern, text, path.read_text()))
    with refused(path, *facts):
        config.load_dataset("smoke")
