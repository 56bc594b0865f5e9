import csv
import gzip
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from preprocessing.data_settings import DataSettings
from preprocessing.labels.galaxy_zoo import FEATURES, NOT_EDGE_ON, SMOOTH, SPIRAL_ARMS
from preprocessing.labels.reading import LabelTable, Match, TableError, read_labels
from simulation.objects import draw_object, label_row


def read(path: Path, **settings) -> LabelTable:
    table = read_labels(DataSettings(labels=str(path), stamps="{name}_{band}.fits", **settings))
    rows = sorted([entry.row for entry in table.objects] + [reject.row for reject in table.rejects])
    assert rows == list(range(1, table.rows + 1))
    return table


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def labels_of(table: LabelTable) -> dict[int, int | str]:
    return {o.row: o.label for o in table.objects} | {r.row: r.reason for r in table.rejects}


SIMPLE = {
    "name": ["SPLUS.a-1.griz", "b", "c", "d", ""],
    "label": ["spiral", "Elliptical", "-1", "blob", "1"],
    "ra": [1.5, 2.0, 3.0, 4.0, 5.0],
    "dec": [-0.5, 0.0, 1.0, 2.0, 3.0],
    "mag": [15.0, 99.0, -9999.0, 16.0, 17.0],
}


@pytest.mark.parametrize("table_format", ["ascii.csv", "fits", "ascii.ecsv", "votable", "parquet"])
def test_simple_tables_in_every_format(tmp_path, table_format):
    Table(SIMPLE).write(tmp_path / "t", format=table_format)
    table = read(tmp_path / "t")
    assert labels_of(table) == {1: 0, 2: 1, 3: -1, 4: "bad_label", 5: "no_name"}
    assert table.label_format == "simple" and table.matches == [] and table.notes == []
    first, second, third = table.objects
    assert (first.name, first.ra, first.dec, first.magnitude) == ("SPLUS.a-1.griz", 1.5, -0.5, 15.0)
    assert math.isnan(second.magnitude) and math.isnan(third.magnitude)
    assert math.isnan(first.vote_elliptical) and math.isnan(first.vote_spiral)
    reject = table.rejects[0]
    assert (reject.row, reject.name, reject.file) == (4, "d", "")
    assert reject.message == "label 'blob' is none of spiral, elliptical, uncertain, 0, 1, -1"


def test_codes_as_numbers(tmp_path):
    for code in (int, float):
        Table({"name": ["a", "b", "c"], "label": np.array([0, 1, -1], code)}).write(
            tmp_path / "t.fits", overwrite=True
        )
        assert labels_of(read(tmp_path / "t.fits")) == {1: 0, 2: 1, 3: -1}
    assert labels_of(read(write(tmp_path / "t.csv", "name,label\na,1.0\nb,0.5\n"))) == {1: 1, 2: "bad_label"}


def test_the_real_galaxy_zoo_table(real_data):
    path = real_data / "gz2" / "table5-first-2500.csv.gz"
    with gzip.open(path, "rt") as stream:
        rows = list(csv.DictReader(stream))
    votes = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name[:1] == "t"}

    def answers(question):
        return sum(counts for name, counts in votes.items() if name[:3] == question and name[-6:] == "_count")

    smooth, features, arms, star = (
        votes[SMOOTH],
        votes[FEATURES],
        votes[SPIRAL_ARMS],
        votes[SMOOTH.replace("a01_smooth", "a03_star_or_artifact")],
    )
    for least, threshold in ((20, 0.8), (10, 0.8), (0, 0.6)):
        elliptical = (smooth >= threshold) & (answers("t01") >= least)
        spiral = ~elliptical & (features >= threshold) & (arms >= threshold) & (answers("t04") >= least)
        spiral &= votes[NOT_EDGE_ON] >= 0.715
        expected = np.where(elliptical, 1, np.where(spiral, 0, -1))
        table = read(path, min_votes=least, vote_threshold=threshold)
        assert table.rows == 2500 and table.label_format == "gz2" and table.notes == []
        kept = np.array([entry.row for entry in table.objects]) - 1
        assert sorted(kept) == np.flatnonzero(star < threshold).tolist()
        assert {reject.reason for reject in table.rejects} == {"artifact"}
        assert [entry.label for entry in table.objects] == expected[kept].tolist()
    entry = table.objects[0]
    assert (entry.name, entry.ra, entry.dec) == (
        rows[0]["objid"],
        float(rows[0]["ra"]),
        float(rows[0]["dec"]),
    )
    assert (entry.vote_elliptical, entry.vote_spiral) == (smooth[0], arms[0])


def test_the_real_labels_of_sdss(real_data):
    table = read(real_data / "sdss-hubble" / "labels.csv")
    assert Counter(entry.label for entry in table.objects) == {0: 1437, 1: 490, -1: 726}


@pytest.mark.parametrize("counted", [True, False])
def test_the_simulated_survey_is_read_with_and_without_counts_of_answers(tmp_path, counted):
    rows = [label_row(draw_object(3, index)) for index in range(400)]
    if not counted:
        left_out = {name for name in rows[0] if name.endswith("_count") or "t02_edgeon" in name}
        rows = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    with (tmp_path / "labels.csv").open("w") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    table = read(tmp_path / "labels.csv")
    assert len(table.objects) == 400 and len(table.notes) == (0 if counted else 3)
    for row, entry in zip(rows, table.objects, strict=True):
        expected = 1 if row[SMOOTH] >= 0.8 else 0 if row[FEATURES] >= 0.8 and row[SPIRAL_ARMS] >= 0.8 else -1
        assert (entry.name, entry.label) == (row["name"], expected)
    by_class = read(tmp_path / "labels.csv", label_format="gz2_class")
    expected = {"E": 1, "S": 0, "A": "artifact"}
    assert labels_of(by_class) == {
        number: expected[row["gz2_class"][0]] for number, row in enumerate(rows, 1)
    }


HART = (  # the columns that matter, and some that do not
    "dr7objid,ra,dec,rastring,decstring,sample,gz2_class,total_classifications,total_votes,"
    "t01_smooth_or_features_a01_smooth_count,t01_smooth_or_features_a01_smooth_debiased,"
    "t01_smooth_or_features_a02_features_or_disk_count,t01_smooth_or_features_a02_features_or_disk_debiased,"
    "t01_smooth_or_features_a03_star_or_artifact_count,t01_smooth_or_features_a03_star_or_artifact_debiased,"
    "t02_edgeon_a05_no_debiased,t04_spiral_a08_spiral_count,t04_spiral_a08_spiral_debiased,"
    "t04_spiral_a09_no_spiral_count\n"
    "587732591714893851,179.042984,60.522518,11:56:10.32,+60:31:21.1,original,Sc+t,45,342,"
    "0,0.0,45,1.0,0,0.0,1.0,45,1.0,0\n"
    "588009368545984617,135.084396,52.494240,09:00:20.26,+52:29:39.3,original,Er,42,190,"
    "38,0.91,4,0.09,0,0.0,0.9,2,0.5,2\n"
    "587741534400217110,126.701910,20.110710,08:26:48.46,+20:06:38.6,original,Ser,44,250,"
    "4,0.05,40,0.95,0,0.0,0.3,6,0.9,1\n"
    "587741534400217111,126.7,20.1,08:26:48,+20:06:36,extra,A,44,80,"
    "2,0.05,2,0.05,40,0.9,0.0,0,0.0,0\n"
)


def test_galaxy_zoo_2_of_hart(tmp_path):
    table = read(write(tmp_path / "gz2_hart16.csv", HART))
    assert table.label_format == "gz2"
    assert labels_of(table) == {1: 0, 2: 1, 3: -1, 4: "artifact"}
    entry = table.objects[0]
    assert (entry.name, entry.ra, entry.dec) == ("587732591714893851", 179.042984, 60.522518)
    by_class = read(tmp_path / "gz2_hart16.csv", label_format="gz2_class")
    assert labels_of(by_class) == {1: 0, 2: 1, 3: 0, 4: "artifact"}


GZ1 = (
    "OBJID,RA,DEC,NVOTE,P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,P_EL_DEBIASED,P_CS_DEBIASED,"
    "SPIRAL,ELLIPTICAL,UNCERTAIN\n"
    "587727178986356823,00:00:00.41,-10:22:25.7,59,0.61,0.034,0.0,0.153,0.153,0.051,0.186,0.61,0.186,0,0,1\n"
    "587727227300741210,00:00:00.74,-09:13:20.2,18,0.611,0.0,0.167,0.222,0.0,0.0,0.389,0.203,0.797,1,0,0\n"
    "587727225153257596,23:59:59.03,-00:56:30.3,68,0.9,0.0,0.0,0.1,0.0,0.0,0.1,0.85,0.15,0,1,0\n"
    "587730774962536596,00:00:01.38,+15:30:35.3,52,0.0,0.9,0.0,0.1,0.0,0.0,1.0,0.0,1.0,1,0,0\n"
)


def test_galaxy_zoo_1(tmp_path):
    table = read(write(tmp_path / "GalaxyZoo1_DR_table2.csv", GZ1))
    assert table.label_format == "gz1"
    assert labels_of(table) == {1: -1, 2: -1, 3: 1, 4: 0}
    assert table.objects[0].name == "587727178986356823"
    assert table.objects[0].ra == pytest.approx(0.41 / 240)
    assert table.objects[0].dec == pytest.approx(-(10 + 22 / 60 + 25.7 / 3600))
    assert (table.objects[2].vote_elliptical, table.objects[2].vote_spiral) == (0.85, 0.15)
    assert labels_of(read(tmp_path / "GalaxyZoo1_DR_table2.csv", min_votes=18, vote_threshold=0.79))[2] == 0


def test_which_columns_say_what_a_galaxy_is(tmp_path):
    cases = {
        "name,label,spiral,elliptical": "simple",
        "name,gz2_class,label": "gz2_class",
        "name,gz2class": "gz2_class",
        "name,spiral,elliptical,uncertain": "gz1",
        f"name,gz2_class,{SMOOTH},{FEATURES},{SPIRAL_ARMS}": "gz2",
        f"name,gz2_class,{SMOOTH},{FEATURES}": "gz2_class",
    }
    for header, expected in cases.items():
        row = ",".join(["a"] + ["1"] * header.count(","))
        assert read(write(tmp_path / "t.csv", f"{header}\n{row}\n")).label_format == expected


@pytest.mark.parametrize(
    ("header", "label_format", "message"),
    [
        ("galaxy,label", "auto", "no column of object names .*; it begins with galaxy, label"),
        (
            "name,kind",
            "auto",
            "no column 'label', which label_format 'simple' needs; nor the columns of another",
        ),
        ("name,Lable", "simple", "no column 'label'.*the nearest is 'Lable'"),
        (f"name,{SMOOTH}", "auto", f"no column '{FEATURES}', which label_format 'gz2' needs"),
        ("objid,p_el,p_cs", "gz1", "no column 'p_el_debiased', which label_format 'gz1' needs"),
        ("name,label", "gz2_class", "no column 'gz2_class'"),
    ],
)
def test_tables_that_lack_columns(tmp_path, header, label_format, message):
    path = write(tmp_path / "t.csv", header + "\n" + "a," * header.count(",") + "spiral\n")
    with pytest.raises(TableError, match=message) as caught:
        read(path, label_format=label_format)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_positions_that_are_none(tmp_path):
    table = Table(SIMPLE)
    table["label"] = "spiral"
    table["name"] = list("abcde")
    table["ra"] = MaskedColumn([1.0, -9999.0, 361.0, -90.0, 5.0], mask=[True, False, False, False, False])
    table["dec"] = ["0.5", "1", "2", "3", "12h"]
    table.write(tmp_path / "t.csv")
    known = {entry.row: (entry.ra, entry.dec) for entry in read(tmp_path / "t.csv").objects if entry.ra >= 0}
    assert known == {4: (270.0, 3.0)}


def test_positions_in_other_units(tmp_path):
    units = {"RA": "rad", "DEC": "arcmin"}
    table = Table({"name": ["a"], "label": ["0"], "RA": [np.pi / 2], "DEC": [60.0]}, units=units)
    for name, table_format in (("t.fits", "fits"), ("t.ecsv", "ascii.ecsv"), ("t.vot", "votable")):
        table.write(tmp_path / name, format=table_format)
        entry = read(tmp_path / name).objects[0]
        assert (entry.ra, entry.dec) == (pytest.approx(90), pytest.approx(1))


def test_names_by_position(tmp_path):
    stamps = write(
        tmp_path / "stamps.csv",
        "ID,RA,DEC\nSPLUS.1,10,20\nSPLUS.2,11,20\nSPLUS.3,11.0001,20\nSPLUS.4,12,20\n",
    )
    labels = write(
        tmp_path / "labels.csv",
        "objid,label,ra,dec\n1,spiral,10,20.0001\n2,spiral,11,20\n3,spiral,,\n4,spiral,50,50\n"
        "5,blob,12,20\n,spiral,12,20\n7,elliptical,12,20.0001\n".replace(
            "00:40:00,+20:00:00.5", "10,20.0001"
        ),
    )
    table = read(labels, positions=str(stamps))
    assert labels_of(table) == {
        1: 0,
        2: "ambiguous_match",
        3: "bad_position",
        4: "unmatched",
        5: "bad_label",
        6: "no_name",
        7: 1,
    }
    assert [(entry.name, entry.ra, entry.dec) for entry in table.objects] == [
        ("SPLUS.1", 10.0, 20.0001),
        ("SPLUS.4", 12.0, 20.0001),
    ]
    assert [reject.name for reject in table.rejects] == ["2", "3", "4", "5", ""]
    assert table.matches == [
        Match(1, "1", "SPLUS.1", pytest.approx(0.36, abs=1e-3)),
        Match(7, "7", "SPLUS.4", pytest.approx(0.36, abs=1e-3)),
    ]
    with pytest.raises(TableError, match=r"labels\.csv has no column 'dec', which \[data\] positions needs"):
        read(write(labels, "name,label,ra\na,spiral,1\n"), positions=str(stamps))
    with pytest.raises(TableError, match=r"nowhere\.csv does not exist"):
        read(write(labels, "name,label,ra,dec\na,spiral,1,2\n"), positions=str(tmp_path / "nowhere.csv"))


def test_positions_that_are_impossible_are_dropped_and_noted(tmp_path):
    (tmp_path / "l.csv").write_text("name,label,ra,dec\na,spiral,400.5,1\nb,spiral,10,1\nc,elliptical,,\n")
    table = read_labels(DataSettings(labels=str(tmp_path / "l.csv"), stamps="{name}_{band}.fits"))
    assert [math.isnan(entry.ra) for entry in table.objects] == [True, False, True]
    assert table.notes == ["l.csv: 2 rows have no valid position"]
