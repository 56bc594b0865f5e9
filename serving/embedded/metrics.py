"""Counts and latencies in the text format of Prometheus, under the names of TF Serving where it has them."""

import threading
from bisect import bisect_left
from collections import Counter

import grpc

from evaluation.formats.exported_model import MODEL_NAME

_LATENCIES = (1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7)  # microseconds
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Requests by interface and status, their latencies, and the sizes of batches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._latency = {api: _Histogram(_LATENCIES) for api in ("REST", "gRPC")}
        self._batches = _Histogram(_SIZES)

    def request(self, api: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a request of ``"REST"`` or ``"gRPC"``."""
        with self._lock:
            self._requests[api, code.name] += 1
            self._latency[api].add(seconds * 1e6)

    def batch(self, objects: int) -> None:
        """Count a batch."""
        with self._lock:
            self._batches.add(objects)

    def text(self) -> str:
        """Return the page that Prometheus reads."""
        model = f'model_name="{MODEL_NAME}"'
        with self._lock:
            lines = ["# TYPE :tensorflow:serving:request_count counter"]
            for (api, status), count in sorted(self._requests.items()):
                labels = f'{model},entrypoint="{api}",status="{status}"'
                lines.append(f":tensorflow:serving:request_count{{{labels}}} {count}")
            name = ":tensorflow:serving:request_latency"
            lines.append(f"# TYPE {name} histogram")
            for api, histogram in self._latency.items():
                lines += histogram.lines(name, f'{model},entrypoint="{api}"')
            name = ":tensorflow:serving:batching_session:processed_batch_size"
            lines.append(f"# TYPE {name} histogram")
            lines += self._batches.lines(name, model)
        return "\n".join(lines) + "\n"


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str) -> list[str]:
        lines, total = [], 0
        for bound, count in zip((*self._bounds, None), self._counts, strict=True):
            total += count
            upper = "+Inf" if bound is None else f"{bound:g}"
            lines.append(f'{name}_bucket{{{labels},le="{upper}"}} {total}')
        return [*lines, f"{name}_sum{{{labels}}} {self._sum:g}", f"{name}_count{{{labels}}} {total}"]
