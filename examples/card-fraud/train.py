#!/usr/bin/env python3
"""Trains the two fraud models of this example and measures them on transactions they never saw.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py             train, export to models/*.onnx, write manifests, figures and split
    .venv/bin/python train.py --figures   measure the committed models again and print TRAINING.md

The same inputs and the same pinned packages give the same files, byte for byte, on the same kind of processor.
"""

import argparse
import csv
import hashlib
import os
import platform
import sys
from pathlib import Path

# One thread, so that sums are taken in one order.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "transactions.csv"
HELD_OUT = HERE / "data" / "held-out.txt"
MODELS = HERE / "models"
VERSION = "1.0.0"
SEED = 20130901
HELD_OUT_PERCENT = 40
TRUE_BASE_RATE = 0.00172
FEATURES = [f"V{i}" for i in range(1, 29)] + ["amount"]
THRESHOLDS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
COSTS = {"fraud-light": 0.00002, "fraud-heavy": 0.0004}
DESCRIPTIONS = {
    "fraud-light": "Logistic regression on the scaled features, Platt-calibrated; cheap, answers most transactions.",
    "fraud-heavy": "Gradient-boosted trees, Platt-calibrated; for the transactions the light model is unsure about.",
}


def is_held_out(line: str) -> bool:
    """The split: a row belongs to the held-out part by the hash of its text, so equal rows are never on both sides."""
    return int(hashlib.sha256(line.encode()).hexdigest()[:8], 16) % 100 < HELD_OUT_PERCENT


def read():
    lines = DATA.read_text().splitlines()
    header = lines[0].replace('"', "").split(",")
    columns = [header.index(name if name != "amount" else "Amount") for name in FEATURES]
    rows = list(csv.reader(lines[1:]))
    x = np.array([[float(row[c]) for c in columns] for row in rows])
    y = np.array([int(row[header.index("Class")]) for row in rows])
    held_out = np.array([is_held_out(line) for line in lines[1:]])
    return x, y, held_out


def platt(estimator, x, y):
    """Slope and intercept that turn the estimator's log-odds into calibrated ones, fitted on out-of-fold scores."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    scores = cross_val_predict(estimator, x, y, cv=folds, method="decision_function")
    scale = LogisticRegression(C=1e6, max_iter=1000).fit(scores.reshape(-1, 1), y)
    return float(scale.coef_[0, 0]), float(scale.intercept_[0])


def fit_light(x, y):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    slope, intercept = platt(model, x, y)
    model.fit(x, y)
    # The calibration of a linear model is a linear model.
    linear = model[-1]
    linear.coef_ = linear.coef_ * slope
    linear.intercept_ = linear.intercept_ * slope + intercept
    return model


def fit_heavy(x, y):
    from sklearn.ensemble import GradientBoostingClassifier

    model = GradientBoostingClassifier(n_estimators=120, max_depth=3, learning_rate=0.08, subsample=0.7,
                                       min_samples_leaf=5, random_state=SEED)
    slope, intercept = platt(model, x, y)
    model.fit(x, y)
    # Log-odds are the prior's plus the rate times the trees': both are scaled, the prior is moved.
    prior = model.init_.class_prior_
    odds = np.exp(np.log(prior[1] / prior[0]) * slope + intercept)
    model.learning_rate *= slope
    model.init_.class_prior_ = np.array([1 / (1 + odds), odds / (1 + odds)])
    return model


FIT = {"fraud-light": fit_light, "fraud-heavy": fit_heavy}


def export(name, model, path):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    onnx = to_onnx(model, initial_types=[("features", FloatTensorType([None, len(FEATURES)]))], name=name,
                   options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
    onnx.doc_string = DESCRIPTIONS[name]
    # The exporter's orders and repetitions vary; the file's must not.
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
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"""# Written by train.py.
model: {name}@{VERSION}
description: {DESCRIPTIONS[name]}
backend: onnx
file: {path.name}
sha256: {digest}
input:
  schema:
    type: object
    required: [{", ".join(FEATURES)}]
    properties:
{chr(10).join(f"      {f}: {{ type: number }}" for f in FEATURES[:-1])}
      amount: {{ type: number, minimum: 0 }}
  tensors:
    features:
      type: float
      fields: [{", ".join(FEATURES)}]
output:
  score: probabilities[1]
  fraud: label == 1
  confidence: "probabilities[1] >= 0.5 ? probabilities[1] : probabilities[0]"
batch: {{ max: 32, buckets: [1, 2, 4, 8, 16, 32] }}
cost: {{ per_call: {COSTS[name]:.5f}, currency: EUR }}
timeout_ms: 500
warmup: 2
"""


def predict(path, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"features": x.astype(np.float32)})[0][:, 1].astype(float)


def wilson(hits, total):
    """95 % interval of a proportion."""
    if total == 0:
        return 0.0, 1.0
    z, p = 1.96, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def calibration_error(y, p, bins=10):
    """Expected calibration error over bins of equal width."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return sum(abs(y[place == b].mean() - p[place == b].mean()) * (place == b).mean()
               for b in range(bins) if (place == b).any())


def figures_of(name, x, y):
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    p = predict(MODELS / f"{name}.onnx", x)
    lines = [f"### {name} {VERSION}", "", DESCRIPTIONS[name], "",
             f"ROC AUC {roc_auc_score(y, p):.4f}, average precision {average_precision_score(y, p):.4f}, "
             f"Brier score {brier_score_loss(y, p):.4f}, expected calibration error {calibration_error(y, p):.4f}.",
             "", "| score at least | flagged | frauds caught | precision | recall (95 % interval) | false alarms "
             "| precision at the true base rate |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for threshold in THRESHOLDS:
        flagged = p >= threshold
        hits, alarms = int((flagged & (y == 1)).sum()), int((flagged & (y == 0)).sum())
        recall, rate = hits / y.sum(), alarms / (y == 0).sum()
        low, high = wilson(hits, int(y.sum()))
        real = recall * TRUE_BASE_RATE / max(recall * TRUE_BASE_RATE + rate * (1 - TRUE_BASE_RATE), 1e-12)
        lines.append(f"| {threshold} | {flagged.sum()} | {hits} of {y.sum()} | {hits / max(flagged.sum(), 1):.3f} "
                     f"| {recall:.3f} ({low:.3f} to {high:.3f}) | {alarms} of {(y == 0).sum()} ({100 * rate:.2f} %) "
                     f"| {f'{real:.3f}' if alarms else 'unknown: no false alarm in the sample'} |")
    lines += ["", "| answers only where it is at least this sure | share answered | right |", "| --- | --- | --- |"]
    confidence = np.maximum(p, 1 - p)
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        sure = confidence >= level
        right = ((p >= 0.5) == (y == 1))[sure]
        lines.append(f"| {level} | {100 * sure.mean():.1f} % | {100 * right.mean():.2f} % |" if sure.any()
                     else f"| {level} | 0 % | none |")
    return lines + [""]


def figures():
    x, y, held_out = read()
    train_y, test_y = y[~held_out], y[held_out]
    lines = [
        "# How the models were trained, and how good they are", "",
        "Written by `train.py`. To train again: `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt "
        "&& .venv/bin/python train.py` in the example's folder; `.venv/bin/python train.py --figures` only measures the "
        "committed files again and prints this page. Seeds are fixed, packages pinned and the export is put in one "
        "order, so the same machine gives the same bytes.", "",
        f"- Data: `data/transactions.csv`, {len(y)} transactions, {y.sum()} of them frauds.",
        f"- Split: a row is held out when the first 8 hexadecimal digits of the SHA-256 of its text, as a number "
        f"modulo 100, are below {HELD_OUT_PERCENT}. {len(train_y)} rows to train on ({train_y.sum()} frauds), "
        f"{len(test_y)} held out ({test_y.sum()} frauds); `data/held-out.txt` lists their line numbers. Equal rows "
        "are always on the same side.",
        "- The models, their scaling and their calibration (five-fold, inside the training part) saw the training "
        "part only. Every figure below is of the exported ONNX files, on the held-out part only. The settings were "
        "chosen once and not tuned on the held-out part.",
        "- Features: V1 to V28 and the amount. The time is left out: two days of one month generalise to nothing.",
        f"- **Frauds are over-represented in this sample** ({100 * y.mean():.1f} %); in the original two days they "
        f"are {100 * TRUE_BASE_RATE:.3f} %. Recall and false-alarm rate carry over; precision, calibration and the "
        "scores themselves do not. The last column corrects precision for the true rate, as far as the few false "
        "alarms of a small sample allow.", "",
    ]
    for name in DESCRIPTIONS:
        lines += figures_of(name, x[held_out], test_y)
    return "\n".join(lines).rstrip() + "\n"


def train():
    x, y, held_out = read()
    HELD_OUT.write_text("# Line numbers in transactions.csv (the header is line 1) that no model was trained on; "
                        "see README.md.\n" + "".join(f"{i + 2}\n" for i in np.flatnonzero(held_out)))
    for name, fit in FIT.items():
        path = MODELS / f"{name}.onnx"
        # What the exported graph is given at run time is float32; train on the same.
        model = fit(x[~held_out].astype(np.float32), y[~held_out])
        export(name, model, path)
        expected = model.predict_proba(x.astype(np.float32))[:, 1]
        difference = np.abs(predict(path, x) - expected).max()
        if difference > 1e-4:
            sys.exit(f"{name}: the exported model differs from the trained one by {difference:.2e}")
        (MODELS / f"{name}.model.yaml").write_text(manifest(name, path))
        print(f"{name}: {path.stat().st_size} bytes, differs from scikit-learn by at most {difference:.1e}")
    (MODELS / "TRAINING.md").write_text(figures())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="measure the committed models and print the figures")
    if parser.parse_args().figures:
        print(figures(), end="")
    else:
        print(f"Python {platform.python_version()}")
        train()


if __name__ == "__main__":
    main()
