import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepy_coder.attributes import Attribute, attributes


def test_attributes_are_found_wherever_they_are():
    code = """
        #![deny(warnings, unused_must_use,)]
        #[cfg(all(unix, test))] /// Text.
        #[r#allow (dead_code)]
        fn f() { let s = "#[no]"; m!{ #[cfg(test)] s } } // #[no]
        #[path = "g.rs"] mod g;
        macro_rules! n { ($(#[$m:meta])*) => { $(#[$m])* } }
        #[rustfmt::skip]"""

    assert attributes(code) == [
        Attribute("deny", ("warnings", "unused_must_use"), is_inner=True, target="fn"),
        Attribute("cfg", ("all ( unix , test )",), is_inner=False, target="fn"),
        Attribute("allow", ("dead_code",), is_inner=False, target="fn"),
        Attribute("cfg", ("test",), is_inner=False, target="s"),
        Attribute("path", (), is_inner=False, target="mod"),
        Attribute("$m:meta", (), is_inner=False, target=")"),
        Attribute("$m", (), is_inner=False, target=")"),
        Attribute("rustfmt::skip", (), is_inner=False, target=""),
    ]


@pytest.mark.parametrize("code", ["#", "#!", "#![", "#[cfg(", "#[cfg", "#[]", "#[)]"])
def test_unfinished_attributes_are_survived(code):
    assert len(attributes(code)) == ("[" in code)


@given(st.text(max_size=80))
def test_any_text_can_be_read(text):
    attributes(text)
