import numpy as np
import pytest

from preprocessing.data_settings import DataSettings
from preprocessing.labels.reading import read_labels
from preprocessing.rows.fingerprint import input_fingerprint
from preprocessing.stamps import StampReader


@pytest.fixture
def fingerprint(tmp_path, write_stamp):
    for name in "abc":
        write_stamp(name, "R", np.ones((4, 4)))
    labels = tmp_path / "labels.csv"
    labels.write_text("name,label\na,spiral\nb,spiral\nc,elliptical\nd,spiral\n../x,spiral\n")

    def take() -> str:
        template = str(tmp_path / "{band}_stamps" / "{name}_{band}.fits")
        objects = read_labels(DataSettings(labels=str(labels), stamps=template)).objects
        return input_fingerprint([labels], objects, StampReader(template, ["R"], 4))

    return take


def test_it_changes_with_the_input_and_only_then(fingerprint, tmp_path, write_stamp):
    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    write_stamp("unlisted", "R", np.ones((4, 4)))
    assert fingerprint() == seen[0], "a stamp that no row names is no input"
    write_stamp("d", "R", np.ones((4, 4)))
    seen.append(fingerprint())
    write_stamp("a", "R", np.zeros((4, 4)))
    seen.append(fingerprint())
    (tmp_path / "R_stamps" / "b_R.fits").unlink()
    seen.append(fingerprint())
    with open(tmp_path / "labels.csv", "a") as table:
        table.write("e,spiral\n")
    seen.append(fingerprint())
    assert len(set(seen)) == len(seen)
