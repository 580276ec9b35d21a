"""The results of `benchmarks.gpu_check` as Markdown."""

from __future__ import annotations

from benchmarks.measuring import Results

COLUMNS = ("per s", "of the peak", "peak memory, MB", "waits", "first, s")

PARITY = ("parity_fp32", "parity_tf32", "parity_bf16")


def page(found: Results) -> str:
    """What was found, as Markdown."""
    lines = [
        f"### {found['gpu'] or found['cpu']}",
        "",
        f"torch {found['torch']}, commit {found['commit']}, {found.get('seconds', 0):.0f} s.",
        "",
    ]
    lines += [f"- **failed**: {name}: {error}" for name, error in found["failed"].items()]
    lines += [f"- left out, for there was no time: {name}" for name in found["left_out"]]
    products = {name.split("_")[1]: rate for name, rate in found.items() if name.startswith("products_")}
    lines += [f"- products of matrices: {', '.join(f'{rate:,.0f} GFLOP/s in {kind}' for kind, rate in products.items())}"]
    if "parity_left_out" in found:
        lines += [f"- left out: the numbers of the published code, for {found['parity_left_out']}"]
    lines += [f"- the published code's numbers in {name.split('_')[1]}: to {found[name]:.1e}" for name in PARITY if name in found]
    agree = {name.removeprefix("agree_"): values for name, values in found.items() if name.startswith("agree_")}
    lines += [f"- {name}: losses differ by {at['loss']:.1e}, cosine of the gradients {at['gradient']:.6f}" for name, at in agree.items()]
    if "resumed_largest_difference" in found:
        lines += [f"- stopped and resumed: weights differ by {found['resumed_largest_difference']:.1e} from an unbroken training's"]
    for way in ("robust", "robust_bf16"):
        if losses := found.get(f"learning_{way}_losses"):
            lines += [f"- {len(losses)} steps, {way}: the loss goes from {losses[0]:.3f} to {losses[-1]:.3f}"]
    lines += ["", f"| | {' | '.join(COLUMNS)} |", f"| --- |{' --- |' * len(COLUMNS)}"]
    lines += [
        _row(f"step, batch {name.split('_')[1]}, {name.split('_', 2)[2]}", name, "samples", found) for name in _measured("step", found)
    ]
    lines += [_row(f"re-ranking, {name.split('_')[1]}", name, "pairs", found) for name in _measured("rerank", found)]
    return "\n".join(lines) + "\n"


def _measured(part: str, found: Results) -> list[str]:
    """What of a part has a rate, or had no memory, by the beginning of its names."""
    ends = ("_samples_per_s", "_pairs_per_s", "_out_of_memory")
    return [name.removesuffix(end) for name in found for end in ends if name.startswith(f"{part}_") and name.endswith(end)]


def _row(label: str, name: str, unit: str, found: Results) -> str:
    if f"{name}_out_of_memory" in found:
        return f"| {label} | out of memory |{' |' * (len(COLUMNS) - 1)}"
    waits, first, memory = found.get(f"{name}_waits"), found.get(f"{name}_first_s"), found[f"{name}_peak_memory_mb"]
    cells = [f"{found[f'{name}_{unit}_per_s']:,.1f}", f"{found[f'{name}_share_of_peak']:.0%}"]
    cells += ["-" if memory is None else f"{memory:,.0f}", "-" if waits is None else str(waits), "-" if first is None else f"{first:.1f}"]
    return f"| {label} | {' | '.join(cells)} |"
