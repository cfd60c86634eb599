"""Types as rustc writes them in its messages, taken apart far enough to compare them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

INTEGERS = frozenset(
    "i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize {integer}".split()  # noqa: SIM905 - a table
)
FLOATS = frozenset({"f32", "f64", "{float}"})
# Types that an iterator chain ends in when `collect` was forgotten.
ADAPTERS = frozenset(
    "Map Filter FilterMap FlatMap Flatten Rev Take TakeWhile Skip SkipWhile StepBy Chain Zip "  # noqa: SIM905 - a table
    "Enumerate Cloned Copied Inspect Peekable MapWhile Scan Fuse Cycle Chars CharIndices Bytes "
    "Split SplitN RSplit RSplitN SplitTerminator SplitInclusive SplitWhitespace Matches Lines "
    "Iter IterMut IntoIter Keys IntoKeys Values ValuesMut IntoValues Windows Chunks ChunksExact "
    "Drain Range RangeInclusive Repeat RepeatN FromFn Successors".split()
)
COLLECTIONS = frozenset(
    "Vec String HashMap HashSet BTreeMap BTreeSet VecDeque BinaryHeap LinkedList".split()  # noqa: SIM905 - a table
)
_WORDS = {"integer": "{integer}", "floating-point number": "{float}", "unit type": "()"}


@dataclass(frozen=True)
class RustType:
    """A type, without its lifetimes.

    Attributes:
        text: The type as rustc wrote it.
        refs: How many references stand in front of it.
        is_mut: Whether the outermost reference is mutable.
        head: The last segment of the path, without generic arguments; `""` for no type at all.
        args: The generic arguments, as text.
    """

    text: str = ""
    refs: int = 0
    is_mut: bool = False
    head: str = ""
    args: tuple[str, ...] = ()

    @property
    def inner(self) -> RustType:
        """The first generic argument: the `u32` of `Option<u32>`."""
        return parse_type(self.args[0]) if self.args else RustType()

    @property
    def is_integer(self) -> bool:
        """Whether this is an integer type or an integer literal's, behind no reference."""
        return not self.refs and self.head in INTEGERS

    @property
    def is_float(self) -> bool:
        """Whether this is a floating point type or literal's, behind no reference."""
        return not self.refs and self.head in FLOATS

    @property
    def is_number(self) -> bool:
        """Whether this is a number behind no reference."""
        return self.is_integer or self.is_float

    def is_like(self, other: RustType) -> bool:
        """Whether both are the same but for references, arguments and what is still inferred."""
        if not self.head or not other.head:
            return False
        if "_" in (self.head, other.head):
            return True
        literals = {self.head, other.head} & {"{integer}", "{float}"}
        kinds = ({self.head, other.head} <= INTEGERS, {self.head, other.head} <= FLOATS)
        return self.head == other.head or (bool(literals) and any(kinds))


def parse_type(text: str) -> RustType:
    """Return the parts of a type; rustc's bare words (`integer`) become `{integer}` and so on."""
    text = _WORDS.get(text.strip(), text.strip())
    rest, refs, is_mut = text, 0, False
    while rest.startswith("&"):
        rest = rest[1:].lstrip()
        if rest.startswith("'"):
            _, _, rest = rest.partition(" ")
        if rest.startswith("mut "):
            is_mut = is_mut or refs == 0
            rest = rest[4:]
        refs += 1
    if not rest or rest[0] in "([{" or rest.startswith(("dyn ", "impl ")):
        return RustType(text, refs, is_mut, rest)
    path, bracket, arguments = rest.partition("<")
    head = path.rsplit("::", 1)[-1]
    args = split_top_level(arguments.removesuffix(">")) if bracket else ()
    return RustType(text, refs, is_mut, head, tuple(a for a in args if not a.startswith("'")))


def split_top_level(text: str) -> tuple[str, ...]:
    """Return the parts between commas that stand inside no bracket."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "<([{":
            depth += 1
        elif char in ")]}" or (char == ">" and text[at - 1] != "-"):
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return tuple(p for p in [*parts, text[start:].strip()] if p)
