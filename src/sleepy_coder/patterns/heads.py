"""What files begin with: a licence, inner documentation, attributes of the crate.

A repair often adds an import, which must stand below all of these. Programs that begin with their
imports never teach that.
"""

from __future__ import annotations

from random import Random

from sleepy_coder.patterns.notation import expand
from sleepy_coder.patterns.vocabulary import draw_words

# The chance of a head; of each of its parts then (one time in seven none is drawn), and of a blank
# line below.
_SHARE = 0.35
_LICENCE_SHARE, _DOCS_SHARE, _ATTRIBUTES_SHARE = 0.25, 0.75, 0.25
_BLANK_SHARE = 0.85

_LICENCES = (
    "// SPDX-License-Identifier: Apache-2.0",
    "// SPDX-License-Identifier: MIT OR Apache-2.0",
    "// Copyright 2021 The $store developers.\n// All rights reserved.",
    "// Copyright (c) $store contributors\n//\n// Licensed under the MIT licence, see LICENSE-MIT.",
    "/*\n * Part of the $store tools.\n * Released into the public domain.\n */",
)

_DOCS = (
    "//! The $store: what is kept and what is shown of it.",
    "//! Helpers around `$Entity`.",
    "//! Small tools for $entities.",
    "//! Types shared by the $store and its reports.",
    "//! Reads, checks and prints $entities.",
    "//! This module is internal; use the one above it.",
    "//! Everything that does not fit anywhere else.",
    "//! An in-memory $store.\n//!\n//! Nothing here touches the disk.",
    "//! $Entity handling.\n//!\n//! All amounts are whole numbers, all names are UTF-8.",
    "//! # $Store\n//!\n//! A thin layer over the standard library's collections.",
    (
        "//! Support code.\n//!\n"
        "//! - no allocation where it can be avoided\n//! - no panics on bad input"
    ),
    "//! How $entities are kept.\n//!\n//! ```text\n//! $w1 $n1\n//! $w2 $n2\n//! ```",
    "//! Implementation notes\n//! ====================\n//! Order is kept; $entities are small.",
    "//! The $store's half of the protocol: nothing in here may change\n//! without a new version.",
    "/*! The $store, as the command line shows it. */",
)

_ATTRIBUTES = (
    "#![allow(dead_code)]",
    "#![forbid(unsafe_code)]",
    "#![warn(missing_docs)]",
    "#![allow(unused_variables, dead_code)]",
    "#![allow(clippy::needless_return)]",
)


def put_head(program: str, rng: Random) -> str:
    """Return the program, now and then below a head that it might have had.

    Args:
        program: Rust, its edits marked or not, that begins with none of these parts.
        rng: Where the choices come from.
    """
    if rng.random() > _SHARE:
        return program
    words = draw_words(rng)
    kinds = ((_LICENCES, _LICENCE_SHARE), (_DOCS, _DOCS_SHARE), (_ATTRIBUTES, _ATTRIBUTES_SHARE))
    parts = [expand(rng.choice(texts), words, rng) for texts, p in kinds if rng.random() < p]
    for part in reversed(parts):
        gap = "\n\n" if rng.random() < _BLANK_SHARE else "\n"
        program = f"{part}{gap}{program}"
    return program
