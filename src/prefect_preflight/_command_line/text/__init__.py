"""The text form of a diagnosis: pure functions from data to lines."""
