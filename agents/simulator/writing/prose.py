"""Sentences for replies, summaries and reasons."""

from agents.simulator.writing.labels import LabelPicker
from agents.simulator.writing.lexicon import GENERAL_TOPIC, TOPICS
from agents.simulator.writing.scene import Scene

SHOWN = 110
"""Characters of the text that a summary repeats."""
_GREETINGS = {
    "de": "Vielen Dank für Ihre Nachricht. Wir kümmern uns darum und melden uns in Kürze.",
    "fr": "Merci pour votre message. Nous nous en occupons et revenons vers vous rapidement.",
    "es": "Gracias por su mensaje. Nos ocupamos de ello y le responderemos en breve.",
    "it": "Grazie per il suo messaggio. Ce ne occupiamo e le risponderemo al più presto.",
    "pt": "Obrigado pela sua mensagem. Estamos a tratar do assunto e responderemos em breve.",
    "nl": "Bedankt voor uw bericht. Wij gaan ermee aan de slag en laten snel iets weten.",
    "zh": "感谢您的留言。我们正在处理。我们会尽快回复您。",
    "ja": "お問い合わせありがとうございます。確認のうえ、折り返しご連絡いたします。",
    "ar": "شكرًا لرسالتك. نحن نعمل على طلبك وسنعود إليك قريبًا.",
}
_topics = LabelPicker(list(TOPICS))
_moods = LabelPicker(["negative", "positive", "urgent"])


def topic_of(scene: Scene) -> tuple[str, str, str]:
    """Return the topic's name and two actions that suit it."""
    pick = _topics.pick(scene.stems, scene.text)
    return TOPICS[pick.label] if pick.strength else GENERAL_TOPIC


def reply(scene: Scene) -> str:
    """Write a short polite answer that names the topic, in the text's language where known."""
    if scene.language in _GREETINGS:
        return _GREETINGS[scene.language]
    topic = topic_of(scene)[0]
    mood = _moods.pick(scene.stems, scene.text)
    opening = f"Thank you for getting in touch about {topic}."
    if mood.strength and mood.label == "negative":
        opening = f"I am sorry about the trouble with {topic}."
    elif mood.strength and mood.label == "urgent":
        opening = f"I understand that {topic} is urgent."
    elif mood.strength:
        opening = f"Thank you for your kind words about {topic}."
    return f"{opening} I am looking into it now and will come back to you with the next step."


def summary(scene: Scene) -> str:
    """Write one sentence on what the text is about."""
    return f"About {topic_of(scene)[0].removeprefix('your ')}: {_shown(scene)}"


def reason(scene: Scene, matched: frozenset[str]) -> str:
    """Write why something was chosen, from the sentence that speaks for it."""
    sentence = scene.sentence_with(matched)
    if sentence is None:
        return "The text says nothing about it."
    return f'The text says "{_cut(sentence.text)}".'


def actions(scene: Scene) -> list[str]:
    """Return next actions that suit the topic."""
    return list(topic_of(scene)[1:])


def _shown(scene: Scene) -> str:
    return _cut(scene.sentences[0].text) if scene.sentences else "no text"


def _cut(text: str) -> str:
    text = " ".join(text.split()).rstrip(".")
    if len(text) <= SHOWN:
        return text
    return text[:SHOWN].rsplit(" ", 1)[0] + " ..."
