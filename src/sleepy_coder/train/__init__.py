"""Training: many tasks in one pass over one frozen base model."""
