"""The words on which the meaning of prose turns: negations, numbers, operators, yes and no, letters of a choice.

Two texts may share nearly all of their words and say the opposite.  Where they part, these are looked at: what one side
has there and the other has not.  Negations are known of two dozen languages, as words, as prefixes (``unsafe``) and
as parts of words where a script has no spaces.  What is turned by other words (allowed, forbidden) is not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from rapidfuzz.distance import LCSseq

from comparators.language.measures import tokens

_NEGATIONS = frozenset(
    # English; then German, Dutch, French, Spanish, Portuguese, Italian, Romanian
    "not no never none nobody nothing neither nor nowhere cannot without unless except hardly false true yes "  # noqa: SIM905
    "nicht nie niemals niemand nichts ohne weder nein ja falsch "
    "niet geen nooit niemand niets zonder nee onjuist "
    "ne pas jamais aucun aucune rien sans ni non oui faux "
    "nunca jamás ningún ninguno ninguna nada nadie sin tampoco sí falso "
    "não nenhum nenhuma ninguém sem nem sim "
    "mai nessun nessuno nessuna niente nulla senza né sì falso "
    "nu niciodată nimeni nimic fără "
    # Swedish, Danish, Norwegian; Finnish; Polish, Czech, Slovak; Russian, Ukrainian; Hungarian; Turkish
    "inte icke ej aldrig ingen inget inga utan nej ikke aldri ingenting uten uden nei intet "
    "ei en et emme ette eivät ilman älä koskaan "
    "nie nigdy żaden żadna żadne nikt nic bez ani tak není nikdy žádný žádná žádné nelze ano "
    "не нет ни никогда никто ничего без нельзя да ні немає ніколи так "
    "nem ne nincs nélkül soha igen değil yok hayır hiç evet "  # noqa: RUF001 - Turkish
    # Greek; Arabic; Hebrew; Hindi; Indonesian, Malay; Vietnamese
    "δεν μη μην όχι χωρίς ποτέ ναι لا ليس ليست لم لن غير بدون نعم לא אין בלי כן नहीं न मत बिना "  # noqa: RUF001 - Greek
    "tidak bukan jangan belum tanpa không chưa chẳng đừng".split()
)
_NOT = frozenset("cannot dont cant wont isnt arent wasnt werent doesnt didnt couldnt wouldnt shouldnt".split())  # noqa: SIM905
_NOT_JOINED = re.compile(r"n['’]t\Z")  # noqa: RUF001 - don't
_ELIDED = re.compile(r"\An['’]")  # noqa: RUF001 - n'est
_STEMS = re.compile(r"\A(?:kein|않|없|아니|못|안\Z)|(?:않|없)")
_UNSPACED = re.compile(
    r"[不没沒無无非未勿别別否]|せん|ない|なか|なく|ไม่|มิ|อย่า|[〇零一二两兩三四五六七八九十百千万萬億亿]"
)
_PREFIXES = ("un", "in", "im", "il", "ir", "non", "non-", "dis", "mis", "des", "nie", "ne", "не", "без", "on", "o", "u")
_LESS = "less"
_NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty seventy eighty "  # noqa: SIM905
    "ninety hundred thousand million zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig "
    "fünfzig sechzig hundert tausend deux trois quatre cinq sept huit neuf dix onze douze vingt trente quarante "
    "cinquante soixante cent mille dos tres cuatro cinco seis siete ocho nueve diez once doce veinte treinta cuarenta "
    "cincuenta sesenta cien mil".split()
)
# What is told apart where both sides name one: units, days, months, ordinals. English, German, French, Spanish.
_NAMED = frozenset(
    "ms seconds minute hour day week month year mg g kg lb oz ml l mm cm m km mile kb mb gb tb kw mw gw kwh "  # noqa: SIM905
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august "
    "september october november december first second third fourth fifth sixth seventh eighth ninth tenth last "
    "dollar euro pound yen cent percent "
    "sekunden minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren montag "
    "dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember "
    "erste ersten zweite zweiten dritte dritten letzte letzten "
    "seconde jour semaine mois an heure lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars "
    "avril juin juillet août septembre octobre novembre décembre premier première deuxième troisième dernier dernière "
    "segundo minuto hora día semana mes año lunes martes miércoles jueves viernes sábado domingo enero febrero marzo "
    "abril mayo junio julio agosto septiembre octubre noviembre diciembre primero primera segunda tercero".split()
)
# Operators: alone, or in an expression (`a>b`); a hyphen or a slash between words is none.
_OPERATORS = frozenset("- / ! != ( )".split())  # noqa: SIM905
_EXPRESSION = re.compile(r"[*+=<>≤≥≠±×÷^]|\A\w-\w\Z")  # noqa: RUF001 - signs of mathematics
_GROUPS = re.compile(r"(?<=\d)[,'’](?=\d{3}(?!\d))")  # noqa: RUF001 - 1,000
_LIST_NUMBERS = re.compile(r"(?m)^[ \t]*\d{1,3}[.)][ \t]+")
# Letters that are words: one that only one side has tells nothing.
_LETTER_WORDS = frozenset("aàáâeéèêiíoóôuúyавикосуя")  # noqa: RUF001 - Cyrillic
_ALIGNED = 5_000  # words; of longer texts all turning words must be the same, in their order


def turns(wanted: str, given: str) -> bool:
    """Whether two texts part in a word on which the meaning turns."""
    ours, theirs = (tokens(_LIST_NUMBERS.sub("", text)) for text in (wanted, given))
    if ours == theirs:
        return False
    if max(len(ours), len(theirs)) > _ALIGNED:
        return _in_order(ours) != _in_order(theirs) or _letters_differ(ours, theirs)
    return any(_differ(*where) for where in _apart(ours, theirs))


def _in_order(words: list[str]) -> tuple[list[str], list[str]]:
    return [turning for word in words if (turning := _turning(word))], _UNSPACED.findall("".join(words))


def _apart(ours: list[str], theirs: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """The words of both where they part, place by place."""
    here: list[str] = []
    there: list[str] = []
    for step in LCSseq.opcodes(ours, theirs):
        if step.tag == "equal":
            if here or there:
                yield here, there
            here, there = [], []
        else:
            here += ours[step.src_start : step.src_end]
            there += theirs[step.dest_start : step.dest_end]
    if here or there:
        yield here, there


def _differ(here: list[str], there: list[str]) -> bool:
    if Counter(filter(None, map(_turning, here))) != Counter(filter(None, map(_turning, there))):
        return True
    if Counter(_UNSPACED.findall("".join(here))) != Counter(_UNSPACED.findall("".join(there))):
        return True
    return _letters_differ(here, there) or _named_differ(here, there) or _negated(here, there) or _negated(there, here)


def _turning(word: str) -> str:
    """What it turns the meaning by; nothing for any other word."""
    if word in _NOT or _NOT_JOINED.search(word):
        return "not"
    if any(map(str.isdigit, word)):
        return _GROUPS.sub("", word)
    if word in _OPERATORS or _EXPRESSION.search(word):
        return word
    if _ELIDED.match(word):
        return "ne"
    stem = _STEMS.match(word) or _STEMS.search(word)
    if stem is not None:
        return stem[0]
    return word if word in _NEGATIONS or word in _NUMBER_WORDS else ""


def _letters_differ(here: list[str], there: list[str]) -> bool:
    ours, theirs = ({word for word in side if len(word) == 1 and word.isalpha()} for side in (here, there))
    if ours == theirs:
        return False
    return bool(ours and theirs) or not (ours | theirs) <= _LETTER_WORDS


def _named_differ(here: list[str], there: list[str]) -> bool:
    """Whether both sides name something of ``_NAMED`` and not the same: 5 days and 5 weeks."""
    ours, theirs = ({_singular(word) for word in side if _singular(word) in _NAMED} for side in (here, there))
    return bool(ours and theirs) and ours != theirs


def _singular(word: str) -> str:
    return word if word in _NAMED else word.removesuffix("s")


def _negated(here: list[str], there: list[str]) -> bool:
    """Whether one side has a word, and the other its opposite by a prefix, or by -less."""
    words = set(there)
    for word in here:
        if any(word.startswith(prefix) and word[len(prefix) :] in words for prefix in _PREFIXES):
            return True
        stem = word.removesuffix(_LESS)
        if stem != word and not words.isdisjoint((stem, f"{stem}ful")):
            return True
    return False
