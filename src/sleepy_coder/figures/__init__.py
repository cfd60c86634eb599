"""Figures of the experiments: plain data in, matplotlib's `Figure` out, SVG on disk.

Needs the extra `figures` (matplotlib), which is imported when the first figure is drawn. Nothing
here touches pyplot, and a user's own matplotlib settings change nothing. Colours are those of Okabe
& Ito, told apart by colour-blind readers; no fact is shown by colour alone.
"""

from sleepy_coder.figures.canvas import save_figure
from sleepy_coder.figures.learning import draw_forgetting, draw_learning_curves, draw_storage
from sleepy_coder.figures.solved import draw_ablation, draw_by_length, draw_by_pattern
from sleepy_coder.figures.subspaces import draw_explained_variance, draw_principal_angles

__all__ = [
    "draw_ablation",
    "draw_by_length",
    "draw_by_pattern",
    "draw_explained_variance",
    "draw_forgetting",
    "draw_learning_curves",
    "draw_principal_angles",
    "draw_storage",
    "save_figure",
]
