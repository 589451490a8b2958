#!/usr/bin/env python3
"""Trains the two compliance models of this example and measures them on messages they never saw.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py             train, export to models/, write manifests and figures
    .venv/bin/python train.py --figures   measure the committed models again and print TRAINING.md

The same inputs and the same pinned packages give the same files, byte for byte, on the same kind of processor.
"""

import argparse
import csv
import hashlib
import html
import json
import os
import sys
from pathlib import Path

# One thread, so that sums are taken in one order.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "messages.csv"
COPY = HERE / "data" / "copy.json"
MODELS = HERE / "models"
VERSION = "1.0.0"
HELD_OUT_PERCENT = 40
THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SURE = 0.97  # `until` of the pipeline's cheap tier
COSTS = {"compliance-light": 0.00002, "compliance-heavy": 0.0004}
DESCRIPTIONS = {
    "compliance-light": "Does a text read like an unsolicited promotion? Logistic regression over 300 words; cheap.",
    "compliance-heavy": "The same question; logistic regression over 6,000 runs of two to four characters, for what the light model is unsure of.",
}


def is_held_out(text):
    """A message is held out by the hash of its text, so equal messages are never on both sides."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100 < HELD_OUT_PERCENT


def prepared(text):
    """What the models are given; the pipeline's step `copy` does the same."""
    lowered = "".join(c.lower() if "A" <= c <= "Z" else c for c in text)
    for blank in "\r\n\t\u00a0":
        lowered = lowered.replace(blank, " ")
    return " ".join(word for word in lowered.split(" ") if word)


def read():
    """Texts and whether they are spam, each different text once, in the order of the file."""
    with open(DATA, newline="", encoding="utf-8") as f:
        rows = {prepared(html.unescape(row["text"])): row["label"] == "spam" for row in csv.DictReader(f)}
    texts = list(rows)
    y = np.array([int(rows[t]) for t in texts])
    held_out = np.array([is_held_out(t) for t in texts])
    return np.array(texts, dtype=object), y, held_out


def light():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # Normed, so that a text longer than the messages does not make the model surer.
    words = TfidfVectorizer(lowercase=False, token_pattern="[a-z]{2,}", max_features=300)
    return make_pipeline(words, LogisticRegression(C=10.0, max_iter=5000))


def heavy():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    runs = TfidfVectorizer(lowercase=False, analyzer="char", ngram_range=(2, 4), max_features=6000, min_df=3)
    return make_pipeline(runs, LogisticRegression(C=30.0, max_iter=5000))


FIT = {"compliance-light": light, "compliance-heavy": heavy}


def calibrate(make, x, y):
    """A fitted model whose log-odds were scaled so that out-of-fold probabilities are calibrated (Platt)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=2012)
    scores = cross_val_predict(make(), x, y, cv=folds, method="decision_function")
    scale = LogisticRegression(C=1e6, max_iter=1000).fit(scores.reshape(-1, 1), y)
    model = make().fit(x, y)
    linear = model[-1]
    linear.coef_ = linear.coef_ * scale.coef_[0, 0]
    linear.intercept_ = linear.intercept_ * scale.coef_[0, 0] + scale.intercept_[0]
    return model


def export(name, model, path):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import StringTensorType

    onnx = to_onnx(model, initial_types=[("text", StringTensorType([None, 1]))], name=name,
                   options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
    onnx.doc_string = DESCRIPTIONS[name]
    # The exporter's orders vary; the file's must not.
    domains = {opset.domain: opset.version for opset in onnx.opset_import}
    del onnx.opset_import[:]
    for domain in sorted(domains):
        onnx.opset_import.add(domain=domain, version=domains[domain])
    for node in onnx.graph.node:
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    path.write_bytes(onnx.SerializeToString(deterministic=True))


def manifest(name, path):
    return f"""# Written by train.py.
model: {name}@{VERSION}
description: {DESCRIPTIONS[name]}
backend: onnx
file: {path.name}
sha256: {hashlib.sha256(path.read_bytes()).hexdigest()}
input:
  schema:
    type: object
    required: [text]
    properties:
      text: {{ type: string, description: in small letters and on one line }}
  tensors:
    text: {{ type: string, fields: [text] }}
output:
  risk: probabilities[1]
  confidence: "probabilities[1] >= 0.5 ? probabilities[1] : probabilities[0]"
batch: {{ max: 16, buckets: [1, 4, 16] }}
cost: {{ per_call: {COSTS[name]:.5f}, currency: EUR }}
timeout_ms: 1000
warmup: 2
"""


def predict(path, texts):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"text": np.array(texts, dtype=object).reshape(-1, 1)})[0][:, 1].astype(float)


def figures():
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    texts, y, held_out = read()
    x, truth = texts[held_out], y[held_out]
    p = {name: predict(MODELS / f"{name}.onnx", x) for name in FIT}
    sure = np.maximum(p["compliance-light"], 1 - p["compliance-light"]) >= SURE
    p["the cascade"] = np.where(sure, p["compliance-light"], p["compliance-heavy"])
    lines = [
        "# How the models were trained, and how good they are", "",
        "Written by `train.py`. To train again: `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt "
        "&& .venv/bin/python train.py` in the example's folder; `.venv/bin/python train.py --figures` only measures the "
        "committed files again and prints this page. Seeds are fixed, packages pinned and the export is put in one "
        "order, so the same machine gives the same bytes.", "",
        f"- Data: `data/messages.csv`, {len(y)} different text messages, {y.sum()} of them spam.",
        f"- Split: a message is held out when the first 8 hexadecimal digits of the SHA-256 of its text (in small letters), as a "
        f"number modulo 100, are below {HELD_OUT_PERCENT}: {(~held_out).sum()} to train on ({y[~held_out].sum()} spam), "
        f"{held_out.sum()} held out ({truth.sum()} spam).",
        "- Words, calibration (Platt, five-fold) and weights come from the training part alone. The figures are of the "
        "exported ONNX files, on the held-out part. The settings were not tuned on it.",
        "- **Text messages of 2012 are not product copy.** What carries over is the manner of unsolicited promotions: prizes, "
        "premium numbers, urgency. The last table shows the scores of hand-written copy; it is a check that the models are of "
        "use here at all, too small and too much of our own making to be a measurement.", "",
        "| | ROC AUC | average precision | Brier score |", "| --- | --- | --- | --- |",
    ]
    for name, q in p.items():
        lines.append(f"| {name} | {roc_auc_score(truth, q):.4f} | {average_precision_score(truth, q):.4f} | {brier_score_loss(truth, q):.4f} |")
    lines += ["", f"The cascade asks the heavy model where the light one's confidence is below {SURE}: for "
              f"{(~sure).sum()} of {len(sure)} messages ({100 * (~sure).mean():.1f} %).", ""]
    for name, q in p.items():
        lines += [f"### {name}", "", "| score at least | flagged | spam caught | precision | recall | false alarms |",
                  "| --- | --- | --- | --- | --- | --- |"]
        for threshold in THRESHOLDS:
            flagged = q >= threshold
            hits, alarms = int((flagged & (truth == 1)).sum()), int((flagged & (truth == 0)).sum())
            lines.append(f"| {threshold} | {flagged.sum()} | {hits} of {truth.sum()} | {hits / max(flagged.sum(), 1):.3f} "
                         f"| {hits / truth.sum():.3f} | {alarms} of {(truth == 0).sum()} ({100 * alarms / (truth == 0).sum():.2f} %) |")
        lines.append("")
    copy = json.loads(COPY.read_text())
    texts = [prepared(each["text"]) for each in copy]
    a, b = (predict(MODELS / f"{name}.onnx", texts) for name in FIT)
    lines += ["### Copy written by hand (`data/copy.json`)", "", "| allowed | light | heavy | begins with |", "| --- | --- | --- | --- |"]
    for each, light_score, heavy_score in zip(copy, a, b):
        lines.append(f"| {'yes' if each['allowed'] else 'no'} | {light_score:.3f} | {heavy_score:.3f} | {each['text'][:50]} |")
    return "\n".join(lines).rstrip() + "\n"


def train():
    texts, y, held_out = read()
    for name, make in FIT.items():
        path = MODELS / f"{name}.onnx"
        model = calibrate(make, texts[~held_out], y[~held_out])
        export(name, model, path)
        difference = np.abs(predict(path, texts) - model.predict_proba(texts)[:, 1])
        # ONNX's n-grams of characters and scikit-learn's part where a semicolon stands beside an underscore.
        if difference.max() > 1e-3:
            worst = texts[int(difference.argmax())]
            sys.exit(f"{name}: the exported model differs from the trained one by {difference.max():.2e} on {worst!r}")
        (MODELS / f"{name}.model.yaml").write_text(manifest(name, path))
        print(f"{name}: {path.stat().st_size} bytes, differs from scikit-learn by at most {difference.max():.1e}")
    (MODELS / "TRAINING.md").write_text(figures())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="measure the committed models and print the figures")
    if parser.parse_args().figures:
        print(figures(), end="")
    else:
        train()


if __name__ == "__main__":
    main()
