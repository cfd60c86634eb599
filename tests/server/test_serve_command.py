"""`sleepy serve`, as it is started from a shell."""

import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from live import WAIT_S, Client

from sleepy_coder.cli import main
from sleepy_coder.cli import serve as serve_module
from sleepy_coder.errors import InputError
from sleepy_coder.server.listen import bind, listen
from sleepy_coder.share.store import save_store
from tiny_model import make_model, make_store


def test_it_says_where_it_is_and_ends_on_a_signal(tmp_path):
    model = make_model()
    model.hf_model.save_pretrained(tmp_path / "tiny")
    model.tokenizer.save_pretrained(tmp_path / "tiny")
    store = make_store(model, ("calm", "dry"))
    save_store(type(store)(store.subspace, provenance=store.provenance), tmp_path / "store")
    options = ["--model", tmp_path / "tiny", "--store", tmp_path / "store", "--port", "0"]
    command = [sys.executable, "-m", "sleepy_coder", "serve", *options, "--dtype", "float32"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith(f"serving {tmp_path / 'tiny'} and 2 learned tasks ("), line
            client = Client(line.split()[-1])
            assert client.say("calm") != client.say("tiny")
            models = client.get("/v1/models")[2]["data"]
            assert [model["id"] for model in models] == ["tiny", "calm", "dry"]
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, errors


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "no.such.host.invalid"], "--host no.such.host.invalid --port 8000: cannot be"),
        (["--store", ".", "--no-store"], "--store and --no-store exclude each other"),
        (["--store", "."], "manifest.json"),
    ],
)
def test_what_cannot_be_served_is_told_before_the_model_loads(tmp_path, options, told, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "--host" not in options:
        options = [*options, "--port", "0"]
    done = CliRunner().invoke(main, ["serve", "--model", "no-such-model", *options])
    assert done.exit_code in {1, 2}
    assert told in done.stderr
    assert "loading" not in done.stderr


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ("\xff", "can't decode")])
def test_a_key_file_without_a_key_is_refused(tmp_path, text, told):
    path = tmp_path / "key"
    path.write_bytes(text.encode("latin-1"))
    done = CliRunner().invoke(main, ["serve", "--api-key-file", str(path)])
    assert done.exit_code == 2
    assert told in done.stderr


def make_options(**options):
    unset = dict.fromkeys(serve_module.ServeOptions.__dataclass_fields__)
    return serve_module.ServeOptions(**{**unset, **options})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_a_loopback_address_is_local(host):
    assert make_options(host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.evil.com", "localhost.evil.com", "::1a"])  # noqa: S104
def test_no_other_address_is_local(host):
    assert not make_options(host=host).is_local


def test_the_key_is_in_the_file_or_the_environment(tmp_path, monkeypatch):
    def read(path):
        return make_options(api_key_file=path).read_key()

    monkeypatch.delenv("SLEEPY_API_KEY", raising=False)
    assert read(None) is None
    monkeypatch.setenv("SLEEPY_API_KEY", "from outside\n")
    assert read(None) == "from outside"
    for empty in ("", " \n"):
        monkeypatch.setenv("SLEEPY_API_KEY", empty)
        with pytest.raises(InputError, match="SLEEPY_API_KEY: is empty, expected a key"):
            read(None)
    (tmp_path / "key").write_text("from a file\n")
    assert read(tmp_path / "key") == "from a file"


def test_without_its_libraries_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(serve_module.importlib.util, "find_spec", lambda _name: None)
    done = CliRunner().invoke(main, ["serve"])
    assert done.exit_code == 2
    assert done.stderr == (
        "sleepy: sleepy serve needs starlette and uvicorn; pip install 'sleepy-coder[serve]'\n"
    )


def test_a_port_that_is_taken_is_told(tmp_path):
    with bind("127.0.0.1", 0) as one:
        port = one.getsockname()[1]
        with bind("127.0.0.1", port) as late:  # while nobody listens yet
            listen(one)
            with pytest.raises(InputError, match="Address already in use"):
                listen(late)
        options = ["--port", str(port), "--model", "no-such-model"]
        done = CliRunner().invoke(main, ["serve", *options])
        assert done.exit_code == 2
        assert f"--port {port}: cannot be listened on: Address already in use" in done.stderr
