"""How each task's page is used by keyboard: from a page that was opened to an answer that was told."""

from standin import picture, sound

CTRL = 2


def forecast(page, server, folder):
    page.wait_told("24 steps from 2024-03-05 00:00 to 2024-03-05 23:00")
    assert server.asked == [{}]
    file = folder / "known.csv"
    file.write_text("ώρα,θερμοκρασία\n2024-03-01,3\n", "utf-8")
    page.give_file("input[type=file]", file)
    assert server.next(1) == {"csv": file.read_text("utf-8")}
    page.tab_to("Chart of the series.*")
    value = "document.activeElement.getAttribute('aria-valuetext')"
    assert page.ask(value) == "2024-03-05 00:00: forecast 21.48, 95 % between 19.48 and 23.48"
    page.press("ArrowRight")
    assert page.ask(value).startswith("2024-03-05 01:00: forecast 22.12")
    page.press("Home")
    assert page.ask(value) == "2024-03-01 00:00: 20"


def forecast_groups(page, server, folder):
    page.wait_told("from 21.48")
    page.tab_to("Series")
    page.press("ArrowDown")
    page.wait_told("from 26.48")


def classify_text(page, server, folder):
    page.tab_to("Text")
    page.type("καλό βιβλίο ")
    page.wait_told("So far: χαρά, 72.0 % sure")
    page.type("κακό κακό κακό κακό κακό κακό ")
    page.wait_told("So far: οργή")
    steps = "".join(message["step"] for message in server.asked if "step" in message)
    assert steps == page.ask("document.querySelector('textarea').value")  # each word was read once
    page.press("Enter", CTRL)
    page.wait_told("^οργή, 62.0 % sure")


def regress_sequence(page, server, folder):
    page.tab_to("A sequence of numbers")
    page.type("1, 2")
    page.press("Enter")
    page.type("3 4")
    page.press("Tab")
    page.press("Enter")
    page.wait_told("The answer is 5")
    assert server.asked == [{"sequences": [[[1, 2], [3, 4]]]}]


def tag(page, server, folder):
    page.tab_to("Text")
    page.type("η Μαρία μένει ")
    page.wait_told("1 words have a tag: Μαρία: Β-ΤΟΠ")
    page.type("στην Αθήνα")
    page.press("Enter", CTRL)
    page.wait_told("2 words have a tag")
    assert page.ask("document.querySelectorAll('.tag').length") == 5


def generate(page, server, folder):
    page.tab_to("Beginning of the text")
    page.type("Μια φορά")
    page.wait("document.querySelector('.bars')")  # what is likely next, while typing
    page.tab_to("Length")
    page.press("a", CTRL)
    page.type("40")
    page.press("Enter")
    page.wait_told("^Written, 40 characters: αβγδε ζηθ")
    assert {"write": {"length": 40, "temperature": 0.8}} in server.asked
    page.press("a", CTRL)
    page.type("90000")
    page.press("Enter")
    page.wait("document.querySelector('.written').textContent.length > 30")
    page.tab_to("Stop")
    page.press("Enter")
    page.wait_told("^Stopped after")


def translate(page, server, folder):
    page.tab_to("Text")
    page.type("ένα")
    page.tab_to("How many answers")
    page.press("a", CTRL)
    page.type("3")
    page.press("Enter")
    page.wait_told("^Translation: ο γάτος")
    assert server.asked == [{"texts": ["ένα"], "best": 3}]
    assert page.ask("document.querySelectorAll('.texts li').length") == 3


def summarize(page, server, folder):
    page.tab_to("Text")
    page.type("ένα δύο τρία")
    page.press("Enter", CTRL)
    page.wait_told("^Summary: ο γάτος")


def classify_sound(page, server, folder):
    file = folder / "sound.wav"
    file.write_bytes(sound())
    page.give_file("input[type=file]", file)
    page.wait_told("^χαρά, 72.0 % sure")
    page.tab_to("Record from the microphone")
    page.press("Enter")
    page.wait("parseFloat(document.querySelector('.seconds').textContent) > 0.5")
    page.press("Enter")
    page.wait_told("^χαρά, 72.0 % sure")
    assert len(server.asked) == 2


def transcribe(page, server, folder):
    page.tab_to("Record from the microphone")
    page.press("Enter")
    page.wait("document.querySelector('.written')?.textContent.length > 10")
    page.press("Enter")
    page.wait_told("^Heard: ο γάτος")
    seconds = page.ask("parseFloat(document.querySelector('.seconds').textContent)")
    assert abs(len(server.heard) / 2 / 16_000 - seconds) < 0.06  # at the model's rate, none lost


def speak(page, server, folder):
    page.tab_to("Text")
    page.type("καλημέρα")
    page.press("Enter", CTRL)
    page.wait_told("^Spoken")
    page.wait("document.querySelector('audio').duration > 0.3")


def recommend(page, server, folder):
    page.tab_to("Find an item")
    page.type("βιβλίο 30")
    page.press("Enter")
    page.wait_told("^Likely next: βιβλίο 31, βιβλίο 32")
    page.tab_to("βιβλίο 31")
    page.press("Enter")
    page.wait_told("^Likely next: βιβλίο 32")
    assert page.focused() == "βιβλίο 32"
    assert server.asked[-1] == {"sessions": [["βιβλίο 30", "βιβλίο 31"]], "top": 10, "new": False}
    page.tab_to("Remove βιβλίο 31")
    page.press("Enter")
    page.wait_told("^Likely next: βιβλίο 31")
    assert page.focused() == "Remove βιβλίο 30"  # the focus is not lost with what was removed
    page.tab_to("Only what is not in the session")
    count = len(server.asked)
    page.press("Space")
    assert server.next(count)["new"] is True
    page.tab_to("Clear the session")
    page.press("Enter")
    page.wait_told("^The session is empty")
    page.tab_to("βιβλίο 3, βιβλίο 9")
    page.press("Enter")
    page.wait_told("^Likely next: βιβλίο 10")


def classify_picture(page, server, folder):
    file = folder / "seen.png"
    file.write_bytes(picture())
    page.give_file("input[type=file]", file)
    page.wait_told("^χαρά, 72.0 % sure")
    page.wait("document.querySelector('img.seen').naturalWidth === 24")


def paint(page, server, folder):
    page.tab_to("Paint")
    page.press("Enter")
    page.wait_told("^4 pictures are painted")
    page.wait("[...document.querySelectorAll('.gallery img')].filter((one) => one.naturalWidth).length === 4")


WAYS = {
    "forecast": forecast,
    "forecast groups": forecast_groups,
    "classify text": classify_text,
    "regress sequence": regress_sequence,
    "tag": tag,
    "generate": generate,
    "translate": translate,
    "summarize": summarize,
    "classify sound": classify_sound,
    "transcribe": transcribe,
    "speak": speak,
    "recommend": recommend,
    "classify picture": classify_picture,
    "paint": paint,
}
