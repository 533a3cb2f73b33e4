"""A model as an ONNX graph of standard operators: for programs that are not Python."""
