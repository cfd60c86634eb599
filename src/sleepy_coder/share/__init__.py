"""Share (arXiv:2602.06043): many LoRA tasks as small coefficients over one shared basis."""
