"""Sentences with a clause inside another: that, whether, relative clauses, um … zu."""

from dataclasses import replace
from random import Random

from everyday import clauses as c
from everyday import lexicon
from everyday.choices import direction, person, relative_of, role
from everyday.clauses import Clause, Complement
from everyday.frames import FRAMES
from everyday.german import DEFINITE
from everyday.lexicon import ADJECTIVES, VERBS, noun
from everyday.parts import ACTIVE, COLORS, TENSES, Sentence, finish, fronted
from everyday.phrases import PRONOUNS, NounPhrase, Word
from everyday.sampler import draw

_REPORTS = [
    ("I think that", "ich glaube, dass"),
    ("I do not think that", "ich glaube nicht, dass"),
    ("I know that", "ich weiß, dass"),
    ("we hope that", "wir hoffen, dass"),
    ("I am happy that", "ich bin froh, dass"),
    ("my mother says that", "meine Mutter sagt, dass"),
    ("she said that", "sie hat gesagt, dass"),
    ("do you know whether", "weißt du, ob"),
    ("I do not know whether", "ich weiß nicht, ob"),
    ("he would like to know whether", "er möchte wissen, ob"),
]


def report(rng: Random) -> Sentence:
    """ "I think that the boy lost his jacket.", "Do you know whether …?" """
    english, german = rng.choice(_REPORTS)
    tense = rng.choice(TENSES)
    if english == "she said that":
        tense = "past"
    negated = tense != "habit" and "not" not in english and rng.random() < 0.2
    drawn = draw(rng, tense, negated=negated, asked=True)
    texts = c.english_statement(drawn.clause), c.german_verb_last(drawn.clause)
    mark = "?" if english.startswith("do") else "."
    return finish(f"{english} {texts[0]}", f"{german} {texts[1]}", drawn, mark=mark)


_PURPOSES = [
    ("market", ("buy",), "fruit, staple"),
    ("supermarket", ("buy",), "fruit, staple, drink"),
    ("city", ("buy",), "clothes, gift, luggage, device, furniture, small"),
    ("train station", ("pick up", "meet"), ""),
    ("kitchen", ("cook", "bake"), ""),
    ("kitchen", ("eat",), "fruit"),
    ("kitchen", ("drink",), "drink"),
    ("library", ("read", "learn"), ""),
    ("café", ("drink", "meet", "read"), ""),
    ("park", ("meet",), ""),
    ("garden", ("repair", "wash"), "vehicle"),
    ("garden", ("read",), "text, story"),
    ("living room", ("turn off", "tidy", "listen to", "turn on"), ""),
]


def purpose(rng: Random) -> Sentence:
    """ "My aunt is going to the market to buy fresh eggs." → um … zu."""
    site, verbs, groups = rng.choice(_PURPOSES)
    subject = person(rng)
    tense = rng.choice(("now", "past", "future"))
    frames = [
        replace(f, places="", accusative=groups or f.accusative)
        for f in FRAMES
        if f.verb in verbs and not f.subject and (not groups or f.accusative)
    ]
    aim = draw(rng, "future", subject=subject, frames=frames, timed=False)
    verb = "drive" if site in ("city", "train station", "supermarket") else "go"
    way = Clause(subject, VERBS[verb], (direction(rng, noun(site)),), tense)
    time = rng.choice([t for t in lexicon.TIMES if tense in t.tenses])
    way = replace(way, time=time if rng.random() < 0.4 else None)
    english, german = fronted(way)
    return finish(
        f"{english} to {c.english_infinitive(aim.clause)}",
        f"{german}, um {c.german_infinitive(aim.clause)}",
        aim,
        tense=tense,
    )


def _antecedent(rng: Random) -> NounPhrase:
    return replace(role(rng, rng.choice(("role", "role", "young"))), adjective=None)


_IDENTITIES = {
    "man": "uncle, brother, friend",
    "woman": "aunt, sister",
    "boy": "brother, son, friend",
    "girl": "sister, daughter",
    "doctor": "uncle, brother, friend",
    "teacher": "uncle, brother, friend",
}


def relative(rng: Random) -> Sentence:
    """ "The man who is repairing the car is my uncle.", "Do you know the woman who …?" """
    who = _antecedent(rng)
    gender = who.gender
    pronoun = Word("who", DEFINITE["nominative", gender], plural=who.plural, gender=gender)
    tense = rng.choice(("now", "past"))
    frames = [f for f in ACTIVE if f.verb not in ("live", "know", "play")]
    drawn = draw(rng, tense, subject=pronoun, frames=frames, timed=False)
    side_english = c.english_statement(drawn.clause)
    side_german = c.german_verb_last(drawn.clause)
    drawn = replace(drawn, clause=replace(drawn.clause, subject=who))
    if who.head not in _IDENTITIES or rng.random() < 0.3:
        english, german = rng.choice(
            [
                ("do you know", "kennst du {}"),
                ("did you see", "hast du {} gesehen"),
                ("I know", "ich kenne {}"),
            ]
        )
        mark = "." if english == "I know" else "?"
        german = german.format(who.german("accusative"))
        return finish(
            f"{english} {who.english_object} {side_english}",
            f"{german}, {side_german}",
            drawn,
            mark=mark,
        )
    kin = _IDENTITIES[who.head]
    related = relative_of(
        rng,
        PRONOUNS[rng.choice(("I", "you", "he", "she", "we"))],
        noun(rng.choice(kin.split(", "))),
    )
    related = replace(related, plural=who.plural and bool(related.noun.german_plural))
    be = "are" if who.plural else "is"
    sind = "sind" if who.plural else "ist"
    return finish(
        f"{who.english_subject} {side_english} {be} {related.english_subject}",
        f"{who.german('nominative')}, {side_german}, {sind} {related.german('nominative')}",
        drawn,
    )


_HANDLED = [
    "buy",
    "sell",
    "look for",
    "find",
    "need",
    "repair",
    "wash",
    "read",
    "paint",
    "carry",
    "try on",
]


def object_relative(rng: Random) -> Sentence:
    """ "The book that my brother is reading is very interesting." """
    frames = [f for f in ACTIVE if f.accusative and not f.dative and f.verb in _HANDLED]
    while True:
        drawn = draw(rng, rng.choice(("now", "past")), frames=frames, timed=False)
        thing = drawn.clause.complements[0].phrase
        fitting = [
            a for a in ADJECTIVES.get(thing.noun.group, ()) if a.english not in ("next", "little")
        ]
        if fitting and thing.noun.group not in ("kin", "role"):
            break
    thing = NounPhrase(thing.noun, "the", thing.plural)
    adjective = rng.choice(fitting)
    rest = Clause(
        drawn.clause.subject, drawn.clause.verb, drawn.clause.complements[1:], drawn.clause.tense
    )
    side_german = c.german_verb_last(rest, DEFINITE["accusative", thing.gender])
    full = replace(rest, complements=(Complement("accusative", thing), *rest.complements))
    very = [("", ""), ("very ", "sehr ")][adjective.english not in COLORS and rng.random() < 0.5]
    be, ist = ("are", "sind") if thing.plural else ("is", "ist")
    english = f"{thing.english_subject} that {c.english_statement(rest)}"
    german = f"{thing.german('nominative')}, {side_german}"
    return finish(
        f"{english} {be} {very[0]}{adjective.english}",
        f"{german}, {ist} {very[1]}{adjective.german}",
        replace(drawn, clause=full),
    )
