"""Golden sentences: each construction of the grammar once, written by hand."""

from dataclasses import replace

import pytest

from everyday import clauses as c
from everyday.clauses import MODALS, Clause, Complement
from everyday.english import article
from everyday.lexicon import MIDDLE_TIMES, TIMES, VERBS, Adjective, noun
from everyday.phrases import PRONOUNS, NounPhrase, Word

TIME = {time.english: time for time in (*TIMES, *MIDDLE_TIMES)}
ANNA = Word("Anna", "Anna", gender="f")
MAN = NounPhrase(noun("man"), "the", False, Adjective("old", "alt"))


def the(word, determiner="the", **options):
    return NounPhrase(noun(word), determiner, **options)


def acc(phrase):
    return Complement("accusative", phrase)


MOTHER = acc(the("mother", PRONOUNS["she"]))
CALL = Clause(ANNA, VERBS["call"], (MOTHER,))
GARDEN = Complement("place", the("garden"), "in", "in", "dative")
INTO_GARDEN = Complement("close", the("garden"), "into", "in")
READ = Clause(MAN, VERBS["read"], (acc(the("newspaper")), GARDEN), "past", TIME["yesterday"])


@pytest.mark.parametrize(
    ("changes", "english", "german"),
    [
        ({}, "Anna is calling her mother", "Anna ruft ihre Mutter an"),
        ({"tense": "past"}, "Anna called her mother", "Anna hat ihre Mutter angerufen"),
        ({"tense": "future"}, "Anna will call her mother", "Anna wird ihre Mutter anrufen"),
        (
            {"tense": "modal", "modal": MODALS["have"]},
            "Anna has to call her mother",
            "Anna muss ihre Mutter anrufen",
        ),
        (
            {"tense": "past", "modal": MODALS["want"]},
            "Anna wanted to call her mother",
            "Anna wollte ihre Mutter anrufen",
        ),
        (
            {"tense": "modal", "modal": MODALS["can"], "negated": True},
            "Anna cannot call her mother",
            "Anna kann ihre Mutter nicht anrufen",
        ),
        (
            {"tense": "habit", "time": TIME["often"]},
            "Anna often calls her mother",
            "Anna ruft oft ihre Mutter an",
        ),
        (
            {"tense": "past", "negated": True},
            "Anna did not call her mother",
            "Anna hat ihre Mutter nicht angerufen",
        ),
        (
            {"tense": "past", "complements": (acc(PRONOUNS["he"]),), "time": TIME["yesterday"]},
            "Anna called him yesterday",
            "Anna hat ihn gestern angerufen",
        ),
    ],
)
def test_main_clauses(changes, english, german):
    clause = replace(CALL, **changes)
    assert c.english_statement(clause) == english
    assert c.german_statement(clause) == german


def test_word_orders():
    assert c.german_verb_last(CALL, "weil") == "weil Anna ihre Mutter anruft"
    past = replace(CALL, tense="past")
    assert c.german_verb_last(past, "dass") == "dass Anna ihre Mutter angerufen hat"
    must = replace(CALL, tense="modal", modal=MODALS["have"])
    assert c.german_verb_last(must, "weil") == "weil Anna ihre Mutter anrufen muss"
    assert c.german_verb_first(CALL) == "ruft Anna ihre Mutter an"
    assert c.english_question(CALL) == "is Anna calling her mother"
    assert c.english_question(past, "when") == "when did Anna call her mother"
    assert c.german_infinitive(CALL) == "ihre Mutter anzurufen"
    assert c.german_imperative(CALL, bitte=True) == "ruf bitte ihre Mutter an"


def test_time_first_inverts_the_verb():
    front = c.german_verb_first(READ, "gestern", time=False)
    assert front == "gestern hat der alte Mann die Zeitung im Garten gelesen"
    statement = c.german_statement(READ)
    assert statement == "der alte Mann hat gestern die Zeitung im Garten gelesen"
    assert c.english_statement(READ) == "the old man read the newspaper in the garden yesterday"


def test_indefinite_objects_follow_the_place():
    clause = replace(READ, complements=(acc(the("book", "a")), GARDEN))
    assert c.german_statement(clause) == "der alte Mann hat gestern im Garten ein Buch gelesen"


def test_two_way_prepositions():
    go = Clause(PRONOUNS["we"], VERBS["go"], (INTO_GARDEN,), negated=True)
    assert c.english_statement(go) == "we are not going into the garden"
    assert c.german_statement(go) == "wir gehen nicht in den Garten"
    sit = Clause(PRONOUNS["we"], VERBS["sit"], (GARDEN,))
    assert c.german_statement(sit) == "wir sitzen im Garten"


def test_kein():
    no = acc(the("car", "a", negated=True))
    clause = Clause(PRONOUNS["he"], VERBS["buy"], (no,), no=True)
    assert c.english_statement(clause) == "he is not buying a car"
    assert c.german_statement(clause) == "er kauft kein Auto"


def test_dative_before_accusative_and_pronouns_first():
    boy = Complement("dative", the("boy"), case="dative")
    give = Clause(PRONOUNS["she"], VERBS["give"], (boy, acc(the("apple", "a"))), "past")
    assert c.english_statement(give) == "she gave the boy an apple"
    assert c.german_statement(give) == "sie hat dem Jungen einen Apfel gegeben"
    me = Complement("dative", PRONOUNS["I"], case="dative")
    give = replace(give, subject=MAN, complements=(me, acc(the("apple", "a"))))
    assert c.german_verb_first(give, "gestern") == (
        "gestern hat mir der alte Mann einen Apfel gegeben"
    )
    assert c.german_verb_last(give, "weil") == "weil der alte Mann mir einen Apfel gegeben hat"
    # "ihr Anna" would be read as "her Anna"
    her = Complement("dative", PRONOUNS["she"], case="dative")
    give = replace(give, subject=ANNA, complements=(her, acc(the("apple", "a"))))
    assert c.german_verb_first(give) == "hat Anna ihr einen Apfel gegeben"


def test_reflexive_verbs():
    weekend = Complement("close", the("weekend"), "", "auf")
    glad = Clause(PRONOUNS["I"], VERBS["look forward to"], (weekend,))
    assert c.english_statement(glad) == "I am looking forward to the weekend"
    assert c.german_statement(glad) == "ich freue mich auf das Wochenende"
    assert c.german_verb_first(replace(glad, subject=MAN)) == (
        "freut sich der alte Mann auf das Wochenende"
    )
    assert c.german_verb_last(glad, "weil") == "weil ich mich auf das Wochenende freue"


def test_perfect_with_sein_and_preterite():
    go = Clause(PRONOUNS["they"], VERBS["go"], (INTO_GARDEN,), "past")
    assert c.german_statement(go) == "sie sind in den Garten gegangen"
    table = Complement("close", the("table"), "on", "auf", "dative")
    lie = Clause(the("key"), VERBS["be/lie"], (table,), "past")
    assert c.english_statement(lie) == "the key was on the table"
    assert c.german_statement(lie) == "der Schlüssel lag auf dem Tisch"


@pytest.mark.parametrize(
    ("lemma", "third", "ing"),
    [
        ("go", "goes", "going"), ("wash", "washes", "washing"), ("tidy", "tidies", "tidying"),
        ("write", "writes", "writing"), ("swim", "swims", "swimming"), ("cry", "cries", "crying"),
        ("put on", "puts on", "putting on"), ("look for", "looks for", "looking for"),
        ("visit", "visits", "visiting"), ("fly", "flies", "flying"), ("see", "sees", "seeing"),
        ("open", "opens", "opening"), ("lose", "loses", "losing"), ("play", "plays", "playing"),
    ],
)  # fmt: skip
def test_english_verbs(lemma, third, ing):
    assert VERBS[lemma].english.present(3, False) == third
    assert VERBS[lemma].english.progressive() == ing


def test_english_nouns_and_articles():
    plurals = {"story": "stories", "bus": "buses", "potato": "potatoes", "man": "men",
               "child": "children", "glass": "glasses", "boy": "boys", "library": "libraries",
               "radio": "radios", "church": "churches", "party": "parties"}  # fmt: skip
    assert {word: noun(word).english_plural for word in plurals} == plurals
    words = ("apple", "old", "book", "hospital", "uncle", "empty")
    assert [article(word) for word in words] == ["an", "an", "a", "a", "an", "an"]
