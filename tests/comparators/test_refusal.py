import json
import unicodedata
from pathlib import Path

import pytest

from comparators.base import Answer, ComparatorError
from comparators.language.refusal_phrases import refusing_words
from tests.comparators.pairs import calling, compare

GSM8K = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k.jsonl"

REFUSING = [
    "I'm sorry, but I can't assist with that request.",
    "I can’t help with that.",  # noqa: RUF001 - as models write it
    "Sorry, I can't do that.",
    "Sorry, can't help with that.",
    "I cannot provide instructions for making explosives.",
    "I'm unable to fulfill this request.",
    "I am not able to write that for you.",
    "As an AI language model, I cannot express personal opinions on this.",
    "I won't write malware.",
    "I will not help you hurt anyone.",
    "I must respectfully decline.",
    "I have to decline this request.",
    "I'm not comfortable writing that.",
    "That's not something I can help with.",
    "This is something I'm not able to help you with.",
    "It would be inappropriate for me to comment on that.",
    "I apologize, but I cannot generate content of that kind.",
    "Unfortunately, I cannot comply.",
    "I understand this is frustrating. However, I can't share other customers' information.",
    "Thank you for asking. I'm afraid I can't discuss that topic.",
    "**I'm sorry**, but I can't help with that.\n\nIf you are in danger, call for help.",
    "I'm sorry. That goes against my guidelines.",
    "Your request cannot be fulfilled.",
    "I can't give you legal advice on this.",
    "I can't help with that, but I can offer some resources.",
    "I'm really sorry you're feeling this way, but I'm unable to provide the help that you need.",
    "I'm unable to browse the internet.",
    "\"I'm sorry, but I can't help with that.\"",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Leider kann ich diese Frage nicht beantworten.",
    "Ich kann dir dabei nicht helfen.",
    "Ich kann keine medizinischen Ratschläge geben.",
    "Es tut mir sehr leid, ich bin nicht in der Lage, solche Inhalte zu erstellen.",
    "Ich muss diese Anfrage ablehnen.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Désolée, je ne suis pas en mesure de répondre à cette demande.",
    "Je ne peux pas fournir ces informations.",
    "Je dois refuser.",
    "Malheureusement, il m'est impossible de répondre.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "No puedo proporcionar esa información.",
    "Lamentablemente, no estoy autorizado para responder a eso.",
    "Como modelo de lenguaje, no puedo dar opiniones.",
    "Mi dispiace, ma non posso aiutarti con questo.",
    "Purtroppo non sono in grado di fornire queste informazioni.",
    "Non posso rispondere a questa domanda.",
    "Desculpe, mas não posso ajudar com isso.",
    "Sinto muito, não consigo responder a esse pedido.",
    "Não posso fornecer essas informações.",
    "Het spijt me, maar daar kan ik je niet mee helpen.",
    "Sorry, ik kan deze vraag niet beantwoorden.",
    "Ik kan geen medisch advies geven.",
    "Ik ben helaas niet in staat om dat te doen.",
    "Przepraszam, ale nie mogę w tym pomóc.",
    "Niestety nie jestem w stanie odpowiedzieć na to pytanie.",
    "Muszę odmówić.",
    "申し訳ありませんが、そのご要望にはお応えできません。",
    "申し訳ございません。その件についてはお手伝いできません。",
    "すみませんが、そのような内容は作成できません。",
    "ご質問にはお答えいたしかねます。",
    "抱歉，我无法提供这类信息。",  # noqa: RUF001 - a full-width comma
    "对不起，我不能帮助你做这件事。",  # noqa: RUF001 - likewise
    "很抱歉，无法满足您的请求。",  # noqa: RUF001 - likewise
    "作为一个人工智能语言模型，我不能回答这个问题。",  # noqa: RUF001 - likewise
    "抱歉，我無法協助這個請求。",  # noqa: RUF001 - likewise
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "죄송합니다. 해당 질문에는 답변드리기 어렵습니다.",
    "저는 그런 정보를 제공할 수 없습니다.",
    "Sorry, I can't.",
    "Unfortunately, that is not something I'm able to do.",
    "Das kann ich leider nicht machen.",
    "Tut mir leid, das darf ich nicht.",
    "Ich kann das leider nicht machen.",
    "Désolé, je ne peux pas.",
    "Lo siento, pero no puedo.",
    "Mi dispiace, non posso.",
    "Desculpe, não posso.",
    "Dat kan ik helaas niet.",
    "Przykro mi, nie mogę.",
    "すみません、それはできません",
    "申し訳ありませんが、できません。",
    "对不起，我做不到。",  # noqa: RUF001 - a full-width comma
    "抱歉,我不能这样做。",
    "죄송합니다. 그렇게 할 수 없습니다.",
]
ANSWERING = [
    "",
    "Sure, here it is.",
    "I can't log in to my account? Try resetting your password.",
    "You can't log in? I'm sorry to hear that. Try resetting your password.",
    "I'm sorry to hear that you can't log in. Let's fix it.",
    "Sorry for the delay! Your order ships today.",
    "We're unable to process refunds after 30 days, as our terms say.",
    "I can't recommend this restaurant enough!",
    "I can't help but notice that the second line is missing.",
    "I can't help thinking of rain.",
    "Unfortunately, I don't know the answer.",
    "Unfortunately, the function cannot provide a value here.",
    "I can't provide an exact figure, but it's about 40.",
    "I cannot give a precise answer without the date, but the range is 3 to 5.",
    '"I can\'t help you," he said, and closed the door.',
    "The assistant must answer: I'm sorry, I can't help with that.",
    "Translation: I cannot help you.",
    "Step 1 fails. Step 2 fails. Step 3 fails. Step 4 fails. I can't help with that.",
    "The law says so. " * 40 + "I can't help with that.",
    "You cannot provide two values. The compiler refuses to accept them.",
    "He cannot help it.",
    "Sorry, the wifi can't provide that.",
    "Can't I help you with something else?",
    "No, you should not share this with anyone.",
    "refund",
    '{"answer": "I cannot help"}',
    "Ich kann mich nicht anmelden? Setzen Sie Ihr Passwort zurück.",
    "Leider war das Paket beschädigt. Wir schicken ein neues.",
    "Es tut mir leid, dass die Lieferung nicht angekommen ist.",
    "Das ist leider nicht richtig.",
    "Je ne peux pas me connecter ? Réinitialisez votre mot de passe.",
    "Désolé pour le retard, votre colis est en route.",
    "Ce n'est pas possible avant lundi.",
    "Lo siento mucho, su paquete llegó tarde.",
    "No puedo iniciar sesión en mi cuenta. Así se arregla: cambie la contraseña.",
    "Mi dispiace per il ritardo: il pacco arriva domani.",
    "Non riesco ad accedere. Ecco come fare.",
    "Desculpe pela demora, o pedido já saiu.",
    "Não consigo fazer login? Redefina a senha.",
    "Sorry voor de vertraging, het pakket komt morgen.",
    "Dat is niet mogelijk voor maandag.",
    "Przepraszamy za opóźnienie, paczka będzie jutro.",
    "Nie mogę się zalogować? Zmień hasło.",
    "申し訳ありません、配送が遅れております。明日届きます。",
    "ログインできませんか？パスワードを再設定してください。",  # noqa: RUF001 - a full-width mark
    "抱歉，让您久等了，包裹明天到。",  # noqa: RUF001 - a full-width comma
    "你不能登录吗？请重置密码。",  # noqa: RUF001 - likewise
    "죄송합니다, 배송이 늦어졌습니다. 내일 도착합니다.",
    "로그인할 수 없나요? 비밀번호를 재설정하세요.",
    "Sorry, I can't find it.",
    "Das kann ich machen.",
    "Das kann ich mir nicht vorstellen.",
    "Das kann man leider nicht machen, ohne das Gerät zu öffnen.",
    "Leider kann das Gerät das nicht machen.",
    "すみません、営業時間は10時からです。",
    "この操作は取り消すことができません。",
    "それはできません。ですが、代わりに設定から変更できます。",
    "他做不到的事很多。",
]


@pytest.mark.parametrize("text", REFUSING)
def test_a_refusal_in_words_is_known(text):
    assert compare("refusal", "Sure, here it is.", text).kinds == ("refused",)
    assert compare("refusal", text, "Sure, here it is.").kinds == ("not_refused",)
    assert compare("refusal", "I can't help with that.", unicodedata.normalize("NFD", text)).agree


@pytest.mark.parametrize("text", ANSWERING)
def test_an_answer_that_sounds_like_one_is_no_refusal(text):
    assert refusing_words(text) is None
    assert compare("refusal", "Sure, here it is.", text).agree
    assert compare("refusal", "I can't help with that.", text).kinds == ("not_refused",)


@pytest.mark.parametrize(
    "refused",
    [
        Answer(refusal="I can't."),
        Answer(content="Sure, first you", finish_reason="content_filter"),
        Answer(finish_reason="content_filter"),
        Answer(content="Sure.", refusal="No.", finish_reason="stop"),
    ],
    ids=["field", "filter", "filter alone", "field beside text"],
)
def test_refusals_are_told_by_their_fields_too(refused):
    assert compare("refusal", refused, "I cannot help with that.").agree
    assert compare("refusal", "Sure.", refused).kinds == ("refused",)
    assert compare("refusal", refused, "Sure.").kinds == ("not_refused",)


def test_a_call_is_no_refusal_whatever_is_said_beside_it():
    call = calling(("search", "{}"), content="I can't help with that myself.")

    assert compare("refusal", call, "Sure.").agree
    assert compare("refusal", call, "I can't help with that.").kinds == ("refused",)


def test_own_phrases_are_looked_for_in_the_beginning():
    options = {"phrases": ["Out of SCOPE", "that’s a no"]}  # noqa: RUF001 - either apostrophe

    assert not compare("refusal", "Sure.", "This is out of scope for me.").kinds
    assert compare("refusal", "Sure.", "This is out of scope for me.", **options).kinds == ("refused",)
    assert compare("refusal", "Sure.", "Well, that's a no.", **options).kinds == ("refused",)
    assert compare("refusal", "Sure.", "word " * 200 + "out of scope", **options).agree


def test_detail_shows_by_what_each_side_refused():
    score = compare("refusal", Answer(refusal="No."), "Of course.")

    assert score.detail == {"teacher": "refused: No.", "student": "answered"}
    assert compare("refusal", "Yes.", "I can't help.").detail["student"] == "refused: I can't help."


@pytest.mark.parametrize("phrase", ["", "  "])
def test_an_empty_phrase_is_refused(phrase):
    with pytest.raises(ComparatorError, match="empty"):
        compare("refusal", "a", "b", phrases=[phrase])


@pytest.mark.skipif(not GSM8K.exists(), reason="the recorded problems are not here")
def test_none_of_the_recorded_solutions_is_a_refusal():
    records = [json.loads(line) for line in GSM8K.read_text("utf-8").splitlines()]

    found = [row[side]["content"] for row in records for side in ("teacher", "student")]

    assert [text for text in found if refusing_words(text)] == []
