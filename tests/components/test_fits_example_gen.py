"""FitsExampleGen as TFX sees it: the component's specification, and its executor on artifacts."""

import json

import numpy as np
import pytest
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import IngestAccount
from components.fits_example_gen.component import FitsExampleGen
from preprocessing.data_settings import DataSettings, SplitSettings, ingest_parameter

BEAM = ["--runner=DirectRunner", "--direct_running_mode=in_memory"]


@pytest.fixture
def component(tmp_path, write_stamp) -> FitsExampleGen:
    noise = np.random.default_rng(0)
    rows = ["name,label"]
    for index in range(30):
        rows.append(f"g{index},{('spiral', 'elliptical')[index % 2]}")
        for band in "RG":
            write_stamp(f"g{index}", band, noise.normal(size=(8, 8)))
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "lost,spiral"]) + "\n")
    template = str(tmp_path / "{band}_stamps" / "{name}_{band}.fits")
    data = DataSettings(labels=str(tmp_path / "labels.csv"), stamps=template)
    return FitsExampleGen(ingest_parameter(data, SplitSettings(), "RG", 8), fingerprint="f1", code="c1")


def test_the_component_declares_its_outputs_and_parameters(component):
    assert component.outputs["examples"].type_name == standard_artifacts.Examples.TYPE_NAME
    assert component.outputs["account"].type_name == IngestAccount.TYPE_NAME
    assert component.exec_properties["fingerprint"] == "f1" and component.exec_properties["code"] == "c1"
    settings = json.loads(component.exec_properties["settings"])
    assert settings["bands"] == ["R", "G"] and settings["side"] == 8
    assert not component.inputs


def test_the_component_has_no_driver_work(component):
    from tfx.dsl.components.base.base_driver import BaseDriver

    assert component.driver_class is BaseDriver, "open-source Kubeflow runs no custom driver"


def test_the_executor_fills_its_artifacts(component, tmp_path):
    outputs = {"examples": [standard_artifacts.Examples()], "account": [IngestAccount()]}
    for key, (artifact,) in outputs.items():
        artifact.uri = str(tmp_path / "out" / key)
    context = BaseExecutor.Context(tmp_dir=str(tmp_path / "tmp"), unique_id="1")
    executor_class = component.executor_spec.executor_class
    executor = executor_class(executor_class.Context(BEAM, tmp_dir=context._tmp_dir, unique_id="1"))
    executor.Do({}, outputs, component.exec_properties)

    (examples,) = outputs["examples"]
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "val", "test"]
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    for split in ("train", "val", "test"):
        (file,) = (tmp_path / "out" / "examples" / f"Split-{split}").iterdir()
        assert file.name == "data_tfrecord-00000-of-00001"
    report = json.loads((tmp_path / "out" / "account" / "ingest.json").read_text())
    assert report["splits"] == {"train": 21, "val": 6, "test": 3}
    assert report["reasons"] == {"missing_file": 1} and report["fingerprint"] == "f1"
    assert "lost" in (tmp_path / "out" / "account" / "rejects.csv").read_text()
