"""Processes that read for another one."""

import os
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
SCRIPT = """
import os
from pathlib import Path
from preprocessing.processes import WorkerPool

def process(_):
    return os.getpid()

if __name__ == "__main__":
    found = {number for _, number in WorkerPool(2).map(process, range(8), lambda task: task)}
    print(*found, flush=True)
    os.kill(os.getpid(), 9)
"""


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:1]


def test_processes_end_with_one_that_is_killed(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    said = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert said.returncode == -9
    processes = [int(number) for number in said.stdout.split()]
    assert processes
    until = time.monotonic() + 30
    while any(map(alive, processes)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(alive, processes))
