"""ExampleSchema: writes the schema of the raw Examples.

It is a component rather than an importer because on Kubeflow the URI of an importer must be in the bucket of
the pipeline root, and because the schema depends on the bands.
"""

import json
import os

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema
from tfx.utils import io_utils

from preprocessing.schema import example_schema

FILE_NAME = "schema.pbtxt"


@component
def ExampleSchema(bands: Parameter[str], code: Parameter[str], schema: OutputArtifact[Schema]) -> None:
    """Write ``schema.pbtxt``.

    Parameters
    ----------
    bands : str
        JSON list of the bands in the Examples.
    code : str
        Fingerprint of our own code, for the cache.
    schema : Schema
    """
    io_utils.write_pbtxt_file(os.path.join(schema.uri, FILE_NAME), example_schema(json.loads(bands)))
