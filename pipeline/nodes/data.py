"""The nodes from stamps to pictures."""

import json
from dataclasses import dataclass

# TFX must come first: it replaces a part of tfx-bsl that TFDV imports and that is no longer shipped.
import tfx  # noqa: F401  # isort: skip
import tensorflow_data_validation as tfdv

# Not from tfx.v1: that loads Google Cloud's client libraries, a quarter of the start-up time.
from tfx.components import ExampleValidator, StatisticsGen, Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.proto.transform_pb2 import SplitsConfig
from tfx.types.channel import BaseChannel

from components.anomaly_gate.component import AnomalyGate
from components.example_schema.component import ExampleSchema
from components.fits_example_gen.component import FitsExampleGen
from components.picture_gate.component import PictureGate
from pipeline.config import Settings
from pipeline.fingerprint import code_fingerprint
from pipeline.nodes.common import set_custom_config
from pipeline.nodes.values import NodeValues
from preprocessing.features import TRAIN, VALIDATION, scalar_features


@dataclass(frozen=True)
class DataNodes:
    """The nodes from stamps to pictures, and their outputs."""

    nodes: list[BaseNode]
    examples: BaseChannel
    ingest_account: BaseChannel
    pictures: BaseChannel
    graph: BaseChannel
    looked: BaseNode

    def before(self, *learning: BaseNode) -> None:
        """Let nodes that train on the pictures wait until the pictures have been checked."""
        for node in learning:
            node.add_upstream_node(self.looked)


def data_nodes(settings: Settings, values: NodeValues) -> DataNodes:
    """Return the nodes from stamps to pictures."""
    bands = settings.example_bands
    example_gen = FitsExampleGen(
        settings=values.ingest,
        fingerprint=values.fingerprint,
        code=code_fingerprint("FitsExampleGen"),
    )
    examples = example_gen.outputs["examples"]
    statistics = StatisticsGen(
        examples=examples,
        # Statistics of pixels would cost more than the training and are of no use.
        stats_options=tfdv.StatsOptions(feature_allowlist=scalar_features(bands)),
    )
    schema = ExampleSchema(bands=json.dumps(bands), code=code_fingerprint("ExampleSchema"))
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = AnomalyGate(anomalies=validator.outputs["anomalies"], code=code_fingerprint("AnomalyGate"))
    transform = Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn="preprocessing.transform.preprocessing_fn",
        splits_config=SplitsConfig(analyze=[TRAIN], transform=[TRAIN, VALIDATION]),
        disable_statistics=True,  # of PNG bytes
    )
    set_custom_config(transform, values.transform)
    transform.add_upstream_node(gate)
    pictures = transform.outputs["transformed_examples"]
    looked = PictureGate(examples=pictures, code=code_fingerprint("PictureGate"))
    return DataNodes(
        [example_gen, statistics, schema, validator, gate, transform, looked],
        examples,
        example_gen.outputs["account"],
        pictures,
        transform.outputs["transform_graph"],
        looked,
    )
