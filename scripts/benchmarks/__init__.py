"""The figures of DESIGN §8, one JSON line each: recorded, never asserted."""
