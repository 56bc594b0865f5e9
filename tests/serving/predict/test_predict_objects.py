"""Objects from a table: positions that cannot be used are named, and empty cells are not."""

import numpy as np
import pytest

from serving.predict.objects import read_objects


@pytest.mark.parametrize(
    ("cells", "count"),
    [
        (["1,2", "3,4"], 0),
        (["1,2", ","], 0),  # empty
        (["-9999,-9999", "3,95", "abc,def", "1,2", ",2"], 4),
    ],
)
def test_positions_that_cannot_be_used_are_counted(cells, count, tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("name,ra,dec\n" + "".join(f"g{row},{cell}\n" for row, cell in enumerate(cells)))
    objects = read_objects(path)
    assert len(objects.notices) == min(count, 1)
    if count:
        assert f"{count} of {len(cells)} positions" in objects.notices[0]
        assert "row 1 (-9999, -9999)" in objects.notices[0]
        assert np.isnan(objects.ra).sum() == count


def test_a_table_without_positions_has_no_notice(tmp_path):
    (tmp_path / "objects.csv").write_text("name,x\ng0,1\ng1,2\n")
    assert read_objects(tmp_path / "objects.csv").notices == ()


def test_masked_and_nan_cells_of_fits_are_empty(tmp_path):
    from astropy.table import Table

    table = Table({"name": ["g0", "g1"], "ra": [np.nan, 2.0], "dec": [np.nan, 3.0]})
    table.write(tmp_path / "objects.fits")
    assert read_objects(tmp_path / "objects.fits").notices == ()
