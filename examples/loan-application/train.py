#!/usr/bin/env python3
"""Trains this example's model of default and measures it on clients it never saw.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python train.py             train, export to models/, write manifest and figures
    .venv/bin/python train.py --figures   measure the committed model again and print TRAINING.md

The same inputs and the same pinned packages give the same files, byte for byte, on the same kind of processor.
"""

import argparse
import csv
import hashlib
import os
import sys
from pathlib import Path

# One thread, so that sums are taken in one order.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
DATA = HERE / "data" / "clients.csv"
MODELS = HERE / "models"
NAME, VERSION = "loan-default", "1.0.0"
DESCRIPTION = "Probability that a client misses next month's payment; gradient-boosted trees, Platt-calibrated."
SEED = 20050901
HELD_OUT_PERCENT = 40
LABEL = "default payment next month"
# The features as the pipeline names them, and the columns they come from. Sex, marriage, education and age are left
# out: nobody's credit should hang on them.
COLUMNS = {"limit": "LIMIT_BAL"}
COLUMNS |= {f"delay_{i}": c for i, c in enumerate(["PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"], 1)}
COLUMNS |= {f"bill_{i}": f"BILL_AMT{i}" for i in range(1, 7)}
COLUMNS |= {f"paid_{i}": f"PAY_AMT{i}" for i in range(1, 7)}
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def is_held_out(line):
    """A row is held out by the hash of its text, so equal rows are never on both sides."""
    return int(hashlib.sha256(line.encode()).hexdigest()[:8], 16) % 100 < HELD_OUT_PERCENT


def read():
    lines = DATA.read_text().splitlines()
    rows = list(csv.DictReader(lines))
    x = np.array([[float(row[c]) for c in COLUMNS.values()] for row in rows])
    y = np.array([int(row[LABEL]) for row in rows])
    return x, y, np.array([is_held_out(line) for line in lines[1:]])


def fit(x, y):
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, learning_rate=0.08, subsample=0.7,
                                       min_samples_leaf=20, random_state=SEED)
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED)
    scores = cross_val_predict(model, x, y, cv=folds, method="decision_function")
    scale = LogisticRegression(C=1e6, max_iter=1000).fit(scores.reshape(-1, 1), y)
    slope, intercept = float(scale.coef_[0, 0]), float(scale.intercept_[0])
    model.fit(x, y)
    # Log-odds are the prior's plus the rate times the trees': both are scaled, the prior is moved.
    prior = model.init_.class_prior_
    odds = np.exp(np.log(prior[1] / prior[0]) * slope + intercept)
    model.learning_rate *= slope
    model.init_.class_prior_ = np.array([1 / (1 + odds), odds / (1 + odds)])
    return model


def export(model, path):
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    onnx = to_onnx(model, initial_types=[("features", FloatTensorType([None, len(COLUMNS)]))], name=NAME,
                   options={"zipmap": False}, target_opset={"": 18, "ai.onnx.ml": 3})
    onnx.doc_string = DESCRIPTION
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


def manifest(path):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    fields = ", ".join(COLUMNS)
    return f"""# Written by train.py.
model: {NAME}@{VERSION}
description: {DESCRIPTION}
backend: onnx
file: {path.name}
sha256: {digest}
input:
  schema:
    type: object
    required: [{fields}]
    properties:
{chr(10).join(f"      {f}: {{ type: number }}" for f in COLUMNS)}
  tensors:
    features:
      type: float
      fields: [{fields}]
output:
  default: probabilities[1]
batch: {{ max: 32, buckets: [1, 2, 4, 8, 16, 32] }}
cost: {{ per_call: 0.00010, currency: EUR }}
timeout_ms: 500
warmup: 2
"""


def predict(path, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"features": x.astype(np.float32)})[0][:, 1].astype(float)


def calibration_error(y, p, bins=10):
    """Expected calibration error over bins of equal width."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return sum(abs(y[place == b].mean() - p[place == b].mean()) * (place == b).mean()
               for b in range(bins) if (place == b).any())


def figures():
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    x, y, held_out = read()
    test_y = y[held_out]
    p = predict(MODELS / f"{NAME}.onnx", x[held_out])
    lines = [
        "# How the model was trained, and how good it is", "",
        "Written by `train.py`. To train again: `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && "
        ".venv/bin/python train.py` in the example's folder; `.venv/bin/python train.py --figures` only measures the "
        "committed file again and prints this page.", "",
        f"- Data: `data/clients.csv`, {len(y)} clients, {y.sum()} of whom missed the next payment ({100 * y.mean():.1f} %).",
        f"- Split: a row is held out when the first 8 hexadecimal digits of the SHA-256 of its text, as a number modulo "
        f"100, are below {HELD_OUT_PERCENT}: {(~held_out).sum()} rows to train on, {held_out.sum()} held out "
        f"({test_y.sum()} defaults).",
        "- Model and calibration (five-fold, inside the training part) saw the training part only; every figure below is "
        "of the exported ONNX file on the held-out part. The settings were chosen once and not tuned on it.",
        "- Features: the limit, six months of delays, bills and payments. Sex, marriage, education and age are in the data "
        "and are left out.", "",
        f"ROC AUC {roc_auc_score(test_y, p):.4f}, average precision {average_precision_score(test_y, p):.4f}, Brier score "
        f"{brier_score_loss(test_y, p):.4f}, expected calibration error {calibration_error(test_y, p):.4f}.", "",
        "| probability at least | clients | of whom missed the payment | defaults caught |", "| --- | --- | --- | --- |"]
    for threshold in THRESHOLDS:
        flagged = p >= threshold
        hits = int((flagged & (test_y == 1)).sum())
        lines.append(f"| {threshold} | {flagged.sum()} of {len(test_y)} | {100 * hits / max(flagged.sum(), 1):.1f} % "
                     f"| {100 * hits / test_y.sum():.1f} % |")
    return "\n".join(lines) + "\n"


def train():
    x, y, held_out = read()
    path = MODELS / f"{NAME}.onnx"
    # What the exported graph is given at run time is float32; train on the same.
    model = fit(x[~held_out].astype(np.float32), y[~held_out])
    export(model, path)
    difference = np.abs(predict(path, x) - model.predict_proba(x.astype(np.float32))[:, 1]).max()
    if difference > 1e-4:
        sys.exit(f"the exported model differs from the trained one by {difference:.2e}")
    (MODELS / f"{NAME}.model.yaml").write_text(manifest(path))
    (MODELS / "TRAINING.md").write_text(figures())
    print(f"{NAME}: {path.stat().st_size} bytes, differs from scikit-learn by at most {difference:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", action="store_true", help="measure the committed model and print the figures")
    if parser.parse_args().figures:
        print(figures(), end="")
    else:
        train()


if __name__ == "__main__":
    main()
