import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.server.text_stream import TextStream


def decode(tokens):
    return bytes(tokens).decode("utf-8", "replace")


def pieces(data, stop=()):
    stream = TextStream(decode, stop)
    found = []
    for byte in data:
        found.append(stream.push(byte))
        if stream.is_stopped:
            break
    return [*found, stream.finish()]


def cut(text, stop):
    """The text up to the first stop text that is complete."""
    for end in range(1, len(text) + 1):
        found = [place for place in (text[:end].find(each) for each in stop) if place >= 0]
        if found:
            return text[: min(found)]
    return text


@given(st.binary())
def test_pieces_are_the_whole_text_whatever_the_bytes(data):
    assert "".join(pieces(data)) == decode(data)


@given(st.text("aé日😀"), st.lists(st.text("aé日😀", min_size=1, max_size=3), max_size=3))
def test_a_text_ends_before_the_first_stop_text(text, stop):
    assert "".join(pieces(text.encode(), stop)) == cut(text, stop)


@pytest.mark.parametrize("token", [0xFF, 0x80, 0xF0, None])
def test_however_many_tokens_wait_few_are_decoded_again(token):
    sizes = []

    def note(tokens):
        sizes.append(len(tokens))
        return decode([each for each in tokens if each is not None])

    data = [*b"so ", *[token] * 500, *"é😀!".encode()]
    stream = TextStream(note)
    text = "".join(map(stream.push, data)) + stream.finish()
    assert text == decode([each for each in data if each is not None])
    assert max(sizes) < 25


@given(st.lists(st.sampled_from(["é", "😀", b"\xff", b"\xf0", b"\xf0\x9f", b"\xe2\x82", b"\x80"])))
def test_bytes_that_are_no_characters_do_not_hide_those_that_are(parts):
    data = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    assert "".join(pieces(data)) == decode(data)


def test_half_a_character_is_held_back():
    assert pieces("é😀!".encode()) == ["", "é", "", "", "", "😀", "!", ""]


def test_what_may_become_a_stop_text_is_held_back_and_given_out_when_it_does_not():
    assert pieces(b"one END", ["END"]) == ["o", "n", "e", " ", "", "", "", ""]
    assert pieces(b"one ENE", ["END"]) == ["o", "n", "e", " ", "", "", "EN", "E"]
    assert pieces(b"an EN", ["END"]) == ["a", "n", " ", "", "", "EN"]


def test_tokens_that_look_otherwise_at_the_beginning_of_a_text():
    """As in SentencePiece: a word's own space is dropped where the text begins."""

    def words(tokens):
        return "".join(f" {word}" for word in tokens).removeprefix(" ")

    stream = TextStream(words)
    assert [stream.push(word) for word in ("so", "it", "goes")] == ["so", " it", " goes"]
    assert stream.finish() == ""


@pytest.mark.parametrize("stop", [(), ("x",)])
def test_tokens_without_a_text_change_nothing(stop):
    stream = TextStream(lambda tokens: "".join(t for t in tokens if t != "<end>"), stop)
    assert [stream.push(token) for token in ("a", "<end>", "b")] == ["a", "", "b"]
    assert stream.finish() == ""
