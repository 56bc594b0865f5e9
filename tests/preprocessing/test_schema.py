# TFX must come first: it replaces a part of tfx-bsl that TFDV imports and that is no longer shipped.
import tfx  # noqa: F401  # isort: skip
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv

from preprocessing import features
from preprocessing.schema import example_schema


def statistics(**changed: float):
    row = dict.fromkeys(features.scalar_features("IRG"), 1.0)
    row |= {features.LABEL: 1, features.FOLD: 0, features.HEIGHT: 128, features.WIDTH: 128}
    row |= {features.statistic_feature(kind, band): 0.1 for band in "IRG" for kind in features.STATISTICS}
    row |= changed
    return tfdv.generate_statistics_from_dataframe(pd.DataFrame([row] * 3), n_jobs=1)


def anomalies(**changed: float) -> list[str]:
    found = tfdv.validate_statistics(statistics(**changed), example_schema("IRG"))
    return sorted(found.anomaly_info)


def test_good_data_has_no_anomaly_although_pixels_have_no_statistics():
    assert anomalies() == []


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("ra", 400.0),
        ("dec", -91.0),
        ("label", 2),
        ("saturated_R", 1.1),
        ("noise_I", -1.0),
        ("mean_G", float("inf")),
    ],
)
def test_what_is_out_of_bounds_is_found_by_name(feature, value):
    assert anomalies(**{feature: value}) == [feature]


def test_transform_finds_what_it_reads():
    """Once one feature has a representation, Transform sees no other without one."""
    read = {features.NAME, features.LABEL, features.FOLD, features.HEIGHT, features.WIDTH}
    read |= {features.VOTE_ELLIPTICAL, features.VOTE_SPIRAL, *map(features.flux_feature, "IRG")}
    assert read == set(example_schema("IRG").tensor_representation_group[""].tensor_representation)
