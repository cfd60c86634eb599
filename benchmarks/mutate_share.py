"""Change one sign or one transpose at a time in the Share mathematics; a test must fail each time.

Works on a copy of src and tests in a temporary folder. Prints the mutations that no test noticed
and exits with 1 if there are any.

    python benchmarks/mutate_share.py linalg moments
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SWAPS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
TIMEOUT_S = 900
TESTS = ("test_linalg", "test_peer_defects", "test_subspace", "test_analysis")


def places(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes to change: sums, differences, negations, transposes."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        is_sum = isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SWAPS
        is_minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
        is_transpose = isinstance(node, ast.Attribute) and node.attr in {"T", "mT"}
        if is_sum or is_minus or is_transpose:
            found.append(node)
    return found


class Change(ast.NodeTransformer):
    """Undo one transpose or flip one sign."""

    def __init__(self, target: ast.AST) -> None:
        self.target = target

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Change the target, visit everything else."""
        super().generic_visit(node)
        if node is not self.target:
            return node
        if isinstance(node, ast.BinOp | ast.AugAssign):
            node.op = SWAPS[type(node.op)]()
            return node
        return node.operand if isinstance(node, ast.UnaryOp) else node.value


def passes(command: list[str], folder: Path, env: dict[str, str]) -> bool:
    """Return whether the tests pass; tests that never end have noticed something, too."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> None:
    """Mutate the named modules of ``sleepy_coder.share``."""
    survivors = total = 0
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder)
        for name in ("src", "tests", "pyproject.toml"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copied / name)
        env = {**os.environ, "PYTHONPATH": str(copied / "src"), "OMP_NUM_THREADS": "1"}
        tests = [f"tests/share/{test}.py" for test in TESTS]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", *tests]
        for module in sys.argv[1:] or ["linalg"]:
            path = copied / "src/sleepy_coder/share" / f"{module}.py"
            text = path.read_text()
            tree = ast.parse(text)
            for number in range(len(places(tree))):
                mutant = copy.deepcopy(tree)
                target = places(mutant)[number]
                line = getattr(target, "lineno", 0)
                path.write_text(
                    ast.unparse(ast.fix_missing_locations(Change(target).visit(mutant)))
                )
                total += 1
                if passes(command, copied, env):
                    survivors += 1
                    print(f"survived: {module}.py:{line}: {text.splitlines()[line - 1].strip()}")
            path.write_text(text)
    print(f"{total - survivors} of {total} mutations noticed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
