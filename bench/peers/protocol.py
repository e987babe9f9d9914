"""What every peer speaks with the bench: one JSON object a line, requests on stdin, one reply to each on stdout.

open {weights, topology, pixels, device, precision, variant, threads, calibration, cache} -> ready {device, versions}
features {count}      -> features {data: base64 of float32 [count, dimension]}
run {batch, repeats}  -> ran {seconds} for all of the repeats, pixels being in memory as uint8 [batch, 299, 299, 3]
Anything that goes wrong is error {message}. The end of stdin ends the peer.
"""

import base64
import json
import os
import sys
import time

# Libraries print where they like: what is written to stdout goes to stderr, and only replies go to the bench.
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

SIDE = 299


def reply(**message):
    replies.write(json.dumps(message) + "\n")
    replies.flush()


class Photos:
    """Photos of a raw uint8 file, taken round and round."""

    def __init__(self, path):
        import numpy

        self.pixels = numpy.fromfile(path, dtype=numpy.uint8).reshape(-1, SIDE, SIDE, 3)

    def batch(self, start, count):
        import numpy

        return numpy.ascontiguousarray(self.pixels.take(range(start, start + count), axis=0, mode="wrap"))


def serve(open_encoder):
    """`open_encoder(request)` gives (encode, device, versions); `encode` takes uint8 [n, 299, 299, 3] and gives float32 [n, dimension]."""
    encode = photos = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["type"] == "open":
                photos = Photos(request["pixels"])
                encode, device, versions = open_encoder(request)
                reply(type="ready", device=device, versions={"python": sys.version.split()[0], **versions})
            elif request["type"] == "features":
                features = encode(photos.batch(0, request["count"]))
                reply(type="features", data=base64.b64encode(features.astype("<f4").tobytes()).decode())
            elif request["type"] == "run":
                batches = [photos.batch(k * request["batch"], request["batch"]) for k in range(request["repeats"])]
                started = time.perf_counter()
                for batch in batches:
                    encode(batch)
                reply(type="ran", seconds=time.perf_counter() - started)
            else:
                reply(type="error", message=f"Expected open, features or run but received {request['type']}")
        except Exception as error:  # The bench prints it and goes on without this peer.
            reply(type="error", message=f"{type(error).__name__}: {error}")
