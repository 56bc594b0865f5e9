import base64
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from serving.embedded.errors import ServingError
from serving.embedded.json_tensors import answer_text, parse, request_arrays
from serving.embedded.signature import Signature, TensorKind

FLUX = Signature("classify_flux", {"flux": TensorKind(tf.float32, (None, None))}, {})
FITS = Signature("classify_fits", {"fits": TensorKind(tf.string, (None, 3))}, {})
TWO = Signature("two", {"a": TensorKind(tf.float32, (None,)), "b": TensorKind(tf.int64, (None, None))}, {})


def read(signature, **document):
    return request_arrays(parse(json.dumps(document).encode()), signature)


@given(arrays(np.float32, array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_numbers_come_back_as_they_were_sent(array):
    for form in ("instances", "inputs"):
        found, by_row = read(FLUX, **{form: array.tolist()})
        assert by_row == (form == "instances") and found["flux"].dtype == np.float32
        np.testing.assert_array_equal(found["flux"], array)


@given(st.lists(st.tuples(*[st.binary(max_size=40)] * 3), min_size=1, max_size=4))
def test_bytes_come_back_as_they_were_sent(rows):
    encoded = [[{"b64": base64.b64encode(value).decode()} for value in row] for row in rows]
    found, _ = read(FITS, instances=encoded)
    assert found["fits"].tolist() == [list(row) for row in rows]


@given(arrays(np.float32, array_shapes(min_dims=1, max_dims=1, max_side=5)))
def test_float32_is_written_in_digits_that_give_it_back(array):
    written = json.loads(answer_text({"p": array}, by_row=True))["predictions"]
    np.testing.assert_array_equal(np.array(written, np.float32), array)


def test_short_numbers_stay_short_and_nan_is_a_literal():
    text = answer_text({"p": np.array([0.2, np.nan, np.inf], np.float32)}, by_row=False)
    assert text.split() == ["{", '"outputs":', "[", "0.2,", "NaN,", "Infinity", "]", "}"]


def test_outputs_are_named_where_there_are_several():
    answers = {"p": np.array([0.5, 1.0], np.float32), "c": np.array([b"spiral", b"x"], object)}
    rows = json.loads(answer_text(answers, by_row=True))["predictions"]
    assert rows == [{"p": 0.5, "c": "spiral"}, {"p": 1.0, "c": "x"}]
    assert json.loads(answer_text(answers, by_row=False))["outputs"] == {
        "p": [0.5, 1.0],
        "c": ["spiral", "x"],
    }
    as_bytes = json.loads(answer_text({"c_bytes": np.array([b"\xff"], object)}, by_row=True))
    assert as_bytes == {"predictions": [{"b64": "/w=="}]}


def test_several_inputs_need_names():
    found, _ = read(TWO, instances=[{"a": 1, "b": [2, 3]}, {"a": 4, "b": [5, 6]}])
    assert found["a"].tolist() == [1, 4] and found["b"].tolist() == [[2, 3], [5, 6]]
    with pytest.raises(ServingError, match=r"two takes a .*, b .*; the request has a"):
        read(TWO, inputs={"a": [1]})
    with pytest.raises(ServingError, match="two takes"):
        read(TWO, instances=[1, 2])


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_literals_that_json_lacks_are_numbers(text):
    found, _ = request_arrays(parse(f'{{"inputs": [[{text}]]}}'.encode()), FLUX)
    (value,) = found["flux"].reshape(-1)
    assert math.isnan(value) if text == "NaN" else value == float(text)


@pytest.mark.parametrize(
    ("text", "value"), [("eA==", b"x"), ("eA", b"x"), (" e\tA = = ", b"x"), ("eHk", b"xy"), ("", b"")]
)
def test_base64_may_lack_padding_and_hold_blanks(text, value):
    found, _ = read(FITS, instances=[[{"b64": text}] * 3])
    assert found["fits"].tolist() == [[value] * 3]


@pytest.mark.parametrize(
    ("instances", "says"),
    [
        ([["a", "b", {"b64": "-_-_"}]], r"instances\[0\]\[2\]: Unable to base64 decode"),
        ([["a", "b", {"b64": 5}]], r"instances\[0\]\[2\] is a JSON object"),
        ([["a", "b", None]], r"instances\[0\]\[2\] is a JSON null"),
        ([["a", "b", "c"], ["a", "b"]], r"instances\[1\] has 2 elements, but its neighbours 3"),
        ([["a", "b", ["c"]]], r"instances\[0\]\[2\] is a list"),
        ([["U0lNUExFICA", "b", "c"]], r'instances\[0\]\[0\] is base64 as a plain string; expected \{"b64"'),
    ],
)
def test_strings_that_are_none_are_named_by_their_place(instances, says):
    with pytest.raises(ServingError, match=says):
        read(FITS, instances=instances)


@pytest.mark.parametrize(
    ("instances", "says"),
    [
        ([[True, False]], r"instances\[0\]\[0\] is a JSON boolean"),
        ([["1.5"]], r"instances\[0\]\[0\] is a JSON string"),
        ([[1, [2]]], r"instances\[0\]\[1\] is a list"),
        ([[10**400]], "beyond the range"),
        ([[3.5e38]], "beyond the range"),
    ],
)
def test_numbers_that_are_none_are_named_by_their_place(instances, says):
    with pytest.raises(ServingError, match=says):
        read(FLUX, instances=instances)


def test_wrapped_base64_gets_a_hint():
    with pytest.raises(ServingError, match="base64 -w 0"):
        parse(b'{"instances": [{"b64": "U0lN\nUExF"}]}')
