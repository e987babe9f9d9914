"""OpenVINO: the network built from its own operators; float32, bfloat16 (the plugin's own), or int8 by NNCF's post-training quantisation."""

import hashlib
import multiprocessing
import os

from protocol import SIDE, Photos, serve


def build(request):
    import numpy
    import openvino as ov
    from openvino import opset13 as operators
    from openvino.preprocess import PrePostProcessor

    from network import EPSILON, Network

    network = Network(request)

    class Operators:
        @staticmethod
        def convolution(layer, value):
            kernel = numpy.ascontiguousarray(network.kernel(layer).transpose(3, 2, 0, 1))
            stride, padding = [layer["stride"]] * 2, list(network.padding(layer))
            convolved = operators.convolution(value, kernel, stride, padding, padding, [1, 1])
            gamma, beta, mean, variance = network.batch_norm(layer)
            return operators.relu(operators.batch_norm_inference(convolved, gamma, beta, mean, variance, EPSILON))

        @staticmethod
        def max(layer, value):
            return operators.max_pool(value, [2, 2], [1, 1], [0, 0], [0, 0], [3, 3]).output(0)

        @staticmethod
        def average(layer, value):
            return operators.avg_pool(value, [1, 1], [1, 1], [1, 1], [3, 3], True)

        @staticmethod
        def concat(values):
            return operators.concat(values, 1)

    pixels = operators.parameter([-1, 3, SIDE, SIDE], numpy.float32, name="pixels")
    scaled = operators.add(
        operators.multiply(pixels, numpy.float32(network.scale)), numpy.float32(network.offset)
    )
    features = operators.reduce_mean(network.build(scaled, Operators), numpy.array([2, 3]), False)
    model = ov.Model([operators.result(features)], [pixels], "inception")
    prepared = PrePostProcessor(model)
    prepared.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    prepared.input().model().set_layout(ov.Layout("NCHW"))
    return prepared.build()


def quantise(request, path):
    """Writes the int8 model. In a process of its own: its memory is not the encoder's."""
    import nncf
    import openvino as ov

    photos = Photos(request["calibration"])
    data = nncf.Dataset([photos.batch(k, 1) for k in range(len(photos.pixels))])
    model = nncf.quantize(build(request), data, preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=len(photos.pixels))
    ov.save_model(model, path, compress_to_fp16=False)


def quantised(request):
    """The int8 model's path; it depends on the weights and on the photos it is calibrated on."""
    inputs = hashlib.sha256()
    for path in (request["weights"], request["topology"], request["calibration"], __file__):
        with open(path, "rb") as file:
            inputs.update(file.read())
    path = os.path.join(request["cache"], f"openvino-int8-{inputs.hexdigest()[:12]}.xml")
    if not os.path.exists(path):
        child = multiprocessing.get_context("fork").Process(target=quantise, args=(request, path))
        child.start()
        child.join()
        if child.exitcode != 0:
            raise RuntimeError(f"quantising ended with exit code {child.exitcode}")
    return path


def open_encoder(request):
    precision = request["precision"]
    int8 = quantised(request) if precision == "int8" else None
    import openvino as ov

    core = ov.Core()
    if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise RuntimeError("this CPU has no bfloat16")
    compiled = core.compile_model(
        core.read_model(int8) if int8 else build(request),
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": request["threads"],
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        },
    )
    output = compiled.output(0)
    return lambda batch: compiled(batch)[output].copy(), "cpu", {"openvino": ov.__version__.split("-")[0]}


serve(open_encoder)
