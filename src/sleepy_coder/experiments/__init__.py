"""Experiments: each settles one claim, can be interrupted, and leaves result files and figures."""
