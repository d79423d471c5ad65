"""How models refuse in words: an apology or a hedge, and that they cannot or will not help, at the beginning.

For each language: words without which nothing needs to be looked for, what opens a refusal, and the refusal itself.  It
must stand at the beginning of a sentence, or, once something has opened one, anywhere in the sentence; and it names
what is refused with a verb of answering or helping, so that "I can't log in" is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

# What is said later than this, or after so many sentences, is no refusal to answer.
_BEGINNING = 500
_SENTENCES = 3
_LONGEST_SENTENCE = 240

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4`\uff07", "'") | {"*": "", "_": " "})
_SENTENCE = re.compile(r"[^.!?。\n]++[.!?。]*+")
_LEADING = re.compile(r"\A[\s#>•\-–—:,\d)\]]++")  # noqa: RUF001 - dashes
_QUOTED = re.compile(r"\s*([\"“„«「『])")
_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "『": "』"}
# After a hedge the answer comes all the same: "I can't provide an exact figure, but it is about 40."
_ANSWERED = re.compile(
    r"[,;]? but (?!i\b|we\b|if\b|feel\b|please\b|let me|let's|there (?:are|is)|you (?:can|may|might|could)|happy)"
)
_GAP = r"[^.;:]{0,60}?"
_END = r"[\s.!。]*\Z"  # of the sentence


class _Language(NamedTuple):
    marks: tuple[str, ...]
    opening: re.Pattern[str]
    refusing: re.Pattern[str]


def _language(marks: str, opening: str, *refusing: str) -> _Language:
    return _Language(
        tuple(marks.split("|")), re.compile(f"(?:{opening})"), re.compile(rf"(?<![a-zà-ÿ])(?:{'|'.join(refusing)})")
    )


_EN_NOT = (
    r"(?:can't|cannot|can not|couldn't|could not|won't|will not|unable to|(?:not|n't) able to|not (?:allowed"
    r"|permitted"
    r"|authori[sz]ed|designed|programmed|going|willing|in a position) to)"
)
_EN_HELP = (
    r"(?:help(?! but\b)(?! \w+ing\b)|assist|comply|fulfil|accommodate|answer|respond|discuss|comment|engage|support"
    r"|participate|take part|facilitate|condone|endorse|encourage|promote|do (?:that|this|so|it)\b|proceed with"
    r"|continue with"
    r"|complete (?:that|this|your)|talk about|express (?:an? |any )?(?:personal )?opinion)"
)
_EN_MAKE = (
    r"(?:provide|write|create|generate|produce|disclose|reveal|instruct|advise|teach|guide|translate|summari[sz]e"
    r"|recommend(?! .{0,80}\b(?:enough|highly))|(?:give|offer|share|tell|show|explain"
    r"|describe)(?: [\w']+){0,4}? (?:that|this|those"
    r"|such|how to|information|instructions|advice|details|guidance|opinions?|assistance|help|recommendations?"
    r"|answers?)"
    r"|(?:access|browse|open|view)(?: \w+){0,3}? (?:internet|web|links?|urls?|files?|attachments?|images?"
    r"|websites?|documents?))"
)
_EN_ADVERB = r"(?: (?:really|simply|just|currently|also|still|therefore|truly|absolutely|personally))*"

_DE_VERB = (
    r"(?:\w*helfen|behilflich|unterstützen|beantworten|antworten|bereitstellen|zur verfügung stellen|geben|anbieten"
    r"|erstellen|schreiben|verfassen|generieren|nachkommen|erfüllen|weitergeben|liefern|leisten|erteilen|empfehlen"
    r"|diskutieren|mitwirken|tun\b|äussern)"
)
_DE_NOT = rf"{_GAP}\b(?:nicht|kein\w*)\b{_GAP}\b{_DE_VERB}"
_FR_VERB = (
    r"(?:aider|assister|fournir|répondre|donner|créer|écrire|rédiger|générer|partager|satisfaire|participer|discuter"
    r"|accéder à (?:cette|votre|ta)|donner suite|faire (?:cela|ça)|traiter (?:cette|votre|ta) demande|produire"
    r"|conseiller|recommander|proposer|divulguer)"
)
_ES_VERB = (
    r"(?:ayudar|asistir|proporcionar|brindar|ofrecer|responder|contestar|dar(?:te|le|les)?\b|crear|escribir|redactar"
    r"|generar|compartir|cumplir|participar|discutir|hacer (?:eso|esto)|hacerlo|apoyar|recomendar|facilitar|atender"
    r"|completar (?:esa|esta|su|tu))"
)
_IT_VERB = (
    r"(?:aiutar|assister|fornir|risponder|dar[elt]|offrir|crear|scriver|generar|condivider|soddisfar|partecipar"
    r"|discuter|farlo|fare (?:questo|ciò)|consigliar|proceder|supportar)"
)
_PT_VERB = (
    r"(?:ajud|auxiliar|fornecer|responder|oferecer|dar\b|criar|escrever|redigir|gerar|compartilhar|partilhar"
    r"|participar|discutir|fazer isso|atender|cumprir|apoiar|recomendar|aconselhar|prosseguir)"
)
_NL_VERB = (
    r"(?:helpen|assisteren|beantwoorden|verstrekken|geven|bieden|leveren|schrijven|genereren|delen|voldoen|meewerken"
    r"|bespreken|doen|ondersteunen|adviseren|aanbevelen|verlenen|ingaan)"
)
_NL_NOT = rf"{_GAP}\b(?:niet|geen)\b{_GAP}\b{_NL_VERB}\b"
_PL_VERB = (
    r"(?:pom[oó]|udzieli|odpowiedzie|odpowiada|dostarczy|spełni|stworzy|napisa|wygenerowa|udostępni|poda[ćj]"
    r"|zrobić tego|tego zrobić|doradz|wspiera|uczestniczy|kontynuowa|zapewni)"
)
_JA_VERB = (
    r"(?:手伝|答え|回答|応え|応じ|対応|提供|支援|協力|サポート|教え|生成|作成|説明|伝え|助言|アドバイス|案内|議論"
    r"|共有)"
)
_ZH_NOT = r"(?:无法|無法|不能|不可以|不会|不會|不便|没有?办法|沒有?辦法|没法|沒法|拒绝|拒絕)"
_ZH_VERB = (
    r"(?:帮|幫|协助|協助|提供|回答|[这這那](?:样|樣|么|麼)做|满足|滿足|支持|生成|创作|創作|撰?写|撰?寫|讨论|討論|给出|給出|分享|参与|參與|回应"
    r"|回應|继续|繼續|完成(?:这|此|该|您|你|這|該)|处理(?:这|此|该|您|你)|處理(?:這|此|該|您|你))"
)
_KO_VERB = r"(?:도와|도움|답변|대답|제공|응답|지원|작성|생성|설명|알려|협조|참여|공유|안내|조언|응할|응해|말씀)"

_LANGUAGES = (
    _language(
        "n't|cannot|can not|unable|not |decline|refuse|inappropriate|unethical|against my|against our",
        r"(?:(?:i'm|i am|we're|we are|oh|no|hi|hello|hey|so|very|really|truly|my|sincere|deepest)[ ,]+)*"
        r"(?:sorry|apolog|afraid|unfortunately|regret)"
        r"|i (?:understand|appreciate|see|know|hear|reali[sz]e|recogni[sz]e|apolog|regret)|as an? (?:\w+ )?(?:ai"
        r"|language|large"
        r"|assistant|artificial)\b|thank|while|although|but\b|however|no\b|for (?:safety|ethical|legal|privacy"
        r"|security)"
        r"|due to|respectfully|at this time|at the moment|currently|it (?:sounds|seems)|that (?:sounds|said)",
        rf"i(?:'m| am)?{_EN_ADVERB} {_EN_NOT}{_EN_ADVERB}(?: \w+){{0,3}}? (?:{_EN_HELP}|{_EN_MAKE})",
        rf"we(?:'re| are)?{_EN_ADVERB} {_EN_NOT}(?: \w+){{0,3}}? {_EN_HELP}",
        rf"(?<=[,y] ){_EN_NOT} {_EN_HELP}",
        rf"i{_EN_ADVERB} (?:can't|cannot|won't){_END}",
        r"(?:that|this|it)(?:'s| is) not something i(?:'m| am) (?:able|allowed|permitted|willing) to\b",
        r"i(?:'m| am)?(?: \w+)? (?:not|don't feel|do not feel|won't feel) comfortable\b",
        r"i(?:'ll|'d)? ?(?:must|have to|need to|will have to|would have to|am going to have to|respectfully|politely)"
        r"(?: \w+)? (?:decline|refuse)\b",
        r"i(?: respectfully)? (?:decline|refuse) to\b",
        r"i (?:don't|do not) (?:provide|engage|condone|assist|participate|generate)\b",
        rf"(?:that|this|it)(?:'s| is) (?:not|something|a \w+)(?: \w+){{0,2}}? (?:that )?i(?:'m| am)?(?: can"
        rf"|{_EN_ADVERB} {_EN_NOT})"
        rf"(?: \w+)? (?:{_EN_HELP}|{_EN_MAKE})",
        r"(?:it|that|this)(?: would|'d|'s| is| wouldn't| isn't)(?: not)?(?: be)? (?:unethical|inappropriate"
        r"|irresponsible|(?:not )?"
        r"(?:appropriate|ethical|right|responsible)) for me\b",
        r"(?:(?:that|this|it|which|\w+ing\b[^.;:]{0,60}?)(?:'s)? )?(?:goes |is |are |would be |would go )?"
        r"against (?:my|our) "
        r"(?:\w+ )?(?:guidelines|polic|programming|principles|values)",
        r"my (?:\w+ )?(?:guidelines|programming|polic\w+|instructions) (?:don't|do not|doesn't|does not|prevent"
        r"|prohibit|forbid)",
        r"(?:this|that|your|the) request (?:can't|cannot) be (?:fulfilled|completed|processed|honou?red)",
    ),
    _language(
        "nicht|kein|ablehn|verweiger",
        r"(?:es )?tut mir\b.{0,12}\bleid|leider|entschuldig|verzeih|ich (?:verstehe|bedaure|bitte um)|bedauerlich"
        r"|als (?:ki|ein|sprachmodell)|danke|vielen dank|aber|jedoch|nein|sorry|obwohl",
        rf"(?:ich|wir) (?:kann|können|darf|dürfen|werde|werden|möchte|will)\b{_DE_NOT}",
        rf"(?:[^.;:?]{{0,50}}? )?(?:kann|darf|werde|möchte) ich\b{_DE_NOT}",
        r"(?:ich bin|bin ich)\b.{0,40}?\bnicht\b.{0,20}?(?:in der lage|befugt|berechtigt|imstande)",
        rf"(?:das|dies|so etwas) (?:kann|darf|werde|möchte) ich\b{_GAP}\bnicht(?: machen| tun)?{_END}",
        rf"(?:ich|wir) (?:kann|können|darf|dürfen|werde|möchte) (?:das|dies|so etwas)\b{_GAP}\bnicht machen{_END}",
        rf"(?:es ist mir|ist es mir|ist mir)\b{_GAP}nicht (?:möglich|erlaubt|gestattet)",
        rf"(?:ich muss|muss ich)\b{_GAP}\b(?:ablehnen|verweigern)",
    ),
    _language(
        "pas|refus|déclin|impossible",
        r"(?:je suis |nous sommes )?(?:vraiment |sincèrement |profondément )?(?:désolé|navré)|(?:toutes )?mes excuses"
        r"|je (?:m'excuse|vous prie|comprends|regrette|crains)|malheureusement|pardon|excuse|en tant qu|merci|mais\b"
        r"|cependant|toutefois|non\b|bien que",
        rf"(?:je|nous) (?:ne |n')(?:peu[xt]|pouvons|pourrai|pourrais|suis|puis|vais|saurais)\b{_GAP}\b{_FR_VERB}",
        rf"je ne peux pas{_END}",
        rf"il (?:ne )?m'est (?:pas possible|impossible)\b{_GAP}\b{_FR_VERB}",
        r"je (?:dois|suis obligée? de|préfère|me vois contrainte? de)\b.{0,20}?(?:refuser|décliner)",
        r"je refuse de\b",
    ),
    _language(
        "no |rechaz|declin|imposible|negar",
        r"lo (?:siento|lamento)|lamento|lamentablemente|desafortunadamente|por desgracia|disculp|perdon|perdón"
        r"|mis disculpas|me temo"
        r"|siento|entiendo|comprendo|como (?:ia|una? (?:ia|modelo|inteligencia|asistente)|modelo|asistente)|gracias"
        r"|pero\b|sin embargo|no,|aunque",
        rf"(?:yo )?no (?:puedo|podré|podría|podemos|voy a|me es posible|me está permitido|soy capaz de"
        rf"|estoy)\b{_GAP}\b{_ES_VERB}",
        rf"no puedo{_END}",
        r"(?:debo|tengo que|prefiero)\b.{0,20}?(?:rechazar|declinar|negarme)",
        rf"me (?:es|resulta) imposible\b{_GAP}\b{_ES_VERB}",
    ),
    _language(
        "non |rifiut|declin|impossibile",
        r"mi (?:dispiace|spiace|scuso|rincresce)|scus|(?:sono )?(?:davvero )?spiacente|purtroppo|sfortunatamente"
        r"|capisco"
        r"|comprendo|temo|in quanto|come (?:ia|modello|assistente|intelligenza)|grazie|ma\b|tuttavia|no,|sebbene",
        rf"(?:io )?non (?:posso|potrò|potrei|possiamo|sono|mi è|mi è permesso|intendo)\b{_GAP}\b{_IT_VERB}",
        rf"non posso{_END}",
        r"(?:devo|preferisco)\b.{0,20}?(?:rifiutare|declinare)",
        rf"mi è impossibile\b{_GAP}\b{_IT_VERB}",
    ),
    _language(
        "não |recus|declin|impossível",
        r"sinto|lamento|lamentavelmente|(?:me |mil )?desculp|peço desculpa|perdão|infelizmente|receio|entendo"
        r"|compreendo"
        r"|como (?:ia|uma? (?:ia|modelo|inteligência|assistente)|modelo|assistente)|obrigad|mas\b|porém"
        r"|no entanto|não,|embora",
        rf"(?:eu )?não (?:posso|poderei|poderia|podemos|consigo|vou|sou capaz|estou"
        rf"|me é possível)\b{_GAP}\b{_PT_VERB}",
        rf"não posso{_END}",
        r"(?:devo|preciso|tenho (?:de|que)|prefiro)\b.{0,20}?(?:recusar|declinar)",
        rf"é-me impossível\b{_GAP}\b{_PT_VERB}",
    ),
    _language(
        "niet|geen|weiger|afwijz",
        r"het spijt|sorry|helaas|excuses|mijn excuses|neem me niet|ik (?:begrijp|vrees)|als (?:ai|een|taalmodel)"
        r"|bedankt"
        r"|dank|maar\b|echter|nee\b|hoewel",
        rf"(?:ik|wij|we) (?:kan|kunnen|mag|mogen|zal|wil)\b{_NL_NOT}",
        rf"(?:[^.;:?]{{0,40}}? )?(?:kan|mag|zal|wil) ik\b{_NL_NOT}",
        rf"dat (?:kan|mag|zal) ik\b{_GAP}\bniet(?: doen)?{_END}",
        r"(?:ik ben|ben ik)\b.{0,40}?\bniet (?:in staat|bevoegd|gemachtigd)",
        r"(?:ik moet|moet ik)\b.{0,30}?\b(?:weigeren|afwijzen)",
    ),
    _language(
        "nie |odmówi|odmawia",
        r"(?:bardzo )?(?:przepraszam|przykro|przeprosi)|niestety|wybacz|obawiam|rozumiem|jako (?:ai|model"
        r"|asystent|sztuczna)"
        r"|dziękuj|ale\b|jednak|nie,|chociaż",
        rf"(?:(?:ja|w tym|z tym|tego)\b.{{0,20}}?)?nie (?:mogę|możemy|mógłbym|mogłabym|jestem|będę"
        rf"|potrafię)\b{_GAP}\b{_PL_VERB}",
        rf"nie mogę{_END}",
        r"muszę\b.{0,20}?odmówić|odmawiam\b",
    ),
    _language(
        "ません|かねます|できない",
        r"(?:大変|誠に|本当に)?(?:申し訳|すみません|すいません|ごめん|恐れ入り|恐縮|残念|遺憾)|(?:私は)?ai|私"
        r"|その|この|それ|そういった"
        r"|そのような|このような|ご(?:要望|質問|依頼)",
        rf"(?:お|ご)?{_JA_VERB}[^。]{{0,25}}?(?:でき|出来|いたし|致し|し|られ|応じ)(?:ません|かねます|ない)",
        r"(?:申し訳|すみません|すいません|ごめん|恐れ入り|残念)[^。]{0,20}?[、,が]\s*(?:(?:それ|これ|そのようなこと)は)?"
        rf"(?:でき|出来)(?:ません|かねます|ない){_END}",
    ),
    _language(
        "做不到|无法|無法|不能|不可以|不会|不會|不便|办法|辦法|没法|沒法|拒绝|拒絕",
        r"(?:很|非常|十分|实在|真的|真)?(?:抱歉|对不起|對不起|遗憾|遺憾|不好意思|可惜)|请原谅|請原諒|作为|作為"
        r"|我理解|我明白|谢谢|謝謝|但|不过|不過|然而|根据|根據",
        rf"我(?:也|实在|真的)?做不到{_END}",
        rf"(?:我|我们|我們|本人)[^。,]{{0,8}}?{_ZH_NOT}[^。]{{0,20}}?{_ZH_VERB}",
        rf"(?:(?<=[,。、 ])|(?<=^)){_ZH_NOT}[^。,]{{0,12}}?{_ZH_VERB}",
    ),
    _language(
        "없|못|않|어렵|어려|불가",
        r"(?:정말 |대단히 |매우 )?(?:죄송|미안|유감|안타깝|아쉽)|ai|인공지능|저는|제가|그|이|해당|요청|하지만|그러나",
        r"(?:그렇게|그건|그것은|이건) (?:해 ?드릴|할) 수(?:가|는)? 없",
        rf"{_KO_VERB}[^.]{{0,20}}?(?:수(?:가|는)? 없|못합|못해|못하|않습니다|않겠|어렵습니다|어려울"
        rf"|어려운|불가)",
    ),
)


def normalised_beginning(text: str) -> str:
    """The first 500 characters, in lower case, apostrophes alike, without emphasis."""
    beginning = text.lstrip()[:_BEGINNING].translate(_APOSTROPHES)
    if not beginning.isascii():
        beginning = unicodedata.normalize("NFKC", beginning)  # full-width commas and marks become plain ones too
    return beginning.casefold()


def refusing_words(text: str, own: Iterable[str] = ()) -> str | None:
    """The words by which a text refuses, in lower case; None where it does not.

    ``own`` are further phrases, already normalised.
    """
    beginning = normalised_beginning(text)
    for phrase in own:
        if phrase in beginning:
            return phrase
    languages = [each for each in _LANGUAGES if any(mark in beginning for mark in each.marks)]
    if not languages or _is_partly_quoted(text.strip()):
        return None
    spoken = beginning.lstrip('"“„«「『')  # all of it, then
    sentences = [cleaned for found in _SENTENCE.findall(spoken) if (cleaned := _LEADING.sub("", found, count=1))]
    for language in languages:
        words = _refusing(language, sentences[:_SENTENCES])
        if words is not None:
            return words
    return None


def _refusing(language: _Language, sentences: Iterable[str]) -> str | None:
    opened = False
    for sentence in sentences:
        opened = opened or bool(language.opening.match(sentence))
        if sentence.endswith("?") or not any(mark in sentence for mark in language.marks):
            continue
        read = sentence[:_LONGEST_SENTENCE]
        found = language.refusing.search(read) if opened else language.refusing.match(read)
        if found and not _ANSWERED.match(sentence, _clause_end(sentence, found.end())):
            return found[0].strip()
    return None


def _clause_end(sentence: str, at: int) -> int:
    """Where the clause ends that goes on at a place: before a "but", if there is one."""
    but = sentence.find(" but ", at)
    if but < 0:
        return len(sentence)
    return but - 1 if sentence[but - 1] in ",;" else but


def _is_partly_quoted(text: str) -> bool:
    """Whether a text begins with somebody's words and goes on after them."""
    opening = _QUOTED.match(text)
    if opening is None:
        return False
    closing = text.find(_CLOSING[opening[1]], opening.end())
    return 0 <= closing < len(text) - 1
