"""Scores of texts by sacrebleu, rouge-score, scikit-learn and a transcription of SQuAD's: what the tests compare with.

Needs requirements-scores.txt and nothing of PyTorch:

    python3 -m venv /tmp/scores && /tmp/scores/bin/pip install -r Scripts/golden/requirements-scores.txt
    /tmp/scores/bin/python Scripts/golden/text_scores.py --data DIR    # DIR holds tinyshakespeare and multi30k

The sentences kept in the files are Shakespeare's, perturbed, and strings made to be difficult. Of Multi30k, which is
for research, only scores are kept; the tests make the same hypotheses from its captions (`hypothesis` below).
"""

import argparse
import collections
import gzip
import json
import pathlib
import random
import re
import statistics
import string

import nltk.stem.porter
import numpy
import sklearn.metrics
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/PerennialTextTests/Golden"
VARIANTS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]

NASTY = [
    "", " ", "a", ".", "the", "The end.", "...", "a.b", "1.5", "1,000.50", "in 1999.", "99,", ",99", "a,b", "10-12",
    "x-y", "1-", "-1", "3.14.15", "$5.00!", "50%", "#1", "&quot;Hello&quot;", "AT&amp;T", "&amp;lt;b&amp;gt;",
    "&lt;i&gt; x &lt;/i&gt;", "<skipped>well", "line-\nbreak", "two\nlines of text\nand a third line",
    "tab\tand\vvertical", "a\u00a0b\u2003c", "a\x1cb\x1fc", "zero\u200bwidth", "trailing \u3000 ", "  leading",
    "don't won't", "rock'n'roll", "l\u2019homme d\u2019\u00e9t\u00e9",
    "\u00abGuillemets\u00bb \u201cquotes\u201d \u2026", "caf\u00e9", "cafe\u0301", "A\u030angstro\u0308m",
    "\u00c5ngstr\u00f6m", "STRASSE", "stra\u00dfe", "\u0130stanbul", "ISTANBUL",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3", "\u03a3", "A\u03a3 \u03a3A A\u03a3.",
    "a\u00ad\u03a3\u0301b\u03a3\u0301", "\u212aelvin \u212bngstrom", "\ufb01ne \ufb02ow",
    "\u6211\u559c\u6b22\u732b\u3002", "\u6211\u7231\u72d7\u3001\u732b\u548c\u9e1f\u3002",
    "\u30b3\u30f3\u30d4\u30e5\u30fc\u30bf 1.5\u4e07", "\u4e00\u3001\u4e8c\uff0c\u4e09\uff01",
    "\u0645\u0631\u062d\u0628\u0627\u060c \u0661\u066b\u0665",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0967\u0968\u0969.", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5.", "\U0001F600",
    "ok \U0001F44D\U0001F3FD!", "\U0001F469\u200d\U0001F469\u200d\U0001F467 family",
    "\U0001F1E9\U0001F1EA-\U0001F1EB\U0001F1F7", "caf\u00e9\U0001F600.bar", "\u20ac5,00 \u00a33.50",
    "\u00bd cup, \u00b2 \u2167.", "\u2460.5 x\u00b2+y\u00b2=z\u00b2", "\u2014dash\u2014 \u2013 1\u20132",
    "a_b __init__ [x] {y} `z` ^w ~v |u \\t /s @r ;q :p", "e-mail: a.b@c.org, http://x.y/z?q=1&r=2", "(hi)", "((hi))",
    "'tis 'twas'", "a\u0301n an\u0301 the\u0301", "an_the a", "A an THE a1 1a \u2167a", "\u00aba\u00bb the\u2019s",
    "the the the the", "AN apple, the APPLE; an-apple.", "a a a a a a", "a a", "b a b a b", "one two three four",
    "four three two one", "\r\nwindows\r\n", "\u2028separator\u2029", "\x85next", "1.\u0660", "x\ud7a3.", "?!?!", "!",
    "\u00bf\u00bfqu\u00e9??",
]


def emit(name, value):
    text = json.dumps(value, separators=(",", ":")) + "\n"
    (OUT / name).write_text(text)
    print(f"{len(text.encode()):9,} bytes  {name}")


def rounded(values):
    return [float(f"{value:.11g}") for value in values]


def perturbed(line, other, kind, rng):
    words = line.split(" ")
    place = rng.randrange(len(words))
    if kind == "same":
        return line
    if kind == "dropped":
        return " ".join(words[:place] + words[place + 1:])
    if kind == "replaced":
        return " ".join(words[:place] + [rng.choice(other.split(" "))] + words[place + 1:])
    if kind == "reordered":
        return " ".join(words[place:] + words[:place])
    if kind == "shuffled":
        return " ".join(rng.sample(words, len(words)))
    if kind == "doubled":
        return line + " " + line
    if kind == "case":
        return line.upper()
    return {"other": other, "empty": ""}[kind]


KINDS = [
    "same", "dropped", "replaced", "reordered", "shuffled", "dropped", "other", "case", "doubled", "replaced", "empty",
]


def items(data, rng):
    """Texts with two references each: lines of Shakespeare, then every difficult string against its neighbours."""
    lines = [line for line in (data / "tinyshakespeare/input.txt").read_text().splitlines() if 20 < len(line) < 70]
    chosen = rng.sample(lines, 150)
    result = []
    for index, line in enumerate(chosen):
        other = chosen[index - 1]
        text = perturbed(line, other, KINDS[index % len(KINDS)], rng)
        second = perturbed(line, other, rng.choice(["dropped", "replaced", "reordered", "other"]), rng)
        result.append({"text": text, "references": [line, second]})
    for index in range(0, 24, 3):
        three = chosen[index:index + 3]
        result.append({"text": "\n".join(perturbed(line, three[0], "dropped", rng) for line in reversed(three)),
                       "references": ["\n".join(three), "\n\n".join(three[:2])]})
    for index, text in enumerate(NASTY):
        result.append({"text": text, "references": [text, NASTY[index - 1]]})
        result.append({"text": text, "references": [NASTY[(index * 7 + 3) % len(NASTY)], NASTY[index - 2]]})
    return result


BLEU_SETTINGS = [
    dict(tokenize=tokenize, lowercase=lowercase)
    for tokenize in ("13a", "intl", "char", "none") for lowercase in (False, True)
] + [
    dict(tokenize="13a", smooth_method=method, smooth_value=value, effective_order=effective)
    for method, value in (
        ("exp", None), ("none", None), ("floor", None), ("floor", 0.5), ("floor", 0.0), ("add-k", None), ("add-k", 2.5))
    for effective in (False, True)
] + [dict(tokenize="13a", max_ngram_order=order) for order in (1, 2, 6)]
CHRF_SETTINGS = [
    dict(word_order=words, whitespace=whitespace, lowercase=lowercase)
    for words in (0, 2) for whitespace in (False, True) for lowercase in (False, True)
] + [
    dict(word_order=0, eps_smoothing=True), dict(word_order=2, eps_smoothing=True),
    dict(char_order=4, word_order=1, beta=3), dict(beta=1),
]


def corpora(all_items, is_long=True):
    """The parts to score, and with how many references of each item. In two lines, longer n-grams match nowhere."""
    easy = [item for item in all_items if all(text.isascii() for text in [item["text"], *item["references"]])]
    empty = [item for item in all_items if not item["text"].strip()]
    short = [("empty", empty, 2), ("few", all_items[4:7:2], 1), ("few", all_items[4:7:2], 2)]
    return [("all", all_items, 2), ("ascii", easy, 1), *short] if is_long else short


def streams(part, count):
    return [item["text"] for item in part], [[item["references"][index] for item in part] for index in range(count)]


def without_version(metric):
    return str(metric.get_signature()).rsplit("|", 1)[0]


def bleu(all_items):
    result = []
    for settings in BLEU_SETTINGS:
        case = {"settings": settings, "corpora": []}
        for name, part, count in corpora(all_items, is_long=settings in BLEU_SETTINGS[:8]):
            metric = BLEU(force=True, **settings)
            score = metric.corpus_score(*streams(part, count))
            # sacrebleu adds k to its own lists.
            unsmoothed = {**settings, "smooth_method": "exp", "smooth_value": None}
            raw = BLEU(force=True, **unsmoothed).corpus_score(*streams(part, count))
            case["corpora"].append({
                "part": name, "references": count, "score": score.score, "precisions": score.precisions,
                "brevity_penalty": score.bp, "matches": raw.counts, "totals": raw.totals,
                "lengths": [score.sys_len, score.ref_len], "signature": without_version(metric)})
        metric = BLEU(force=True, **{**settings, "effective_order": True})
        case["sentences"] = [] if settings.get("effective_order") else rounded(
            metric.sentence_score(item["text"], item["references"]).score for item in all_items)
        result.append(case)
    return result


def chrf(all_items):
    result = []
    for settings in CHRF_SETTINGS:
        case = {"settings": settings, "corpora": []}
        for name, part, count in corpora(all_items):
            metric = CHRF(**settings)
            score = metric.corpus_score(*streams(part, count))
            case["corpora"].append({"part": name, "references": count, "score": score.score, "name": score.name,
                                    "signature": without_version(metric)})
        metric = CHRF(**settings)
        case["sentences"] = rounded(metric.sentence_score(item["text"], item["references"]).score for item in all_items)
        result.append(case)
    return result


def tokens():
    """The words that sacrebleu's tokenizers and rouge-score find in the difficult strings."""
    result = {}
    for name in ("13a", "intl", "char", "none"):
        metric = BLEU(tokenize=name)
        result[name] = [metric._preprocess_segment(text).split() for text in NASTY]
        result[name + "/lc"] = [BLEU(tokenize=name, lowercase=True)._preprocess_segment(text).split() for text in NASTY]
    result["squad"] = [normalize_answer(text).split() for text in NASTY]
    return result


def rouge(all_items):
    result = []
    for stems in (False, True):
        scorer = rouge_scorer.RougeScorer(VARIANTS, use_stemmer=stems)
        scores = [scorer.score_multi(item["references"], item["text"]) for item in all_items]
        for variant in VARIANTS:
            values = [score[variant] for score in scores]
            result.append({
                "variant": variant, "stems": stems, "mean": [statistics.mean(column) for column in zip(*values)],
                "f": rounded(value.fmeasure for value in values)})
    return result


def normalize_answer(text):
    kept = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def answer_f1(text, answer):
    predicted, expected = normalize_answer(text).split(), normalize_answer(answer).split()
    if not predicted or not expected:
        return float(predicted == expected)
    same = sum((collections.Counter(predicted) & collections.Counter(expected)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(predicted), same / len(expected)
    return 2 * precision * recall / (precision + recall)


def answers(all_items):
    exact, f1 = [], []
    for item in all_items:
        golds = [answer for answer in item["references"] if normalize_answer(answer)] or [""]
        exact.append(max(int(normalize_answer(item["text"]) == normalize_answer(answer)) for answer in golds))
        f1.append(max(answer_f1(item["text"], answer) for answer in golds))
    return {"exact": exact, "f1": rounded(f1), "means": [statistics.mean(exact), statistics.mean(f1)]}


def retrieval(rng):
    """Without ties by scikit-learn; with ties the mean over all orders of the candidates that tie."""
    cases = []
    for name, candidates, ties in (("distinct", 12, False), ("tied", 6, True), ("constant", 5, None)):
        rows, relevant = [], []
        for _ in range(20):
            rows.append([0.5] * candidates if ties is None else
                        [rng.randrange(4) / 4 if ties else round(rng.gauss(0, 1), 6) for _ in range(candidates)])
            relevant.append(rng.randrange(candidates))
        cutoffs = [1, 2, 3, 5]
        ranks = []
        for row, index in zip(rows, relevant):
            better, equal = sum(x > row[index] for x in row), sum(x == row[index] for x in row)
            ranks.append([better + place + 1 for place in range(equal)])
        top = [statistics.mean(statistics.mean(float(rank <= k) for rank in place) for place in ranks) for k in cutoffs]
        mrr = statistics.mean(statistics.mean(1 / rank for rank in place) for place in ranks)
        if name == "distinct":
            labels = list(range(candidates))
            theirs = [sklearn.metrics.top_k_accuracy_score(relevant, rows, k=k, labels=labels) for k in cutoffs]
            numpy.testing.assert_allclose(top, theirs)
            hot = numpy.eye(candidates)[relevant]
            numpy.testing.assert_allclose(mrr, sklearn.metrics.label_ranking_average_precision_score(hot, rows))
        cases.append({"name": name, "rows": rows, "relevant": relevant, "cutoffs": cutoffs, "top": top, "mrr": mrr})
    return cases


def detection(rng):
    cases = []
    for name, count, draw in (
        ("distinct", 200, lambda positive: round(rng.gauss(0.8 * positive, 1), 9)),
        ("ties", 200, lambda positive: round(rng.gauss(positive, 1), 1)),
        ("few levels", 100, lambda positive: float(rng.randrange(3) + positive)),
        ("constant", 20, lambda positive: 0.25),
        ("perfect", 40, lambda positive: positive + rng.random() / 2),
        ("inverted", 40, lambda positive: -positive + rng.random() / 2),
        ("two", 2, lambda positive: float(positive)),
    ):
        labels = [rng.random() < 0.3 for _ in range(count)]
        labels[:2] = [True, False]
        scores = [draw(int(label)) for label in labels]
        found = {}
        for rate in (0.0, 0.5, 0.8, 0.95, 1.0):
            fpr, tpr, _ = sklearn.metrics.roc_curve(labels, scores, drop_intermediate=False)
            found[str(rate)] = float(fpr[numpy.argmax(tpr >= rate)])
        cases.append({
            "name": name, "labels": labels, "scores": scores, "fpr": found,
            "auroc": float(sklearn.metrics.roc_auc_score(labels, scores)),
            "aupr": float(sklearn.metrics.average_precision_score(labels, scores))})
    return cases


def stems(data, rng):
    """Word and stem, each pair one string: the words of Shakespeare that change most, and examples of every rule."""
    made = """caresses ponies ties caress cats feed agreed plastered bled motoring sing conflated troubled sized hopping
    tanned falling hissing fizzed failing filing happy sky relational conditional rational valenci hesitanci
    digitizer conformabli radicalli differentli vileli analogousli vietnamization predication operator feudalism
    decisiveness hopefulness callousness formaliti sensitiviti sensibiliti triplicate formative formalize
    electriciti electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable
    defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti
    homologous effective bowdlerize probate rate cease controll roll flies dies died spied tries skies dying
    lying tying news innings inning outings outing cannings canning howe proceed exceed succeed enjoy enjoyment
    spy fly try syzygy toy yyyyy geology theology archaeology apology fully carefully gracefully eyed owed owing
    aged agreeing bees trees ated ing eing ied 2000ed 1990s 3ing a1b2c3s x9ly bbbbing quizzing allally really
    centrally usually oxen ion onion notion mission cohesion ax axe oat yes yesyes boyyed tooed keyyed possibly
    ably alli balli vehemently""".split()
    stemmer = nltk.stem.porter.PorterStemmer()
    words = sorted({word.lower() for word in re.findall("[A-Za-z]+", (data / "tinyshakespeare/input.txt").read_text())})
    words = rng.sample([word for word in words if len(word) > 5], 1200) + made
    return [f"{word} {stemmer.stem(word)}" for word in words]


def hypothesis(lines, index):
    """A caption made worse by a rule that needs no random numbers; the tests have the same."""
    words = lines[index].split(" ")
    place = index * 31 % len(words)
    match index % 7:
        case 0: return lines[index]
        case 1: return " ".join(words[:place] + words[place + 1:])
        case 2: return " ".join(words[place:] + words[:place])
        case 3: return " ".join(words[:place] + ["Hund"] + words[place + 1:])
        case 4: return lines[(index + 1) % len(lines)]
        case 5: return "" if index % 3 == 0 else lines[index].lower()
        case _: return " ".join(reversed(words))


def multi30k(data):
    result = []
    for language in ("en", "de", "fr", "cs"):
        path = f"multi30k/data/task1/raw/test_2016_flickr.{language}.gz"
        lines = gzip.decompress((data / path).read_bytes()).decode().rstrip("\n").split("\n")
        texts = [hypothesis(lines, index) for index in range(len(lines))]
        second = [lines[(index + 2) % len(lines)] for index in range(len(lines))]
        both = [[line, other] for line, other in zip(lines, second)]
        case = {"path": path, "lines": len(lines), "bleu": {}, "chrf": {}, "rouge": {}}
        for settings in BLEU_SETTINGS[:3]:
            metric = BLEU(force=True, **settings)
            sentence = BLEU(force=True, **settings, effective_order=True)
            key = settings["tokenize"] + ("/lc" if settings["lowercase"] else "")
            case["bleu"][key] = [
                metric.corpus_score(texts, [lines]).score, metric.corpus_score(texts, [lines, second]).score,
                statistics.mean(sentence.sentence_score(text, [line]).score for text, line in zip(texts, lines))]
        for words in (0, 2):
            metric = CHRF(word_order=words)
            case["chrf"][str(words)] = [
                metric.corpus_score(texts, [lines]).score, metric.corpus_score(texts, [lines, second]).score,
                statistics.mean(metric.sentence_score(text, [line]).score for text, line in zip(texts, lines))]
        for use_stemmer in (False, True):
            scorer = rouge_scorer.RougeScorer(VARIANTS, use_stemmer=use_stemmer)
            scores = [scorer.score_multi(pair, text) for pair, text in zip(both, texts)]
            for variant in VARIANTS:
                case["rouge"][variant + ("/stems" if use_stemmer else "")] = statistics.mean(
                    score[variant].fmeasure for score in scores)
        pairs = list(zip(texts, lines))
        case["answers"] = [
            statistics.mean(float(normalize_answer(text) == normalize_answer(line)) for text, line in pairs),
            statistics.mean(answer_f1(text, line) for text, line in pairs)]
        result.append(case)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, help="data root with tinyshakespeare and multi30k")
    data = parser.parse_args().data
    rng = random.Random(21)
    texts = items(data, rng)
    emit("text_scores.json", {
        "script": "Scripts/golden/text_scores.py", "strings": NASTY, "tokens": tokens(), "items": texts,
        "bleu": bleu(texts), "chrf": chrf(texts), "rouge": rouge(texts), "answers": answers(texts)})
    emit("text_ranking.json", {
        "script": "Scripts/golden/text_scores.py", "retrieval": retrieval(rng), "detection": detection(rng),
        "stems": stems(data, rng)})
    emit("text_scores_multi30k.json", {"script": "Scripts/golden/text_scores.py", "cases": multi30k(data)})


if __name__ == "__main__":
    main()
