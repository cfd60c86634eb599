"""Broken programs made of other people's Rust: real crates, cut down and mutated.

Nobody's code is in this repository. It holds which packages to fetch (`configs/mutants.toml`), how
to cut programs out of them and how to break those, and the hashes of what must come out.
"""
