"""Numbers and help texts in the documentation are those of the results and the program."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))
spec = importlib.util.spec_from_file_location("update", ROOT / "docs" / "update.py")
update = importlib.util.module_from_spec(spec)
spec.loader.exec_module(update)
sys.path.remove(str(ROOT / "docs"))


def test_documentation_says_what_results_and_program_say():
    stale = [page.name for page, text in update.render_all().items() if page.read_text() != text]
    assert stale == [], "run `make docs`"


def test_a_block_with_an_old_number_is_replaced():
    name = next(iter(update.BLOCKS))
    old = f"before\n<!-- {name} -->\n| solved | 99/30 |\n<!-- /{name} -->\nafter"
    fresh = update.fill_blocks(old)
    assert "99/30" not in fresh
    assert fresh.startswith("before\n")
    assert fresh.endswith("\nafter")


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")))
def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")))
def test_tests_that_a_page_names_exist(page):
    tests = "".join(file.read_text() for file in (ROOT / "tests").rglob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", page.read_text()))
    assert sorted(named - set(re.findall(r"def (test_\w+)", tests))) == []
