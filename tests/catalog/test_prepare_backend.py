"""Choose, export and check a backend for a catalogue, and go on with it."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest
from catalog_runs import prepare as prepare_run

if find_spec("openvino") is None:
    pytest.skip("the extra galmorph[openvino] is not installed", allow_module_level=True)

from served import IMAGE

from catalog import chunks, prepare
from catalog.backends import openvino_network
from catalog.classifier import Classifier
from catalog.errors import CatalogError
from catalog.session import check_unfinished, run_classification


@pytest.fixture
def run(model, survey, tmp_path):
    found = prepare_run(model, survey, tmp_path / "out")
    spec = replace(found.model, backend="openvino")
    return found._replace(model=spec, subject={**found.subject, **prepare.subject("openvino", "float32")})


def ready(run, said=None):
    messages = said if said is not None else []
    return prepare.prepare(run.model, run.source, run.settings.work, "abcdef", 4, messages.append)


def test_the_catalogue_is_that_of_tensorflow(run, model, survey, tmp_path):
    backend = ready(run)
    assert backend.agreement.objects == 29  # the rows of the table that have a probability
    assert backend.agreement.classes == 0
    assert backend.agreement.largest < 1e-5
    plan = run_classification(run.settings, run.source, backend.spec, IMAGE.cut, run.subject).plan
    other = prepare_run(model, survey, tmp_path / "other")
    reference = run_classification(other.settings, other.source, other.model, IMAGE.cut, other.subject).plan
    tables = [
        pa.concat_tables([chunks.load(each.settings.work, of.digest, chunk) for chunk in range(len(of.ends))])
        for each, of in ((run, plan), (other, reference))
    ]
    for name in ("row", "name", "morphology", "flags", "model_version", "reason", "message"):
        assert tables[0].column(name).to_pylist() == tables[1].column(name).to_pylist(), name
    for name in ("p_elliptical", "p_spiral", "novelty_distance"):
        values = [table.column(name).to_numpy() for table in tables]
        np.testing.assert_allclose(*values, rtol=1e-3, atol=1e-5)


def test_it_is_exported_and_compared_once(run):
    first = []
    one = ready(run, first)
    run_classification(run.settings, run.source, one.spec, IMAGE.cut, run.subject)
    second = []
    other = ready(run, second)
    assert (len(first), len(second)) == (2, 0)
    assert other == one
    recorded = prepare.recorded(run.settings.work)
    assert recorded["agreement"]["objects"] == 29
    assert recorded["precision"] == "float32"


def test_a_backend_that_disagrees_is_refused_and_leaves_nothing(run, monkeypatch):
    honest = Classifier.classify

    def wrong(self, flux):
        answer, extra = honest(self, flux)
        if self._spec.backend == "openvino":
            answer = replace(answer, p_elliptical=answer.p_elliptical * np.float32(0.9))
        return answer, extra

    monkeypatch.setattr(Classifier, "classify", wrong)
    with pytest.raises(CatalogError, match=r"does not agree with TensorFlow.*0\.01.*--backend tensorflow"):
        ready(run)
    assert not run.settings.work.exists("plan.json")
    assert not (run.settings.out / ".work").exists()


def test_an_input_that_cannot_be_read_cannot_be_compared(run, tmp_path):
    empty = run._replace(source=replace(run.source, objects=run.source.objects.slice(10, 2), groups=[2]))
    with pytest.raises(CatalogError, match="none of the first 2 objects can be read"):
        ready(empty)


def test_an_unfinished_catalogue_keeps_its_backend_and_precision(run, monkeypatch):
    backend = ready(run)
    run_classification(run.settings, run.source, backend.spec, IMAGE.cut, run.subject)
    monkeypatch.setattr(openvino_network, "_has_bfloat16", lambda core: True)
    assert prepare.chosen("openvino", None, run.settings.work) == ("openvino", "float32")
    other = {**run.subject, **prepare.subject("openvino", "bfloat16")}
    with pytest.raises(CatalogError, match="of another backend"):
        check_unfinished(run.settings, run.source, other)


def test_the_precision_is_the_fastest_of_the_processor(run, monkeypatch):
    for has, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(openvino_network, "_has_bfloat16", lambda core, has=has: has)
        assert prepare.chosen("openvino", None, run.settings.work) == ("openvino", expected)
    assert prepare.chosen("tensorflow", None, run.settings.work) == ("tensorflow", "float32")
    with pytest.raises(CatalogError, match="--precision bfloat16 needs --backend openvino"):
        prepare.chosen("tensorflow", "bfloat16", run.settings.work)
