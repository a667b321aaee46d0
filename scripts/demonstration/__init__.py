"""The demonstration: ten steps of the main job on real processes, each checked."""
