"""The card of weights that are given away: what they were trained on, for how long, where, and how to make them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def card(
    folder: Path, dataset: str, *, parameters: int, facts: Mapping[str, str], losses: Mapping[str, float], recipe: Mapping[str, Any]
) -> str:
    """README.md of `folder`, pre-trained weights of a drawn set: `facts` and `losses` by name, `recipe` as the step had it."""
    lines = "\n".join(f"| {name} | {text} |" for name, text in facts.items())
    ended = ", ".join(f"{name.removeprefix('loss_')} {value:.3f}" for name, value in losses.items())
    workflow = f"params/{dataset}/workflow.yaml"
    return f"""# {folder.name}

Weights that a training on drawn persons starts from, as one on photographs starts from BLIP: image encoder, text encoder, attribute
decoder and match heads, {parameters:,} parameters in half precision. They were trained by this project alone, from random numbers, on
pedestrians drawn by code; nothing of any other model and no photograph is in them. Nobody among these persons can be in the train, val
or test split of a drawn set, whatever its seed: `cada/data/synthpedes/attributes.py` keeps half of all attributes for pre-training.

| | |
|---|---|
{lines}
| losses at the end | {ended} |

Licence: that of the project.

## How to make them again

```sh
make environment && source .venv/bin/activate
snakemake --cores all --configfile {workflow} -- results/{dataset}/initial/model.safetensors
cada weights export {dataset} --output {folder}
```

The first command draws the persons and trains; killed and called again, it goes on where it was. The last one writes this folder, and
prints the digest that `initial.yaml` pins. On one kind of processor, with one number of threads, the weights come out the same bit for
bit; on another one they differ as those of another seed do. The recipe (`params/{dataset}/`):

```yaml
{yaml.safe_dump(dict(recipe), sort_keys=False, default_flow_style=None, width=120).strip()}
```
"""
