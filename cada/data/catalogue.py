"""The public data sets, and the other files of third parties that `cada data fetch` knows: what they are and where they are had.

Their counts are `expected` in params/<set>/data.yaml; the names of their annotation files are those of `cada.data.readers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cada import config
from cada.errors import CadaError
from cada.paths import Layout


@dataclass(frozen=True)
class PublicSet:
    """A set that its owners give to those who ask. Nobody may pass it on."""

    title: str
    format: config.Format
    folder: str  # under data/, where params/ do not say otherwise
    ask: str
    terms: str


PUBLIC_SETS = {
    "cuhk_pedes": PublicSet(
        title="CUHK-PEDES",
        format="cuhk_pedes",
        folder="CUHK-PEDES",
        ask="write to its owners from a university address: github.com/ShuangLI59/Person-Search-with-Natural-Language-Description",
        terms="academic use only; not to be passed on",
    ),
    "icfg_pedes": PublicSet(
        title="ICFG-PEDES",
        format="icfg_pedes",
        folder="ICFG-PEDES",
        ask="ask its owners: github.com/zifyloo/SSAN",
        terms="as its owners grant; not to be passed on",
    ),
    "rstpreid": PublicSet(
        title="RSTPReid",
        format="rstpreid",
        folder="RSTPReid",
        ask="follow the links of github.com/NjtechCVLab/RSTPReid-Dataset",
        terms="the images come from MSMT17, whose terms hold; not to be passed on",
    ),
}


@dataclass(frozen=True)
class Resource:
    """A public file that is known by the SHA-256 of what it unpacks to, since its archive is packed anew now and then."""

    title: str
    url: str
    folder: str  # the one folder inside the archive
    contents: dict[str, str]  # SHA-256 of each file in it


TAGGER = Resource(
    title="NLTK's averaged perceptron tagger for English",
    url="https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/taggers/averaged_perceptron_tagger_eng.zip",
    folder="averaged_perceptron_tagger_eng",
    contents={
        "averaged_perceptron_tagger_eng.classes.json": "7a87ba804751f4719b2d8e0e7693955761c579526b20a1b68ffc365b412e7f10",
        "averaged_perceptron_tagger_eng.tagdict.json": "4c713731cb06727736962bc8cd94ad919217a040e76691059af99bc0c2c9c246",
        "averaged_perceptron_tagger_eng.weights.json": "789e8e35f6fac656d9b7eccea29ba4e8a137cbb5b525dd31f39e4291a9e80832",
    },
)


def data_parameters(dataset: str) -> config.Data:
    """The set's data.yaml; a public set needs none. `CadaError` for an unknown name."""
    path = Layout(dataset).params("data")
    if path.is_file():
        return config.load(path, config.Data)
    if dataset not in PUBLIC_SETS:
        known = ", ".join(dict.fromkeys([*config.known_datasets(), *PUBLIC_SETS]))
        raise CadaError(f"{dataset}: no such data set, only {known}.")
    public = PUBLIC_SETS[dataset]
    return config.Data(format=public.format, root=Path("data") / public.folder)
