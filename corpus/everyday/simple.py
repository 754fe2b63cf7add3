"""Sentences of one clause: statements, questions, imperatives."""

from dataclasses import replace
from random import Random

from everyday import clauses as c
from everyday import lexicon
from everyday.clauses import Clause, Complement
from everyday.frames import FRAMES
from everyday.lexicon import ADJECTIVES, NOUNS, VERBS, Adjective
from everyday.parts import (
    ACTIVE,
    COLORS,
    TENSES,
    Sentence,
    finish,
    fixed,
    fronted,
    main,
)
from everyday.phrases import PRONOUNS, WHO, NounPhrase
from everyday.sampler import Drawn, draw


def statement(rng: Random) -> Sentence:
    """ "Yesterday my aunt bought a red dress." """
    tense = rng.choice(TENSES)
    drawn = draw(rng, tense, negated=tense != "habit" and rng.random() < 0.25)
    texts = fronted(drawn.clause) if rng.random() < 0.4 else main(drawn.clause)
    return finish(*texts, drawn)


def question(rng: Random) -> Sentence:
    """ "Did your brother lose the key?" """
    tense = rng.choice(TENSES)
    drawn = draw(rng, tense, asked=True, negated=tense != "habit" and rng.random() < 0.1)
    texts = c.english_question(drawn.clause), c.german_verb_first(drawn.clause)
    return finish(*texts, drawn, mark="?")


def when_question(rng: Random) -> Sentence:
    """ "When will Anna visit her aunt?", "Why is the child crying?" """
    english, german, tenses = rng.choice(
        [("when", "wann", ("past", "future")), ("why", "warum", ("now", "past", "habit"))]
    )
    tense = rng.choice(tenses)
    negated = english == "why" and tense != "habit" and rng.random() < 0.4
    frames = [f for f in ACTIVE if f.verb != "get up"]
    drawn = draw(rng, tense, asked=True, negated=negated, timed=tense == "habit", frames=frames)
    if drawn.clause.time and drawn.clause.time.english == "never":
        drawn = replace(drawn, clause=replace(drawn.clause, time=lexicon.MIDDLE_TIMES[1]))
    texts = c.english_question(drawn.clause, english), c.german_verb_first(drawn.clause, german)
    return finish(*texts, drawn, mark="?")


def object_question(rng: Random) -> Sentence:
    """ "What is she buying?", "Who are you visiting?", "Which dress is Anna trying on?" """
    # "What did she put on the table?" does not tell legen from stellen.
    frames = [f for f in ACTIVE if not f.verb.startswith("put/")]
    while True:
        drawn = draw(rng, rng.choice(("now", "past", "future")), asked=True, frames=frames)
        # the last object: "Who is he writing a letter?" is no English
        direct = next((o for o in reversed(drawn.clause.complements) if _asks(o)), None)
        if direct:
            break
    rest = tuple(o for o in drawn.clause.complements if o is not direct)
    clause = replace(drawn.clause, complements=rest)
    thing = direct.phrase
    if thing.noun.group in ("role", "kin", "young"):
        english, german = "who", "wen" if direct.case == "accusative" else "wem"
        full = clause
    elif drawn.frame.verb in _WHICH or thing.adjective:
        asked = replace(thing, determiner="which", adjective=None, owner=None, negated=False)
        english, german = asked.english_object, asked.german("accusative")
        full = replace(clause, complements=(*rest, Complement("accusative", asked)))
    else:
        english, german, full = "what", "was", clause
    texts = c.english_question(clause, english), c.german_verb_first(clause, german)
    return finish(*texts, replace(drawn, clause=full), mark="?")


_WHICH = ("open", "close", "turn on", "turn off", "like", "put on", "try on", "understand", "know")


def _asks(o: Complement) -> bool:
    return (
        o.role in ("accusative", "dative")
        and isinstance(o.phrase, NounPhrase)
        and o.phrase.noun.group not in ("language", "music")
    )


def who_question(rng: Random) -> Sentence:
    """ "Who forgot the umbrella?" """
    tense = rng.choice(("now", "past", "past", "future"))
    frames = [replace(f, pronouns=False) for f in ACTIVE if f.accusative and f.verb != "know"]
    drawn = draw(rng, tense, subject=WHO, frames=frames)
    return finish(*main(drawn.clause), drawn, mark="?")


def where_question(rng: Random) -> Sentence:
    """ "Where did you meet my brother?" """
    frames = [f for f in ACTIVE if f.places]
    drawn = draw(rng, rng.choice(("now", "past", "future")), asked=True, frames=frames)
    rest = tuple(o for o in drawn.clause.complements if o.role != "place")
    drawn = replace(drawn, clause=replace(drawn.clause, complements=rest))
    texts = c.english_question(drawn.clause, "where"), c.german_verb_first(drawn.clause, "wo")
    return finish(*texts, drawn, mark="?")


def imperative(rng: Random) -> Sentence:
    """ "Please open the window!", "Do not forget your key!" """
    if rng.random() < 0.2:
        frames = [f for f in FRAMES if f.verb in ("forget", "open", "sell", "close", "lose")]
        frames = [replace(f, places="") for f in frames]
        drawn = draw(rng, "past", subject=PRONOUNS["you"], frames=frames, timed=False)
        english = f"do not {c.english_infinitive(drawn.clause)}"
        german = c.german_imperative(replace(drawn.clause, negated=True), bitte=False)
        return finish(english, german, drawn, mark="!", tense="now")
    frames = [f for f in FRAMES if f.verb in _ORDERS]
    drawn = draw(rng, "future", subject=PRONOUNS["you"], frames=frames, timed=False)
    english = f"please {c.english_infinitive(drawn.clause)}"
    german = c.german_imperative(drawn.clause, bitte=True)
    return finish(english, german, drawn, mark="!", tense="now")


_ORDERS = [
    "visit",
    "call",
    "help",
    "invite",
    "pick up",
    "wait for",
    "take care of",
    "give",
    "show",
    "send",
    "lend",
    "tell",
    "write",
    "buy",
    "repair",
    "wash",
    "clean",
    "tidy",
    "turn on",
    "turn off",
    "open",
    "close",
    "put on",
    "take off",
    "carry",
    "put/lay",
    "put/stand",
    "cook",
    "bake",
    "read",
]


_PREDICATES = {
    group: [Adjective("cold", "kalt"), Adjective("hot", "heiß"), Adjective("good", "gut")]
    for group in ("dish", "drink")
}


_ONE = [pronoun for pronoun in PRONOUNS.values() if not pronoun.plural]
_ATTRIBUTES = ("new", "old", "big", "small", *COLORS)


_OPPOSITES = [
    {"new", "old"},
    {"big", "small"},
    {"long", "short"},
    {"expensive", "cheap"},
    {"cold", "hot"},
]


def _clash(first, second) -> bool:
    pair = {first.english, second.english}
    return pair in _OPPOSITES or pair <= set(COLORS) or pair <= {"good", "delicious"}


def description(rng: Random) -> Sentence:
    """ "The old car was too expensive." """
    groups = "fruit, dish, drink, text, clothes, vehicle, device, luggage, furniture, upright, home"
    thing = rng.choice([n for group in groups.split(", ") for n in NOUNS[group]])
    fitting = _PREDICATES.get(thing.group) or ADJECTIVES[thing.group]
    first, second = rng.sample(fitting, 2) if len(fitting) > 1 else (fitting[0], None)
    plain = second and second.english in _ATTRIBUTES and not _clash(first, second)
    attribute = second if plain and rng.random() < 0.5 else None
    owner = rng.choice(["the", "the", "this", *_ONE])
    plural = thing.countable and thing.group != "dish" and rng.random() < 0.25
    subject = NounPhrase(thing, owner, plural, attribute)
    degree = rng.choice([("", ""), ("very ", "sehr "), ("too ", "zu ")])
    if first.english in ("beautiful", "good", "delicious", "interesting", "fresh", *COLORS):
        degree = degree if first.english not in COLORS and degree[0] != "too " else ("", "")
    if first.english == "empty" or (first.english == "new" and degree[0] == "too "):
        degree = ("", "")
    what = fixed(degree[0] + first.english, degree[1] + first.german)
    tense = rng.choice(("now", "past"))
    clause = Clause(subject, VERBS["be"], (what,), tense, negated=rng.random() < 0.25)
    drawn = Drawn(clause, replace(FRAMES[0], verb="be"))
    if rng.random() < 0.25:
        return finish(c.english_question(clause), c.german_verb_first(clause), drawn, mark="?")
    return finish(*main(clause), drawn)
