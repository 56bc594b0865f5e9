"""The command of the pipeline's containers on Kubeflow Pipelines: ``python -m kubeflow.entrypoint``.

TFX's own entry point was made for Vertex AI. Here its arguments are rewritten, it runs in this process, and
what it has written is rewritten for the launcher (`kubeflow.rewriting`).
"""

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from kubeflow.rewriting import (
    Json,
    check_whole_numbers,
    plain_metadata,
    to_local,
    to_remote,
    with_classes,
    with_types,
    without_logs,
)
from pipeline.errors import ExitStatus
from pipeline.verdict import RefusedError
from preprocessing.garbage import collect_less_often

_INVOCATION, _INPUTS_SPEC = "--json_serialized_invocation_args", "--json_serialized_inputs_spec_args"


def main(arguments: Sequence[str]) -> int:
    """Run the executor of a node.

    Parameters
    ----------
    arguments : sequence of str
        Arguments of TFX's ``kubeflow_v2_run_executor``, as the launcher has filled them.

    Returns
    -------
    int
        Exit status, as of ``galmorph run``: 0; 1 for a fault; 2 for bad input; 3 if nothing was published
        because the model was refused.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    if missing := [flag for flag in (_INVOCATION, _INPUTS_SPEC) if flag not in arguments[:-1]]:
        print(
            f"galmorph: {missing[0]} is missing; this is the command of containers of Kubeflow Pipelines",
            file=sys.stderr,
        )
        return ExitStatus.BAD_INPUT
    started = time.monotonic()
    given = _value(arguments, _INVOCATION)
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as tfx_entrypoint

    logging.info("TFX was imported in %.1f s", time.monotonic() - started)
    try:
        prepared = prepare(given, _value(arguments, _INPUTS_SPEC))
        rewritten = _replaced(arguments, _INVOCATION, json.dumps(prepared))
        tfx_entrypoint.main(tfx_entrypoint._parse_flags(["entrypoint", *rewritten]))
        output = Path(given["outputs"]["outputFile"])
        output.write_text(json.dumps(to_remote(json.loads(output.read_text()), given)))
    except Exception as error:
        return _status(error)
    return ExitStatus.DONE


def _status(error: Exception) -> ExitStatus:
    """Say in one line why a node failed, and return the exit status."""
    # Imported late: all kinds of input errors take seconds to load, which only a failed node needs.
    from pipeline.failures import INPUT_ERRORS, cause_of, one_line

    cause = cause_of(error, (*INPUT_ERRORS, RefusedError))
    if isinstance(cause, RefusedError):
        status = ExitStatus.NOT_GOOD_ENOUGH
    elif isinstance(cause, INPUT_ERRORS):
        status = ExitStatus.BAD_INPUT
    else:
        status = ExitStatus.FAULT
        traceback.print_exc()
    print(f"galmorph: {one_line(cause)}", file=sys.stderr, flush=True)
    return status


def prepare(executor_input: Json, inputs_spec: Json) -> Json:
    """Return an ``ExecutorInput`` as TFX's entry point reads it.

    Parameters
    ----------
    executor_input : dict
        As the launcher has given it.
    inputs_spec : dict
        ``ComponentInputsSpec`` of the node.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If a parameter that is a whole number has a fraction.
    """
    check_whole_numbers(executor_input, inputs_spec)
    without = plain_metadata(without_logs(executor_input))
    return to_local(with_classes(with_types(without, inputs_spec), class_path))


def class_path(title: str) -> str:
    """Return the import path of an artifact type of ours or of Kubeflow's; any other title unchanged."""
    namespace, _, name = title.partition(".")
    modules = {"galmorph": "components.artifacts", "system": "kubeflow.nodes.artifacts"}
    return f"{modules[namespace]}.{name}" if namespace in modules else title


def _value(arguments: Sequence[str], flag: str) -> Json:
    """Return the JSON after a flag."""
    return json.loads(arguments[arguments.index(flag) + 1])


def _replaced(arguments: Sequence[str], flag: str, value: str) -> list[str]:
    place = arguments.index(flag) + 1
    return [*arguments[:place], value, *arguments[place + 1 :]]


if __name__ == "__main__":
    collect_less_often()
    # What a pod publishes in a volume stays writable for its group: the next run may have another user ID.
    os.umask(0o002)
    status = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Beam and gRPC leave threads behind, and a crash in a destructor of a C++ library after the outputs are
    # written has been reported for TFX containers.
    os._exit(status)
