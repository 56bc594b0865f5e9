"""Executors that TFX's entry point finds by import path, each with another end."""

from pathlib import Path

from tfx.dsl.components.base.base_executor import BaseExecutor

from components.fits_example_gen.ingest import IngestError
from pipeline.verdict import RefusedError


class Writes(BaseExecutor):
    """Writes what it was given, as a file and as metadata."""

    def Do(self, input_dict, output_dict, exec_properties):
        (page,) = output_dict["page"]
        Path(page.uri).write_text(f"{exec_properties['count']!r} {exec_properties['path']}")
        page.set_json_value_custom_property("rows", [1, 2])
        page.set_string_custom_property("model", "/minio/bucket/model")


class Refuses(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        raise RefusedError("the model is not good enough")


class DislikesInput(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        try:
            raise IngestError("labels.csv: no rows\nat all")
        except IngestError as error:
            raise RuntimeError("Beam says something else") from error


class Breaks(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        raise KeyError("bug")
