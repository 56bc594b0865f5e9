"""Fixtures of `inspected_survey`."""

from inspected_survey import survey_folder

__all__ = ["survey_folder"]
