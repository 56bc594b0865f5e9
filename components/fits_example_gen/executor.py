"""Executor of FitsExampleGen."""

import json
import os
from typing import Any

from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.fits_example_gen.ingest import ingest
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.labels.reading import Corrected, Match
from preprocessing.rejects import Reject
from preprocessing.rows.account import ingest_account, table_csv
from preprocessing.rows.division import StampNote, stamp_reader


class Executor(BaseBeamExecutor):
    """Runs the ingest on Beam and writes the Examples and the account of all rows."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Run the ingest.

        Parameters
        ----------
        input_dict : dict
            Empty.
        output_dict : dict
            ``examples``, ``account``.
        exec_properties : dict
            ``settings``: JSON with ``data``, ``split``, ``bands`` and ``side``; ``fingerprint``.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = json.loads(exec_properties["settings"])
        data, split = DataSettings(**settings["data"]), SplitSettings(**settings["split"])
        reader = stamp_reader(data, settings["bands"], settings["side"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        account = artifact_utils.get_single_instance(output_dict["account"])

        scratch = os.path.join(self._get_tmp_dir(), "fits_example_gen")
        fileio.makedirs(scratch)
        ingested = ingest(
            data,
            split,
            reader,
            self._make_beam_pipeline,
            lambda name: os.path.join(examples.uri, f"Split-{name}"),
            scratch,
        )
        examples.split_names = artifact_utils.encode_split_names(ingested.splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        files = {
            "ingest.json": ingest_account(
                ingested.table,
                ingested.division,
                ingested.notes,
                bands=list(reader.bands),
                stamp_size=reader.side,
                fingerprint=exec_properties["fingerprint"],
                data=data.model_dump(mode="json"),
                split=split.model_dump(mode="json"),
            ),
            "rejects.csv": table_csv(Reject, ingested.division.rejects),
            "warnings.csv": table_csv(StampNote, ingested.notes),
        }
        if data.corrections:
            files["corrections.csv"] = table_csv(Corrected, ingested.table.corrected)
        if data.positions:
            files["matches.csv"] = table_csv(Match, ingested.table.matches)
        for name, text in files.items():
            io_utils.write_string_file(os.path.join(account.uri, name), text)
