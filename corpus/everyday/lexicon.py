"""The words: nouns with gender and plural, adjectives by what they fit, places, times, verbs."""

from dataclasses import dataclass
from functools import cache

from everyday.english import EnglishVerb, add_s
from everyday.german import GermanVerb


@dataclass(frozen=True)
class Noun:
    """A noun in both languages; `group` says which verbs and adjectives it goes with."""

    english: str
    english_plural: str
    german: str
    gender: str
    german_plural: str
    group: str
    weak: bool = False

    @property
    def countable(self) -> bool:
        """Whether there is a plural."""
        return bool(self.german_plural)


@dataclass(frozen=True)
class Adjective:
    """An adjective in both languages, uninflected."""

    english: str
    german: str


@dataclass(frozen=True)
class Time:
    """An adverbial of time and the kinds of clause it fits (see `clauses.Clause.tense`)."""

    english: str
    german: str
    tenses: frozenset[str]
    middle: bool = False  # stands before the English main verb: "often"


@dataclass(frozen=True)
class Verb:
    """A verb pair."""

    english: EnglishVerb
    german: GermanVerb


# group: English[/plural] German gender plural; "-" no plural, "*" a weak masculine noun
_NOUNS = """
role: man/men Mann m Männer, woman/women Frau f Frauen, teacher Lehrer m Lehrer,
  doctor Arzt m Ärzte, student Student m* Studenten, neighbor Nachbar m* Nachbarn,
  guest Gast m Gäste, tourist Tourist m* Touristen, customer Kunde m* Kunden,
  colleague Kollege m* Kollegen
young: child/children Kind n Kinder, boy Junge m* Jungen, girl Mädchen n Mädchen
kin: mother Mutter f -, father Vater m -, brother Bruder m Brüder, sister Schwester f Schwestern,
  grandmother Großmutter f -, grandfather Großvater m -, uncle Onkel m Onkel, aunt Tante f Tanten,
  son Sohn m Söhne, daughter Tochter f Töchter, friend Freund m Freunde, parents Eltern p Eltern
animal: dog Hund m Hunde, cat Katze f Katzen, horse Pferd n Pferde, bird Vogel m Vögel
fruit: apple Apfel m Äpfel, banana Banane f Bananen, tomato Tomate f Tomaten, egg Ei n Eier,
  potato Kartoffel f Kartoffeln
dish: cake Kuchen m Kuchen, salad Salat m Salate, pizza Pizza f Pizzas
broth: soup Suppe f -
staple: bread Brot n -, cheese Käse m -, fish Fisch m -, rice Reis m -, meat Fleisch n -
drink: water Wasser n -, milk Milch f -, coffee Kaffee m -, tea Tee m -, juice Saft m -
text: book Buch n Bücher, newspaper Zeitung f Zeitungen, magazine Zeitschrift f Zeitschriften
tale: story Geschichte f Geschichten, letter Brief m Briefe
gown: dress Kleid n Kleider, hat Hut m Hüte
clothes: coat Mantel m Mäntel, jacket Jacke f Jacken, shirt Hemd n Hemden,
  sweater Pullover m Pullover
vehicle: car Auto n Autos, bicycle Fahrrad n Fahrräder
transport: bus Bus m Busse, train Zug m Züge, taxi Taxi n Taxis
device: computer Computer m Computer, lamp Lampe f Lampen, radio Radio n Radios
opening: window Fenster n Fenster, door Tür f Türen
small: key Schlüssel m Schlüssel, picture Bild n Bilder, umbrella Regenschirm m Regenschirme,
  camera Kamera f Kameras
upright: cup Tasse f Tassen, glass Glas n Gläser, bottle Flasche f Flaschen
luggage: suitcase Koffer m Koffer, bag Tasche f Taschen
furniture: table Tisch m Tische, chair Stuhl m Stühle, bed Bett n Betten
gift: gift Geschenk n Geschenke, flower Blume f Blumen, ball Ball m Bälle
home: house Haus n Häuser, apartment Wohnung f Wohnungen
room: kitchen Küche f -, living room Wohnzimmer n -
money: money Geld n -
language: German Deutsch n -, English Englisch n -, French Französisch n -
music: music Musik f -
event: party Party f Partys, weekend Wochenende n -, vacation Urlaub m -, concert Konzert n -
site: garden Garten m Gärten, park Park m Parks, school Schule f Schulen, city Stadt f Städte,
  train station Bahnhof m Bahnhöfe, supermarket Supermarkt m Supermärkte,
  market Markt m Märkte, office Büro n Büros, restaurant Restaurant n Restaurants,
  library Bibliothek f Bibliotheken, museum Museum n Museen, café Café n Cafés,
  hotel Hotel n Hotels, hospital Krankenhaus n Krankenhäuser, cinema Kino n Kinos,
  church Kirche f Kirchen, forest Wald m Wälder, lake See m Seen
"""

# group of nouns: adjectives "English German" that fit every one of them
_ADJECTIVES = """
role: old alt, young jung, friendly freundlich, famous berühmt, nice nett
young: small klein, little klein, clever klug
animal: old alt, young jung, big groß, small klein, black schwarz, white weiß, beautiful schön
fruit: fresh frisch, big groß, small klein, good gut
dish: good gut, delicious lecker
broth: hot heiß, delicious lecker
staple: fresh frisch, good gut, cheap billig, expensive teuer
drink: cold kalt
text: new neu, old alt, interesting interessant
tale: beautiful schön, interesting interessant, long lang, short kurz
gown: new neu, beautiful schön, red rot, blue blau, white weiß, expensive teuer
clothes: new neu, old alt, warm warm, red rot, blue blau, black schwarz, green grün,
  beautiful schön, expensive teuer, cheap billig
vehicle: new neu, old alt, red rot, blue blau, black schwarz, green grün, expensive teuer
transport: next nächst
device: new neu, old alt, expensive teuer, small klein
opening: big groß, small klein, old alt
small: new neu, old alt, small klein
upright: empty leer, small klein, big groß, white weiß, beautiful schön
luggage: heavy schwer, big groß, small klein, new neu, old alt, black schwarz, green grün
furniture: new neu, old alt, big groß, small klein, beautiful schön, white weiß
gift: beautiful schön, small klein
home: new neu, old alt, big groß, small klein, beautiful schön
room: big groß, small klein
event: next nächst
site: big groß, small klein
"""

# site: how one is there (English, German) and how one gets there
_WHERE = """
garden: in in | into in, park: in in | to in, school: at in | to in, city: in in | to in,
train station: at an | to zu, supermarket: at in | to in, market: at auf | to auf,
office: in in | to in, restaurant: in in | to in, library: in in | to in,
museum: in in | to in, café: in in | to in, hotel: at in | to in, hospital: in in | to in,
cinema: in in | to in, church: in in | to in, forest: in in | into in, lake: in in | to an,
kitchen: in in | into in, living room: in in | into in
"""

_TIMES = """
yesterday = gestern: past; last week = letzte Woche: past; last Saturday = letzten Samstag: past;
two days ago = vor zwei Tagen: past; this morning = heute Morgen: past;
today = heute: now past future modal; now = jetzt: now modal; at the moment = im Moment: now;
tomorrow = morgen: future modal; next week = nächste Woche: future modal;
tonight = heute Abend: future modal; on Monday = am Montag: past future modal;
on Friday = am Freitag: past future modal; on the weekend = am Wochenende: habit;
soon = bald: future; every day = jeden Tag: habit; every morning = jeden Morgen: habit;
every evening = jeden Abend: habit; in the evening = am Abend: habit;
in the summer = im Sommer: habit
"""
_MIDDLE = """
often = oft; always = immer; sometimes = manchmal; usually = normalerweise; never = nie;
rarely = selten
"""

# English, past = German [prefix|infinitive], changed stem, participle, s = sein, r = reflexive,
# t = past in the preterite; a leading ! marks an English verb without progressive
_VERBS = """
visit visited = besuchen; call called = an|rufen - gerufen; help helped = helfen hilf geholfen;
thank thanked = danken; meet met = treffen triff getroffen; see saw = sehen sieh gesehen;
invite invited = ein|laden läd geladen; pick_up picked = ab|holen; !know knew = kennen - gekannt;
!love loved = lieben; !understand understood = verstehen - verstanden; ask asked = fragen;
wait_for waited = warten; wait waited = warten; think_of thought = denken - gedacht;
talk_about talked = sprechen sprich gesprochen; look_forward_to looked = freuen r;
!remember remembered = erinnern r; take_care_of took = kümmern r;
give gave = geben gib gegeben; show showed = zeigen; send sent = schicken;
lend lent = leihen - geliehen;
tell told = erzählen; write wrote = schreiben - geschrieben; answer answered = antworten;
buy bought = kaufen; sell sold = verkaufen; look_for looked = suchen;
find found = finden - gefunden;
!need needed = brauchen; !have had = haben - gehabt t; forget forgot = vergessen vergiss vergessen;
lose lost = verlieren - verloren; repair repaired = reparieren;
wash washed = waschen wäsch gewaschen;
clean cleaned = putzen; tidy tidied = auf|räumen; read read = lesen lies gelesen;
cook cooked = kochen; bake baked = backen - gebacken; eat ate = essen iss gegessen;
drink drank = trinken - getrunken; paint painted = malen; turn_on turned = ein|schalten;
turn_off turned = aus|schalten; open opened = auf|machen; close closed = zu|machen;
put_on put = an|ziehen - gezogen; take_off took = aus|ziehen - gezogen;
try_on tried = an|probieren; carry carried = tragen träg getragen; put/lay put = legen;
put/stand put = stellen; !be/lie was = liegen - gelegen t; !be/stand was = stehen - gestanden t;
learn learned = lernen; !speak spoke = sprechen sprich gesprochen; listen_to listened = hören;
sleep slept = schlafen schläf geschlafen; work worked = arbeiten; dance danced = tanzen;
sing sang = singen - gesungen; swim swam = schwimmen - geschwommen s; sit sat = sitzen - gesessen;
stay stayed = bleiben - geblieben s; !live lived = wohnen; laugh laughed = lachen;
cry cried = weinen; play played = spielen; get_up got = auf|stehen - gestanden s;
watch_TV watched = fern|sehen sieh gesehen; shop shopped = ein|kaufen;
go went = gehen - gegangen s; drive drove = fahren fähr gefahren s; travel traveled = reisen s;
fly flew = fliegen - geflogen s; come came = kommen - gekommen s;
come_back came = zurück|kommen - gekommen s; arrive arrived = an|kommen - gekommen s;
!belong_to belonged = gehören t; !be was = sein - gewesen t; !like liked = mögen - gemocht t
"""


def _entries(text: str, separator: str) -> list[str]:
    return [" ".join(entry.split()) for entry in text.split(separator) if entry.strip()]


def _groups(text: str) -> dict[str, list[str]]:
    """Reads lines "group: entry, entry", where a line that starts with blanks continues one."""
    joined = text.strip().replace("\n  ", " ")
    lines = (line.partition(":") for line in joined.splitlines())
    return {name: _entries(entries, ",") for name, _, entries in lines}


def _noun(entry: str, group: str) -> Noun:
    english, german, gender, german_plural = entry.rsplit(" ", 3)
    english, _, english_plural = english.partition("/")
    return Noun(
        english,
        english if gender == "p" else english_plural or add_s(english),
        german,
        gender[0],
        "" if german_plural == "-" else german_plural,
        group,
        weak=gender.endswith("*"),
    )


def _verb(entry: str) -> tuple[str, Verb]:
    english, german = entry.split(" = ")
    lemma, past = english.lstrip("!").split()
    name = lemma.replace("_", " ")
    infinitive, *forms = german.split()
    prefix, _, infinitive = infinitive.rpartition("|")
    flags = [form for form in forms if form in ("s", "r", "t")]
    stem, participle = [*(form for form in forms if form not in flags), "", ""][:2]
    verb = GermanVerb(
        infinitive,
        prefix,
        stem.strip("-"),
        participle,
        auxiliary="sein" if "s" in flags else "haben",
        reflexive="r" in flags,
        simple_past="t" in flags,
    )
    stative = english.startswith("!")
    return name, Verb(EnglishVerb(name.partition("/")[0], past, stative), verb)


def _times(text: str) -> list[Time]:
    times = []
    for entry in _entries(text, ";"):
        words, _, tenses = entry.partition(": ")
        english, german = words.split(" = ")
        times.append(Time(english, german, frozenset(tenses.split() or ["habit"]), not tenses))
    return times


NOUNS: dict[str, list[Noun]] = {
    group: [_noun(entry, group) for entry in entries] for group, entries in _groups(_NOUNS).items()
}
ADJECTIVES: dict[str, list[Adjective]] = {
    group: [Adjective(*entry.split()) for entry in entries]
    for group, entries in _groups(_ADJECTIVES).items()
}
VERBS: dict[str, Verb] = dict(_verb(entry) for entry in _entries(_VERBS, ";"))
TIMES: list[Time] = _times(_TIMES)
MIDDLE_TIMES: list[Time] = _times(_MIDDLE)
WHERE: dict[str, tuple[list[str], list[str]]] = {}
for _entry in _entries(_WHERE, ","):
    _site, _, _ways = _entry.partition(": ")
    _there, _to = _ways.split(" | ")
    WHERE[_site] = (_there.split(), _to.split())

NAMES = {"Anna": "f", "Julia": "f", "Lisa": "f", "Peter": "m", "Paul": "m", "Martin": "m"}
CITIES = {"Berlin": "Berlin", "Hamburg": "Hamburg", "Munich": "München", "Vienna": "Wien"}


@cache
def noun(english: str) -> Noun:
    """Finds a noun by its English singular."""
    return next(n for group in NOUNS.values() for n in group if n.english == english)
