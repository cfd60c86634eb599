"""Programs that the base model writes itself, to be broken as mutants of real crates are."""
