import math
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.stats import sigma_clipped_stats
from astropy.wcs import WCS
from field_survey import (
    BANDS,
    description,
    header,
    pixels,
    read_by_astropy,
    write_field,
    write_image,
    write_table,
)

from catalog.errors import CatalogError
from catalog.fields.input import fields_input
from catalog.objects import Input
from evaluation.formats.catalogue import Flag
from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.rejects import REASONS
from preprocessing.stamps import StampReader

SHAPE = (120, 150)


@pytest.fixture
def plan(tmp_path):
    def make(fields, sources, side=16, stamp_side=None, **settings) -> Input:
        tables = write_table(tmp_path / "fields.csv", fields), write_table(tmp_path / "sources.csv", sources)
        return fields_input(*tables, description(side, **settings), stamp_side)

    return make


def read(source: Input, size: int = 7) -> tuple[dict, dict, dict]:
    """Return flux, flags and rejects of all objects by row number."""
    flux, flags, rejects, rows = {}, {}, {}, []
    reader = pickle.loads(pickle.dumps(source.reader))
    start = 0
    for count in source.groups:
        objects = source.objects.slice(start, count)
        start += count
        for row in objects.to_pylist():
            if row["reason"] is not None:
                rejects[row["row"]] = row["reason"], row["message"]
                rows.append(row["row"])
        objects = objects.filter(objects.column("reason").is_null())
        for batch in reader(objects, size) if len(objects) else ():
            assert len(batch.rows) <= size and len(batch.flux) == len(batch.flags) == len(batch.good)
            rows += batch.rows.tolist()
            flux |= dict(zip(batch.good.tolist(), batch.flux, strict=True))
            flags |= {
                row: Flag(value) for row, value in zip(batch.good.tolist(), batch.flags.tolist(), strict=True)
            }
            rejects |= {item.row: (item.reason, item.message) for item in batch.rejects}
    assert start == len(source.objects) and sorted(rows) == list(range(len(source.objects)))
    assert {reason for reason, _ in rejects.values()} <= REASONS.keys()
    return flux, flags, rejects


def sky(wcs: WCS, count: int, seed: int = 0, margin: int = 12) -> list[dict]:
    """Return sources at random positions in an image."""
    random = np.random.default_rng(seed)
    x = random.uniform(margin, SHAPE[1] - 1 - margin, count)
    y = random.uniform(margin, SHAPE[0] - 1 - margin, count)
    ra, dec = wcs.pixel_to_world_values(x, y)
    return [
        {"name": f"g{number}", "ra": f"{a:.9f}", "dec": f"{d:.9f}"}
        for number, (a, d) in enumerate(zip(ra, dec, strict=True))
    ]


@pytest.mark.parametrize("compression", ["RICE_1", ""])
@pytest.mark.parametrize("side", [16, 17])
def test_stamps_are_the_slices_of_the_images(tmp_path, plan, compression, side):
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE, angle=20), compression=compression)
    images = [read_by_astropy(tmp_path / row["path"]) for row in rows]
    sources = sky(images[0][1], 40)
    flux, flags, rejects = read(plan(rows, sources, side))
    assert not rejects and set(flags.values()) == {Flag(0)}
    for row, source in enumerate(sources):
        place = SkyCoord(float(source["ra"]), float(source["dec"]), unit="deg")
        x, y = (math.floor(value + 0.5) for value in images[0][1].world_to_pixel(place))
        for band, (image, wcs) in enumerate(images):
            top, left = y - side // 2, x - side // 2
            assert np.array_equal(flux[row][:, :, band], image[top : top + side, left : left + side])
            if side % 2:  # about a pixel; of an even side Cutout2D takes the pixels about a corner
                assert np.array_equal(flux[row][:, :, band], Cutout2D(image, place, side, wcs).data)


def test_objects_lie_in_groups_by_field_and_in_order_of_y(tmp_path, plan):
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE)) + write_field(
        tmp_path, "F2", header(10, 2, SHAPE), seed=1
    )
    second, first = (read_by_astropy(tmp_path / rows[place]["path"])[1] for place in (3, 0))
    sources = [*sky(second, 5), {"name": "off", "ra": 200, "dec": 0}, *sky(first, 4, seed=1)]
    source = plan(rows, sources)
    assert source.groups == [4, 5, 1]
    table = source.objects
    assert table.column("field").to_pylist()[:9] == [0] * 4 + [1] * 5
    for part in (table.slice(0, 4), table.slice(4, 5)):
        y = part.column("y").to_pylist()
        assert y == sorted(y)
    assert table.column("reason").to_pylist() == [None] * 9 + ["off_fields"]
    assert sorted(table.column("row").to_pylist()) == list(range(10))


def test_pixel_coordinates_are_those_of_fits(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None)
    image, _ = read_by_astropy(tmp_path / rows[0]["path"])
    places = [(60, 50), (60.49, 50.49), (60.51, 50.51), (59.5, 49.5)]
    sources = [{"name": "a", "field": "F1", "x": x, "y": y} for x, y in places]
    flux, _, _ = read(plan(rows, sources))
    for row, (x, y) in enumerate([(59, 49), (59, 49), (60, 50), (59, 49)]):
        assert np.array_equal(flux[row][:, :, 0], image[y - 8 : y + 8, x - 8 : x + 8])


def test_sources_in_pixels_get_their_position(tmp_path, plan):
    rows = write_field(tmp_path, "F1", header(0.001, 2, SHAPE))
    _, wcs = read_by_astropy(tmp_path / rows[0]["path"])
    source = plan(rows, [{"name": "a", "field": "F1", "X_IMAGE": 100.25, "Y_IMAGE": 30.5}])
    ra, dec = wcs.all_pix2world([[100.25, 30.5]], 1)[0]
    assert source.objects.column("ra").to_pylist() == pytest.approx([ra % 360], abs=1e-10)
    assert source.objects.column("dec").to_pylist() == pytest.approx([dec], abs=1e-10)


def test_a_stamp_file_cut_by_the_rule_gives_the_same_flux(tmp_path, plan):
    # The stamp of 41 pixels about the source is cut by `centre_cut` as the field is cut.
    settings = {"zero_points": "header", "background": "sigma_clip"}
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE, MAGZERO=23.7, SATURATE=1e4), compression="")
    images = [read_by_astropy(tmp_path / row["path"]) for row in rows]
    sources = sky(images[0][1], 12, margin=25)
    flux, _, _ = read(plan(rows, sources, 16, 41, **settings))
    for row, source in enumerate(sources):
        place = SkyCoord(float(source["ra"]), float(source["dec"]), unit="deg")
        for band, (image, wcs) in zip(BANDS, images, strict=True):
            x, y = (math.floor(value + 0.5) for value in wcs.world_to_pixel(place))
            top, left = y - 8 - 12, x - 8 - 12
            cards = fits.Header({"MAGZERO": 23.7, "SATURATE": 1e4})
            fits.PrimaryHDU(image[top : top + 41, left : left + 41], cards).writeto(
                tmp_path / f"{source['name']}_{band}.fits"
            )
        reader = description(16, **settings).reader(str(tmp_path / "{name}_{band}.fits"))
        assert isinstance(reader, StampReader)
        stamp = reader.read(source["name"])
        for band, name in enumerate(BANDS):
            assert np.array_equal(flux[row][:, :, band], stamp.planes[name].flux)


def test_beyond_the_edge_there_are_no_data(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None)
    image, _ = read_by_astropy(tmp_path / rows[0]["path"])
    places = {"inside": (9, 60), "edge": (8, 60), "corner": (8, 8), "most": (2, 60), "last": (150, 120)}
    sources = [{"name": name, "field": "F1", "x": x, "y": y} for name, (x, y) in places.items()]
    flux, flags, rejects = read(plan(rows, sources))
    assert flags == {0: Flag(0), 1: Flag.EDGE | Flag.BLANK, 2: Flag.EDGE | Flag.BLANK}
    assert np.isnan(flux[1][:, 0]).all() and np.array_equal(flux[1][:, 1:, 0], image[51:67, 0:15])
    assert np.array_equal(flux[2][1:, 1:, 0], image[:15, :15])
    assert {row: reason for row, (reason, _) in rejects.items()} == {3: "too_blank", 4: "too_blank"}
    assert "beyond the edge" in rejects[3][1]


def test_weights_mark_pixels_without_data(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None)
    weight = np.full(SHAPE, 3.0, "f4")
    weight[50, 40], weight[50, 41], weight[50, 42], weight[50, 43] = 0, -1, np.nan, np.inf
    write_image(tmp_path / "w.fits", weight, None, "")
    for row in rows:
        row["weight_path"] = "w.fits" if row["band"] == "R" else ""
    sources = [{"name": "a", "field": "F1", "x": 41, "y": 51}]
    flux, flags, _ = read(plan(rows, sources))
    assert np.argwhere(np.isnan(flux[0])).tolist() == [[8, 8 + column, 1] for column in range(4)]
    assert flags == {0: Flag.BLANK}
    write_image(tmp_path / "w.fits", weight[:-1], None, "")
    with pytest.raises(CatalogError, match=r"w\.fits has 150 x 119 pixels"):
        plan(rows, sources)


def test_zero_points_of_the_table_replace_those_of_the_headers(tmp_path, plan):
    rows = write_field(tmp_path, "F1", fits.Header({"MAGZERO": 25.0}))
    sources = [{"name": "a", "field": "F1", "x": 41, "y": 51}]
    for row in rows:
        row["zero_point"] = 20.0 if row["band"] == "I" else ""
    for rule in ("header", {"I": 25.0, "R": 25.0, "G": 25.0}):
        flux, _, _ = read(plan(rows, sources, zero_points=rule))
        bands = [read_by_astropy(tmp_path / row["path"])[0][42:58, 32:48] for row in rows]
        assert np.allclose(flux[0][:, :, 0], bands[0] * 10 ** (-0.4 * (20 - 22.5)), rtol=1e-6)
        assert np.allclose(flux[0][:, :, 1], bands[1] * 10 ** (-0.4 * (25 - 22.5)), rtol=1e-6)
    with pytest.raises(CatalogError, match="zero_point for field F1, band I"):
        plan(rows, sources)


def test_a_field_without_zero_point_costs_its_objects(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None) + write_field(tmp_path, "F2", fits.Header({"MAGZERO": 25.0}))
    sources = [{"name": "a", "field": field, "x": 41, "y": 51} for field in ("F1", "F2")]
    flux, _, rejects = read(plan(rows, sources, zero_points="header"))
    assert set(flux) == {1} and rejects[0][0] == "no_zero_point"


def test_saturated_and_filled_and_contradicting_images(tmp_path, plan):
    image = pixels(SHAPE, 3)
    image[50, 40:45] = 60000
    image[52:58, 30:42] = 0
    rows = []
    for band in BANDS:
        cards = fits.Header({"SATURATE": 50000.0, "FILTER": "R"})
        write_image(tmp_path / f"{band}.fits", image, cards, "")
        rows.append({"field": "F1", "band": band, "path": f"{band}.fits"})
    source = plan(rows, [{"name": "a", "field": "F1", "x": 41, "y": 51}], side=32)
    flux, flags, _ = read(source)
    assert flags == {0: Flag.SATURATED | Flag.BLANK | Flag.STAMP_QUALITY}
    assert np.isnan(flux[0][18:24, 6:18]).all()
    assert any("the header says R, --fields I" in notice for notice in source.notices)


def test_the_sky_is_that_of_the_cutout_of_the_training_stamps(tmp_path, plan):
    image = pixels(SHAPE, 0)
    image += np.linspace(0, 100, SHAPE[0], dtype="f4")[:, None]
    rows = []
    for band in BANDS:
        write_image(tmp_path / f"{band}.fits", image, None, "")
        rows.append({"field": "F1", "band": band, "path": f"{band}.fits"})
    sources = [{"name": "a", "field": "F1", "x": 41, "y": 61}]
    with pytest.raises(CatalogError, match="--stamp-size"):
        plan(rows, sources, background="sigma_clip")
    with pytest.raises(CatalogError, match="below the cut"):
        plan(rows, sources, background="sigma_clip", stamp_side=15)
    for wide in (16, 40):
        flux, _, _ = read(plan(rows, sources, background="sigma_clip", stamp_side=wide))
        top, left = 60 - 8 - (wide - 16) // 2, 40 - 8 - (wide - 16) // 2
        _, level, _ = sigma_clipped_stats(image[top : top + wide, left : left + wide], sigma=3, maxiters=5)
        assert np.allclose(flux[0][:, :, 0], image[52:68, 32:48] - level, atol=1e-4)


@pytest.mark.parametrize("stamp", [(40, 40), (40, 44)])
def test_the_model_may_record_the_size_of_the_training_stamps(tmp_path, stamp):
    rows = []
    for band in BANDS:
        write_image(tmp_path / f"{band}.fits", pixels(SHAPE, 0), None, "")
        rows.append({"field": "F1", "band": band, "path": f"{band}.fits"})
    fields = write_table(tmp_path / "fields.csv", rows)
    sources = write_table(tmp_path / "sources.csv", [{"name": "a", "field": "F1", "x": 41, "y": 61}])
    ranges = TrainingRanges(300, None, None, stamp)
    model = replace(description(16, background="sigma_clip"), training=ranges)
    if stamp[0] != stamp[1]:
        with pytest.raises(CatalogError, match="--stamp-size"):
            fields_input(fields, sources, model)
    else:
        assert fields_input(fields, sources, model).reader.stamp_side == 40
    assert fields_input(fields, sources, model, 30).reader.stamp_side == 30


def test_the_next_field_is_tried_if_the_best_has_no_data_there(tmp_path, plan):
    first, second = header(150, 2, SHAPE), header(150, 2, SHAPE, shift=-30)
    rows = write_field(tmp_path, "F1", first, seed=1) + write_field(tmp_path, "F2", second, seed=2)
    image, wcs = read_by_astropy(tmp_path / rows[0]["path"])
    image[50:70, 60:90] = np.nan
    write_image(tmp_path / rows[1]["path"], image, first, "")
    ra, dec = (float(value) for value in wcs.pixel_to_world_values(75, 60))
    source = plan(rows, [{"name": "a", "ra": ra, "dec": dec}])
    assert source.objects.column("field").to_pylist() == [0]
    assert source.objects.column("others").to_pylist() == [[1, 45, 60]]
    flux, _, rejects = read(source)
    other, _ = read_by_astropy(tmp_path / rows[3]["path"])
    assert not rejects and np.array_equal(flux[0][:, :, 0], other[52:68, 37:53])
    other[50:70] = np.nan
    write_image(tmp_path / rows[4]["path"], other, second, "")
    _, _, rejects = read(plan(rows, [{"name": "a", "ra": ra, "dec": dec}]))
    assert rejects[0][0] == "too_blank" and "also tried" in rejects[0][1]


def test_every_kind_of_row_has_one_outcome(tmp_path, plan):
    rows = [
        *write_field(tmp_path, "whole", header(150, 2, SHAPE)),
        *write_field(tmp_path, "two", header(10, 2, SHAPE), bands=("I", "R")),
        *write_field(tmp_path, "blind", None),
        *write_field(tmp_path, "gone", header(30, 2, SHAPE)),
    ]
    (tmp_path / rows[-1]["path"]).unlink()
    sources = [
        {"name": "good", "ra": 150, "dec": 2, "field": "", "x": "", "y": ""},
        {"name": "good", "ra": 150, "dec": 2, "field": "", "x": "", "y": ""},  # names repeat
        {"name": "off", "ra": 250, "dec": 2, "field": "", "x": "", "y": ""},
        {"name": "two bands", "ra": 10, "dec": 2, "field": "", "x": "", "y": ""},
        {"name": "missing file", "ra": 30, "dec": 2, "field": "", "x": "", "y": ""},
        {"name": "nowhere", "ra": "", "dec": "", "field": "", "x": "", "y": ""},
        {"name": "", "ra": 150, "dec": 2, "field": "", "x": "", "y": ""},
        {"name": "by pixel", "ra": "", "dec": "", "field": "blind", "x": 60, "y": 60},
        {"name": "also on the sky", "ra": 77, "dec": 2, "field": "blind", "x": 60, "y": 60},
        {"name": "outside", "ra": "", "dec": "", "field": "blind", "x": 151, "y": 60},
        {"name": "unknown field", "ra": "", "dec": "", "field": "F9", "x": 60, "y": 60},
    ]
    source = plan(rows, sources)
    flux, _, rejects = read(source)
    assert set(flux) == {0, 1, 7, 8}
    assert {row: reason for row, (reason, _) in rejects.items()} == {
        2: "off_fields",
        3: "missing_band",
        4: "missing_file",
        5: "bad_position",
        6: "no_name",
        9: "off_fields",
        10: "off_fields",
    }
    assert "F9" in rejects[10][1] and "band G" in rejects[3][1]
    assert any("1 missing_band, 1 missing_file" in notice for notice in source.notices)
    assert any("no coordinate system, first blind" in notice for notice in source.notices)


def test_another_field_serves_where_one_lacks_a_band(tmp_path, plan):
    rows = write_field(tmp_path, "two", header(150, 2, SHAPE), bands=("I", "R")) + write_field(
        tmp_path, "whole", header(150, 2, SHAPE, shift=40)
    )
    image, wcs = read_by_astropy(tmp_path / rows[2]["path"])
    ra, dec = wcs.pixel_to_world_values(114.2, 60.3)
    flux, _, _ = read(plan(rows, [{"name": "a", "ra": ra, "dec": dec}]))
    assert np.array_equal(flux[0][:, :, 0], image[52:68, 106:122])


def test_a_damaged_tile_costs_the_objects_that_it_touches(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None, compression="GZIP_1")
    path = tmp_path / rows[1]["path"]
    with fits.open(path, disable_image_compression=True) as hdus:
        start, cards = hdus.fileinfo(1)["datLoc"], hdus[1].header
    content = bytearray(path.read_bytes())
    length, offset = np.frombuffer(content, ">i4", 2, start + 60 * cards["NAXIS1"]).tolist()
    first = start + cards["NAXIS1"] * cards["NAXIS2"] + offset
    content[first : first + length] = b"\xff" * length
    path.write_bytes(content)
    sources = [{"name": f"y{y}", "field": "F1", "x": 70, "y": y} for y in (30, 52, 60, 69, 70, 90)]
    flux, _, rejects = read(plan(rows, sources))
    # Row 61 in FITS; the stamp reaches from y - 8 to y + 7.
    assert set(flux) == {0, 1, 4, 5}
    assert {reason for reason, _ in rejects.values()} == {"unreadable"} and "rows 61 to 61" in rejects[2][1]


def test_a_file_that_vanishes_after_planning_costs_its_objects(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None) + write_field(tmp_path, "F2", None)
    sources = [{"name": field, "field": field, "x": 60, "y": 60} for field in ("F1", "F2", "F1")]
    source = plan(rows, sources)
    (tmp_path / rows[2]["path"]).unlink()
    flux, _, rejects = read(source)
    assert set(flux) == {1} and {row: reason for row, (reason, _) in rejects.items()} == {
        0: "missing_file",
        2: "missing_file",
    }


def test_the_digest_follows_tables_model_and_images(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None)
    sources = [{"name": "a", "field": "F1", "x": 60, "y": 60}]
    first = plan(rows, sources).digest
    assert plan(rows, sources).digest == first
    digests = {first, plan(rows, [{**sources[0], "x": 61}]).digest, plan(rows, sources, side=15).digest}
    digests.add(plan(rows, sources, max_blank=0.3).digest)
    write_image(tmp_path / rows[0]["path"], pixels(SHAPE, 77), None)
    digests.add(plan(rows, sources).digest)
    assert len(digests) == 5


def test_an_input_without_any_usable_source_is_refused(tmp_path, plan):
    rows = write_field(tmp_path, "F1", header(150, 2, SHAPE))
    with pytest.raises(CatalogError, match="no field covers the position"):
        plan(rows, [{"name": "a", "ra": 10, "dec": 2}])
    with pytest.raises(CatalogError, match="has no image in band G"):
        plan(rows[:2], [{"name": "a", "ra": 150, "dec": 2}])


def test_sources_of_fields_without_coordinate_system(tmp_path, plan):
    rows = write_field(tmp_path, "F1", None)
    with pytest.raises(CatalogError, match="no field covers the position"):
        plan(rows, [{"name": "a", "ra": 150, "dec": 2}])
    with pytest.raises(CatalogError, match="needs ra and dec"):
        plan(rows, [{"name": "a", "x": 60, "y": 2}])


def test_real_bands_are_cut_as_astropy_cuts_them(real_data, tmp_path):
    folder = real_data / "fits-corpus"
    fields = write_table(
        tmp_path / "fields.csv",
        [
            {
                "field": "ngc6976",
                "band": band,
                "path": folder / f"ngc6976_{band}_wrong_filter_keyword.fits.bz2",
            }
            for band in "gri"
        ],
    )
    images = {}
    for band in "gri":
        with (
            fits.open(folder / f"ngc6976_{band}_wrong_filter_keyword.fits.bz2") as hdus,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            images[band.upper()] = hdus[0].data.astype("f4"), WCS(hdus[0].header)
    image, wcs = images["I"]
    random = np.random.default_rng(0)
    x, y = random.uniform(40, image.shape[1] - 40, 20), random.uniform(40, image.shape[0] - 40, 20)
    ra, dec = wcs.pixel_to_world_values(x, y)
    sources = write_table(
        tmp_path / "sources.csv",
        [{"name": f"s{row}", "ra": a, "dec": d} for row, (a, d) in enumerate(zip(ra, dec, strict=True))],
    )
    flux, flags, rejects = read(fields_input(fields, sources, description(63)))
    assert len(flux) + len(rejects) == 20 and len(flux) > 15
    for row, stamp in flux.items():
        place = SkyCoord(ra[row], dec[row], unit="deg")
        for band, name in enumerate(BANDS):
            assert np.array_equal(
                stamp[:, :, band], Cutout2D(images[name][0], place, 63, images[name][1]).data
            )
    assert all(Flag.STAMP_QUALITY in flag for flag in flags.values())  # all headers say FILTER = 'g'
