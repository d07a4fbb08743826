"""The texts of a page in Chinese that hold a Latin word, where what the data holds is written in Greek."""

import re
from html.parser import HTMLParser

# Measures and names that Chinese has no other word for.
KEPT = {"elman", "mae", "rmse", "smape", "mase", "r", "ece", "nats", "bleu", "chrf", "rouge", "rougeL", "wer", "cer"}
KEPT |= {"mrr", "ndcg", "mcd", "mel", "l", "focus", "dB", "MAE", "RMSE", "F", "ECE", "BLEU", "ROUGE", "MRR", "Recall"}
KEPT |= {"McNemar", "Kneser", "Ney", "SKNN", "V", "kNN", "p", "n", "logits", "no", "blend", "ctc", "Hz", "x"}
KEPT |= {"O", "B", "end"}  # tags, and the end of what was written, which stands among the data's symbols
FIGURES = re.compile(r"\d[\d.]*e-?\d+|--[a-z-]+")  # numbers, and flags


class Labels(HTMLParser):
    """The texts of a page but for the values of settings, and in figures what is marked as the data's."""

    def __init__(self, html):
        super().__init__()
        self.skipped, self.within, self.texts, self.settings = 0, [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "meta":
            return
        self.within.append((tag, dict(attrs).get("class") == "given" or tag in ("style", "dd")))
        if label := dict(attrs).get("aria-label"):
            self.texts.append(label)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.within.pop()[0] == tag

    def handle_data(self, text):
        if text.strip() and not any(skipped for _, skipped in self.within):
            (self.settings if self.within[-1][0] == "dt" else self.texts).append(text.strip())


def left_in_english(html, also=frozenset()):
    """``also``: names that Chinese has no word for on this page."""
    page = Labels(html)
    found = [text for text in page.texts if set(re.findall("[A-Za-z]+", FIGURES.sub("", text))) - KEPT - also]
    return found + [name for name in page.settings if not re.search("[一-鿿]", name)]
