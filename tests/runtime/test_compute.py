"""How products are rounded, and what is taken from a batch without waiting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from cada.config import Compute
from cada.runtime.compute import autocast, prepare, selected_rows

CPU = torch.device("cpu")


def flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """These settings are the process's, and later tests have theirs."""
    before, threads = flags(), torch.get_num_threads()
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("precision", "rounded"), [("fp32", False), ("tf32", True), ("bf16", False)])
def test_backward_passes_multiply_as_the_step_is_told(precision: str, rounded: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """They are outside of every context. A CPU says that it has no tf32."""
    prepare(Compute.model_validate({"device": "cpu", "threads": 1, "precision": precision}))
    assert flags() == (rounded, rounded)
    assert ("tf32" in capsys.readouterr().err) == rounded


def test_of_two_contexts_the_inner_one_counts_and_both_leave_what_was() -> None:
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
    with autocast(CPU, "tf32"):
        assert flags() == (True, True)
        with autocast(CPU, "fp32"):
            assert flags() == (False, False)
        with pytest.raises(KeyError), autocast(CPU, "bf16"):
            assert torch.is_autocast_enabled("cpu")
            raise KeyError
        assert flags() == (True, True) and not torch.is_autocast_enabled("cpu")
    assert flags() == (False, True)


def test_selected_rows_are_those_of_a_mask_with_the_same_gradient() -> None:
    draw = torch.Generator().manual_seed(0)
    selected = torch.rand(4, 6, generator=draw) < 0.4
    states = [torch.rand(4, 6, 3, generator=torch.Generator().manual_seed(1), requires_grad=True) for _ in range(2)]
    found, expected = selected_rows(states[0], selected), states[1][selected]
    assert torch.equal(found, expected)
    for rows in (found, expected):
        rows.square().sum().backward()
    assert torch.equal(states[0].grad, states[1].grad)
    assert selected_rows(torch.arange(24).view(4, 6), torch.zeros_like(selected)).shape == (0,)
