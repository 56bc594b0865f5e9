import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.labels.matching import Matching, Positions, match_stamps, read_positions
from preprocessing.tables.files import TableError

ARCSEC = 1 / 3600


def at(*places, names=None) -> Positions:
    names = names or [f"n{index}" for index in range(len(places))]
    ra, dec = np.array(places, float).reshape(-1, 2).T
    return Positions(names, ra, dec)


def match(rows: Positions, stamps: Positions, radius=1.0, same=1.0) -> Matching:
    matching = match_stamps(rows, stamps, radius, same)
    assert set(matching.stamps) == set(matching.separations)
    assert sorted([*matching.stamps, *matching.refused]) == list(range(len(rows.names)))
    return matching


def reasons(matching: Matching) -> dict[int, str]:
    return {row: reason for row, (reason, _) in matching.refused.items()}


def test_one_stamp_within_the_radius():
    rows = at((10, 20), (10, 20 + 3 * ARCSEC), (30, 0), (np.nan, 0), names=["a", "b", "c", "d"])
    stamps = at((30, 0.5 * ARCSEC), (10, 20), names=["s0", "s1"])
    matching = match(rows, stamps)
    assert matching.stamps == {0: 1, 2: 0}
    assert matching.separations[2] == pytest.approx(0.5)
    assert reasons(matching) == {1: "unmatched", 3: "bad_position"}
    assert matching.refused[1][1] == "the nearest stamp, s1, is 3.00 arcsec away"


def test_two_stamps_within_the_radius():
    stamps = at((10, 0.5 * ARCSEC), (10, -0.9 * ARCSEC), (10, 1), names=["s0", "s1", "s2"])
    matching = match(at((10, 0)), stamps)
    assert matching.refused == {0: ("ambiguous_match", "the stamps s0 and s1 lie 0.50 and 0.90 arcsec away")}
    assert match(at((10, 0)), stamps, radius=0.8).stamps == {0: 0}


def test_one_stamp_in_the_table_of_positions():
    assert match(at((10, 0), (11, 0)), at((10, 0))).stamps == {0: 0}
    assert match(at((np.nan, np.nan)), at((10, 0))).stamps == {}


@pytest.mark.parametrize(
    ("row", "stamp"),
    [
        ((359.9999, 0), (0.0001, 0)),
        ((0, 0), (360, 0)),
        ((12, 89.99999), (192, 89.99999)),
        ((0, -90), (123, -90)),
    ],
)
def test_the_edges_of_the_sky(row, stamp):
    assert match(at(row), at(stamp, (100, 45))).stamps == {0: 0}


def test_several_rows_of_one_stamp():
    stamps = at((10, 0), (20, 0), (30, 0), names=["s0", "s1", "s2"])
    rows = at(
        (10, 0.6 * ARCSEC),  # two names, 1.2 arcsec apart
        (10, -0.6 * ARCSEC),
        (20, 0.4 * ARCSEC),  # two names, 0.8 arcsec apart
        (20, -0.4 * ARCSEC),
        (30, 0.6 * ARCSEC),  # one name, 1.2 arcsec apart
        (30, -0.6 * ARCSEC),
        names=["a", "b", "c", "d", "e", "e"],
    )
    matching = match(rows, stamps)
    assert reasons(matching) == {0: "ambiguous_match", 1: "ambiguous_match"}
    assert matching.refused[0][1] == "the stamp s0 is nearest to each of a (row 1), b (row 2)"
    assert matching.stamps == {2: 1, 3: 1, 4: 2, 5: 2}
    assert set(reasons(match(rows, stamps, same=0.0))) == {0, 1, 2, 3}


def test_a_stamp_that_very_many_rows_claim():
    rows = at(*[(10, 0)] * 20_000, names=[str(row) for row in range(20_000)])
    assert len(match(rows, at((10, 0))).stamps) == 0  # 20,000 names cannot be compared two by two


def great_circle(a, b) -> float:
    """Angle of two positions [arcsec], by the cross product of unit vectors."""

    def vector(ra, dec):
        ra, dec = math.radians(ra), math.radians(dec)
        return np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])

    a, b = vector(*a), vector(*b)
    return math.degrees(math.atan2(np.linalg.norm(np.cross(a, b)), a @ b)) * 3600


offset = st.floats(-4, 4, width=32)
near_pole = st.tuples(st.floats(0, 360), offset.map(lambda arcsec: 90 - abs(arcsec) * ARCSEC))
at_zero = st.tuples(
    offset.map(lambda arcsec: arcsec * ARCSEC % 360), offset.map(lambda arcsec: arcsec * ARCSEC)
)


@settings(deadline=None)
@given(
    st.sampled_from([near_pole, at_zero]).flatmap(
        lambda place: st.tuples(
            st.lists(place, min_size=1, max_size=8), st.lists(place, min_size=1, max_size=8)
        )
    ),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.sampled_from([0.0, 1.0]),
)
def test_agreement_with_every_distance_there_is(places, radius, same):
    rows, stamps = places
    distances = [[great_circle(row, stamp) for stamp in stamps] for row in rows]
    if any(abs(d - edge) < 1e-3 for line in distances for d in line for edge in (radius, 0.0) if d):
        return
    within = [[index for index, d in enumerate(line) if d <= radius] for line in distances]
    claimed = [found[0] if len(found) == 1 else None for found in within]
    expected = {}
    for row, found in enumerate(within):
        rivals = [
            other
            for other in range(len(rows))
            if claimed[other] is not None and claimed[other] == claimed[row]
        ]
        apart = [great_circle(rows[a], rows[b]) for a in rivals for b in rivals if a != b]
        if any(abs(d - same) < 1e-3 for d in apart):
            return
        if not found:
            expected[row] = "unmatched"
        elif len(found) > 1 or any(d > same for d in apart):
            expected[row] = "ambiguous_match"
    matching = match(at(*rows), at(*stamps), radius, same)
    assert reasons(matching) == expected
    for row, stamp in matching.stamps.items():
        assert stamp == claimed[row]
        assert matching.separations[row] == pytest.approx(distances[row][stamp], abs=1e-4)


def positions(path: Path, text: str) -> tuple[Positions, list[str]]:
    (path / "p.csv").write_text(text)
    return read_positions(path / "p.csv", "auto", 1.0)


def test_the_table_of_positions(tmp_path):
    stamps, notes = positions(
        tmp_path, "ID,RAJ2000,DEJ2000\n007,10,20\nb,,\nc,10,99\n,1,1\n007,10,20.0001\nd,00:00:04,-00:30:00\n"
    )
    assert stamps.names == ["007", "d"]
    assert stamps.ra.tolist() == pytest.approx([10, 1 / 60]) and stamps.dec.tolist() == [20, -0.5]
    assert [note.removeprefix(str(tmp_path)) for note in notes] == [
        "/p.csv: 3 of 6 rows have no name or no usable position and are ignored, the first in row 2 (b)",
        "/p.csv: 1 rows repeat the name and position of an earlier one",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,ra,dec\na,1,2\nb,1,2\na,1,2.001\n", "'a' in rows 1 and 3, 3.60 arcsec apart"),
        ("name,ra,dec\na,,\n", "no row with a name and a position"),
        ("name,ra\na,1\n", r"no column 'dec', which \[data\] positions needs"),
        ("name,ra,Decl\na,1,2\n", "no column 'dec'.*the nearest is 'Decl'"),
        ("stamp,ra,dec\na,1,2\n", "no column 'name'"),
    ],
)
def test_unusable_tables_of_positions(tmp_path, text, message):
    with pytest.raises(TableError, match=message):
        positions(tmp_path, text)
