"""What was measured as Markdown, for results/benchmarks.md and for the marked block of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.inputs import LENGTHS
from benchmarks.measuring import Results
from cada.errors import CadaError
from cada.storage.files import write_text

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
UNMEASURED = "Not measured yet on this commit: run `make bench`, then `python -m benchmarks --write-docs`.\n"
GROWTH = {"gallery": "images in the gallery", "k": "k", "tokens": "tokens of a caption", "batch": "batch of training"}
Row = Sequence[object]


def render(results: Results) -> str:
    """All tables of one machine."""
    parts = [part(results) for part in (_machine, _reranking, _query, _training, _encoding, _whole, _growth)]
    return "\n".join(parts)


def write_docs(page: Path, measured: Sequence[Results]) -> None:
    """Replace the block between the marks by the tables of each machine, or by a line that says that there are none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise CadaError(f"{page}: the marks {BEGIN} and {END} are missing. Put them where the tables belong.")
    block = "\n".join(render(results) for results in measured) or UNMEASURED
    write_text(page, f"{before}{BEGIN}\n{block}{END}{after}")


def _table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def _number(value: float | None) -> str:
    """Three digits that mean something."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _in_bf16(ratio: float | None) -> str:
    """Ours in bf16 against the published procedure, which is in fp32."""
    return "" if ratio is None else f"; {ratio:.2f} in bf16"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _machine(results: Results) -> str:
    device = results["gpu"] or results["cpu"]
    bf16 = results["peak_bf16_gflop_per_s"]
    peak = f"{_number(results['peak_fp32_gflop_per_s'])} GFLOP/s in fp32, " + (f"{_number(bf16)} in bf16" if bf16 else "bf16 is no faster")
    return (
        f"### {device}\n\n"
        f"{results['cpu']}, {results['cores']} cores, {results['threads']} threads, load {results['load_1_min']} at the start; "
        f"torch {results['torch']}, Python {results['python']}; commit {results['commit'] or 'unknown'}{_warning(results)}. "
        f"Matrix products: {peak}. Medians of {results['rounds']} rounds, quartiles in brackets. "
        f"Lengths of captions: {LENGTHS}. Everything took {results['seconds']:.0f} s.\n"
    )


def _warning(results: Results) -> str:
    return "; **sizes of the tests: the numbers mean nothing**" if results["quick"] else ""


def _rates(results: Results, name: str, unit: str, *, shares: str | None = None) -> list[str] | None:
    """A way's row: rate and quartiles, rate by processor time, share of peak, memory; None where it was not measured."""
    if f"{name}_{unit}_per_s" not in results:
        return None
    low, middle, high, by_cpu = (_number(results[f"{name}_{unit}_{key}"]) for key in ("per_s_q1", "per_s", "per_s_q3", "per_cpu_s"))
    part, memory = results.get(f"{shares or name}_share_of_peak"), results.get(f"{name}_peak_memory_mb")
    return [f"{middle} ({low}-{high})", by_cpu, _percent(part), _number(memory)]


def _ways(results: Results, ways: Mapping[str, tuple[str, str, str | None]]) -> list[Row]:
    """Rows of those ways that were measured; a way is the name of its keys, the unit, and where its share of the peak is."""
    rows = {label: _rates(results, name, unit, shares=shares) for label, (name, unit, shares) in ways.items()}
    return [[label, *row] for label, row in rows.items() if row is not None]


def _reranking(results: Results) -> str:
    ways = {
        "published loop, fp32": ("rerank_naive", "pairs", None),
        "here, fp32": ("rerank_fp32", "pairs", None),
        "here, bf16": ("rerank_bf16", "pairs", None),
    }
    return (
        f"\n**Re-ranking**, {results['rerank_layers']} layers, {results['rerank_captions']} captions, {results['rerank_images']} images, "
        f"k = {results['rerank_top_k']}: **{results['rerank_ratio']:.2f} times** the published loop in fp32 "
        f"({results['rerank_ratio_cpu']:.2f} by processor time{_in_bf16(results['rerank_ratio_bf16'])}). "
        f"Largest difference of a score: {results['rerank_largest_difference']:.1e} "
        f"(the scores of a query spread by {results['rerank_spread_of_scores']:.1e}).\n\n"
        + _table(["", "pairs / s", "pairs / CPU s", "of the peak", "peak memory, MB"], _ways(results, ways))
    )


def _query(results: Results) -> str:
    rows: list[Row] = [
        [
            f"{results[f'query_{name}_layers']} layers, {results[f'query_{name}_width']} wide, {precision}",
            *(
                "{} ({}-{})".format(*(_number(results[f"query_{name}_{way}_{key}"]) for key in ("ms", "ms_q1", "ms_q3")))
                for way in (f"keys_{precision}", precision)
            ),
            *(_number(results[f"query_{name}_{key}"]) for key in (f"{precision}_ratio", f"{precision}_ratio_cpu", "keys_gflop", "gflop")),
        ]
        for name in ("large", "default")
        for precision in ("fp32", "bf16")
        if f"query_{name}_{precision}_ms" in results
    ]
    head = ["", "by keys, ms", "here, ms", "times", "times by CPU s", "GFLOP by keys", "GFLOP here"]
    return (
        f"\n**One query** of {results['query_tokens']} tokens against {results['query_images']} images whose tokens are there.\n\n"
        + _table(head, rows)
    )


def _training(results: Results) -> str:
    ways = {
        "published step, fp32": ("training_naive", "samples", None),
        "here, published procedure, fp32": ("training_published", "samples", None),
        "here, robust procedure, fp32": ("training_robust", "samples", None),
        "here, robust procedure, bf16": ("training_robust_bf16", "samples", None),
        f"the same with the largest batch that fits, {results.get('training_fits_batch')}": ("training_fits", "samples", None),
    }
    tagging = "with NLTK's tagger" if results["training_tagging_in_naive_step"] else "without tagging (NLTK's tagger is not installed)"
    return (
        f"\n**Training step**, batch {results['training_batch']}, {results['training_layers']} layers each of image encoder, text encoder "
        f"and decoder, the published step {tagging}: **{results['training_ratio']:.2f} times** under the robust procedure "
        f"(captions padded to {results['training_robust_tokens']} tokens), **{results['training_ratio_published']:.2f} times** under the "
        f"published one (padded to 73); {results['training_ratio_cpu']:.2f} and {results['training_ratio_published_cpu']:.2f} by processor "
        f"time{_in_bf16(results['training_ratio_bf16'])}. "
        f"Without dropout the published losses differ by {results['training_largest_difference']:.1e} at most.\n\n"
        + _table(["", "samples / s", "samples / CPU s", "of the peak", "peak memory, MB"], _ways(results, ways))
    )


def _encoding(results: Results) -> str:
    ways: dict[str, tuple[str, str, str | None]] = {}
    for unit, label in (("images", "images"), ("captions", "captions")):
        for way, title in (("naive", "published"), ("fp32", "here, fp32"), ("bf16", "here, bf16")):
            ways[f"{label}, {title}"] = (f"encoding_{way}", unit, f"encoding_{unit}_{way}")
    ways |= {
        "decode and resize, one core": ("decode_per_core", "images", None),
        "augment decoded images, one core": ("augment_per_core", "images", None),
        "published loading (decode and augment in every epoch), one core": ("naive_loading_per_core", "images", None),
    }
    rows = [row[:4] for row in _ways(results, ways)]
    return "\n**Encoding and loading** at the same size.\n\n" + _table(["", "per s", "per CPU s", "of the peak"], rows)


def _whole(results: Results) -> str:
    evaluations: list[Row] = [
        [
            label,
            "{} ({}-{})".format(*(_number(results[f"evaluation_{way}_{key}"]) for key in ("s", "s_q1", "s_q3"))),
            _number(results[f"evaluation_{way}_cpu_s"]),
            _number(results[f"evaluation_{way}_peak_memory_mb"]),
            _number(results[f"metrics_{way}_cpu_s"]),
        ]
        for way, label in (("naive", "published"), ("ours", "here"))
    ]
    return (
        f"\n**Whole evaluation** of a small model, {results['evaluation_images']} drawn images, {results['evaluation_captions']} "
        f"captions, k = {results['evaluation_top_k']}: {results['evaluation_ratio']:.2f} times. **Rankings and metrics** alone, for "
        f"{results['metrics_captions']:,} captions and {results['metrics_images']:,} images: the last column. At the rates above, "
        f"CUHK-PEDES' test at k = 32 would take {results['cuhk_pedes_naive_hours']:.1f} hours as published, "
        f"{results['cuhk_pedes_fp32_hours']:.1f} here.\n\n"
        + _table(["", "evaluation, s", "CPU s", "peak memory, MB", "metrics, CPU s"], evaluations)
    )


def _growth(results: Results) -> str:
    rows: list[Row] = []
    for name, label in GROWTH.items():
        for way, title in (("naive", "published"), ("ours", "here")):
            points = ", ".join(f"{_number(point)}: {_number(value)}" for point, value in _points(results, name, way))
            rows.append([label, title, points, f"{results[f'growth_{name}_{way}_exponent']:.2f}"])
    return "\n**Growth** of a small model's evaluation and training step, in seconds.\n\n" + _table(
        ["grows", "", "point: seconds", "exponent"], rows
    )


def _points(results: Results, name: str, way: str) -> list[tuple[float, float]]:
    return list(zip(results[f"growth_{name}_points"], results[f"growth_{name}_{way}_s"], strict=True))
