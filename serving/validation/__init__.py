"""Trial of a candidate as a server loads it, in a process of its own, before it is published. No TFX."""
