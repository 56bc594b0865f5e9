"""Classify a survey: from stamps or field images to a catalogue."""
