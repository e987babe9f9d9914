"""InceptionV3 as the bench hands it over: its layers as JSON, its weights as safetensors."""

import json

from safetensors.numpy import load_file

EPSILON = 1e-3


class Network:
    def __init__(self, request):
        with open(request["topology"], encoding="utf-8") as file:
            topology = json.load(file)
        self.layers = topology["layers"]
        self.input, self.output = topology["input"], topology["output"]
        # Pixels become x * scale + offset.
        self.scale, self.offset = topology["scale"], topology["offset"]
        self.tensors = load_file(request["weights"])

    def kernel(self, layer):
        """[rows, columns, in, out]"""
        return self.tensors[f"conv2d_{layer['number']}/kernel"]

    def batch_norm(self, layer):
        """(gamma, beta, mean, variance), each [out]"""
        name = f"batch_normalization_{layer['number']}"
        beta = self.tensors[f"{name}/beta"]
        gamma = self.tensors.get(f"{name}/gamma")
        return (
            beta * 0 + 1 if gamma is None else gamma,
            beta,
            self.tensors[f"{name}/moving_mean"],
            self.tensors[f"{name}/moving_variance"],
        )

    def build(self, pixels, operators):
        """Applies the layers to `pixels` with the operators (convolution, max, average, concat) of a framework."""
        values = {self.input: pixels}
        for layer in self.layers:
            if layer["kind"] == "concat":
                value = operators.concat([values[name] for name in layer["inputs"]])
            else:
                value = getattr(operators, layer["kind"])(layer, values[layer["input"]])
            values[layer["name"]] = value
        return values[self.output]

    @staticmethod
    def padding(layer):
        """Rows and columns of zeros on each side: only odd kernels of stride 1 are padded."""
        height, width = layer["kernel"]
        return ((height - 1) // 2, (width - 1) // 2) if layer["padding"] == "same" else (0, 0)
