import asyncio
import threading
import time

import grpc
import numpy as np
import pytest

from serving.embedded.batching import Batcher, BatchingSettings
from serving.embedded.errors import ServingError, invalid
from serving.embedded.metrics import Metrics


class Version:
    """Doubles its input; refuses batches with a negative number and names its place."""

    def __init__(self, seconds=0.02):
        self.seconds = seconds
        self.sizes = []
        self.lock = threading.Lock()

    def run(self, signature, arrays):
        x = arrays["x"]
        with self.lock:
            self.sizes.append(len(x))
        time.sleep(self.seconds)
        if (x < 0).any():
            raise invalid(
                f"object {int(np.flatnonzero((x < 0).reshape(len(x), -1).any(axis=1))[0])}: negative"
            )
        return {"y": x * 2}


def run_all(requests, version=None, signature="double", **settings):
    """Send all at once; the result of each, or its exception."""

    async def main():
        batcher = Batcher(BatchingSettings(**settings), Metrics())
        sent = [batcher.run(version, signature, {"x": np.asarray(request)}) for request in requests]
        results = await asyncio.gather(*sent, return_exceptions=True)
        await batcher.close()
        return results

    return asyncio.run(main())


def test_concurrent_requests_are_joined_up_to_the_batch_size():
    version = Version()
    results = run_all([[float(n)] for n in range(40)], version, max_batch_size=8, num_batch_threads=1)
    assert [result["y"].tolist() for result in results] == [[2.0 * n] for n in range(40)]
    assert sum(version.sizes) == 40 and max(version.sizes) == 8 and len(version.sizes) <= 7


class Held(Version):
    """Computes the first batch until it is released."""

    def __init__(self):
        super().__init__(0.0)
        self.release = threading.Event()

    def run(self, signature, arrays):
        answers = super().run(signature, arrays)
        assert len(self.sizes) > 1 or self.release.wait(60)
        return answers


def while_one_is_computed(check, count, **settings):
    """Send one request and, while it is computed, others; return the sizes of the batches.

    The coroutine `check` gets the version; the first batch is computed until it ends.
    """

    async def main():
        batcher, version = Batcher(BatchingSettings(**settings), Metrics()), Held()
        sent = [asyncio.create_task(batcher.run(version, "double", {"x": np.zeros(1)}))]
        await until(lambda: version.sizes)
        for number in range(1, count + 1):
            sent.append(asyncio.create_task(batcher.run(version, "double", {"x": np.full(1, number)})))
        await check(version)
        version.release.set()
        results = await asyncio.wait_for(asyncio.gather(*sent), 60)
        await batcher.close()
        assert [result["y"].tolist() for result in results] == [[2 * number] for number in range(count + 1)]
        return version.sizes

    return asyncio.run(main())


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


def test_a_full_batch_does_not_wait_for_the_one_before():
    async def check(version):
        await until(lambda: len(version.sizes) == 2)

    assert while_one_is_computed(check, 4, max_batch_size=4, busy_timeout=600) == [1, 4]


def test_a_batch_waits_to_be_full_until_the_one_before_ends():
    async def check(version):
        await asyncio.sleep(0.05)
        assert version.sizes == [1]

    assert while_one_is_computed(check, 3, max_batch_size=4, busy_timeout=600) == [1, 3]


def test_the_wait_for_a_full_batch_has_an_end():
    async def check(version):
        await until(lambda: len(version.sizes) == 2)

    assert while_one_is_computed(check, 3, max_batch_size=4, busy_timeout=0.01) == [1, 3]


def test_requests_of_several_objects_get_their_own_rows():
    results = run_all([[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]], Version(), max_batch_size=16)
    assert [result["y"].tolist() for result in results] == [[2, 4], [6], [8, 10, 12]]


def test_a_request_larger_than_a_batch_is_one_batch():
    version = Version()
    (result,) = run_all([np.ones(50)], version, max_batch_size=8)
    assert result["y"].shape == (50,) and version.sizes == [50]


def test_other_shapes_are_not_joined():
    version = Version()
    results = run_all([np.ones((1, 2)), np.ones((1, 3)), np.ones((1, 2))], version, max_batch_size=8)
    assert [result["y"].shape for result in results] == [(1, 2), (1, 3), (1, 2)]
    assert sorted(version.sizes) == [1, 2]


def test_a_bad_request_spoils_no_other_and_is_named_by_its_own_place():
    requests = [[1.0, 1.0] for _ in range(31)]
    requests.insert(17, [1.0, -1.0])
    version = Version(0.001)
    results = run_all(requests, version, max_batch_size=64, num_batch_threads=1)
    bad = results.pop(17)
    assert isinstance(bad, ServingError) and bad.message == "object 1: negative"
    assert all(result["y"].tolist() == [2.0, 2.0] for result in results)
    assert len(version.sizes) <= 13  # halves, not one by one


def test_a_fault_of_the_model_reaches_the_client():
    class Broken(Version):
        def run(self, signature, arrays):
            raise RuntimeError("out of order")

    results = run_all([[1.0], [2.0]], Broken())
    assert [str(result) for result in results] == ["out of order"] * 2


def test_a_model_that_drops_rows_is_found_out():
    class Short(Version):
        def run(self, signature, arrays):
            return {"y": arrays["x"][:0]}

    (result,) = run_all([[1.0]], Short())
    assert result.code is grpc.StatusCode.INTERNAL and "for 1 objects" in result.message


@pytest.mark.parametrize("limit", [{"max_enqueued_objects": 5}, {"max_enqueued_bytes": 40}])
def test_a_full_queue_refuses_and_recovers(limit):
    async def main():
        batcher = Batcher(BatchingSettings(max_batch_size=1, num_batch_threads=1, **limit), Metrics())
        version = Version()
        sent = [batcher.run(version, "double", {"x": np.ones(1)}) for _ in range(12)]
        results = await asyncio.gather(*sent, return_exceptions=True)
        again = await batcher.run(version, "double", {"x": np.ones(1)})
        await batcher.close()
        return results, again

    results, again = asyncio.run(main())
    refused = [result for result in results if isinstance(result, ServingError)]
    assert refused and all(error.code is grpc.StatusCode.RESOURCE_EXHAUSTED for error in refused)
    assert refused[0].http_status == 429 and "limits" in refused[0].message
    assert len(refused) == 12 - 6  # one is computed, five wait
    assert again["y"].tolist() == [2.0]


def test_a_cancelled_request_is_not_computed():
    async def main():
        batcher = Batcher(BatchingSettings(max_batch_size=1, num_batch_threads=1), Metrics())
        version = Version(0.05)
        tasks = [asyncio.create_task(batcher.run(version, "double", {"x": np.full(1, n)})) for n in range(5)]
        await asyncio.sleep(0.01)
        for task in tasks[1:4]:
            task.cancel()
        await asyncio.wait(tasks)
        await batcher.close()
        return version.sizes, tasks[4].result()

    sizes, last = asyncio.run(main())
    assert len(sizes) == 2 and last["y"].tolist() == [8]
