"""Check the options of a Beam runner before anything is read, and find the cause in what a runner says.

Left alone, Beam downloads what a runner lacks, waits for ever for a job server that is not there, and starts
workers that do not know galmorph.
"""

import contextlib
import importlib.util
import io
import re
from collections.abc import Sequence

import grpc
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from apache_beam.runners import create_runner

from catalog.errors import CatalogError

ANSWER_WITHIN = 10
"""Time in which a job server must answer [s]."""
_ENVIRONMENTS = (
    "environment_type=LOOPBACK (workers in this process), EXTERNAL (with environment_config=HOST:PORT of a"
    " worker pool), DOCKER or PROCESS"
)
# How runners write the exception of a step into their messages.
_OURS = re.compile(r"(?:CatalogError|StorageError): (.*?)(?: \[while running|\\n|\n|$)")
_PYTHON = re.compile(
    r"^(?:[a-z_]+\.)*([A-Z]\w*(?:Error|Exception|Interrupt): .*?)(?: \[while running|$)", re.M
)
_JAVA = re.compile(r"^Caused by: (?:\w+\.)*(.*)$", re.M)
_LOST_WORKER = re.compile(
    r"SDK [Hh]arness|client (?:closed|cancelled)|CANCELLED|Connection reset|UNAVAILABLE"
)


def check_runner(arguments: Sequence[str]) -> None:
    """Refuse a runner that cannot work.

    Parameters
    ----------
    arguments : sequence of str
        Options for Beam, such as ``--runner=PortableRunner``.

    Raises
    ------
    CatalogError
        If an option is missing or malformed, if Beam would download something, or if no job server answers.
    """
    options = _parsed(arguments)
    if not options.view_as(StandardOptions).runner:
        raise CatalogError("no runner is named, and Beam would download one; give --runner=DirectRunner")
    try:
        create_runner(options.view_as(StandardOptions).runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise CatalogError(f"--runner: {_short(str(error))}") from None
    runner = str(options.view_as(StandardOptions).runner).rpartition(".")[2]
    portable = options.view_as(PortableOptions)
    flink, spark = options.view_as(FlinkRunnerOptions), options.view_as(SparkRunnerOptions)
    jars = {
        "FlinkRunner": ("flink_job_server_jar", flink.flink_job_server_jar),
        "SparkRunner": ("spark_job_server_jar", spark.spark_job_server_jar),
    }
    if runner in jars and not portable.job_endpoint:
        option, given = jars[runner]
        if not given:
            raise CatalogError(
                f"--runner {runner} would download its job server; give {option}=FILE.jar, or start the job"
                " server yourself and give --runner PortableRunner with job_endpoint=HOST:PORT"
            )
    prism = options.view_as(PrismRunnerOptions)
    if runner in ("PrismRunner", "SwitchingDirectRunner") and not prism.prism_location:
        raise CatalogError(f"--runner {runner} would download Prism; give prism_location=FILE")
    if runner == "DataflowRunner":
        if importlib.util.find_spec("apache_beam.io.gcp") is None or not _has("google.cloud.storage"):
            raise CatalogError("--runner DataflowRunner needs the package apache-beam[gcp]")
        if not options.view_as(WorkerOptions).sdk_container_image:
            raise CatalogError(
                "--runner DataflowRunner needs sdk_container_image=IMAGE, an image with galmorph"
            )
    if runner == "PortableRunner" and not portable.job_endpoint:
        raise CatalogError("--runner PortableRunner needs job_endpoint=HOST:PORT of a job server")
    if not portable.environment_type and (
        runner == "PortableRunner"
        or (runner == "FlinkRunner" and flink.flink_master not in ("[local]", "[auto]"))
        or (runner == "SparkRunner" and not spark.spark_master_url.startswith("local"))
    ):
        raise CatalogError(
            f"--runner {runner} would start workers in Beam's own container, which lacks galmorph; give"
            f" {_ENVIRONMENTS}"
        )
    if portable.job_endpoint and portable.job_endpoint != "embed":
        _check_job_server(portable.job_endpoint)


def _parsed(arguments: Sequence[str]) -> PipelineOptions:
    """Parse the options; Beam's parser would end this process."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions(list(arguments))
            options.get_all_options()
    except SystemExit:
        problem = said.getvalue().strip().rpartition("error: ")[2]
        raise CatalogError(f"option of Beam: {problem}") from None
    return options


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _check_job_server(endpoint: str) -> None:
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            service.DescribePipelineOptions(
                beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=ANSWER_WITHIN
            )
        except grpc.RpcError as error:
            code = error.code()
            if code == grpc.StatusCode.DEADLINE_EXCEEDED:
                cause = f"no answer within {ANSWER_WITHIN} s"
            elif code == grpc.StatusCode.UNIMPLEMENTED:
                cause = "another server answers"
            else:
                cause = (error.details() or code.name).rpartition(": ")[2].rstrip("]")
            raise CatalogError(f"there is no Beam job server at {endpoint}: {cause}") from None


def cause_of(error: BaseException) -> str:
    """Return the cause that a runner writes into the text of an exception, in one line.

    Parameters
    ----------
    error : Exception
        Of `apache_beam`; its text may hold the stack traces of several processes.

    Returns
    -------
    str
        The message of a `CatalogError` or `StorageError` of a step if there is one; otherwise the last
        exception in Python, or the last cause in Java.
    """
    if isinstance(error, grpc.RpcError):
        code = getattr(error, "code", lambda: None)()
        return "the job server does not answer any more" + (f" ({code.name})" if code else "")
    text = str(error)
    for pattern in (_OURS, _PYTHON):
        if found := pattern.findall(text):
            return " ".join(found[-1].split())
    cause = _short((_JAVA.findall(text) or [text])[-1].rpartition("failed in state FAILED: ")[2])
    if _LOST_WORKER.search(cause):
        return f"a process that classifies was lost, perhaps for lack of memory ({cause})"
    return cause


def _short(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]} ..."
