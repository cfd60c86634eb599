"""Stores that were cut, swapped or forged give a StoreError, and nothing in them ever runs."""

import contextlib
import json
import os
import shutil
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from sleepy_coder.errors import StoreError
from sleepy_coder.share.files import TensorFile, parse_json, sha256_of
from sleepy_coder.share.manifest import Store
from sleepy_coder.share.store import load_store, save_store
from sleepy_coder.share.subspace import ModuleBasis, ModuleCoefficients, Subspace
from sleepy_coder.share.tasks import module_moments

FILES = [
    "manifest.json",
    "basis.safetensors",
    "moments.safetensors",
    "coefficients/one.safetensors",
]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "store"
    generator = torch.Generator().manual_seed(0)
    bases = {
        name: ModuleBasis(
            basis_b=torch.linalg.qr(torch.randn(9, 3, generator=generator))[0],
            basis_a=torch.linalg.qr(torch.randn(8, 2, generator=generator))[0],
        )
        for name in ("x", "y")
    }
    tasks = {
        task: {name: ModuleCoefficients(torch.rand(3, 1), torch.rand(2, 1)) for name in bases}
        for task in ("one", "two")
    }
    subspace = Subspace(bases, tasks)
    moments = {
        name: module_moments([task[name] for task in tasks.values()], subspace) for name in bases
    }
    save_store(Store(replace(subspace, moments=moments)), path)
    return path


@pytest.fixture
def store(pristine, tmp_path):
    path = tmp_path / "store"
    shutil.copytree(pristine, path)
    load_store(path)
    return path


def rewrite(store, **changes):
    """Change fields of the manifest; keep every hash true to the files that exist."""
    file = store / "manifest.json"
    manifest = {**json.loads(file.read_text()), **changes}
    files = manifest.get("files")  # damage may have hit the very name
    for name in files if isinstance(files, dict) else ():
        if "files" not in changes and (store / name).is_file():
            files[name] = sha256_of(store / name)
    file.write_text(json.dumps(manifest))


def refuse(store, reason=None):
    with pytest.raises(StoreError, match=reason) as caught:
        load_store(store)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0, 7, 0.5, 0.99])
def test_truncated(store, name, keep):
    content = (store / name).read_bytes()
    size = keep if isinstance(keep, int) else int(len(content) * keep)
    (store / name).write_bytes(content[:size])
    refuse(store)


@pytest.mark.parametrize("name", FILES[1:])
def test_truncated_with_a_forged_hash(store, name):
    content = (store / name).read_bytes()
    (store / name).write_bytes(content[:-1])
    rewrite(store)
    refuse(store, "not a valid safetensors")


@pytest.mark.parametrize("name", FILES)
def test_missing(store, name):
    (store / name).unlink()
    refuse(store)


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_noticed(store, name):
    content = bytearray((store / name).read_bytes())
    for position in range(0, len(content), 97):
        changed = bytearray(content)
        changed[position] ^= 1
        (store / name).write_bytes(changed)
        try:
            loaded = load_store(store)
        except StoreError:
            continue
        assert name == "manifest.json"  # only texts such as the order of names are free there
        assert set(loaded.subspace.bases) == {"x", "y"}


def test_swapped_tasks_are_noticed(store):
    one, two = (store / "coefficients" / f"{name}.safetensors" for name in ("one", "two"))
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    refuse(store, "SHA-256 differs")


def test_a_basis_of_another_store_is_noticed(store):
    file = store / "basis.safetensors"
    save_file({key: value * 2 for key, value in load_file(file).items()}, file)
    refuse(store, "SHA-256 differs")


@pytest.mark.parametrize(
    "change",
    [
        {"x.basis_a": torch.rand(8, 3)},
        {"x.basis_a": torch.rand(8)},
        {"x.basis_a": torch.rand(1, 2)},
        {"x.basis_a": torch.ones(8, 2, dtype=torch.int32)},
        {"x.basis_a": torch.full((8, 2), float("nan"))},
        {"z.basis_a": torch.rand(8, 2)},
    ],
    ids=["columns", "vector", "wide", "integers", "nan", "extra"],
)
def test_wrong_bases_with_true_hashes(store, change):
    file = store / "basis.safetensors"
    save_file({**load_file(file), **change}, file)
    rewrite(store)
    refuse(store, "basis.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        {"coef_a": torch.rand(5)},
        {"coef_a": torch.rand(4, 1)},
        {"coef_b": torch.rand(7)},
        {"coef_b": torch.tensor(1.0)},
        {"coef_b": torch.ones(6, dtype=torch.int16)},
        {"coef_a": torch.full((4,), float("inf"))},
        {"coef_c": torch.rand(4)},
        {"widths": torch.tensor([1, 2], dtype=torch.int16)},
        {"widths": torch.tensor([3, -1], dtype=torch.int16)},
        {"widths": torch.ones(3, dtype=torch.int16)},
        {"widths": torch.ones(2)},
        {"widths": torch.empty(0, dtype=torch.int16)},
    ],
    ids=[
        "more numbers",
        "a matrix",
        "other numbers",
        "a scalar",
        "whole numbers",
        "inf",
        "extra",
        "other widths",
        "a negative width",
        "a width too many",
        "real widths",
        "no widths",
    ],
)
def test_wrong_coefficients_with_true_hashes(store, change):
    file = store / "coefficients" / "one.safetensors"
    save_file({**load_file(file), **change}, file)
    rewrite(store)
    refuse(store, "one.safetensors")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x.a.gram": -torch.eye(2).double()}, "negative eigenvalue"),
        ({"x.a.gram": torch.tensor([[1.0, 2.0], [2.0, 1.0]]).double()}, "negative eigenvalue"),
        ({"x.a.gram": torch.tensor([[1.0, 0.5], [0.0, 1.0]]).double()}, "not symmetric"),
        ({"x.a.gram": torch.eye(2, dtype=torch.int64)}, "dtypes"),
        ({"x.a.gram": torch.eye(2)}, "dtype"),
        ({"x.a.gram": torch.eye(3).double()}, "shapes"),
        ({"x.a.gram": torch.full((2, 2), torch.nan).double()}, "non-finite"),
        ({"x.b.total": torch.full((3,), torch.inf).double()}, "non-finite"),
        ({"x.b.total": torch.zeros(2).double()}, "shapes"),
        ({"x.b.count": torch.tensor(-3)}, "count is -3"),
        ({"x.b.count": torch.tensor(2.5).double()}, "dtypes"),
        ({"x.b.energy": torch.tensor(-5.0).double()}, "energy is -5"),
        ({"x.b.energy": torch.tensor(1e-3).double()}, "energy is 0.001"),
        ({"x.b.energy": torch.tensor(9)}, "dtypes"),
        ({"x.c.gram": torch.eye(2).double()}, "'x.c.gram' is no moment"),
        ({"z.a.gram": torch.eye(2).double()}, "'z.a.gram' is no moment"),
        ({"x.a.gram": None}, "'x.a.count' is no moment"),
        ({"x.b.count": None}, "shapes"),
    ],
)
def test_wrong_moments_with_true_hashes(store, change, reason):
    file = store / "moments.safetensors"
    tensors = {**load_file(file), **change}
    save_file({key: value for key, value in tensors.items() if value is not None}, file)
    rewrite(store)
    refuse(store, rf"moments\.safetensors: .*{reason}")


def test_moments_of_no_columns_at_all_are_valid(store):
    tensors = load_file(store / "moments.safetensors")
    zeros = {key: torch.zeros_like(value) for key, value in tensors.items()}
    save_file(zeros, store / "moments.safetensors")
    rewrite(store)
    assert load_store(store).subspace.moments["x"].a.count == 0


HASH = "0" * 64


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 1},
        {"schema_version": "1"},
        {"schema_version": 10**400},
        {"base_model": 3},
        {"target_modules": ["x"]},
        {"target_modules": ["x", "y", "y"]},
        {"target_modules": [1, 2]},
        {"target_modules": {"x": 1}},
        {"components": {}},
        {"components": {"x": 1, "y": 2}},
        {"components": {"x": {"a": 2, "b": 3}, "y": {"a": 1e400, "b": 3}}},
        {"pseudo_rank": 7},
        {"pseudo_rank": True},
        {"objective": "fame"},
        {"is_centered": 0},
        {"tasks": {"../../etc/passwd": {}}},
        {"tasks": {"one": {}, "two": 3}},
        {"tasks": {"one": {}}},
        {"tasks": []},
        {"files": {}},
        {"files": {"/etc/passwd": HASH}},
        {"files": {"basis.safetensors": 5}},
        {"surprise": 1},
    ],
    ids=lambda change: f"{next(iter(change))}",
)
def test_forged_manifest_fields(store, change):
    rewrite(store, **change)
    refuse(store)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"schema_version": NaN}',
        '{"schema_version": -Infinity}',
        '{"schema_version": 1, "schema_version": 1}',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"schema_version": ' + "9" * 10_000 + "}",
        "\ud83d",
        "\xff\xfe",
    ],
    ids=range(12),
)
def test_hostile_json(store, text):
    (store / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    refuse(store, "manifest.json")


def test_bytes_that_are_no_utf8(store):
    (store / "manifest.json").write_bytes(b'{"schema_version": "\xff\xff"}')
    refuse(store, "manifest.json")


def test_a_huge_manifest_is_not_read(store):
    with (store / "manifest.json").open("r+b") as file:
        file.truncate(65 << 20)
    refuse(store, "larger than")


@pytest.mark.parametrize("name", FILES)
def test_symbolic_links_are_refused(store, name, tmp_path):
    target = tmp_path / "elsewhere"
    (store / name).rename(target)
    (store / name).symlink_to(target)
    refuse(store, "symbolic link")


def test_a_linked_directory_is_refused(store, tmp_path):
    (store / "coefficients").rename(tmp_path / "moved")
    (store / "coefficients").symlink_to(tmp_path / "moved")
    refuse(store, "symbolic link")


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", [*FILES, "extra.bin", "coefficients/extra.pt"])
def test_pickles_are_refused_and_never_run(store, name, tmp_path):
    torch.save(Bomb(tmp_path / "boom"), store / name)
    if name != "manifest.json":
        rewrite(store)
    refuse(store)
    assert not (tmp_path / "boom").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_random_damage_is_an_error_or_harmless(pristine, tmp_path, data):
    path = tmp_path / "damaged"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(pristine, path)
    file = path / data.draw(st.sampled_from(FILES))
    content = bytearray(file.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=12))
    file.write_bytes(content)
    if data.draw(st.booleans()):
        try:
            rewrite(path)
        except ValueError:
            return
    try:
        loaded = load_store(path).subspace
    except StoreError:
        return
    for basis in loaded.bases.values():
        assert torch.isfinite(basis.basis_a).all()


HEADERS = [
    {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
    {"x": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
    {"x": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}},
    {"x": {"dtype": "F32", "shape": [10**30], "data_offsets": [0, 4 * 10**30]}},
    {"x": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}},
    {"x": {"dtype": "OBJ", "shape": [1], "data_offsets": [0, 8]}},
    {"x": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
    {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "more": 1}},
    {"x": [1, 2]},
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_forged_tensor_headers(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "f").write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 8)
    with pytest.raises(StoreError):
        TensorFile(tmp_path / "f")


def test_a_tensor_file_that_shrinks_after_opening(tmp_path):
    save_file({"x": torch.ones(100)}, tmp_path / "f")
    opened = TensorFile(tmp_path / "f")
    (tmp_path / "f").write_bytes((tmp_path / "f").read_bytes()[:-4])
    with pytest.raises(StoreError, match="ends inside"):
        opened.read("x")


def test_every_dtype_is_read_as_safetensors_reads_it(tmp_path):
    tensors = {
        str(dtype): torch.randn(3, 5).mul(9).to(dtype)
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64)
    }
    tensors |= {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}
    save_file(tensors, tmp_path / "f", metadata={"format": "pt"})
    opened = TensorFile(tmp_path / "f")
    assert set(opened.keys()) == set(tensors)
    for name, expected in tensors.items():
        assert torch.equal(opened.read(name), expected)
        assert opened.shape(name) == tuple(expected.shape)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"x": {"a": 1, "a": 2}}', '{"a": NaN}'])
def test_duplicate_keys_and_non_finite_numbers_are_no_json(text):
    with pytest.raises(StoreError, match=r"same key twice|non-finite"):
        parse_json(text, "f")


@given(st.text() | st.binary())
def test_json_is_parsed_or_refused(text):
    with contextlib.suppress(StoreError):
        assert isinstance(parse_json(text, "f"), dict)
