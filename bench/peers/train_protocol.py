"""What the trainers among the peers speak with the bench, in the manner of `protocol.py`:

open-trainer {weights, captions, features, dimension, vocabularySize, hyperparameters, variant, threads, cache} -> ready {device, versions}
train {batches}  -> trained {seconds, losses}: batches of caption numbers, one step each

Batches are put together, padded or packed, before the clock starts.
"""

import json
import sys
import time

from protocol import reply


class Captions:
    """Captions, longest first in each batch, with the features of their images."""

    def __init__(self, request):
        import numpy

        with open(request["captions"], encoding="utf-8") as file:
            data = json.load(file)
        self.captions = [numpy.array(caption, dtype=numpy.int64) for caption in data["captions"]]
        self.images = numpy.array(data["images"])
        self.features = numpy.fromfile(request["features"], dtype=numpy.float32).reshape(-1, request["dimension"])

    def batch(self, chosen):
        """(features [B, F], tokens read [B, T], targets [B, T], lengths [B]); behind the end of a caption there are zeros."""
        import numpy

        chosen = sorted(chosen, key=lambda caption: -len(self.captions[caption]))
        lengths = numpy.array([len(self.captions[caption]) - 1 for caption in chosen])
        tokens = numpy.zeros((len(chosen), lengths[0]), dtype=numpy.int64)
        targets = numpy.zeros_like(tokens)
        for row, caption in enumerate(chosen):
            tokens[row, : lengths[row]] = self.captions[caption][:-1]
            targets[row, : lengths[row]] = self.captions[caption][1:]
        return self.features[self.images[chosen]], tokens, targets, lengths


def serve(open_trainer):
    """`open_trainer(request)` gives (prepare, step, versions): `prepare` makes of a batch what `step` takes; `step` gives the loss."""
    prepare = step = captions = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["type"] == "open-trainer":
                captions = Captions(request)
                prepare, step, versions = open_trainer(request)
                reply(type="ready", device="cpu", versions={"python": sys.version.split()[0], **versions})
            elif request["type"] == "train":
                batches = [prepare(*captions.batch(chosen)) for chosen in request["batches"]]
                started = time.perf_counter()
                losses = [step(*batch) for batch in batches]
                # Reading a loss waits until it is there.
                losses = [float(loss) for loss in losses]
                reply(type="trained", seconds=time.perf_counter() - started, losses=losses)
            else:
                reply(type="error", message=f"Expected open-trainer or train but received {request['type']}")
        except Exception as error:  # The bench prints it and goes on without this peer.
            reply(type="error", message=f"{type(error).__name__}: {error}")
