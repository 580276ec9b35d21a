"""CADA, text-to-image person retrieval, as a library: docs/library.md. The pipeline is the command `cada`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cada.names import load_name

if TYPE_CHECKING:
    from cada import datasets, losses, phrases, synthpedes
    from cada.config import Architecture, Transformer
    from cada.datasets.images import read_images
    from cada.errors import CadaError
    from cada.gallery import Index
    from cada.model.cada import Cada
    from cada.model.folder import load_model as load
    from cada.model.tokenizer import Tokenizer
    from cada.retrieval import metrics
    from cada.retrieval.encoding import Engine, encode_gallery, encode_queries
    from cada.retrieval.ranking import rerank
    from cada.retrieval.reranking import match_logits
    from cada.retrieval.search import Matcher, Search, Target

# each public name and where it is defined; a module, or a name in one. It is loaded when it is used: torch alone takes a second
_NAMES = {
    "Architecture": "cada.config:Architecture",
    "Cada": "cada.model.cada:Cada",
    "CadaError": "cada.errors:CadaError",
    "Engine": "cada.retrieval.encoding:Engine",
    "Index": "cada.gallery.index:Index",
    "Matcher": "cada.retrieval.search:Matcher",
    "Search": "cada.retrieval.search:Search",
    "Target": "cada.retrieval.search:Target",
    "Tokenizer": "cada.model.tokenizer:Tokenizer",
    "Transformer": "cada.config:Transformer",
    "datasets": "cada.datasets",
    "encode_gallery": "cada.retrieval.encoding:encode_gallery",
    "encode_queries": "cada.retrieval.encoding:encode_queries",
    "load": "cada.model.folder:load_model",
    "losses": "cada.losses",
    "match_logits": "cada.retrieval.reranking:match_logits",
    "metrics": "cada.retrieval.metrics",
    "phrases": "cada.phrases",
    "read_images": "cada.datasets.images:read_images",
    "rerank": "cada.retrieval.ranking:rerank",
    "synthpedes": "cada.synthpedes",
}
__all__ = list(_NAMES)


def __getattr__(name: str) -> Any:
    return load_name(__name__, name, _NAMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
