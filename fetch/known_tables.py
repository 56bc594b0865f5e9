"""Published tables: Galaxy Zoo, as data.galaxyzoo.org lists them, and OpenNGC."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownTable:
    """A published table.

    Attributes
    ----------
    url : str
    what : str
        Title and size.
    cite : str
        What a paper that uses it must cite.
    sha256 : str or None
        Of the file. The publisher gives none; where one stands here, others have published it.
    """

    url: str
    what: str
    cite: str
    sha256: str | None = None


_GZ1 = "Lintott et al. 2008, MNRAS 389, 1179; 2011, MNRAS 410, 166"
_GZ2 = "Willett et al. 2013, MNRAS 435, 2835"
_S3 = "https://zooniverse-data.s3.amazonaws.com/galaxy-zoo-2"

TABLES = {
    "gz1": KnownTable(
        "https://galaxy-zoo-1.s3.amazonaws.com/GalaxyZoo1_DR_table2.csv.gz",
        "Galaxy Zoo 1, table 2: 667,944 galaxies with spectra",
        _GZ1,
        # Stated alike in public repositories that pin their input to it; the row count is that of the paper.
        "5121e43f502856c9f73e31934a6e7d7282669c3ae065564a31f5d5115f45541d",
    ),
    "gz2": KnownTable(
        "https://gz2hart.s3.amazonaws.com/gz2_hart16.csv.gz",
        "Galaxy Zoo 2, debiased by Hart et al. 2016: 239,695 galaxies",
        f"{_GZ2}; Hart et al. 2016, MNRAS 461, 3663",
    ),
    "gz2-willett": KnownTable(
        f"{_S3}/zoo2MainSpecz.csv.gz",
        "Galaxy Zoo 2, table 5 of Willett et al. 2013, main sample with spectra: 243,500 galaxies",
        _GZ2,
    ),
    "gz2-stripe82": KnownTable(
        f"{_S3}/zoo2Stripe82Normal.csv.gz",
        "Galaxy Zoo 2, table 7 of Willett et al. 2013, Stripe 82 at normal depth: 17,787 galaxies",
        _GZ2,
    ),
    "gz2-stripe82-coadd": KnownTable(
        f"{_S3}/zoo2Stripe82Coadd2.csv.gz",
        "Galaxy Zoo 2, table 9 of Willett et al. 2013, Stripe 82 coadds, second set: 19,761 galaxies",
        _GZ2,
    ),
    "openngc": KnownTable(
        "https://raw.githubusercontent.com/mattiaverga/OpenNGC/master/database_files/NGC.csv",
        "OpenNGC: 14,000 objects of the New General and Index Catalogues, with Hubble types",
        "M. Verga, OpenNGC, https://github.com/mattiaverga/OpenNGC (CC BY-SA 4.0)",
    ),
}
