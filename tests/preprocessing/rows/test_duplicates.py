import math

from hypothesis import given
from hypothesis import strategies as st

from preprocessing.labels.reading import LabelledObject
from preprocessing.rows.duplicates import reject_duplicates


def entry(row: int, name: str, label: int = 0, ra: float = math.nan, dec: float = math.nan) -> LabelledObject:
    return LabelledObject(row, name, label, ra, dec, math.nan, math.nan, math.nan)


def outcome(entries, radius=1.0):
    kept, rejects = reject_duplicates(entries, radius)
    assert len(kept) + len(rejects) == len(entries)
    return {one.name for one in kept}, {(reject.row, reject.reason) for reject in rejects}


def test_a_name_listed_twice_is_kept_once():
    assert outcome([entry(1, "a"), entry(2, "b"), entry(3, "a")]) == ({"a", "b"}, {(3, "duplicate_name")})


def test_two_names_at_one_place_are_one_galaxy():
    near = 0.5 / 3600
    entries = [
        entry(1, "b", ra=10.0, dec=0.0),
        entry(2, "a", ra=10.0 + near, dec=0.0),
        entry(3, "c", ra=10.1, dec=0.0),
    ]
    assert outcome(entries) == ({"a", "c"}, {(1, "duplicate_position")})
    assert outcome(entries, radius=0.0) == ({"a", "b", "c"}, set())


def test_chains_are_one_galaxy_also_across_zero_hours():
    step = 0.8 / 3600
    chain = [
        entry(index + 1, f"g{index}", ra=(359.9999 + index * step) % 360, dec=20.0) for index in range(4)
    ]
    assert outcome(chain)[0] == {"g0"}


def test_contradictions_cost_all_rows_of_the_galaxy():
    entries = [entry(1, "a", 0), entry(2, "a", 1), entry(3, "b", 1)]
    assert outcome(entries) == ({"b"}, {(1, "label_conflict"), (2, "label_conflict")})


@given(order=st.permutations(list(range(8))))
def test_the_order_of_rows_does_not_matter(order):
    places = [(10, 0), (10.0001, 0), (20, 5), (20, 5), (30, -5), (40, 0), (40.00005, 0), (50, 0)]
    names = ["d", "b", "c", "a", "e", "f", "g", "h"]
    entries = [entry(1, names[index], ra=places[index][0], dec=places[index][1]) for index in order]
    assert {one.name for one in reject_duplicates(entries, 1.0)[0]} == {"b", "a", "e", "f", "h"}
