"""Programs that the base model writes itself, mended, and broken as real crates are."""
