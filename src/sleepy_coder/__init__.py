"""A local Rust-repair assistant that learns from verified fixes and forgets nothing."""

__version__ = "0.1.0"
