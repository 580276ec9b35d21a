"""An index with thresholds, and clients of its server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from cada.gallery import Index
from cada.gallery.release import Release
from cada.retrieval.calibration import Logistic
from cada.retrieval.openset import ValSearches
from cada.serving.app import create_app
from cada.serving.security import Access
from cada.serving.service import Service
from tests.gallery.conftest import START, drawn

__all__ = ["drawn"]
SCORES = np.linspace(0, 6, 2000)  # of persons who are not there
EVEN = 5.4  # a score that is as likely right as not


def index_with_thresholds(images: Path, folder: Path) -> Index:
    """An index of a release that says how sure a hit is."""
    release = Path(shutil.copytree(START, folder / "release"))
    known = ValSearches(sum(path.is_file() for path in images.rglob("*")), 1.0, SCORES, Logistic(1.0, -EVEN))
    Release(release, "published", None, 32, known, {"dataset": "synthpedes", "variant": "dual"}).write()
    index = Index.create(folder / "gallery", release)
    index.add(images)
    return index


@pytest.fixture(scope="session")
def shared(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index that no test changes."""
    return index_with_thresholds(drawn / "imgs" / "test", tmp_path_factory.mktemp("shared"))


Connect = Callable[..., TestClient]


@pytest.fixture
def connect(shared: Index) -> Iterator[Connect]:
    """A client of a server on this machine; keyword arguments are those of `Service`, `Access` and `create_app`."""
    clients: list[TestClient] = []

    def connected(service: Service | None = None, access: Access | None = None, **options: int) -> TestClient:
        app = create_app(service or Service(shared), access or Access(), **options)
        clients.append(TestClient(app, base_url="http://localhost:8765", raise_server_exceptions=False))
        return clients[-1].__enter__()

    yield connected
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(connect: Connect) -> TestClient:
    """A client of a server as it is by default."""
    return connect()
