"""PyTorch, eager or compiled, channels last. float32, bfloat16 or float16 throughout, on the CPU or a CUDA GPU."""

import os

from protocol import serve


def open_encoder(request):
    os.environ["OMP_NUM_THREADS"] = str(request["threads"])
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(request["cache"], "inductor")
    import torch
    import torch._inductor.config
    from torch import nn

    from network import EPSILON, Network

    torch.set_num_threads(request["threads"])
    # float32 means float32 here, as it does in the others.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    network = Network(request)

    class Convolution(nn.Module):
        def __init__(self, layer):
            super().__init__()
            kernel = torch.from_numpy(network.kernel(layer)).permute(3, 2, 0, 1)
            filters, channels, *size = kernel.shape
            self.convolution = nn.Conv2d(channels, filters, size, layer["stride"], network.padding(layer), bias=False)
            self.norm = nn.BatchNorm2d(filters, eps=EPSILON)
            self.convolution.weight.data.copy_(kernel)
            tensors = [torch.from_numpy(tensor) for tensor in network.batch_norm(layer)]
            for target, tensor in zip([self.norm.weight, self.norm.bias, self.norm.running_mean, self.norm.running_var], tensors):
                target.data.copy_(tensor)

        def forward(self, value):
            return torch.relu(self.norm(self.convolution(value)))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolutions = nn.ModuleDict(
                {layer["name"]: Convolution(layer) for layer in network.layers if layer["kind"] == "convolution"}
            )

        def convolution(self, layer, value):
            return self.convolutions[layer["name"]](value)

        def max(self, layer, value):
            return nn.functional.max_pool2d(value, 3, 2)

        def average(self, layer, value):
            return nn.functional.avg_pool2d(value, 3, 1, 1, count_include_pad=False)

        def concat(self, values):
            return torch.cat(values, 1)

        def forward(self, pixels):
            scaled = pixels.permute(0, 3, 1, 2).to(self.convolutions["activation_1"].convolution.weight.dtype)
            return network.build(scaled * network.scale + network.offset, self).mean((2, 3))

    device = torch.device(request["device"])
    precision = getattr(torch, request["precision"])
    model = Encoder().eval().to(device=device, dtype=precision, memory_format=torch.channels_last)
    if request["variant"] == "compiled":
        # Weights become constants: batch-norm is folded and kernels are packed for the CPU's convolutions.
        torch._inductor.config.freezing = True
        model = torch.compile(model, dynamic=False)

    def encode(batch):
        with torch.inference_mode():
            return model(torch.from_numpy(batch).to(device)).float().cpu().numpy()

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return encode, name, {"torch": torch.__version__}


serve(open_encoder)
