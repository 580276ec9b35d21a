"""Is the person there at all? Thresholds on the score of a search's first hit, as biometrics measures open-set identification.

Legend: n non-mated searches, of persons who are not in the gallery.
"""

from __future__ import annotations

import numpy as np

RESOLVED = 10  # non-mated searches above a threshold, below which it says little


def threshold(nonmated: np.ndarray, rate: float, *, gallery: int, of: int) -> float | None:
    """The score that a share `rate` of non-mated searches reaches in a gallery of `gallery` images, from those (n,) in one of `of`.

    Comparisons are taken as independent: P(first hit below t) among N images is that among N0 to the power of N / N0. None where
    fewer than RESOLVED of the searches lie above it.
    """
    share = 1 - (1 - rate) ** (of / gallery)
    above = int(np.floor(share * len(nonmated)))
    return float(np.sort(nonmated)[-above]) if above >= RESOLVED else None
