"""Which verb goes with which subjects, objects and circumstances, so that sentences make sense."""

from dataclasses import dataclass

from everyday.lexicon import NOUNS, Noun, noun


@dataclass(frozen=True)
class Frame:
    """One use of a verb.

    Groups and nouns are named in a comma-separated string, as in `lexicon.NOUNS`.

    Args:
        verb: key into `lexicon.VERBS`.
        tenses: letters: h habit, n now, p past, f future, m modal, s simple present of a state,
            w lasting long enough for "while".
        subject: groups of the subject; "" for people and pronouns.
        accusative: groups of the accusative object.
        dative: groups of the dative object.
        close: "English preposition, German preposition, case, groups" of what belongs closely to
            the verb; each part after a "|".
        determiners: of the object: "any", "own" (possessive or definite), "definite",
            "indefinite", "owned" (also of somebody else).
        places: where it may happen.
        fixed: choices "English=German" of fixed words close to the verb; "" for none.
        company: whether "with somebody" fits.
        benefit: whether "for somebody" fits.
        pronouns: whether the object may be a pronoun.
        unfit: English adjectives that the object does not take here: nobody bakes an old cake.
    """

    verb: str
    tenses: str
    subject: str = ""
    accusative: str = ""
    dative: str = ""
    close: str = ""
    determiners: str = "own"
    places: str = ""
    fixed: str = ""
    company: bool = False
    benefit: bool = False
    pronouns: bool = False
    unfit: str = ""


def nouns(groups: str) -> list[Noun]:
    """The nouns of a comma-separated string of groups and single English nouns."""
    found = []
    for name in filter(None, groups.split(", ")):
        found += NOUNS[name] if name in NOUNS else [noun(name)]
    return found


# verb, tenses and flags; then the fields of `Frame`. A line that starts with blanks continues one.
_FRAMES = """
visit hnpfm pronouns; accusative: kin, neighbor, colleague
call hnpfm pronouns; accusative: kin, doctor, neighbor, colleague
help hnpfmw pronouns; dative: kin, role, child; places: kitchen, garden
thank pfm pronouns; dative: kin, teacher, doctor, neighbor, colleague
meet npfm pronouns; accusative: kin, neighbor, colleague; places: café, park, city, restaurant,
  train station, museum, library
invite npfm pronouns; accusative: kin, neighbor, colleague; fixed: to the party=zur Party, to the
  concert=zum Konzert
pick_up npfm; accusative: kin, guest, child, tourist; places: train station, hotel
see p; accusative: kin, role, animal; places: park, city, train station, museum
know s pronouns; accusative: role
understand s; accusative: teacher, doctor, tourist, story, letter; determiners: definite
ask pfm pronouns; accusative: teacher, doctor, neighbor, kin
wait_for hnpfmw; close: |auf|accusative|transport; determiners: definite; places: train station
wait_for npfmw; close: |auf|accusative|kin, guest, doctor, customer; places: café, park, city,
  restaurant, train station, museum, library
think_of h; close: |an|accusative|kin, dog, cat, vacation
talk_about npfmw company; close: |über|accusative|book, story, letter, concert, party, vacation,
  picture
look_forward_to n; close: |auf|accusative|event; determiners: definite
remember s; close: |an|accusative|kin, teacher, concert, vacation, party, story
take_care_of hnpfmw; close: |um|accusative|child, parents, grandmother, grandfather, animal, guest
give npfm pronouns; dative: kin, child, girl, boy, colleague; accusative: gift, text, letter,
  small, fruit; determiners: any
show npfm pronouns; dative: kin, guest, tourist, role; accusative: picture, camera, letter, coat,
  apartment, garden, book
send npfm pronouns; dative: kin, teacher; accusative: letter, picture, gift, book; determiners:
  any
lend npfm pronouns; dative: kin, neighbor, colleague, student; accusative: text, umbrella,
  vehicle, camera, suitcase
tell npfmw pronouns; dative: kin, young, guest; accusative: story; determiners: any
write npfmw pronouns; dative: kin, teacher, doctor; accusative: letter; determiners: indefinite;
  unfit: old, new, interesting
write npfmw; accusative: letter, story, book; determiners: indefinite; places: library, garden,
  living room, office; unfit: old, new, interesting
answer pfm pronouns; dative: teacher, kin, customer
buy hnpfm benefit; accusative: fruit, staple, drink; determiners: any; places: supermarket, market
buy npfm benefit; accusative: text, clothes, small, luggage, furniture, gift, device, vehicle,
  gown; determiners: any; places: city; unfit: old, heavy, empty, long, short
sell npfm; accusative: vehicle, furniture, home, device, camera, horse; determiners: owned
look_for npmw; accusative: small, luggage, clothes, hat, dog, cat; determiners: owned; places:
  kitchen, living room, house
find p; accusative: small, luggage, clothes, ball, dog, cat; determiners: owned; places: garden,
  park, train station, living room
need s; accusative: small, clothes, vehicle, device, luggage, furniture, money; determiners:
  indefinite; unfit: old, heavy, empty, expensive
have s; accusative: animal, vehicle, home, device, small; determiners: indefinite
forget p; accusative: small, text, luggage, clothes; places: hotel, restaurant, school, office
lose p; accusative: small, bag, suitcase, hat, jacket; places: city, park, train station
repair npfmw; accusative: vehicle, device, furniture, opening; determiners: owned
wash hnpfmw; accusative: vehicle, clothes, upright, dog
clean hnpfmw; accusative: window, door, room, house, table; determiners: definite
tidy hnpfmw; accusative: room, apartment, office, house
read hnpfmw; accusative: text, tale; determiners: any; places: garden, library, living room, café,
  park
cook hnpfmw company benefit; accusative: soup, rice, fish, egg, potato; determiners: any
bake npfmw company benefit; accusative: cake, pizza, bread; determiners: any
eat hnpfmw company; accusative: fruit, dish, broth, staple; determiners: any; places: kitchen,
  garden, restaurant, café
drink hnpfmw company; accusative: drink; determiners: any; places: kitchen, garden, café, office
paint npfmw; accusative: picture, flower, horse, bird, house; determiners: indefinite; places:
  garden, park, school; unfit: old, new, young, expensive
turn_on npfm; accusative: device
turn_off npfm; accusative: device
open npfm; accusative: opening, suitcase, bag, bottle
close npfm; accusative: opening, suitcase, bag
put_on npfm; accusative: clothes
take_off npfm; accusative: clothes
try_on npfm; accusative: clothes; determiners: definite
carry npfmw; accusative: luggage, table, chair; fixed: to the car=zum Auto, into the house=ins Haus
put/lay npfm; accusative: text, letter, small, gift; close: on|auf|accusative|furniture
put/lay npfm; accusative: text, letter, key, picture, camera; close: in|in|accusative|luggage
put/stand npfm; accusative: upright, lamp; close: on|auf|accusative|table
be/lie sp; subject: text, letter, small; close: on|auf|dative|furniture
be/lie sp; subject: text, letter, small; close: in|in|dative|luggage
be/lie sp; subject: text, small, clothes, ball; close: under|unter|dative|furniture
be/stand sp; subject: upright, lamp; close: on|auf|dative|table
be/stand sp; subject: vehicle, transport; close: in front of|vor|dative|home, school, hotel,
  museum, church
be/stand sp; subject: vehicle; close: behind|hinter|dative|home, school, hotel, church,
  supermarket
be/stand sp; subject: luggage, bed, table; close: next to|neben|dative|opening, furniture
belong_to s; subject: small, luggage, vehicle, home, clothes, animal; dative: kin, role
learn hnpfmw company; accusative: language; places: school, library
speak s; accusative: language
listen_to hnpfmw company; accusative: music; places: living room, kitchen, garden
like s; accusative: clothes, gown, story, animal, home, park, garden, city; determiners: definite
like s; accusative: fruit, staple, drink, music, soup; determiners: bare
love s; accusative: kin, animal
sleep npfmw; places: living room, garden, hotel
sleep npw; subject: animal; places: garden
work hnpfmw company; places: garden, office, hospital, restaurant, library, museum, city,
  supermarket
dance hnpfmw company; places: living room, garden, park, restaurant
sing hnpfmw company; places: garden, church, school, kitchen
swim hnpfmw company; places: lake
sit npfw; places: garden, kitchen, park, café, library, living room
play hnpfmw company; subject: young; places: garden, park, forest, living room, school
play npw; subject: animal; places: garden, park, kitchen
stay npfm; fixed: at home=zu Hause, in Berlin=in Berlin, in bed=im Bett
live s; fixed: in Berlin=in Berlin, in Hamburg=in Hamburg, in Vienna=in Wien, in Munich=in
  München, in the city=in der Stadt
laugh np; subject: young, role, kin
cry np; subject: young
get_up hpfm; fixed: early=früh, late=spät, very early=sehr früh
watch_TV hnpfmw company; places: living room, kitchen, hotel
shop hnpfmw company; places: supermarket, market, city
go hnpfm company; close: to; fixed: home=nach Hause, to bed=ins Bett, to work=zur Arbeit
drive hnpfm company; close: to
travel npfm company; fixed: to Berlin=nach Berlin, to Hamburg=nach Hamburg, to Vienna=nach Wien,
  to Munich=nach München, to Italy=nach Italien, to France=nach Frankreich
fly npfm company; fixed: to Berlin=nach Berlin, to Vienna=nach Wien, to Munich=nach München, to
  Italy=nach Italien, to Spain=nach Spanien
come_back pf; fixed: from Berlin=aus Berlin, from Italy=aus Italien, from the city=aus der Stadt,
  from the office=aus dem Büro, from the hospital=aus dem Krankenhaus
arrive pf; fixed: in Berlin=in Berlin, in Vienna=in Wien, at the hotel=im Hotel, at the train
  station=am Bahnhof
"""


def _frame(entry: str) -> Frame:
    start, *fields = entry.split("; ")
    verb, tenses, *flags = start.split()
    named = dict(field.split(": ", 1) for field in fields)
    return Frame(verb.replace("_", " "), tenses, **named, **dict.fromkeys(flags, True))


FRAMES = [_frame(entry) for entry in _FRAMES.strip().replace("\n  ", " ").splitlines()]
