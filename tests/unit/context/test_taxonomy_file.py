"""The taxonomy file: what it may say, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit_router.context.categories import Category, load_categories, shipped_categories
from bandit_router.errors import ConfigError

OWN = """
[[categories]]
name = "pets"
description = "Animals at home."
examples = ["why does my cat scratch the sofa"]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN, encoding="utf-8")
    return path


def names(categories: tuple[Category, ...]) -> list[str]:
    return [category.name for category in categories]


def test_the_shipped_taxonomy_has_between_thirty_and_forty_categories() -> None:
    assert 30 <= len(shipped_categories()) <= 40


def test_every_shipped_category_has_six_different_examples_and_some_cues() -> None:
    assert all(len(set(category.examples)) >= 6 and category.cues for category in shipped_categories())


def test_no_shipped_example_stands_in_two_categories() -> None:
    examples = [example for category in shipped_categories() for example in category.examples]
    assert len(examples) == len(set(examples))


def test_extending_keeps_the_shipped_categories_and_adds_the_users(own: Path) -> None:
    assert names(load_categories(own, "extend")) == [*names(shipped_categories()), "pets"]


def test_replacing_leaves_only_the_users_categories(own: Path) -> None:
    assert names(load_categories(own, "replace")) == ["pets"]


def test_a_users_category_takes_the_place_of_the_shipped_one_of_its_name(own: Path) -> None:
    own.write_text(OWN.replace("pets", "law"), encoding="utf-8")
    law = [category for category in load_categories(own, "extend") if category.name == "law"]
    assert [category.description for category in law] == ["Animals at home."]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (OWN + 'exmples = ["x"]\n', 6, "did you mean 'examples'?"),
        (OWN + OWN, 8, "two categories are named 'pets'; rename or remove one"),
        (OWN.replace('["why does my cat scratch the sofa"]', "[]"), 5, "at least one example"),
        (OWN.replace("why does my cat scratch the sofa", " "), 5, "at least one example"),
        (OWN + 'cues = ["/(cat/"]\n', 6, "is no regular expression"),
        (OWN + 'cues = ["cat", "!"]\n', 6, "holds no word"),
        (OWN.replace("pets", "other"), 3, "choose another name"),
        (OWN.replace("pets", "my pets"), 3, "use letters"),
        ("categories = []\n", 1, "add a [[categories]] table"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_a_remedy(own: Path, text: str, line: int, says: str) -> None:
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_categories(own, "extend")
    assert str(caught.value).startswith(f"{own}:{line}: ")
    assert says in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_categories(tmp_path / "none.toml", "replace")
