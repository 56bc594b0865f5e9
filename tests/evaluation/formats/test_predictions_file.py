"""Reading ``predictions.csv`` and ``galaxies.csv``."""

import numpy as np
import pytest
from report_folder import BANDS, galaxies, write_folder

from evaluation.formats.columns import FormatError
from evaluation.formats.galaxies import read_galaxies
from evaluation.formats.predictions import COLUMNS, predictions_writer, read_predictions
from preprocessing.features import SPLITS

HEADER = "name,ra,dec,split,label,p_elliptical,morphology\n"


@pytest.fixture
def predictions_file(tmp_path):
    def write(*rows: str, header: str = HEADER):
        path = tmp_path / "predictions.csv"
        path.write_text(header + "".join(f"{row}\n" for row in rows))
        return path

    return write


def test_every_column_is_read_as_it_was_written(tmp_path):
    data = galaxies(300)
    folder = write_folder(tmp_path, data=data, pictures=False)
    read = read_predictions(folder / "predictions.csv")
    assert read.names.to_pylist() == data["name"].tolist()
    assert [SPLITS[place] for place in read.splits] == data["split"].tolist()
    np.testing.assert_array_equal(read.labels, data["label"])
    np.testing.assert_array_equal(np.float32(read.p_elliptical), data["p"])
    np.testing.assert_array_equal(read.ra, data["ra"])
    called = np.where(data["p"] > 0.75, 1, np.where(data["p"] < 0.25, 0, -1))
    np.testing.assert_array_equal(read.morphologies, called)


def test_what_is_unknown_is_nan_and_names_are_text(predictions_file):
    path = predictions_file(
        "NA,,,test,0,nan,uncertain",
        '"a, ""b""\nc",1.5,-2,test,1,inf,elliptical',
        "007,1,2,holdout,0,1e-9,spiral",
    )
    read = read_predictions(path)
    assert read.names.to_pylist() == ["NA", 'a, "b"\nc', "007"]
    assert np.isnan(read.ra[0]) and read.dec[1] == -2
    assert np.isnan(read.p_elliptical[:2]).all() and read.p_elliptical[2] == 1e-9


def test_a_table_without_rows_is_read(predictions_file):
    read = read_predictions(predictions_file())
    assert len(read) == 0 and not len(read.rows("test")) and read.find(["a"]) == {}


def test_galaxies_are_found_by_name(predictions_file):
    path = predictions_file(*(f"g{number},,,test,0,0.5,uncertain" for number in range(5000)))
    assert read_predictions(path).find(["g4999", "h", "g0"]) == {"g0": 0, "g4999": 4999}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,1,2,exam,0,0.5,spiral", "there is no split 'exam'"),
        ("a,1,2,test,0,0.5,blob", "there is no morphology 'blob'"),
        ("a,1,2,test,2,0.5,spiral", "a label is none of -1, 0, 1"),
        ("a,1,2,test,0,1.5,spiral", "p_elliptical of a is 1.5"),
        ("a,1,2,test,0,half,spiral", "half"),
        ("a,1,2", "7 columns"),
    ],
)
def test_a_damaged_row_is_named_in_one_line(predictions_file, row, message):
    with pytest.raises(FormatError) as error:
        read_predictions(predictions_file("b,1,2,test,0,0.5,spiral", row))
    assert message in str(error.value) and "\n" not in str(error.value)
    assert "predictions.csv is damaged" in str(error.value)


def test_a_missing_column_is_named(predictions_file):
    with pytest.raises(FormatError, match="p_elliptical"):
        read_predictions(predictions_file(header=HEADER.replace("p_elliptical,", "")))


def test_an_absent_and_an_empty_file_are_told_apart(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        read_predictions(tmp_path / "predictions.csv")
    (tmp_path / "predictions.csv").write_bytes(b"")
    with pytest.raises(FormatError, match="is damaged: Empty CSV file"):
        read_predictions(tmp_path / "predictions.csv")


def test_galaxies_carry_their_measures(tmp_path):
    data = galaxies(200)
    folder = write_folder(tmp_path, data=data, pictures=False)
    names = read_predictions(folder / "predictions.csv").names
    read = read_galaxies(folder / "galaxies.csv", names)
    np.testing.assert_allclose(read.magnitude, data["magnitude"], rtol=1e-6)
    np.testing.assert_array_equal(read.height, data["height"])
    assert set(read.statistics) == {"noise", "blank"} and set(read.statistics["noise"]) == set(BANDS)
    np.testing.assert_allclose(read.statistics["noise"]["R"], 2 * data["noise"], rtol=1e-6)


def test_other_galaxies_are_refused(tmp_path):
    folder = write_folder(tmp_path, 50, pictures=False)
    names = read_predictions(folder / "predictions.csv").names
    lines = (folder / "galaxies.csv").read_text().splitlines(keepends=True)
    (folder / "galaxies.csv").write_text("".join([lines[0], lines[2], lines[1], *lines[3:]]))
    with pytest.raises(FormatError, match="does not hold the galaxies"):
        read_galaxies(folder / "galaxies.csv", names)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "predictions.csv"
    with predictions_writer(path) as write:
        write(
            "a, b",
            10.25,
            -1.5,
            "test",
            1,
            np.float32(0.1),
            "spiral",
            novelty=(np.float32(0.6), np.float32(1.1)),
            nothing_shown=False,
        )
        write(
            "c",
            float("nan"),
            float("nan"),
            "val",
            0,
            np.float32("nan"),
            "uncertain",
            novelty=(np.nan, np.nan),
            nothing_shown=True,
        )
        write(
            "d",
            1.0,
            2.0,
            "test",
            -1,
            np.float32("nan"),
            "uncertain",
            novelty=(1.0, np.float32(7.25)),
            nothing_shown=False,
        )
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == '"a, b",10.25,-1.5,test,1,0.1,spiral,elliptical,0.6,1.1,'
    assert lines[2] == "c,,,val,0,nan,uncertain,spiral,,,nothing_shown"
    read = read_predictions(path)
    assert np.float32(read.p_elliptical[0]) == np.float32(0.1)
    np.testing.assert_array_equal(read.novelty, np.array([0.6, np.nan, 1], "f4"))
    np.testing.assert_array_equal(read.novelty_distance, np.array([1.1, np.nan, 7.25], "f4"))
    assert read.shown.tolist() == [True, False, True]
    assert read.rows("test").tolist() == [0, 2] and read.rows("val").tolist() == []
    assert (read.nothing_shown("val"), read.nothing_shown("test")) == (1, 0)
