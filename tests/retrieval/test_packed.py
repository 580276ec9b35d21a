"""Both forms of cross-attention against the layer of transformers, and the choice between them against counted operations."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import BlipTextConfig
from transformers.models.blip.modeling_blip_text import BlipTextAttention

from cada.retrieval import packed
from cada.retrieval.packed import Segments, cross_attention, reading_flops
from cada.runtime import compute
from tests.retrieval.tiny import CPU

FORMS = {"images": (0, 1), "queries": (1, 0)}  # operations that make each form the cheaper one


def layer(heads: int, head_width: int, wide: int) -> BlipTextAttention:
    """Cross-attention from texts of heads * head_width to images of another width, with biases."""
    config = BlipTextConfig(hidden_size=heads * head_width, num_attention_heads=heads, encoder_hidden_size=wide)
    block = BlipTextAttention(config, is_cross_attention=True).eval()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return block


def problem(sizes: list[int], block: BlipTextAttention, seen: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Rows in any order, images, and which image each row reads: the first by `sizes[0]` rows, and so on."""
    owners = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows, images = torch.randn(sum(sizes), block.self.all_head_size), torch.randn(len(sizes), seen, block.self.key.in_features)
    return rows, images, owners


def read(block: BlipTextAttention, rows: torch.Tensor, images: torch.Tensor, owners: np.ndarray) -> torch.Tensor:
    return cross_attention(block, rows, images, Segments.of(owners, len(images), CPU))


@torch.no_grad()
def forced(form: str, *inputs: object) -> torch.Tensor:
    with patch.object(packed, "reading_flops", lambda *counted, **sizes: FORMS[form]):
        return read(*inputs)


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    heads=st.integers(1, 4),
    head_width=st.integers(1, 9),
    wide=st.integers(1, 40),
    seen=st.integers(1, 12),
    room=st.sampled_from([1, 500, 2**19]),
    few_calls=st.booleans(),
)
def test_both_forms_are_the_layers_own(
    sizes: list[int], heads: int, head_width: int, wide: int, seen: int, room: int, few_calls: bool
) -> None:
    """Any number of rows for each image, equal or not, images wider or narrower than texts, all at once or one by one."""
    torch.manual_seed(len(sizes))
    block = layer(heads, head_width, wide)
    rows, images, owners = problem(sizes, block, seen)
    with patch.dict(packed.SLICE, cpu=room), patch.object(compute, "few_calls", lambda device: few_calls):
        found = {form: forced(form, block, rows, images, owners) for form in FORMS}
    with torch.no_grad():
        expected = torch.cat(
            [block(row[None, None], encoder_hidden_states=images[[owner]])[0][0] for row, owner in zip(rows, owners, strict=True)]
        )
    for form in FORMS:
        assert (found[form] - expected).abs().max() < 1e-5, form


@torch.no_grad()
def operations(run: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    return counter.get_total_flops()


@pytest.mark.parametrize(
    ("sizes", "cheaper"),
    [([1], "queries"), ([4], "queries"), ([5], "images"), ([3] * 4, "queries"), ([40, 40, 41], "images"), ([1, 1, 2, 15], "queries")],
)
def test_the_form_with_fewer_operations_is_taken(sizes: list[int], cheaper: str) -> None:
    """Of 11 tokens 20 wide, read by 4 heads 6 wide: by queries up to 4.8 rows an image."""
    block = layer(heads=4, head_width=6, wide=20)
    inputs = (block, *problem(sizes, block, seen=11))
    found = {form: operations(lambda form=form: forced(form, *inputs)) for form in FORMS}
    shared = 2 * 2 * sum(sizes) * 24 * 24  # W_q and the output
    counted = reading_flops(sum(sizes), (len(sizes), 11, 20), width=24, heads=4)
    assert dict(zip(FORMS, counted, strict=True)) == {form: count - shared for form, count in found.items()}
    assert operations(lambda: read(*inputs)) == found[cheaper] == min(found.values())
    assert found["images"] != found["queries"]


def test_operations_of_the_published_size_by_hand() -> None:
    """12 tokens read one image; with the rest of a layer's products, 28 D^2 a token, 670 and 313 million."""
    by_images, by_queries = reading_flops(12, (1, 197, 768), width=768, heads=12)
    assert by_images == 2 * (2 * 197 * 768 * 768) + 2 * (2 * 12 * 197 * 768)
    assert by_queries == 2 * (2 * 12 * 768 * 768) + 2 * (2 * 12 * 12 * 197 * 768)
    rest = 28 * 12 * 768**2
    assert ((by_images + rest) // 10**6, (by_queries + rest) // 10**6) == (670, 313)
    alone = reading_flops(1, (1, 197, 768), width=768, heads=12)
    assert alone[0] > 48 * alone[1]


def test_bf16_is_near_in_both_forms() -> None:
    block = layer(heads=2, head_width=8, wide=12)
    for parameter in block.parameters():
        parameter.data.mul_(0.3)
    inputs = (block, *problem([3, 3, 5], block, seen=7))
    exact = forced("images", *inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        near = {form: forced(form, *inputs) for form in FORMS}
    for form in FORMS:
        assert 0 < (near[form] - exact).abs().max() < 0.05, form
