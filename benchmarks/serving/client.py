"""Clients in a process of their own, without TensorFlow: `python -m benchmarks.serving.client JOB`.

JOB is a pickled `Job`; the result is printed as JSON. Requests are prepared beforehand, so that the client
takes as little of the processors as it can.
"""

import json
import pickle
import random
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc
import requests


@dataclass(frozen=True)
class Request:
    """A request and what must come back.

    Attributes
    ----------
    body : bytes
        Serialized PredictRequest, or the body of a POST.
    path : str
        After the URL of the model; for REST only.
    status : int
    says : str
        Part of the answer.
    value : float or None
        ``p_elliptical`` of the first object.
    """

    body: bytes
    path: str = ":predict"
    status: int = 200
    says: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Job:
    """What a client does.

    Attributes
    ----------
    kind : str
        ``"gRPC"`` or ``"REST"``.
    target : str
        ``host:port``, or the URL of the model.
    requests : list of Request
        Sent in turn.
    concurrency : int
        Requests that are under way at the same time.
    seconds : float
        Duration; infinite to send each request once.
    rate : float
        Requests a second that begin at random times, or 0 for as many as are answered.
    """

    kind: str
    target: str
    requests: list[Request]
    concurrency: int
    seconds: float
    rate: float = 0.0


class _Sender(Protocol):
    def send(self, request: Request) -> str: ...


class _Grpc:
    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target)
        self._call = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

    def send(self, request: Request) -> str:
        """Send a request; return what is wrong with the answer."""
        try:
            self._call(request.body, timeout=60)
        except grpc.RpcError as error:
            return f"{error.code()}: {error.details()}"
        return ""


class _Rest:
    def __init__(self, target: str) -> None:
        self._session = requests.Session()
        self._target = target

    def send(self, request: Request) -> str:
        """Send a request; return what is wrong with the answer."""
        answer = self._session.post(self._target + request.path, data=request.body, timeout=60)
        if answer.status_code != request.status or request.says not in answer.json().get(
            "error", request.says
        ):
            return f"{answer.status_code}: {answer.text[:300]}"
        if request.value is not None:
            (row,) = answer.json()["predictions"]
            if abs(row["p_elliptical"] - request.value) > 1e-5:
                return f"{row['p_elliptical']} in place of {request.value}"
        return ""


class _Run:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.latencies: list[float] = []
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self._next = 0
        self._due = 0.0
        self._random = random.Random(1)

    def work(self, sender: _Sender) -> None:
        while (turn := self._turn()) is not None:
            number, due = turn
            time.sleep(max(0.0, due - time.monotonic()))
            begun = due if self.job.rate else time.monotonic()
            try:
                wrong = sender.send(self.job.requests[number % len(self.job.requests)])
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            with self._lock:
                self.latencies.append(time.monotonic() - begun)
                if wrong:
                    self.wrong.append(wrong)

    def _turn(self) -> tuple[int, float] | None:
        with self._lock:
            number, now = self._next, time.monotonic()
            if self.job.seconds == float("inf"):
                if number == len(self.job.requests):
                    return None
            elif max(now, self._due) > self.end:
                return None
            self._next += 1
            if self.job.rate:
                self._due = max(self._due, self.begin) + self._random.expovariate(self.job.rate)
            return number, self._due

    def run(self) -> dict:
        used = time.process_time()
        self.begin = time.monotonic()
        self.end = self.begin + self.job.seconds
        if self.job.kind == "gRPC":
            shared = _Grpc(self.job.target)
            senders: list[_Sender] = [shared] * self.job.concurrency
        else:
            senders = [_Rest(self.job.target) for _ in range(self.job.concurrency)]
        workers = [threading.Thread(target=self.work, args=(sender,)) for sender in senders]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        took = time.monotonic() - self.begin
        ordered = sorted(self.latencies)
        return {
            "requests": len(ordered),
            "seconds": took,
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
            "wrong": self.wrong[:5],
            "wrong_count": len(self.wrong),
            "cpu": time.process_time() - used,
        }


if __name__ == "__main__":
    print(json.dumps(_Run(pickle.loads(Path(sys.argv[1]).read_bytes())).run()))
