"""Append a problem's hidden tests to a candidate so that passing them cannot be faked. Pure.

The candidate runs in the process that tests it, so nothing that the test harness prints can be
believed: a candidate may print `test result: ok` and end early. Therefore each hidden test is
called by a wrapper that writes a *receipt*, a random text, once the test has come to its end as it
should. The receipts stand in the test binary only, which the judge makes unreadable.

Inside the hidden tests the standard macros are written with their full path (`::std::assert_eq!`),
so that a candidate's macros of those names are not called. What they compare of the program's own
types is still compared by the program's own `==`: good tests assert differences too.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sleepy_coder.errors import InputError
from sleepy_coder.syntax import ASSERTION_MACROS, TestFunction, Token, find_tests, tokens

_RECEIPT_BYTES = 16
# A candidate could bend these to its needs; the others do not compare anything.
_STD_MACROS = ASSERTION_MACROS | {"format", "matches", "panic", "vec", "write", "writeln"}


@dataclass(frozen=True)
class TestProgram:
    """A candidate with hidden tests: its source, and what it writes to stderr if all pass."""

    __test__ = False  # no test case of pytest's
    code: str
    receipts: tuple[str, ...]


def append_tests(code: str, tests: str) -> TestProgram:
    """Return the candidate with the tests in a module of its own, each made to give a receipt.

    Args:
        code: The candidate; it must compile by itself, or the tests may end in a comment of it.
        tests: Rust items with at least one `#[test]`, written as if at the end of `code`.

    Raises:
        InputError: There is no test, so that anything would pass.
    """
    functions = find_tests(tests)
    if not functions:
        raise InputError("hidden tests: got no `#[test]` function, expected at least one")
    receipts = tuple(secrets.token_hex(_RECEIPT_BYTES) for _ in functions)
    edits = [(t.byte_start, t.byte_start, "::std::") for t in _std_macro_names(tests)]
    for function, receipt in zip(functions, receipts, strict=True):
        edits += [(start, end, "") for start, end in function.attributes]
        edits.append((function.byte_end, function.byte_end, _wrapper(function, receipt)))
    data = tests.encode()
    for start, end, replacement in sorted(edits, reverse=True):
        data = data[:start] + replacement.encode() + data[end:]
    module = f"hidden_{secrets.token_hex(_RECEIPT_BYTES)}"
    header = f"\n#[cfg(test)]\nmod {module} {{\n#[allow(unused_imports)]\nuse super::*;\n"
    return TestProgram(f"{code}{header}{data.decode()}\n}}\n", receipts)


def _std_macro_names(code: str) -> list[Token]:
    """Return the names of standard macros that are called by name alone."""
    found = []
    all_tokens = tokens(code)
    for before, token, after in zip([None, *all_tokens], all_tokens, all_tokens[1:], strict=False):
        is_bare = before is None or before.text != "::"
        if token.text in _STD_MACROS and after.text == "!" and is_bare:
            found.append(token)
    return found


def _wrapper(function: TestFunction, receipt: str) -> str:
    """Return a `#[test]` that calls the function and writes the receipt if it ends as it should."""
    if function.expected_panic is None:
        verify = (
            f"::std::assert!(::std::process::Termination::report({function.name}()) "
            "== ::std::process::ExitCode::SUCCESS);"
        )
    else:
        verify = (
            f"let payload = ::std::panic::catch_unwind(|| {{ {function.name}(); }}).unwrap_err();"
            "let text = payload.downcast_ref::<&str>().copied()"
            ".or(payload.downcast_ref::<::std::string::String>().map(|s| s.as_str()));"
            f"::std::assert!(text.unwrap_or_default().contains({function.expected_panic}));"
        )
    write = f'::std::io::Write::write_all(&mut ::std::io::stderr(), b"{receipt}\\n").unwrap();'
    return f"\n#[test]\nfn {function.name}_gives_receipt() {{ {verify} {write} }}\n"
