"""Words that hint at a label, as data. Keys and hints are matched by their stems."""

STOP_WORDS = frozenset(
    """a about after all also am an and any are as at be because been before being but by can could
    did do does doing for from get got had has have having he her here hers him his how i if in into
    is it its just me more most my no not of off on once only or other our out over own please same
    she should so some such than thank thanks that the their them then there these they this those
    through to too under until up very was we were what when where which while who whom why will
    with would you your yours""".split()  # noqa: SIM905 - a text of words reads better
)

GENERIC_WORDS = frozenset(
    """data information issue item missing number problem request type""".split()  # noqa: SIM905 - a text of words reads better
)
"""Words that say little about a label."""

HINTS: dict[str, str] = {
    "billing": "bill invoice charge payment pay paid fee price cost subscription statement money "
    "twice overcharged refund debit credit",
    "payment": "pay paid charge transaction transfer debit bill atm cash withdraw balance card",
    "refund": "refund reimburse money back return returned",
    "technical": "error crash bug broken fail app website slow freeze outage install "
    "update loading login screen work",
    "bug": "error crash broken fail freeze glitch issue",
    "outage": "down offline unavailable outage unreachable",
    "account": "account login password profile username locked access sign settings",
    "access": "login password locked sign reset",
    "shipping": "ship deliver parcel package order arrive late track courier post",
    "delivery": "deliver ship parcel package arrive late track courier waiting",
    "order": "order bought purchase basket item",
    "card": "card visa mastercard debit credit",
    "booking": "book reservation room table flight train hotel ticket seat",
    "travel": "flight train hotel trip airport taxi restaurant",
    "complaint": "complaint unacceptable terrible worst disappointed rude angry refuse",
    "cancel": "cancel terminate unsubscribe stop close end",
    "sales": "buy purchase quote demo pricing upgrade plan offer",
    "feedback": "love great suggestion feedback idea improve",
    "praise": "love great thanks excellent wonderful",
    "fraud": "fraud scam stolen hack unauthorised unauthorized identity phishing suspicious theft",
    "security": "hack password stolen suspicious breach phishing code",
    "privacy": "personal data ssn password private address share consent",
    "question": "how what when where which wondering ask",
    "inquiry": "how what when where which wondering ask",
    "information": "how what when where which",
    "negative": "angry furious terrible awful worst hate disappointed unacceptable frustrated "
    "ridiculous useless upset never broken fail wrong problem poor rude late missing stolen error "
    "unable refuse complaint still stuck annoyed bad",
    "angry": "angry furious unacceptable ridiculous hate worst rude",
    "frustrated": "frustrated still again stuck annoyed unable never",
    "positive": "thanks great love excellent happy wonderful perfect amazing good helpful "
    "appreciate glad nice awesome",
    "satisfied": "thanks great happy perfect good helpful",
    "mixed": "but however although",
    "urgent": "urgent asap immediately emergency critical today stolen fraud deadline lost now "
    "hurry",
    "high": "urgent asap immediately emergency critical today stolen fraud deadline lost twice "
    "down unauthorised unauthorized locked",
    "critical": "emergency critical stolen fraud outage breach hacked",
    "major": "serious breach unauthorised unauthorized illegal",
    "low": "whenever wondering curious suggestion feedback sometime thanks",
    "receipt": "receipt cash change cashier total gst tax qty",
    "invoice": "invoice bill due tax",
    "contract": "agreement contract party hereby whereas shall clause effective",
    "agreement": "agreement contract party hereby whereas shall effective",
    "letter": "dear sincerely regards",
    "statement": "statement balance opening closing",
    "misleading": "mislead misled false promised told untrue deceptive advertised guarantee",
    "guarantee": "guarantee promise assured riskfree",
    "disclosure": "disclose disclosed inform informed notice hidden terms",
    "unauthorized": "unauthorized unauthorised consent permission without",
    "consent": "consent permission agree signed",
    "fee": "fee charge interest penalty overdraft",
    "interest": "interest apr rate",
    "harassment": "harass threaten call calls calling abusive repeatedly",
    "collection": "debt collector collection owe owed",
    "credit": "credit report score bureau",
    "reporting": "report reported bureau inaccurate dispute",
    "dispute": "dispute incorrect error inaccurate wrong investigate",
    "discrimination": "discriminate race age gender disability",
    "identity": "identity theft stolen ssn fraud",
    "delay": "delay late waiting weeks months days still",
    "error": "error incorrect mistake inaccurate wrong",
    "loan": "loan mortgage lender borrower repay",
    "mortgage": "mortgage loan escrow foreclosure lender",
    "pressure": "hurry chance act today limited immediately",
    "gift": "gift voucher bribe hospitality present",
    "insider": "nonpublic announce merger tip",
    "return": "return exchange send back refund profit",
    "risk": "risk lose loss",
    "liability": "liable liability indemnify damages",
    "confidentiality": "confidential disclose secret proprietary",
    "termination": "terminate termination notice expire",
    "human": "human manager agent person lawyer legal complaint representative",
    "escalate": "manager lawyer legal complaint unacceptable supervisor",
}

FALLBACKS = (
    "neutral normal medium moderate other general unknown none low info minor unspecified".split()  # noqa: SIM905 - a row of words reads better
)
"""Labels taken when nothing in the text points to any other, in this order."""

TOPICS: dict[str, tuple[str, str, str]] = {
    "refund": ("your refund", "Check the state of the refund", "Tell the customer the date"),
    "payment": ("your payment", "Check the transaction", "Confirm the amount with the customer"),
    "card": ("your card", "Check the state of the card", "Offer a replacement card if needed"),
    "delivery": ("your delivery", "Ask the carrier where the parcel is", "Send the tracking link"),
    "order": ("your order", "Look up the order", "Confirm the next step to the customer"),
    "account": ("your account", "Verify the customer's identity", "Restore access to the account"),
    "booking": ("your booking", "Look up the booking", "Send the confirmation again"),
    "technical": ("the technical problem", "Reproduce the problem", "Send the steps for a fix"),
    "cancel": ("your cancellation", "Check the notice period", "Confirm the cancellation"),
    "fraud": ("the suspicious activity", "Block the card or account", "Open a fraud case"),
    "sales": ("our plans and prices", "Send the price list", "Offer a call"),
    "feedback": ("your feedback", "Pass the feedback on to the team", "Thank the customer"),
}
"""Topic -> how a reply names it, and the two next actions it suggests."""
GENERAL_TOPIC = ("your message", "Read the message again with care", "Answer the customer")

TRUE_WORDS = "negative urgent human escalate"
"""Labels whose hints mean that a person should look at it."""

LANGUAGE_WORDS: dict[str, str] = {
    "en": "the and is to my you for of have it this not with i was are",
    "de": "der die das und ist nicht ich mit ein eine für auf zu wir sie meine bitte mein habe",
    "fr": "le la les et est je ne pas une un pour des vous mon ma que avec suis bonjour",
    "es": "el los las y es no una un para por mi que con estoy hola gracias tengo cómo",
    "it": "il gli e è non una un per mio che con sono ciao grazie ho del della",
    "pt": "o os as e é não uma um para meu minha que com estou olá obrigado do da",
    "nl": "de het en is niet ik een voor mijn met van op dat wij heb",
    "pl": "nie jest i na do się że mam moje jak dlaczego proszę z w",
    "tr": "ve bir bu için değil ben ne benim çok ile mi",
    "sv": "och är inte jag en ett för min med på det att har",
}
LANGUAGE_NAMES: dict[str, str] = {
    "en": "english",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "pl": "polish",
    "tr": "turkish",
    "sv": "swedish",
    "ar": "arabic",
    "zh": "chinese",
    "ja": "japanese",
    "ko": "korean",
    "ru": "russian",
    "hi": "hindi",
    "el": "greek",
    "he": "hebrew",
    "th": "thai",
}
