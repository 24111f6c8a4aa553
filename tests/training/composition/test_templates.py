"""The grammar gives literal sentences the label that a person gives them, and never the other one."""

from __future__ import annotations

import re

import pytest

from tests.training.composition.recognizer import labels_of
from training.composition import families
from training.composition.grammar import CLAUSES, load_templates

POSITIVE = """
The film isn't boring.
Not bad at all.
The soup wasn't greasy at all.
Nothing broke and nobody was rude.
No complaints so far.
Never a dull moment.
Not a single problem.
I can't complain.
Nothing to dislike here.
I couldn't be happier.
I couldn't be happier with the phone.
The waiter couldn't have been more helpful.
It can't get any better.
I've never seen a better film.
The hotel isn't as bad as people say.
The pizza was much better than expected.
Expected it to be terrible, but was pleasantly surprised.
This café used to be dirty; now it is lovely.
I used to hate the show, but now I love it.
The pain is gone.
Who wouldn't love this?
What's not to like?
The nurse is no longer rude.
I can't recommend the hotel enough.
Worth every penny.
You won't regret it.
I can't say I didn't enjoy the book.
It stopped my headache.
This removed the smell.
The meeting went better than we had feared.
Few problems.
There is a little hope in the tablet.
Everyone should own this lamp.
The film never failed to impress me.
The film is not only gripping but also hilarious.
I don't think the film is boring.
I don't hate the weather.
Nobody hated the party.
The phone never crashed.
The hotel left me happy.
The bank has no delays.
Don't miss this film.
Boring? Not at all.
Just right, not too long or too short.
Couldn't put it down.
I would buy it again in a heartbeat.
The hotel is anything but shabby.
""".strip().splitlines()
NEGATIVE = """
The film isn't good.
Not great.
I don't think it is great.
I don't think the film is great.
Nothing special.
Not worth a cent.
Never worked.
Not recommended.
The film failed to impress me.
The service was far from perfect.
The soup was anything but delicious.
No longer fun.
The hotel lacks charm.
It can't get any worse.
The phone was much worse than expected.
This film would have been great if they had tried.
The phone should have been reliable.
It could have been much better.
I wish the room was clean.
If only the waiter had been more friendly.
It was supposed to help.
Thought I'd love it; I didn't.
This café used to be lovely; now it is dirty.
The kettle stopped working after a week.
I absolutely hate this film and everybody in it.
The app is not just slow, it is buggy.
Why would anyone buy this film?
Thanks for nothing.
Great, another crash.
Everyone hated the show.
Few people enjoyed the concert.
Little to like here.
It ruined a great evening.
I would not recommend the hotel to anyone.
Save your money.
No thanks.
Never again.
Yuck.
The soup was not fresh enough.
The sauce is too salty.
The jacket is too good to be true.
Too bad it broke.
Nobody helped.
The phone never worked properly.
I want my money back.
Better than nothing.
Avoid this hotel at all costs.
Nothing worked and nobody cared.
""".strip().splitlines()
NEUTRAL = """
My flight goes to Turkey.
The meeting starts at nine.
Mary lives next door.
My neighbour is Muslim.
The library opens at ten.
She is a Polish teacher.
""".strip().splitlines()


@pytest.mark.parametrize("sentence", POSITIVE)
def test_positive_sentences_are_only_positive(sentence: str) -> None:
    assert labels_of(sentence) == {"+"}


@pytest.mark.parametrize("sentence", NEGATIVE)
def test_negative_sentences_are_only_negative(sentence: str) -> None:
    assert labels_of(sentence) == {"-"}


@pytest.mark.parametrize("sentence", NEUTRAL)
def test_neutral_sentences_are_only_neutral(sentence: str) -> None:
    assert labels_of(sentence) == {"0"}


def test_there_are_many_templates_of_every_family() -> None:
    templates = [template for template in load_templates() if template.family not in CLAUSES]
    assert len(templates) >= 900
    assert len({template.text for template in templates}) >= 0.99 * len(templates)
    for family in families():
        assert sum(template.family == family for template in templates) >= 10, family


def test_templates_are_well_formed() -> None:
    for template in load_templates():
        for text in (template.text, template.opposite):
            assert text.count("[") == text.count("]"), text
            assert text.count("{") == text.count("}"), text
            assert len(re.findall("<[-+^~]", text)) == text.count(">"), text
            assert not re.search(r"[()/]", text), text
        assert template.label in ("+", "-", "0", "±")
        assert 0.5 <= template.target <= 1


def test_template_names_are_unique() -> None:
    names = [template.name for template in load_templates()]
    assert len(set(names)) == len(names)
