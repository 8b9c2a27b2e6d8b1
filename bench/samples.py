"""Measured times and what is said of them. Knows nothing of what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least ``share`` (0 to 1) of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Count, extremes, mean and percentiles, in the samples' own unit."""
    return {
        "count": len(samples),
        "min": round(min(samples), 3),
        "p50": round(percentile(samples, 0.50), 3),
        "p90": round(percentile(samples, 0.90), 3),
        "p95": round(percentile(samples, 0.95), 3),
        "p99": round(percentile(samples, 0.99), 3),
        "max": round(max(samples), 3),
        "mean": round(sum(samples) / len(samples), 3),
    }
