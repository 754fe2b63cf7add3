"""Hand-written forms, as a German would write them."""

import pytest

from everyday import german
from everyday.lexicon import NOUNS, VERBS, Adjective, noun
from everyday.phrases import PRONOUNS, NounPhrase, Word

CASES = ("nominative", "accusative", "dative", "genitive")
OLD, EXPENSIVE = Adjective("old", "alt"), Adjective("expensive", "teuer")


@pytest.mark.parametrize(
    ("english", "determiner", "plural", "forms"),
    [
        ("man", "the", False, "der alte Mann|den alten Mann|dem alten Mann|des alten Mannes"),
        ("woman", "the", False, "die alte Frau|die alte Frau|der alten Frau|der alten Frau"),
        ("child", "the", False, "das alte Kind|das alte Kind|dem alten Kind|des alten Kindes"),
        (
            "child",
            "the",
            True,
            "die alten Kinder|die alten Kinder|den alten Kindern|der alten Kinder",
        ),
        ("boy", "the", False, "der alte Junge|den alten Jungen|dem alten Jungen|des alten Jungen"),
        (
            "student",
            "a",
            False,
            "ein alter Student|einen alten Studenten|einem alten Studenten|eines alten Studenten",
        ),
        (
            "neighbor",
            "this",
            False,
            "dieser alte Nachbar|diesen alten Nachbarn|diesem alten Nachbarn|dieses alten Nachbarn",
        ),
        (
            "bag",
            "a",
            False,
            "eine alte Tasche|eine alte Tasche|einer alten Tasche|einer alten Tasche",
        ),
        ("book", "a", False, "ein altes Buch|ein altes Buch|einem alten Buch|eines alten Buchs"),
        ("milk", "", False, "alte Milch|alte Milch|alter Milch|alter Milch"),
        ("coffee", "", False, "alter Kaffee|alten Kaffee|altem Kaffee|alten Kaffees"),
        ("friend", "", True, "alte Freunde|alte Freunde|alten Freunden|alter Freunde"),
        ("car", "these", True, None),
    ],
)
def test_noun_phrases(english, determiner, plural, forms):
    if forms is None:
        phrase = NounPhrase(noun(english), "this", plural, OLD)
        assert phrase.english_subject == "these old cars"
        assert phrase.german("dative") == "diesen alten Autos"
        return
    phrase = NounPhrase(noun(english), determiner, plural, OLD)
    assert [phrase.german(case) for case in CASES] == forms.split("|")


@pytest.mark.parametrize(
    ("owner", "english", "plural", "case", "form"),
    [
        ("I", "uncle", False, "accusative", "meinen alten Onkel"),
        ("you", "aunt", False, "dative", "deiner alten Tante"),
        ("he", "house", False, "nominative", "sein altes Haus"),
        ("she", "brother", True, "dative", "ihren alten Brüdern"),
        ("we", "mother", False, "dative", "unserer alten Mutter"),
        ("we", "father", False, "accusative", "unseren alten Vater"),
        ("they", "daughter", True, "nominative", "ihre alten Töchter"),
    ],
)
def test_possessives(owner, english, plural, case, form):
    assert NounPhrase(noun(english), PRONOUNS[owner], plural, OLD).german(case) == form


def test_kein_owners_and_quantities():
    assert NounPhrase(noun("car"), "a", negated=True).german("accusative") == "kein Auto"
    assert NounPhrase(noun("coat"), "a", negated=True).german("accusative") == "keinen Mantel"
    many = NounPhrase(noun("apple"), "any", True, OLD, negated=True)
    assert many.german("accusative") == "keine alten Äpfel"
    assert NounPhrase(noun("egg"), "two", True, OLD).german("accusative") == "zwei alte Eier"
    assert NounPhrase(noun("book"), "many", True, OLD).german("nominative") == "viele alte Bücher"
    anna = Word("Anna", "Anna", gender="f")
    assert (
        NounPhrase(noun("car"), "the", False, OLD, anna).german("accusative") == "Annas altes Auto"
    )
    father = NounPhrase(noun("father"), PRONOUNS["I"])
    phrase = NounPhrase(noun("car"), "the", False, EXPENSIVE, father)
    assert phrase.german("nominative") == "das teure Auto meines Vaters"
    assert phrase.english_subject == "my father's expensive car"


@pytest.mark.parametrize(
    ("preposition", "phrase", "joined"),
    [
        ("in", "dem Garten", "im Garten"),
        ("in", "das Kino", "ins Kino"),
        ("an", "dem Bahnhof", "am Bahnhof"),
        ("zu", "der Schule", "zur Schule"),
        ("zu", "dem Bahnhof", "zum Bahnhof"),
        ("auf", "das Bett", "auf das Bett"),
        ("in", "diesem Garten", "in diesem Garten"),
    ],
)
def test_contractions(preposition, phrase, joined):
    assert german.contract(preposition, phrase) == joined


@pytest.mark.parametrize(
    ("verb", "forms", "participle", "zu", "imperative"),
    [
        ("call", "rufe rufst ruft rufen rufen", "angerufen", "anzurufen", "ruf"),
        ("read", "lese liest liest lesen lesen", "gelesen", "zu lesen", "lies"),
        ("eat", "esse isst isst essen essen", "gegessen", "zu essen", "iss"),
        ("wait for", "warte wartest wartet warten warten", "gewartet", "zu warten", "warte"),
        ("drive", "fahre fährst fährt fahren fahren", "gefahren", "zu fahren", "fahr"),
        ("wash", "wasche wäschst wäscht waschen waschen", "gewaschen", "zu waschen", "wasch"),
        ("invite", "lade lädst lädt laden laden", "eingeladen", "einzuladen", "lade"),
        ("find", "finde findest findet finden finden", "gefunden", "zu finden", "finde"),
        ("dance", "tanze tanzt tanzt tanzen tanzen", "getanzt", "zu tanzen", "tanz"),
        ("visit", "besuche besuchst besucht besuchen besuchen", "besucht", "zu besuchen", "besuch"),
        (
            "repair",
            "repariere reparierst repariert reparieren reparieren",
            "repariert",
            "zu reparieren",
            "repariere",
        ),
        ("tell", "erzähle erzählst erzählt erzählen erzählen", "erzählt", "zu erzählen", "erzähl"),
        (
            "try on",
            "probiere probierst probiert probieren probieren",
            "anprobiert",
            "anzuprobieren",
            "probiere",
        ),
        (
            "take care of",
            "kümmere kümmerst kümmert kümmern kümmern",
            "gekümmert",
            "zu kümmern",
            "kümmere",
        ),
        (
            "forget",
            "vergesse vergisst vergisst vergessen vergessen",
            "vergessen",
            "zu vergessen",
            "vergiss",
        ),
        ("open", "mache machst macht machen machen", "aufgemacht", "aufzumachen", "mach"),
        ("tidy", "räume räumst räumt räumen räumen", "aufgeräumt", "aufzuräumen", "räum"),
        ("travel", "reise reist reist reisen reisen", "gereist", "zu reisen", "reis"),
        ("help", "helfe hilfst hilft helfen helfen", "geholfen", "zu helfen", "hilf"),
    ],
)
def test_verbs(verb, forms, participle, zu, imperative):
    found = VERBS[verb].german
    persons = [(1, False), (2, False), (3, False), (1, True), (3, True)]
    assert [found.present(*who) for who in persons] == forms.split()
    assert found.past_participle() == participle
    assert found.zu_infinitive() == zu
    assert found.imperative() == imperative


def test_perfect_with_sein():
    with_sein = {name for name, verb in VERBS.items() if verb.german.auxiliary == "sein"}
    assert with_sein == {
        "swim",
        "stay",
        "get up",
        "go",
        "drive",
        "travel",
        "fly",
        "come",
        "come back",
        "arrive",
    }


def test_genders():
    articles = {"m": "der", "f": "die", "n": "das", "p": "die"}
    written = """der Apfel, die Banane, das Ei, die Kartoffel, der Kuchen, die Suppe, das Brot,
    der Käse, das Wasser, die Milch, das Buch, die Zeitung, der Brief, das Hemd, die Jacke,
    das Auto, das Fahrrad, der Schlüssel, der Regenschirm, das Bild, die Tasse, das Glas,
    die Flasche, der Koffer, der Tisch, der Stuhl, das Bett, das Geschenk, die Blume, das Haus,
    die Wohnung, die Küche, der Urlaub, das Konzert, der Garten, der Bahnhof, der Markt, das Büro,
    die Bibliothek, das Museum, das Krankenhaus, die Kirche, der Wald, der See, das Mädchen"""
    known = {f"{articles[n.gender]} {n.german}" for group in NOUNS.values() for n in group}
    assert {" ".join(entry.split()) for entry in written.split(",")} <= known
