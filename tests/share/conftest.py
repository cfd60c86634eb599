"""Settings for the tests of the Share library: small matrices, one thread, no time limits."""

import torch
from hypothesis import settings

torch.set_num_threads(1)  # more only wait for each other at these sizes
settings.register_profile("share", deadline=None, max_examples=25)
settings.load_profile("share")
