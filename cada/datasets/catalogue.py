"""The public data sets, and the other files of third parties that `cada data fetch` knows: what they are, and where to get them.

Their places and counts are in params/<set>/data.yaml; the names of their annotation files are those of `cada.datasets.formats`.
"""

from __future__ import annotations

from typing import NamedTuple


class PublicSet(NamedTuple):
    """A set that its owners give to those who ask. Nobody may pass it on."""

    title: str
    ask: str
    terms: str


PUBLIC_SETS = {
    "cuhk_pedes": PublicSet(
        "CUHK-PEDES",
        "write to its owners from a university address: github.com/ShuangLI59/Person-Search-with-Natural-Language-Description",
        "academic use only; not to be passed on",
    ),
    "icfg_pedes": PublicSet("ICFG-PEDES", "ask its owners: github.com/zifyloo/SSAN", "as its owners grant; not to be passed on"),
    "rstpreid": PublicSet(
        "RSTPReid",
        "follow the links of github.com/NjtechCVLab/RSTPReid-Dataset",
        "the images come from MSMT17, whose terms hold; not to be passed on",
    ),
}


class Resource(NamedTuple):
    """A public file that is known by the SHA-256 of what it unpacks to, since its archive is packed anew now and then."""

    title: str
    url: str
    folder: str  # the one folder inside the archive
    contents: dict[str, str]  # SHA-256 of each file in it


TAGGER = Resource(
    "NLTK's averaged perceptron tagger for English",
    "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/taggers/averaged_perceptron_tagger_eng.zip",
    "averaged_perceptron_tagger_eng",
    {
        "averaged_perceptron_tagger_eng.classes.json": "7a87ba804751f4719b2d8e0e7693955761c579526b20a1b68ffc365b412e7f10",
        "averaged_perceptron_tagger_eng.tagdict.json": "4c713731cb06727736962bc8cd94ad919217a040e76691059af99bc0c2c9c246",
        "averaged_perceptron_tagger_eng.weights.json": "789e8e35f6fac656d9b7eccea29ba4e8a137cbb5b525dd31f39e4291a9e80832",
    },
)
