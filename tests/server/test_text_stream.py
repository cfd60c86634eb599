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
