"""Writers of the catalogue: CSV, ECSV, FITS, VOTable and Parquet, from blocks of rows."""
