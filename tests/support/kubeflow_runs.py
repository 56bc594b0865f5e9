"""The real compiler, driver and launcher of Kubeflow Pipelines, for tests; see docs/kubeflow/compile.md."""

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = PROJECT.parent / "shared" / "tools" / "kfp"
PORTS = (19000, 18080, 16443, 18887)
"""Of the S3 server, MLMD, the Kubernetes API and the cache, which the tools have built in."""
_STATE = re.compile(r"^/root/(\S+?)(-driver|/executor) +(\w+) +[\d.]+ *(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class KubeflowRun:
    """A run that has ended.

    Attributes
    ----------
    status : int
        Exit status of the tool: 0 only if the run succeeded.
    output : str
    uid : str
        Identifier of the run, which is part of the keys of its artifacts.
    """

    status: int
    output: str
    uid: str

    @property
    def executed(self) -> set[str]:
        """Nodes whose container ran."""
        return {name for name, kind, state, _ in self._states if kind == "/executor" and state != "Skipped"}

    @property
    def cached(self) -> set[str]:
        """Nodes that were cache hits."""
        return {name for name, kind, _, note in self._states if "cache hit" in note}

    @property
    def _states(self) -> list[tuple[str, str, str, str]]:
        return _STATE.findall(self.output)

    def pod(self, node: str) -> Path:
        """Return the folder of the pod of a node, with ``log`` and ``command.json``."""
        return Path(re.search(rf"/root/{node}/executor.*rc=.* (/\S+)$", self.output, re.MULTILINE)[1])


class Kubeflow:
    """Services and tools on this machine.

    Parameters
    ----------
    state : Path
        Folder for everything that the tools keep.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._environment = {**os.environ, "KFP_STATE": str(state), "PY": sys.executable}

    def start(self) -> None:
        self._call("up.sh")

    def stop(self) -> None:
        self._call("down.sh")

    def run(self, pipeline: Path, root: str, **parameters: object) -> KubeflowRun:
        """Run a compiled pipeline, with the sources of this project as the image."""
        given = [word for name, value in parameters.items() for word in ("--param", f"{name}={value}")]
        command = [sys.executable, TOOLS / "run_yaml.py", pipeline, "--pipeline-root", root, *given]
        command += ["--image-root", str(PROJECT), "--env", "TF_CPP_MIN_LOG_LEVEL=2"]
        result = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=1500, cwd=self._state
        )
        output = re.sub(r"\x1b\[\d*m", "", result.stdout)
        found = re.search(r"^run \S+ uid (\S+):", output, re.MULTILINE)
        assert found, output + result.stderr
        return KubeflowRun(result.returncode, output, found[1])

    def artifacts(self, run: KubeflowRun) -> dict[str, str]:
        """Return the keys of the artifacts of a run in the store, by node and path in the artifact."""
        keys = [found.key for found in self._bucket().objects.all() if run.uid in found.key]
        # .../<run>/<node>/<id>/<output>/<path>
        parts = {key: key.partition(f"{run.uid}/")[2].split("/", 2) for key in keys}
        return {f"{node}/{path}": key for key, (node, _, path) in parts.items()}

    def read(self, key: str) -> bytes:
        return self._bucket().Object(key).get()["Body"].read()

    def _call(self, script: str) -> None:
        command = [str(TOOLS / script)]
        subprocess.run(command, env=self._environment, check=True, capture_output=True, timeout=120)

    def _bucket(self):
        store = boto3.resource(
            "s3",
            endpoint_url=f"http://127.0.0.1:{PORTS[0]}",
            aws_access_key_id="minio",
            aws_secret_access_key="minio123",
            region_name="us-east-1",
        )
        return store.Bucket("mlpipeline")


def require_tools() -> None:
    """Skip a test on a machine without the tools."""
    if not TOOLS.is_dir():
        pytest.skip("../shared/tools/kfp (driver and launcher of Kubeflow Pipelines) is absent")
    if os.geteuid() != 0:
        pytest.skip("the tools need root, for mount namespaces")
    if any(_in_use(port) for port in PORTS):
        pytest.skip(f"one of the ports {PORTS} is in use")


def command_of(run: KubeflowRun, node: str) -> dict:
    """Return the command, environment and pod patch with which a node was started."""
    return json.loads((run.pod(node) / "command.json").read_text())


def parameters_of(run: KubeflowRun, node: str) -> dict[str, object]:
    """Return the parameters that a node was given."""
    words = command_of(run, node)["cmd"]
    return json.loads(words[words.index("--executor_input") + 1])["inputs"]["parameterValues"]


def _in_use(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0
