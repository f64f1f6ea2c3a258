#!/usr/bin/env python3
"""German to English on Multi30k by transformers' T5: an independent check of the first experience of Recipes/multi30k/translation.

The same model, vocabulary size, batches of like length, optimizer, schedule and number of epochs; captions are cut at the same
length. BLEU is sacrebleu's of what the model writes greedily for test_2016_flickr.

    multi30k_translation.py DATA [SEED] [THREADS]     DATA holds multi30k; needs torch, transformers, tokenizers and sacrebleu
"""

import gzip
import math
import pathlib
import random
import sys

import sacrebleu
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

data = pathlib.Path(sys.argv[1]) / "multi30k/data/task1/raw"
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
LENGTH, BATCH, EPOCHS, BUCKETS, WARM_UP, RATE, LOWEST = 32, 64, 4, 50, 400, 0.001, 0.00001


def lines(part, language):
    return gzip.open(data / f"{part}.{language}.gz", "rt", encoding="utf-8").read().splitlines()


train, test = [(lines(part, "de"), lines(part, "en")) for part in ("train", "test_2016_flickr")]
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
# The recipe's vocabulary is made of the captions of all its languages.
corpus = [text for language in ("de", "fr", "cs") for text in lines("train", language) + train[1]]
tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
    vocab_size=6000, special_tokens=["<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))


def rows(texts):
    return [(encoded.ids + [1])[:LENGTH] for encoded in tokenizer.encode_batch(texts)]


def padded(some, fill):
    width = max(map(len, some))
    return torch.tensor([row + [fill] * (width - len(row)) for row in some])


random.seed(seed)
torch.manual_seed(seed)
model = transformers.T5ForConditionalGeneration(transformers.T5Config(
    vocab_size=tokenizer.get_vocab_size(), d_model=192, d_kv=48, d_ff=512, num_layers=3, num_decoder_layers=3, num_heads=4,
    dropout_rate=0.1, feed_forward_proj="relu", tie_word_embeddings=True, pad_token_id=0, eos_token_id=1,
    decoder_start_token_id=0))
print(f"{sum(p.numel() for p in model.parameters()):,} values, {tokenizer.get_vocab_size()} tokens", flush=True)
optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
sources, targets = rows(train[0]), rows(train[1])
steps = EPOCHS * math.ceil(len(sources) / BATCH)


def rate(step):
    if step < WARM_UP:
        return step / WARM_UP
    return (LOWEST + (RATE - LOWEST) * (1 + math.cos(math.pi * (step - WARM_UP) / (steps - WARM_UP))) / 2) / RATE


schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=-100)
model.train()
done = 0
for epoch in range(EPOCHS):
    order = random.sample(range(len(sources)), len(sources))
    chunk = BATCH * BUCKETS
    order = [i for at in range(0, len(order), chunk)
             for i in sorted(order[at : at + chunk], key=lambda i: max(len(sources[i]), len(targets[i])))]
    batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    random.shuffle(batches)
    for batch in batches:
        x, y = padded([sources[i] for i in batch], 0), padded([targets[i] for i in batch], -100)
        logits = model(input_ids=x, attention_mask=x.ne(0).long(), labels=y).logits
        loss = loss_of(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        schedule.step()
        done += 1
        if done % 100 == 0:
            print(f"step {done} of {steps}, loss {loss.item():.2f}", flush=True)

model.eval()
written = []
with torch.no_grad():
    asked = rows(test[0])
    for at in range(0, len(asked), 100):
        x = padded(asked[at : at + 100], 0)
        answers = model.generate(input_ids=x, attention_mask=x.ne(0).long(), max_new_tokens=LENGTH, do_sample=False, num_beams=1)
        written += [tokenizer.decode([t for t in answer.tolist() if t > 1]) for answer in answers]
cut = [tokenizer.decode([t for t in row if t > 1]) for row in rows(test[1])]
print(f"BLEU {sacrebleu.corpus_bleu(written, [test[1]]).score:.2f}, against references cut at {LENGTH} tokens "
      f"{sacrebleu.corpus_bleu(written, [cut]).score:.2f}; {sum(a != b for a, b in zip(cut, test[1]))} are cut")
