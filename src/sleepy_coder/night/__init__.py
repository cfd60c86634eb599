"""A night: verified repairs become coefficients of their patterns' tasks, if these pass a gate."""
