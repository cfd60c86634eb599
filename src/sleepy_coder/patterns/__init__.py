"""Generators of broken programs, one file per family of mistakes."""
