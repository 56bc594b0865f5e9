"""The network of a published model, computed by OpenVINO."""

import io
import math
import os
import sys
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.core.framework.graph_pb2 import GraphDef

from catalog.errors import CatalogError
from serving.predict.errors import one_line

PRECISIONS = {"bfloat16": "bf16", "float32": "f32"}
"""Name of a precision for OpenVINO, by ours; the fastest first."""

BATCH = 4
"""Pictures that a thread computes at once (docs/catalog/backends.md)."""

_GRAPH, _WEIGHTS = "network.xml", "network.bin"
_CGROUPS = "/sys/fs/cgroup"


def openvino() -> Any:
    """Return the package; raise `CatalogError` if it is not installed."""
    # It would send a message to Google Analytics when it is imported, unless the user said no beforehand.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise CatalogError(
            "--backend openvino needs the package openvino: pip install 'galmorph[openvino]'"
        ) from error
    return openvino


def version() -> str:
    """Return the version of OpenVINO, such as 2026.4.1."""
    return str(openvino().__version__).split("-")[0]


def chip() -> str:
    """Return the name of this machine's processor."""
    return " ".join(openvino().Core().get_property("CPU", "FULL_DEVICE_NAME").split())


def fastest_precision() -> str:
    """Return bfloat16 if this machine's processor computes with it, float32 otherwise."""
    return "bfloat16" if _has_bfloat16(openvino().Core()) else "float32"


def _has_bfloat16(core: Any) -> bool:
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def converted(graph: GraphDef) -> bytes:
    """Return a graph of TensorFlow in OpenVINO's format.

    Parameters
    ----------
    graph : GraphDef
        From `catalog.backends.graph.network_graph`.

    Returns
    -------
    bytes
        A ZIP archive of two files: one file is written or replaced at once.

    Raises
    ------
    CatalogError
        If OpenVINO cannot convert it.
    """
    package = openvino()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "network.pb"), Path(folder, _GRAPH)
        source.write_bytes(graph.SerializeToString())
        try:
            # Half precision would be the default for the stored weights.
            package.save_model(package.Core().read_model(source), target, compress_to_fp16=False)
        except Exception as error:  # OpenVINO raises RuntimeError and classes of its own
            raise CatalogError(f"OpenVINO cannot convert the network: {one_line(error)}") from error
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name in (_GRAPH, _WEIGHTS):
                archive.write(target.with_name(name), name)
    return content.getvalue()


def usable_cores() -> int:
    """Return how many cores this process may use: its affinity, and the limit of its control group.

    OpenVINO takes all cores that it sees, also in a container that is allowed a part of their time, and is
    then throttled (its issue 37838).
    """
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path(_CGROUPS, "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = Path(_CGROUPS, "cpu/cpu.cfs_quota_us").read_text().strip()
            period = Path(_CGROUPS, "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return cores
    if not quota.isdigit() or not period.isdigit():
        return cores
    return max(1, min(cores, math.ceil(int(quota) / int(period))))


class OpenVinoNetwork:
    """A network that is ready to compute; may be called from several threads.

    Parameters
    ----------
    content : bytes
        From `converted`.
    precision : str
        One of `PRECISIONS`.
    batch : int
        Pictures that a thread computes at once.
    threads : int, optional
        Those of `usable_cores` by default.

    Raises
    ------
    CatalogError
        If the content is damaged, or this machine does not compute with the precision.

    Notes
    -----
    Each thread computes its own pictures, a few at a time, so that the feature maps stay in the caches and no
    thread waits for another. The number of pictures of a request is fixed, and the last request is filled up:
    with changing shapes, memory grows (OpenVINO's issues 20633, 23316). Threads are not bound to cores,
    because OpenVINO binds those of all processes to the same ones.
    """

    def __init__(
        self, content: bytes, precision: str, *, batch: int = BATCH, threads: int | None = None
    ) -> None:
        package = openvino()
        core = package.Core()
        if precision == "bfloat16" and not _has_bfloat16(core):
            raise CatalogError(f"this machine ({chip()}) does not compute in bfloat16: --precision float32")
        self._batch, self._lock = batch, threading.Lock()
        threads = threads or usable_cores()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                weights = package.Tensor(np.frombuffer(archive.read(_WEIGHTS), np.uint8))
                model = core.read_model(archive.read(_GRAPH), weights)
            model.reshape([batch, *list(model.input(0).partial_shape)[1:]])
            compiled = core.compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
                    "INFERENCE_NUM_THREADS": threads,
                    "NUM_STREAMS": threads,
                    "ENABLE_CPU_PINNING": False,
                },
            )
            self._requests = package.AsyncInferQueue(compiled, threads)
        except Exception as error:  # OpenVINO raises RuntimeError, a damaged archive raises many
            raise CatalogError(f"OpenVINO cannot load the network: {one_line(error)}") from error
        self._outputs = len(compiled.outputs)
        self._requests.set_callback(self._keep)
        self._found: dict[int, list[NDArray[np.float32]]] = {}

    def _keep(self, request: Any, start: int) -> None:
        self._found[start] = [
            np.array(request.get_output_tensor(place).data) for place in range(self._outputs)
        ]

    def __call__(self, pictures: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the outputs for pictures (N, size, size, 3), each (N, ...)."""
        count = len(pictures)
        with self._lock:
            self._found.clear()
            for start in range(0, max(count, 1), self._batch):
                part = pictures[start : start + self._batch]
                if len(part) < self._batch:
                    filled = np.zeros((self._batch, *pictures.shape[1:]), np.float32)
                    filled[: len(part)] = part
                    part = filled
                self._requests.start_async({0: part}, start)
            self._requests.wait_all()
            parts = [self._found[start] for start in sorted(self._found)]
        return [np.concatenate(each)[:count] for each in zip(*parts, strict=True)]
