"""Where the words of a TOML file stand."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.toml_lines import find_lines, line_of

TEXT = '''\
# a comment with [brackets] = 1
format = 1

[entity."Order Details"]
key = [
  "a=b", # ]
  '[c]',
]
note."x.y" = """
[not a header]
z = 1
"""

[entity."Order Details".fields] # after
'odd name' = { type = "text", choices = ["]"] }

[[entity.x.rules]]
name = "one"

[[entity.x.rules]]
name = "two"
[entity.x.rules.more]
deep = 1
'''


def test_every_header_and_key_has_its_line() -> None:
    tomllib.loads(TEXT)
    assert find_lines(TEXT) == {
        ("format",): 2,
        ("entity", "Order Details"): 4,
        ("entity", "Order Details", "key"): 5,
        ("entity", "Order Details", "note", "x.y"): 9,
        ("entity", "Order Details", "fields"): 14,
        ("entity", "Order Details", "fields", "odd name"): 15,
        ("entity", "x", "rules"): 17,
        ("entity", "x", "rules", 0): 17,
        ("entity", "x", "rules", 0, "name"): 18,
        ("entity", "x", "rules", 1): 20,
        ("entity", "x", "rules", 1, "name"): 21,
        ("entity", "x", "rules", 1, "more"): 22,
        ("entity", "x", "rules", 1, "more", "deep"): 23,
    }


def test_lines_count_the_same_with_carriage_returns() -> None:
    assert find_lines(TEXT.replace("\n", "\r\n")) == find_lines(TEXT)


def test_a_word_inside_a_value_stands_where_the_value_stands() -> None:
    lines = find_lines(TEXT)
    assert line_of(lines, ("entity", "Order Details", "fields", "odd name", "type")) == 15
    assert line_of(lines, ("entity", "nowhere")) is None


@given(
    st.dictionaries(st.text(min_size=1), st.text(), max_size=6),
    st.lists(st.sampled_from(["", "# x = [", "\t# ]"]), min_size=6, max_size=6),
)
def test_odd_names_and_values_do_not_move_a_line(said: dict[str, str], between: list[str]) -> None:
    from engine.catalog.writer import _lines, _word

    text, expected = "", {}
    for (name, value), gap in zip(said.items(), between, strict=False):
        text += gap + "\n" + _lines({_word(name): value})[0] + "\n"
        expected[(name,)] = text.count("\n")
    assert tomllib.loads(text) == said
    assert find_lines(text) == expected
