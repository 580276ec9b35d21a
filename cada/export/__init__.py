"""Models as ONNX: written with torch, read by onnxruntime without it."""
