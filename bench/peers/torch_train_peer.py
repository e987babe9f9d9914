"""PyTorch: packed sequences or padded ones, its fused Adam; what follows the LSTM may be compiled."""

import os

from train_protocol import serve


def open_trainer(request):
    os.environ["OMP_NUM_THREADS"] = str(request["threads"])
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(request["cache"], "inductor")
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

    torch.set_num_threads(request["threads"])
    settings, words = request["hyperparameters"], request["vocabularySize"]
    weights = load_file(request["weights"])
    packed = request["variant"].startswith("packed")
    if settings["image"] == "every-input" or settings["layerNorm"] or settings["tiedEmbeddings"]:
        raise ValueError("it is written for presets seed and show-and-tell")
    first_input = settings["image"] == "first-input"

    class Captioner(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Linear(request["dimension"], settings["embedding" if first_input else "units"])
            self.embedding = nn.Embedding(words, settings["embedding"])
            self.lstm = nn.LSTM(settings["embedding"], settings["units"], batch_first=True)
            self.output = nn.Linear(settings["units"], words)

        def forward(self, features, tokens, targets):
            image = self.encoder(features)
            if settings["imageActivation"] == "elu":
                image = nn.functional.elu(image)
            # As the first input it is a step more, of all rows, after which nothing is to be said.
            state = None if first_input else (image[None], image[None])
            if isinstance(tokens, PackedSequence):
                data, sizes = self.embedding(tokens.data), tokens.batch_sizes
                if first_input:
                    data, sizes = torch.cat([image, data]), torch.cat([sizes[:1], sizes])
                hidden = self.lstm(PackedSequence(data, sizes), state)[0].data
                hidden = hidden[len(image) :] if first_input else hidden
            else:
                vectors = self.embedding(tokens)
                if first_input:
                    vectors = torch.cat([image[:, None], vectors], 1)
                hidden = self.lstm(vectors, state)[0]
                hidden = (hidden[:, 1:] if first_input else hidden).flatten(0, 1)
            return self.loss(hidden, targets)

        def loss(self, hidden, targets):
            return nn.functional.cross_entropy(self.output(hidden), targets, ignore_index=0)

    model = Captioner()
    with torch.no_grad():
        model.encoder.weight.copy_(weights["encoder/kernel"].T)
        model.encoder.bias.copy_(weights["encoder/bias"])
        model.embedding.weight.copy_(weights["embedding/embeddings"])
        # The order of the gates is the same; PyTorch has a second bias, which stays zero and is not trained.
        model.lstm.weight_ih_l0.copy_(weights["lstm/kernel"].T)
        model.lstm.weight_hh_l0.copy_(weights["lstm/recurrent_kernel"].T)
        model.lstm.bias_ih_l0.copy_(weights["lstm/bias"])
        model.lstm.bias_hh_l0.zero_().requires_grad_(False)
        model.output.weight.copy_(weights["output/kernel"].T)
        model.output.bias.copy_(weights["output/bias"])
    if request["variant"].endswith("compiled"):
        model.loss = torch.compile(model.loss, dynamic=True)
    optimizer = torch.optim.Adam(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        settings["learningRate"],
        (settings["beta1"], settings["beta2"]),
        settings["epsilon"],
        fused=True,
    )

    def prepare(features, tokens, targets, lengths):
        features, tokens, targets, lengths = [torch.from_numpy(array) for array in (features, tokens, targets, lengths)]
        if not packed:
            return features, tokens, targets.flatten()
        tokens, targets = [pack_padded_sequence(ids, lengths, batch_first=True) for ids in (tokens, targets)]
        return features, tokens, targets.data

    def step(features, tokens, targets):
        loss = model(features, tokens, targets)
        optimizer.zero_grad()
        loss.backward()
        if settings["clipNorm"]:
            nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
        optimizer.step()
        return loss.detach()

    return prepare, step, {"torch": torch.__version__}


serve(open_trainer)
