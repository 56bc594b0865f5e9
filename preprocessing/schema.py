"""The schema of the raw Examples, defined here rather than inferred from data."""

from collections.abc import Iterable

from tensorflow_metadata.proto.v0 import schema_pb2

from preprocessing import features

# Feature: least and greatest value. A value outside is a mistake in table or stamps.
_INTEGERS = {
    features.LABEL: (-1, 1),
    features.FOLD: (-1, 99),
    features.HEIGHT: (8, 8192),
    features.WIDTH: (8, 8192),
}
_OPTIONAL_FLOATS = {
    features.RIGHT_ASCENSION: (0.0, 360.0),
    features.DECLINATION: (-90.0, 90.0),
    features.MAGNITUDE: (-5.0, 40.0),
    features.VOTE_ELLIPTICAL: (0.0, 1.0),
    features.VOTE_SPIRAL: (0.0, 1.0),
}
_STATISTICS = {
    "mean": (None, None),
    "noise": (0.0, None),
    "saturated": (0.0, 1.0),  # the configuration sets narrower limits
    "blank": (0.0, 1.0),
}


def example_schema(bands: Iterable[str]) -> schema_pb2.Schema:
    """Return the schema of the raw Examples.

    Parameters
    ----------
    bands : iterable of str
        Bands in the Examples.

    Returns
    -------
    schema_pb2.Schema
        Required features have a fixed shape. Positions, magnitudes and votes may be absent. No float may be
        NaN or infinite.
    """
    schema = schema_pb2.Schema()
    for name, (least, greatest) in _INTEGERS.items():
        feature = _required(schema, name, schema_pb2.INT)
        feature.int_domain.min, feature.int_domain.max = least, greatest
    for name, bounds in _OPTIONAL_FLOATS.items():
        feature = schema.feature.add(name=name, type=schema_pb2.FLOAT)
        feature.value_count.min, feature.value_count.max = 0, 1
        _bound(feature, *bounds)
    for band in bands:
        for statistic in features.STATISTICS:
            name = features.statistic_feature(statistic, band)
            _bound(_required(schema, name, schema_pb2.FLOAT), *_STATISTICS[statistic])
    pixels = [features.flux_feature(band) for band in bands]
    for name in (features.NAME, features.POSITION, *pixels):
        schema.feature.add(name=name, type=schema_pb2.BYTES)
    for name in (features.NAME, *_INTEGERS, *pixels):
        _transformed(schema, name)
    tensors = schema.tensor_representation_group[""].tensor_representation
    for name in (features.VOTE_ELLIPTICAL, features.VOTE_SPIRAL):
        tensors[name].varlen_sparse_tensor.column_name = name
    return schema


def _transformed(schema: schema_pb2.Schema, name: str) -> None:
    """Make Transform read a feature as a dense tensor, which fails if an Example lacks it.

    Features of bytes need this in place of `presence`: the validator checks `presence` against the
    statistics, which leave these features out.
    """
    dense = schema.tensor_representation_group[""].tensor_representation[name].dense_tensor
    dense.column_name = name
    dense.shape.dim.add(size=1)


def _required(
    schema: schema_pb2.Schema, name: str, kind: "schema_pb2.FeatureType.ValueType"
) -> schema_pb2.Feature:
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.min_fraction = 1.0
    feature.presence.min_count = 1
    feature.shape.dim.add(size=1)
    return feature


def _bound(feature: schema_pb2.Feature, least: float | None, greatest: float | None) -> None:
    domain = feature.float_domain
    domain.disallow_nan = domain.disallow_inf = True
    if least is not None:
        domain.min = least
    if greatest is not None:
        domain.max = greatest
