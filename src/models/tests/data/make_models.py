#!/usr/bin/env python3
"""Makes the tiny models of these tests. Needs the onnx package; the files are committed.

    python3 make_models.py
"""

from pathlib import Path

import onnx
from onnx import TensorProto as T
from onnx import helper as h

HERE = Path(__file__).resolve().parent


def save(name, nodes, inputs, outputs, constants=()):
    value = lambda v: h.make_tensor_value_info(*v)
    graph = h.make_graph(nodes, name, [value(v) for v in inputs],
                         [v if isinstance(v, onnx.ValueInfoProto) else value(v) for v in outputs], list(constants))
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=8, producer_name="make_models.py")
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


# Every element type that is supported, rows of no, one and two dimensions, and an output that is no identifier.
save("mixed",
     [h.make_node("ReduceSum", ["numbers", "axis"], ["total"], keepdims=0),
      h.make_node("Add", ["count", "count"], ["doubled"]),
      h.make_node("Not", ["flag"], ["negated"]),
      h.make_node("Identity", ["text"], ["echo"]),
      h.make_node("Reshape", ["grid", "flat"], ["grid/flat:0"]),
      h.make_node("Identity", ["grid"], ["same"]),
      h.make_node("Identity", ["small"], ["small_out"])],
     [("numbers", T.FLOAT, ["N", 3]), ("count", T.INT64, ["N", 1]), ("flag", T.BOOL, ["N"]),
      ("text", T.STRING, ["N", 1]), ("grid", T.DOUBLE, ["N", 2, 2]), ("small", T.INT32, ["N"])],
     [("total", T.FLOAT, ["N"]), ("doubled", T.INT64, ["N", 1]), ("negated", T.BOOL, ["N"]),
      ("echo", T.STRING, ["N", 1]), ("grid/flat:0", T.DOUBLE, ["N", 4]), ("same", T.DOUBLE, ["N", 2, 2]),
      ("small_out", T.INT32, ["N"])],
     [h.make_tensor("axis", T.INT64, [1], [1]), h.make_tensor("flat", T.INT64, [2], [-1, 4])])

# A logarithm: negative input gives what is not a number, zero gives an infinity.
save("logarithm", [h.make_node("Log", ["x"], ["y"])], [("x", T.FLOAT, ["N", 1])], [("y", T.FLOAT, ["N", 1])])

# A table of four entries: a run fails when any row asks for another.
save("table", [h.make_node("Gather", ["entries", "index"], ["entry"])],
     [("index", T.INT64, ["N"])], [("entry", T.FLOAT, ["N"])],
     [h.make_tensor("entries", T.FLOAT, [4], [10.0, 11.0, 12.0, 13.0])])

# The batch is always 4.
save("fixed", [h.make_node("Neg", ["x"], ["y"])], [("x", T.FLOAT, [4, 2])], [("y", T.FLOAT, [4, 2])])

# An output that has no batch.
save("whole", [h.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], [("x", T.FLOAT, ["N", 2])], [("y", T.FLOAT, [])])

# Outputs that are no tensors of a supported type.
save("half", [h.make_node("Cast", ["x"], ["y"], to=T.FLOAT16)], [("x", T.FLOAT, ["N", 2])],
     [("y", T.FLOAT16, ["N", 2])])
save("sequence", [h.make_node("SequenceConstruct", ["x"], ["y"])], [("x", T.FLOAT, ["N", 2])],
     [h.make_tensor_sequence_value_info("y", T.FLOAT, ["N", 2])])
