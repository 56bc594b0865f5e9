"""Field images: stamps are cut from them in memory."""
