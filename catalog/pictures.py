"""Pictures of some objects of a catalogue, as the network sees them."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from catalog.batches import Reader
from catalog.plan import Plan, objects_of
from catalog.store import Store
from preprocessing.settings import ImageSettings
from serving.predict.quiet import without_native_messages

_AT_ONCE = 16


def pictures_of(
    store: Store, plan: Plan, reader: Reader, rows: Collection[int], image: ImageSettings
) -> dict[int, bytes]:
    """Read some objects once more, and return their pictures.

    Parameters
    ----------
    store : Store
        Work folder.
    plan : Plan
    reader : Reader
    rows : collection of int
        Row numbers of the input, from 0.
    image : ImageSettings
        Of the model.

    Returns
    -------
    dict of int to bytes
        PNG files, north up, by row number. Objects that can no longer be read have none.
    """
    with without_native_messages():
        import tensorflow as tf

    from preprocessing.picture import make_picture
    from preprocessing.picture_files import upright_pngs

    wanted = pa.array(sorted(rows), pa.int64())
    found: dict[int, bytes] = {}
    for _, objects in objects_of(store, plan.digest, range(len(plan.ends))):
        here = objects.filter(pc.is_in(objects.column("row"), value_set=wanted))
        for batch in reader(here, _AT_ONCE) if len(here) else ():
            if len(batch.good):
                pictures = tf.cast(make_picture(tf.constant(batch.flux), image), tf.uint8)
                found |= zip(batch.good.tolist(), upright_pngs(pictures), strict=True)
    return found
