"""What the figures say: labels and marks are read back from the SVG."""

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from functools import partial

import matplotlib as mpl
import pytest

from sleepy_coder import figures
from sleepy_coder.errors import InputError, SleepyError
from sleepy_coder.figures.learning import format_bytes
from sleepy_coder.figures.subspaces import overlap
from sleepy_coder.metrics import Estimate, pass_rate
from sleepy_coder.paired import Paired

SVG = "{http://www.w3.org/2000/svg}"
BLUE, VERMILLION = "#0072b2", "#d55e00"

BASE = {"bc_001": True, "bc_002": True, "rh_001": False, "rh_002": False}
KEEPS = {"bc_001": True, "bc_002": True, "rh_001": True, "rh_002": False}
FORGETS = {"bc_001": False, "bc_002": False, "rh_001": True, "rh_002": False}
CURVES = {"frozen basis": [[0.9, 0.92, 0.9], [0.94, 0.9, 0.96]], "one LoRA": [[0.9, 0.5, 0.25]]}
SIDES = {"B": [[0.5, 0.7, 0.9], [0.3, 0.6, 0.9]], "A": [[0.2, 0.3, 0.4]]}
PATTERNS = {
    "missing_import": Paired(20, 5, ("a", "b", "c"), ("d",)),
    "partial_move": Paired(10, 8, (), ("e", "f")),
    "use_after_move": Paired(4, 2, ("g",), ("h",)),
}
LENGTHS = {
    "base": {"1-10": pass_rate(10, 20), "11+": pass_rate(3, 30)},
    "routed": {"1-10": pass_rate(20, 20), "11+": pass_rate(9, 30)},
}
ABLATION = {
    "p = 1": {"8": Estimate(0.5, 0.4, 0.6), "16": Estimate(0.6, 0.5, 0.7)},
    "p = 4": {"8": Estimate(0.5, 0.4, 0.6), "16": Estimate(0.7, 0.6, 1.3)},
}
DRAWINGS = {
    "forgetting": partial(figures.draw_forgetting, BASE, {"a": {"t": KEEPS}, "b": {"t": FORGETS}}),
    "curves": partial(figures.draw_learning_curves, CURVES),
    "storage": partial(figures.draw_storage, {"coefficients": [9e6, 9.1e6], "one": [8e6, 8e6]}),
    "variance": partial(figures.draw_explained_variance, SIDES),
    "angles": partial(figures.draw_principal_angles, {"halves": [0.1, 0.5]}, [[1.4, 1.5]] * 3),
    "patterns": partial(figures.draw_by_pattern, PATTERNS),
    "lengths": partial(figures.draw_by_length, LENGTHS),
    "ablation": partial(figures.draw_ablation, ABLATION, x_label="components k", base_frac=0.45),
}


@pytest.fixture
def read(tmp_path):
    """Save a figure and return its SVG."""

    def save(figure):
        figures.save_figure(figure, tmp_path / "figure.svg")
        return ET.parse(tmp_path / "figure.svg").getroot()  # noqa: S314 - written a line above

    return save


def texts(svg):
    return ["".join(node.itertext()) for node in svg.iter(f"{SVG}text")]


def group(svg, gid):
    (found,) = [node for node in svg.iter(f"{SVG}g") if node.get("id") == gid]
    return found


def fills(svg, gid):
    """Return how many cells have which colour."""
    styles = [node.get("style", "") for node in group(svg, gid).iter(f"{SVG}path")]
    return Counter(style.split("fill: ")[1].split(";")[0] for style in styles)


def places(svg, gid):
    """Return x and y of each mark."""
    return [(float(n.get("x")), float(n.get("y"))) for n in group(svg, gid).iter(f"{SVG}use")]


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_data_gives_the_same_bytes(name, tmp_path):
    for copy in ("first", "second"):
        figures.save_figure(DRAWINGS[name](), tmp_path / f"{copy}.svg")
    first = (tmp_path / "first.svg").read_bytes()
    assert first == (tmp_path / "second.svg").read_bytes()
    assert b"dc:date" not in first


@pytest.mark.parametrize("name", DRAWINGS)
def test_settings_of_the_user_change_nothing(name, tmp_path):
    figures.save_figure(DRAWINGS[name](), tmp_path / "ours.svg")
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "xtick.direction": "in"}):
        figures.save_figure(DRAWINGS[name](), tmp_path / "theirs.svg")
    assert (tmp_path / "ours.svg").read_bytes() == (tmp_path / "theirs.svg").read_bytes()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_readme_shows_the_whole_figure_with_its_title(name, read):
    svg = read(DRAWINGS[name](title="What this shows"))
    assert svg.get("width") == "600pt"
    assert "What this shows" in texts(svg)
    width, height = (float(part) for part in svg.get("viewBox").split()[2:])
    for node in svg.iter(f"{SVG}text"):
        if node.get("x"):
            assert 0 <= float(node.get("x")) <= width, node.text
            assert 0 <= float(node.get("y")) <= height, node.text


@pytest.mark.parametrize("name", DRAWINGS)
def test_names_inside_of_the_file_are_unique(name, read):
    ids = Counter(node.get("id") for node in read(DRAWINGS[name]()).iter() if node.get("id"))
    assert [id_ for id_, times in ids.items() if times > 1] == []


def test_cells_of_the_heatmap_say_what_became_of_each_problem(read):
    svg = read(DRAWINGS["forgetting"]())
    assert fills(svg, "cells-0") == {"#b9daee": 2, BLUE: 1, "#efefef": 1}
    assert fills(svg, "cells-1") == {VERMILLION: 2, BLUE: 1, "#efefef": 1}
    assert [len(places(svg, f"{state}-1")) for state in ("lost", "gained")] == [2, 1]
    assert [len(places(svg, f"{state}-0")) for state in ("lost", "gained")] == [0, 1]


def test_heatmap_names_problems_arms_and_states_and_counts_losses(read):
    said = Counter(texts(read(DRAWINGS["forgetting"]())))
    assert {*BASE, "a", "b", "kept", "still failing"} <= said.keys()
    # Lost and gained in each panel: 0 and 1, 2 and 1.
    assert (said["0"], said["1"], said["2"]) == (1, 2, 1)
    # Twice over a column, once in the legend.
    assert said["lost"] == said["gained"] == 3


def test_a_task_that_was_not_evaluated_on_all_problems_is_refused():
    with pytest.raises(KeyError, match="rh_002"):
        figures.draw_forgetting(BASE, {"a": {"t": {k: True for k in BASE if k != "rh_002"}}})


def test_learning_curve_is_the_mean_over_orders(read):
    svg = read(DRAWINGS["curves"]())
    said = texts(svg)
    assert "frozen basis: 93.0 % in the end" in said
    assert "one LoRA: 25.0 % in the end" in said
    assert "tasks learned" in said
    frozen, forgetful = places(svg, "arm-0"), places(svg, "arm-1")
    assert len(frozen) == len(forgetful) == 3
    # Means 0.92, 0.91, 0.93 against 0.9, 0.5, 0.25: one scale for both (y grows downwards).
    scale = (forgetful[2][1] - forgetful[0][1]) / (0.9 - 0.25)
    assert frozen[1][1] - frozen[0][1] == pytest.approx(0.01 * scale, abs=0.01)
    assert forgetful[0][1] - frozen[2][1] == pytest.approx(0.03 * scale, abs=0.01)


def test_only_several_orders_have_a_range(read):
    svg = read(DRAWINGS["curves"]())
    assert group(svg, "arm-0-range") is not None
    assert not [node for node in svg.iter() if node.get("id") == "arm-1-range"]


def test_orders_of_different_length_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        figures.draw_learning_curves({"arm": [[0.1, 0.2], [0.1]]})


def test_storage_says_what_a_task_adds(read):
    svg = read(DRAWINGS["storage"]())
    assert {"coefficients: 100 kB a task", "one: 0 B a task"} <= set(texts(svg))
    assert len(places(svg, "arm-0")) == 2


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (7168, "7.17 kB"), (18.4e6, "18.4 MB"), (2.5e9, "2.5 GB")],
)
def test_sizes_read_in_decimal_units(size, text):
    assert format_bytes(size) == text


def test_variance_is_read_off_at_the_threshold(read):
    # Means of B: 0.4, 0.65, 0.9. A never reaches 60 %.
    said = texts(read(DRAWINGS["variance"]()))
    assert "B: 60 % at k = 2" in said
    assert "A" in said
    assert "components k" in said


def test_angles_carry_their_overlap(read):
    svg = read(DRAWINGS["angles"]())
    expected = (math.cos(0.1) ** 2 + math.cos(0.5) ** 2) / 2
    assert f"halves: overlap {expected:.2f}" in texts(svg)
    assert "random subspaces: overlap 0.02" in texts(svg)
    assert len(places(svg, "pair-0")) == 2


def test_overlap_of_the_same_and_of_orthogonal_subspaces():
    assert overlap([0.0, 0.0]) == 1
    assert overlap([math.pi / 2] * 3) == pytest.approx(0)
    assert overlap([0.0, math.pi / 2]) == pytest.approx(0.5)


def test_dumbbells_are_sorted_and_count(read):
    svg = read(DRAWINGS["patterns"]())
    labels = [text for text in texts(svg) if "(n =" in text]
    # From the bottom: -20 %, 0, +10 %.
    assert labels == ["partial_move (n = 10)", "use_after_move (n = 4)", "missing_import (n = 20)"]
    assert {"+3 −1", "+0 −2", "+1 −1", "base", "routed"} <= {  # noqa: RUF001 - a minus sign
        " ".join(text.split()) for text in texts(svg)
    }
    assert len(places(svg, "before")) == 3


def test_dumbbells_that_fall_are_told_apart(read):
    svg = read(DRAWINGS["patterns"]())
    (fell,) = places(svg, "fell")
    assert len(places(svg, "after")) == 2
    # It stands to the left of its start, in the same row.
    start = places(svg, "before")[0]
    assert fell[0] < start[0]
    assert fell[1] == pytest.approx(start[1])


def test_no_fall_no_legend_for_falls(read):
    said = texts(read(figures.draw_by_pattern({"p": PATTERNS["missing_import"]})))
    assert not [text for text in said if "fewer" in text]


def test_bins_of_length_carry_their_size(read):
    svg = read(DRAWINGS["lengths"]())
    joined = " ".join(texts(svg))
    for label in ("1-10", "(n = 20)", "11+", "(n = 30)", "lines of the program", "base", "routed"):
        assert label in joined
    assert len(places(svg, "line-0")) == len(places(svg, "line-1")) == 2
    assert len(list(group(svg, "intervals-1").iter(f"{SVG}path"))) == 2


def test_a_strategy_without_one_of_the_bins_is_refused():
    with pytest.raises(KeyError, match=r"11\+"):
        figures.draw_by_length({**LENGTHS, "lora": {"1-10": pass_rate(1, 20)}})


def test_ablation_shows_settings_intervals_and_the_base(read):
    svg = read(DRAWINGS["ablation"]())
    assert {"8", "16", "components k", "p = 1", "p = 4", "base"} <= set(texts(svg))
    assert group(svg, "base") is not None
    # An interval of a mean may pass 1; the axis does not.
    assert "120 %" not in texts(svg)
    # Equal values at different places: no interval hides another.
    assert places(svg, "line-0")[0][1] == pytest.approx(places(svg, "line-1")[0][1])
    assert places(svg, "line-0")[0][0] < places(svg, "line-1")[0][0]


def test_only_svg_is_written(tmp_path):
    with pytest.raises(InputError, match=r"got figure\.png, expected a name in \.svg"):
        figures.save_figure(DRAWINGS["curves"](), tmp_path / "figure.png")
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
    figures.save_figure(DRAWINGS["curves"](), tmp_path / "new" / "figure.svg")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["figure.svg"]


def test_missing_matplotlib_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SleepyError, match=r"run `pip install 'sleepy-coder\[figures\]'`") as caught:
        DRAWINGS["curves"]()
    assert "\n" not in str(caught.value)


def test_importing_and_drawing_leave_pyplot_alone():
    program = """
import sys
from sleepy_coder import figures
assert "matplotlib" not in sys.modules
figures.draw_learning_curves({"arm": [[0.5, 0.6]]})
assert "matplotlib.figure" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
