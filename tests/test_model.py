import itertools
import random
import re
from contextlib import contextmanager
from typing import ClassVar

import pytest
import torch
from safetensors import SafetensorError

from sleepy_coder import attention
from sleepy_coder.answer_row import Row, Token
from sleepy_coder.drafts import PromptLookup
from sleepy_coder.errors import WeightsError
from sleepy_coder.kv_cache import PrefixStore
from sleepy_coder.model import choose_device, choose_dtype, load_model
from sleepy_coder.quantized import Int8Linear, quantize_weight
from sleepy_coder.sampling import Sampling
from tiny_model import END, make_hf_model, make_model, make_scripted, make_tokenizer

CODE = "fn main() {\n    let total = 1;\n    total += 2;\n}\n"
NUM_TOKENS = 50


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def conversations(count: int = 4) -> list[list[dict[str, str]]]:
    rng = random.Random(7)  # noqa: S311 - nothing secret about it
    return [ask("".join(rng.choices("abc \n{}", k=rng.randint(5, 90)))) for _ in range(count)]


def tokens_of(model, asked, monkeypatch, **options):
    """Return the tokens of each answer, and the number of forward passes."""
    rows, passes = {}, []
    inner, forward = model.decoder.run, model.decoder._forward

    def run(batch, *arguments):
        for row in inner(batch, *arguments):
            rows[row.index] = list(row.output)
            yield row

    def counted(*arguments):
        passes.append(1)
        return forward(*arguments)

    monkeypatch.setattr(model.decoder, "run", run)
    monkeypatch.setattr(model.decoder, "_forward", counted)
    model.generate(asked, max_new_tokens=NUM_TOKENS, **options)
    monkeypatch.undo()
    return [rows[i] for i in range(len(asked))], len(passes)


class KnowingLookup:
    """Guesses six tokens of the known answer, every second guess with a mistake in it."""

    answers: ClassVar[dict[tuple[int, ...], list[int]]] = {}

    def __init__(self, prompt, _max_length):
        self._answer = self.answers[tuple(prompt)]
        self._num_known = 0
        self._num_guesses = 0

    def propose(self, limit):
        guess = self._answer[self._num_known :][: min(limit, 6)]
        self._num_guesses += 1
        if self._num_guesses % 2 and len(guess) > 3:
            guess[3] = (guess[3] + 1) % 256
        return guess

    def extend(self, tokens):
        self._num_known += len(tokens)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("batch_tokens", [0, 100_000])
def test_guessing_ahead_changes_no_token_and_saves_passes(
    monkeypatch, seed, temperature, batch_tokens
):
    model = make_model(seed)
    model.batch_tokens = batch_tokens
    options = {"temperature": temperature, "top_p": 0.9, "seed": 3}
    by_copying, _ = tokens_of(model, conversations(), monkeypatch, **options)
    model.decoder.max_draft = 0
    model.decoder.prefixes = PrefixStore()
    plain, many = tokens_of(model, conversations(), monkeypatch, **options)
    prompts = [model._encode(f"u:{c[0]['content']}{END}a:") for c in conversations()]
    known = {tuple(p): answer for p, answer in zip(prompts, plain, strict=True)}
    monkeypatch.setattr(KnowingLookup, "answers", known)
    monkeypatch.setattr("sleepy_coder.answer_row.PromptLookup", KnowingLookup)
    model.decoder.max_draft = 6
    guessed, few = tokens_of(model, conversations(), monkeypatch, **options)
    assert by_copying == plain
    assert guessed == plain
    assert few < many / 3


def test_greedy_answers_are_those_of_transformers(monkeypatch):
    model = make_model()
    ours, _ = tokens_of(model, conversations(3), monkeypatch)
    for conversation, answer in zip(conversations(3), ours, strict=True):
        text = model.tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=True
        )
        ids = torch.tensor([model.tokenizer(text)["input_ids"]])
        for token in answer:
            with torch.inference_mode():
                assert model.hf_model(ids).logits[0, -1].argmax() == token
            ids = torch.cat([ids, torch.tensor([[token]])], dim=1)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("read_at_a_time", [65_536, 60])
def test_a_row_does_not_depend_on_its_batch(monkeypatch, temperature, read_at_a_time):
    monkeypatch.setattr("sleepy_coder.decoding._READ_AT_A_TIME", read_at_a_time)
    asked = conversations()
    model = make_model()
    model.batch_tokens = 100_000
    together, _ = tokens_of(model, asked, monkeypatch, temperature=temperature)
    model.batch_tokens = 400
    apart, _ = tokens_of(model, asked, monkeypatch, temperature=temperature)
    model.batch_tokens = 0
    single, _ = tokens_of(model, asked, monkeypatch, temperature=temperature)
    assert together == apart == single


def test_grouped_attention_is_the_usual_one(monkeypatch):
    from sleepy_coder.attention import GROUPED

    model = make_model()
    assert model.hf_model.config.num_key_value_heads < model.hf_model.config.num_attention_heads
    model.batch_tokens = 100_000
    usual, _ = tokens_of(model, conversations(), monkeypatch)
    model.hf_model.set_attn_implementation(GROUPED)
    grouped, _ = tokens_of(model, conversations(), monkeypatch)
    assert grouped == usual
    ids = torch.randint(0, 200, (2, 30), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 20:] = 0
    with torch.inference_mode():
        ours = model.hf_model(input_ids=ids, attention_mask=mask).logits
        model.hf_model.set_attn_implementation("sdpa")
        torch.testing.assert_close(ours, model.hf_model(input_ids=ids, attention_mask=mask).logits)


@pytest.mark.parametrize("tokens", [1, 65], ids=["few tokens", "a prompt"])
def test_attention_leaves_cudnn_out_and_puts_it_back(monkeypatch, tokens):
    allowed = []

    def note(*tensors, **_options):
        allowed.append(torch.backends.cuda.cudnn_sdp_enabled())
        return tensors[:1]

    def note_packed(*tensors, **options):
        return note(*tensors, **options)[0]

    monkeypatch.setattr(attention, "sdpa_attention_forward", note)
    monkeypatch.setattr(attention, "scaled_dot_product_attention", note_packed)
    query = torch.zeros(1, 4, tokens, 8)
    key = torch.zeros(1, 2, tokens, 8)
    mask = torch.ones(1, 1, tokens, tokens, dtype=torch.bool)
    module = torch.nn.Module()
    module.num_key_value_groups = 2
    attention.grouped_attention(module, query, key, key, mask)
    assert allowed == [False]
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_a_seed_decides_what_is_drawn(monkeypatch):
    model, asked = make_model(), conversations(3)
    one, _ = tokens_of(model, asked, monkeypatch, temperature=1.0, seed=1)
    again, _ = tokens_of(model, asked, monkeypatch, temperature=1.0, seed=1)
    other, _ = tokens_of(model, asked, monkeypatch, temperature=1.0, seed=2)
    assert one == again
    assert one != other


def test_rows_that_ask_the_same_draw_differently(monkeypatch):
    model = make_model()
    drawn, _ = tokens_of(model, [ask(CODE)] * 2, monkeypatch, temperature=1.0)
    assert drawn[0] != drawn[1]


def test_drawing_follows_the_probabilities_and_stays_inside_top_p():
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().repeat(20_000, 1)
    uniform = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    all_ = Sampling(temperature=1.0).choose(logits, uniform).bincount(minlength=4) / 20_000
    assert torch.allclose(all_, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.02)
    likely = Sampling(temperature=1.0, top_p=0.75).choose(logits, uniform).bincount(minlength=4)
    assert torch.allclose(likely / 20_000, torch.tensor([0.625, 0.375, 0.0, 0.0]), atol=0.02)


@pytest.mark.parametrize("is_guessing", [True, False])
@pytest.mark.parametrize(
    ("said", "text"),
    [
        (f"done{END}more", "done"),
        (f"```rust\n{CODE}```\nThis fixes it.{END}", f"```rust\n{CODE}```"),
        (f"Here:\n```rust\n{CODE}```", f"Here:\n```rust\n{CODE}```"),
        (f"```rust\n/// ``` in a comment\n```{END}", "```rust\n/// ``` in a comment\n```"),
    ],
)
def test_an_answer_ends_with_the_turn_or_the_closing_fence(is_guessing, said, text):
    conversation = ask(f"```rust\n{CODE}```\nfix it")
    model = make_scripted(said, conversation)
    if not is_guessing:
        model.decoder.max_draft = 0
    (done,) = model.generate([conversation], max_new_tokens=200)
    assert done.text == text
    ends_turn = said.startswith(text + END)
    is_closed_first = text.endswith("```")
    assert done.tokens_out == len(text) + (ends_turn and not is_closed_first)


def test_a_copied_answer_takes_few_passes():
    conversation = ask(f"```rust\n{CODE * 3}```\nfix it")
    model = make_scripted(f"```rust\n{CODE * 3}```{END}", conversation)
    (done,) = model.generate([conversation], max_new_tokens=300)
    assert done.tokens_out > 150
    assert model.hf_model.num_forwards < done.tokens_out / 8


def test_an_answer_stops_at_the_token_limit():
    conversation = ask(CODE)
    model = make_scripted("never ends " * 50, conversation)
    (done,) = model.generate([conversation], max_new_tokens=17)
    assert done.tokens_out == 17
    assert done.text == ("never ends " * 50)[:17]


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="got 0, expected at least 1"):
        make_model().generate([ask(CODE)], max_new_tokens=0)


def test_every_row_is_reported_as_soon_as_it_is_done():
    seen = {}
    model = make_model()
    model.batch_tokens = 500
    done = model.generate(conversations(), max_new_tokens=9, on_done=seen.__setitem__)
    assert seen == dict(enumerate(done))
    assert all(c.seconds > 0 for c in done)


def test_rows_finished_before_an_interruption_were_reported():
    seen = []

    def stop_at_third(index, completion):
        seen.append(index)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_model().generate(conversations(), max_new_tokens=5, on_done=stop_at_third)
    assert len(seen) == 3


def test_token_counts_are_those_of_the_tokenizer():
    model = make_model()
    (done,) = model.generate([ask("abc")], max_new_tokens=5)
    assert model.count_tokens("fn é") == 5
    assert done.tokens_in == len("u:abca:") + 1


def test_a_known_beginning_is_not_read_again_and_changes_nothing(monkeypatch):
    first, second = ask(CODE * 4), ask(CODE * 4 + "Advice: borrow it.")
    fresh = make_model()
    fresh.decoder.prefixes = PrefixStore(0)
    expected, _ = tokens_of(fresh, [second], monkeypatch)
    model = make_model()
    model.generate([first], max_new_tokens=5)
    widths = []
    body = model.decoder._body
    monkeypatch.setattr(
        model.decoder, "_body", lambda **k: widths.append(k["input_ids"].shape[1]) or body(**k)
    )
    done = model.generate([second], max_new_tokens=NUM_TOKENS)
    assert widths[0] < 40
    monkeypatch.undo()
    again, _ = tokens_of(model, [second], monkeypatch)
    assert again == expected
    assert done[0].tokens_in > 200


def test_tasks_reach_the_layers_and_share_no_beginning():
    model = make_model()
    entered, left = [], []

    @contextmanager
    def use_tasks(tasks):
        entered.append(tasks)
        yield
        left.append(tasks)

    model.decoder.use_tasks = use_tasks
    model.batch_tokens = 100_000
    model.generate([ask(CODE), ask(CODE)], max_new_tokens=5, tasks=["missing_clone", None])
    assert entered == left == [["missing_clone", None]]
    store = PrefixStore()
    store.add(range(50), "missing_clone", [(torch.zeros(1, 1, 50, 2),) * 2])
    assert store.longest(list(range(60)), "missing_clone")[0] == 50
    assert store.longest(list(range(60)), None)[0] == 0


def test_the_prefix_store_drops_the_oldest_when_full():
    layer = [(torch.zeros(1, 1, 50, 2), torch.zeros(1, 1, 50, 2))]
    store = PrefixStore(max_bytes=2 * 800)
    for start in (0, 100, 200):
        store.add(range(start, start + 50), None, layer)
    found = [store.longest(list(range(s, s + 60)), None)[0] for s in (0, 100, 200)]
    assert found == [0, 50, 50]


def test_rows_join_as_others_leave_and_the_batch_stays_within_its_budget(monkeypatch):
    model, asked = make_model(), conversations(7)
    longest = max(len(c[0]["content"]) for c in asked) + len("u:a:") + 1
    model.batch_tokens = 3 * (longest + NUM_TOKENS + model.decoder.max_draft + 1)
    sizes = []
    forward = model.decoder._forward
    monkeypatch.setattr(
        model.decoder, "_forward", lambda rows, *a: sizes.append(len(rows)) or forward(rows, *a)
    )
    model.generate(asked, max_new_tokens=NUM_TOKENS)
    assert max(sizes) == 3
    grown = [later for earlier, later in itertools.pairwise(sizes) if later > earlier]
    assert grown, sizes


def test_a_guess_goes_on_where_the_copy_was_and_finds_back_after_an_edit():
    prompt = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    lookup = PromptLookup(prompt, 16)
    lookup.extend([1, 2])
    assert lookup.propose(16) == [3, 4, 5, 6]
    lookup.extend([3, 4, 77])
    lookup.propose(16)
    lookup.extend([6])
    assert lookup.propose(16)[:2] == [7, 8]
    lookup.extend([7, 8, 9])


def test_a_guess_that_was_cut_short_says_nothing_of_a_longer_one():
    prompt = list(range(1, 60))
    lookup = PromptLookup(prompt, 16)
    lookup.extend([1, 2])
    for limit, expected in [(1, [3]), (1, [4]), (16, [5, 6, 7, 8]), (16, list(range(9, 17)))]:
        assert lookup.propose(limit) == expected
        lookup.extend(expected)


def test_an_int8_layer_is_close_to_the_full_one_and_treats_rows_alone():
    torch.manual_seed(0)
    linear = torch.nn.Linear(256, 96)
    layer = Int8Linear(*quantize_weight(linear.weight.data), linear.bias.data)
    x = torch.randn(5, 7, 256)
    x[3, 2] *= 1000  # one row's outlier must not coarsen the others
    exact, ours = linear(x), layer(x)
    error = (exact - ours).norm(dim=-1) / exact.norm(dim=-1)
    assert ours.shape == exact.shape
    assert error.max() < 0.03
    assert torch.equal(layer(x[1]), ours[1])
    assert torch.equal(layer(torch.zeros(1, 256)), layer.bias[None])


@pytest.fixture
def saved(tmp_path):
    tokenizer = make_tokenizer()
    make_hf_model(len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_model_directory_loads_and_answers_as_in_memory(saved, monkeypatch):
    loaded = load_model(str(saved), device="cpu", dtype="float32")
    ours, _ = tokens_of(loaded, conversations(3), monkeypatch)
    expected, _ = tokens_of(make_model(), conversations(3), monkeypatch)
    assert ours == expected
    assert (loaded.name, loaded.dtype, loaded.device.type) == (str(saved), "float32", "cpu")
    assert len(loaded.sha256) == 64


def test_a_model_runs_in_int8(saved, monkeypatch):
    model = load_model(str(saved), device="cpu", dtype="int8")
    assert isinstance(model.hf_model.get_output_embeddings(), Int8Linear)
    once, _ = tokens_of(model, conversations(2), monkeypatch)
    assert tokens_of(model, conversations(2), monkeypatch)[0] == once


def test_int8_weights_are_kept_and_read_again(tmp_path):
    from sleepy_coder.quantized import load_or_quantize

    path = tmp_path / "int8.safetensors"
    tensors = load_or_quantize(make_hf_model(40), path)
    other = load_or_quantize(make_hf_model(40, seed=1), path)
    assert set(tensors) == set(other)
    assert all(torch.equal(tensors[name], other[name]) for name in tensors)
    assert [p.name for p in tmp_path.iterdir()] == ["int8.safetensors"]


def test_int8_weights_that_cannot_be_kept_are_used_all_the_same(tmp_path, monkeypatch):
    from sleepy_coder.quantized import load_or_quantize

    def full(_tensors, path):
        path.write_bytes(b"half")
        raise SafetensorError("no space left")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    assert load_or_quantize(make_hf_model(40), tmp_path / "int8.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_chat_template_is_refused(saved):
    (saved / "chat_template.jinja").unlink()
    with pytest.raises(WeightsError, match="no chat template"):
        load_model(str(saved), device="cpu")


def test_a_damaged_model_is_one_line(saved):
    (saved / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(WeightsError, match="does not load") as error:
        load_model(str(saved), device="cpu", dtype="float32")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "message"), [("gpu", "expected auto"), ("cuda", "not available")])
def test_a_device_that_is_not_there_is_refused(monkeypatch, name, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(WeightsError, match=message):
        choose_device(name)


def test_auto_takes_the_accelerator_in_bfloat16_and_int8_on_a_processor(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    assert choose_dtype("auto", torch.device("cuda")) == "bfloat16"
    monkeypatch.setattr("sleepy_coder.model.is_int8_supported", lambda: True)
    assert choose_dtype("auto", torch.device("cpu")) == "int8"
    monkeypatch.setattr("sleepy_coder.model.is_int8_supported", lambda: False)
    assert choose_dtype("auto", torch.device("cpu")) == "float32"


@pytest.mark.parametrize(("name", "message"), [("int4", "expected auto"), ("int8", "needs an x86")])
def test_a_number_format_that_does_not_fit_is_refused(name, message):
    with pytest.raises(WeightsError, match=message):
        choose_dtype(name, torch.device("cuda"))


def test_an_answers_log_probability_is_that_of_its_tokens(monkeypatch):
    model = make_model()
    asked = conversations(2)
    tokens, _ = tokens_of(model, asked, monkeypatch)
    done = model.generate(asked, max_new_tokens=NUM_TOKENS)
    for conversation, answer, completion in zip(asked, tokens, done, strict=True):
        text = model.tokenizer.apply_chat_template(
            conversation, tokenize=False, add_generation_prompt=True
        )
        prompt = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model.hf_model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        scores = logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]
        assert completion.log_probability == pytest.approx(scores.sum().item(), abs=1e-3)


def test_each_row_keeps_to_its_own_limit():
    asked = conversations(3)
    model = make_model()
    model.batch_tokens = 100_000
    alone = [model.generate([each], max_new_tokens=50)[0].text for each in asked]
    done = model.generate(asked, max_new_tokens=[3, 50, 7])
    assert all(a.tokens_out <= limit for a, limit in zip(done, [3, 50, 7], strict=True))
    assert done[0].tokens_out == 3
    assert done[1].text == alone[1]


def choices(model, conversation, tokens):
    """Return each token's log-probability, the likeliest other token, and that one's."""
    text = model.tokenizer.apply_chat_template(
        conversation, tokenize=False, add_generation_prompt=True
    )
    prompt = model.tokenizer(text)["input_ids"]
    with torch.inference_mode():
        logits = model.hf_model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
    logs = logits.log_softmax(dim=-1)
    own = logs.gather(1, torch.tensor(tokens)[:, None]).squeeze(1)
    rest = logs.scatter(1, torch.tensor(tokens)[:, None], float("-inf")).max(dim=1)
    return own, rest.indices, rest.values


@pytest.fixture
def first_line_opens_the_code():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sleepy_coder.answer_row._OPEN_FENCE", re.compile("\n"))
        yield


@pytest.mark.usefixtures("first_line_opens_the_code")
@pytest.mark.parametrize("max_draft", [0, 16])
@pytest.mark.parametrize("batch_tokens", [0, 100_000])
def test_a_refused_answer_is_left_where_the_likeliest_other_may_come(
    monkeypatch, max_draft, batch_tokens
):
    model = make_model(1)
    (newline,) = model.tokenizer("\n")["input_ids"]
    with torch.no_grad():  # so that most answers have a first line
        model.hf_model.lm_head.weight[newline] *= 3
    model.batch_tokens, model.decoder.max_draft = batch_tokens, max_draft
    asked = conversations(12)
    free, _ = tokens_of(model, asked, monkeypatch)
    texts = [model._decode(tokens) for tokens in free]
    refuses = [lambda text, known=known: text == known for known in texts]
    refuses[0] = None
    turned, _ = tokens_of(model, asked, monkeypatch, is_refused=refuses)
    assert turned[0] == free[0]
    num_turned = 0
    for conversation, before, after in list(zip(asked, free, turned, strict=True))[1:]:
        first = next((n for n in range(1, NUM_TOKENS) if "\n" in model._decode(before[:n])), None)
        if first is None:
            assert after == before
            continue
        own, others, values = choices(model, conversation, before)
        bounds = torch.cat([own.new_zeros(1), own.cumsum(0)[:-1]]) + values
        place = first + int(bounds[first:].argmax())
        assert after[: place + 1] == [*before[:place], int(others[place])]
        later, _, rest = choices(model, conversation, after)
        assert (later > rest)[place + 1 :].all()
        num_turned += 1
    assert num_turned >= 3


@pytest.mark.usefixtures("first_line_opens_the_code")
def test_an_answer_that_is_always_refused_ends_all_the_same():
    model = make_model(1)
    heard = []
    done = model.generate(
        conversations(12),
        max_new_tokens=NUM_TOKENS,
        is_refused=[lambda text: bool(heard.append(text)) or True] * 12,
    )
    assert {completion.num_turns for completion in done} == {0, 4}
    assert len(heard) == sum(min(c.num_turns + 1, 4) for c in done)
    assert all((c.tokens_out > NUM_TOKENS) == (c.num_turns > 0) for c in done)


@pytest.mark.parametrize(
    ("turn", "limit", "expected"),
    [
        (END, 40, "```rust\nlet a"),  # the other token ends the turn
        ("`", 40, "```rust\nlet a\n```"),  # it closes the block
        ("b", 14, "```rust\nlet ab"),  # it is the last that there is room for
    ],
)
def test_a_token_taken_on_turning_back_may_end_the_answer(turn, limit, expected):
    model = make_model()
    text = "```rust\nlet a\n``" if turn == "`" else "```rust\nlet a"
    ids = model.tokenizer(text + ("\n```" if limit == 40 else "c"))["input_ids"]
    (other,) = model.tokenizer(turn)["input_ids"]
    tokens = [Token(id_, -0.1) for id_ in ids]
    place = len(text)
    tokens[place] = Token(ids[place], -0.1, other, -2.0)
    refused = model._decode(ids)
    row = Row(0, [1], limit, 0, is_refused=lambda said: said == refused)
    model.decoder._take(row, tokens)
    assert row.is_done
    assert row.num_turns == 1
    assert model._decode(row.output).removesuffix("\n") == expected
    assert len(row.output) <= limit


def test_no_place_outside_the_code_is_turned_to():
    model = make_model()
    ids = model.tokenizer("Here:\n```rust\nlet a\n```")["input_ids"]
    tokens = [Token(id_, -0.1, 66, -0.2) for id_ in ids]
    tokens[17:] = [Token(id_, -0.1, 66, -5.0) for id_ in ids[17:]]
    row = Row(0, [1], 99, 0, is_refused=lambda _: True)
    model.decoder._take(row, tokens)
    assert model._decode(row.output)[:14] == "Here:\n```rust\n"
    assert len(row.output) == 15


def test_rows_of_one_batch_are_each_sampled_in_their_own_way():
    model = make_model()
    kinds = [Sampling(), Sampling(0.7, 0.9, 3), Sampling(1.2, 1.0, 4), Sampling(0.7, 0.9, 5)]

    def rows():
        prompts = [model.encode_chat(conversation) for conversation in conversations(len(kinds))]
        return [
            Row(index, prompt, NUM_TOKENS, model.decoder.max_draft, kind)
            for index, (prompt, kind) in enumerate(zip(prompts, kinds, strict=True))
        ]

    together = {row.index: row.output for row in model.decoder.run(rows(), 100_000)}
    alone = {row.index: row.output for each in rows() for row in model.decoder.run([each], 0)}
    assert together == alone
    drawn = rows()[2]
    drawn.sampling = Sampling()
    drawn.__post_init__()
    assert next(model.decoder.run([drawn], 0)).output != alone[2]


def test_a_row_with_non_finite_logits_does_not_stop_the_others():
    logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(0))
    uniform = torch.tensor([0.5, 0.5], dtype=torch.float64)
    expected = Sampling(1.0).choose(logits, uniform)
    logits[1] = float("nan")
    found = Sampling(1.0).choose(logits, uniform)
    assert found[0] == expected[0]
    assert 0 <= found[1] < 50


def test_tasks_are_told_again_after_an_interruption():
    model = make_model()
    entered = []

    @contextmanager
    def use_tasks(tasks):
        entered.append(tasks)
        yield

    def interrupt(*_):
        raise KeyboardInterrupt

    model.decoder.use_tasks = use_tasks
    with pytest.raises(KeyboardInterrupt):
        model.generate([ask(CODE)], max_new_tokens=5, tasks=["missing_clone"], on_done=interrupt)
    model.generate([ask(CODE)], max_new_tokens=5, tasks=["missing_clone"])
    assert entered == [["missing_clone"]] * 2


@pytest.mark.parametrize("ends_at_fence", [True, False])
def test_a_row_may_go_on_behind_its_first_code_block(ends_at_fence):
    conversation = ask(CODE)
    text = "```rust\nfn main() {}\n```"
    model = make_scripted(f"{text}\nSo it goes.{END}", conversation)
    row = Row(0, model.encode_chat(conversation), 99, 16, ends_at_fence=ends_at_fence)
    (done,) = model.decoder.run([row], 0)
    assert model._decode(done.output) == (text if ends_at_fence else f"{text}\nSo it goes.")
