"""Figures of the embedded server: `make bench-serving`.

1. Throughput of ``classify_flux`` at concurrency 32, by gRPC and REST, as ratios to calling the model in a
   process at the size of the server's batches, from one thread, and from one or two, whichever is faster; and
   the processor time of a galaxy, which other work on the machine disturbs less.
2. Latency at half of that load.
3. Latency while a second version is published and loaded, with and without its warm-up requests.
4. 10,000 requests of which 2 % are malformed in thirty ways: are all answers right, and does the server's
   memory grow?

The client is a process of its own on the same machine. The network is EfficientNetLite0 with random weights
at 128 pixels.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from rich.console import Console
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from benchmarks.serving.client import Job, Request
from benchmarks.serving.malformed import malformed_requests
from benchmarks.serving.swap import measure_swaps
from benchmarks.serving.tools import export, fits_request, galaxies, run_client, server
from serving.embedded.batching import BatchingSettings

BATCH = BatchingSettings().max_batch_size
ROUNDS = 3


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="duration of each measurement")
    parser.add_argument("--requests", type=int, default=10_000, help="requests of the mixed load")
    options = parser.parse_args()
    console = Console(highlight=False)
    measure_swaps(console, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        export(models / "1")
        signature = tf.saved_model.load(str(models / "1")).signatures["classify_flux"]
        flux = galaxies(BATCH)
        values = signature(flux=tf.constant(flux))["p_elliptical"].numpy()
        with server(models) as (process, rest, rpc):
            _throughput(console, options.seconds, signature, flux, rest, rpc, process, Path(folder))
            _mixed(console, options.requests, flux, values, rest, process, Path(folder))


def _throughput(
    console: Console,
    seconds: float,
    signature,
    flux: np.ndarray,
    rest: str,
    rpc: str,
    process: subprocess.Popen,
    folder: Path,
) -> None:
    ways = {
        "gRPC, classify_flux": ("gRPC", rpc, [Request(_message(one[None])) for one in flux]),
        "REST, classify_fits": ("REST", rest, [Request(fits_request(one)) for one in flux]),
        "REST, classify_flux": ("REST", rest, [Request(_json(one)) for one in flux]),
    }
    direct: list[tuple[float, float]] = []  # of one caller, and of one or two
    rates: dict[str, list[float]] = {way: [] for way in ways}
    own: list[float] = []  # processor seconds of a galaxy
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):  # in turn, since the machine's speed drifts
        measured = [_in_process(signature, flux, seconds, threads) for threads in (1, 2)]
        rate, used = max(measured)
        direct.append((measured[0][0], rate))
        own.append(used)
        for way, (kind, target, requests) in ways.items():
            before = _processor_seconds(process)
            result = run_client(Job(kind, target, requests, 32, seconds), folder)
            used = _processor_seconds(process) - before + result["cpu"]
            rates[way].append(result["requests"] / result["seconds"])
            cpu[way].append(used / result["requests"])
    base_cpu = statistics.median(own)
    for who, of_rounds in zip(("from one thread", "from one or two"), zip(*direct, strict=True), strict=True):
        rate = statistics.median(of_rounds)
        console.print(
            f"in this process, {BATCH} galaxies a call {who}: {rate:.1f} galaxies/s {_rounded(of_rounds)}"
        )
    console.print(f"the faster took {base_cpu * 1e3:.1f} ms of a processor each")
    for way, (kind, target, requests) in ways.items():
        rate = statistics.median(rates[way])
        ratios = [
            statistics.median(mine / its for mine, its in zip(rates[way], of_rounds, strict=True))
            for of_rounds in zip(*direct, strict=True)
        ]
        console.print(
            f"{way}, concurrency 32: {rate:.1f} galaxies/s {_rounded(rates[way])}, ratios {ratios[0]:.2f} and"
            f" {ratios[1]:.2f};"
            f" {statistics.median(cpu[way]) * 1e3:.1f} ms of a processor each, client included, ratio"
            f" {base_cpu / statistics.median(cpu[way]):.2f}"
        )
        half = run_client(Job(kind, target, requests, 64, 2 * seconds, rate / 2), folder)
        console.print(
            f"{way}, half load ({half['requests'] / half['seconds']:.1f}/s at random times):"
            f" p50 {half['p50'] * 1e3:.0f} ms, p99 {half['p99'] * 1e3:.0f} ms, {half['wrong_count']} wrong"
        )


def _mixed(
    console: Console,
    count: int,
    flux: np.ndarray,
    values: np.ndarray,
    rest: str,
    process: subprocess.Popen,
    folder: Path,
) -> None:
    good = [Request(fits_request(one), value=float(value)) for one, value in zip(flux, values, strict=True)]
    bad = [
        Request(each.body, each.path, each.status, each.says) for each in malformed_requests(flux[0, ..., 0])
    ]
    random = np.random.default_rng(1)
    is_bad = np.zeros(count, bool)
    is_bad[random.choice(count, count // 50, replace=False)] = True
    order = [
        bad[number % len(bad)] if wrong else good[number % len(good)] for number, wrong in enumerate(is_bad)
    ]
    run_client(Job("REST", rest, order[: count // 10], 16, float("inf")), folder)  # memory settles
    before = _memory(process)
    result = run_client(Job("REST", rest, order, 16, float("inf")), folder)
    after = _memory(process)
    console.print(
        f"{result['requests']} requests of which {int(is_bad.sum())} are malformed, {len(bad)} ways:"
        f" {result['wrong_count']} wrong answers {result['wrong']},"
        f" {result['requests'] / result['seconds']:.1f}/s,"
        f" p99 {result['p99'] * 1e3:.0f} ms; memory {before:.0f} MiB before, {after:.0f} MiB after;"
        f" the server {'runs' if process.poll() is None else 'has ended'}"
    )


def _message(flux: np.ndarray) -> bytes:
    request = PredictRequest()
    request.model_spec.name = "galmorph"
    request.model_spec.signature_name = "classify_flux"
    request.inputs["flux"].CopyFrom(tf.make_tensor_proto(flux))
    return request.SerializeToString()


def _json(flux: np.ndarray) -> bytes:
    return json.dumps({"signature_name": "classify_flux", "instances": [flux.tolist()]}).encode()


def _in_process(signature, flux: np.ndarray, seconds: float, threads: int) -> tuple[float, float]:
    signature(flux=tf.constant(flux))
    begin, used = time.monotonic(), time.process_time()

    def call(_: int) -> int:
        calls = 0
        while time.monotonic() < begin + seconds:
            signature(flux=tf.constant(flux))["p_elliptical"].numpy()
            calls += 1
        return calls

    with ThreadPoolExecutor(threads) as pool:
        calls = sum(pool.map(call, range(threads)))
    galaxies = calls * len(flux)
    return galaxies / (time.monotonic() - begin), (time.process_time() - used) / galaxies


def _processor_seconds(process: subprocess.Popen) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: subprocess.Popen) -> float:
    """Return the resident memory of a process [MiB]."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (resident,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(resident.split()[1]) / 1024


def _rounded(values: Sequence[float]) -> str:
    return f"({', '.join(f'{value:.1f}' for value in values)})"


if __name__ == "__main__":
    main()
