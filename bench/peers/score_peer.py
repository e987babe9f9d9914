"""Scores captions with pycocoevalcap once and prints how long its parts took. Arguments: a JSON file of images, and java or tokens."""

import json
import platform
import sys
import time
from importlib.metadata import version

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

path, tokenizer = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    images = json.load(file)
if tokenizer == "java":
    began = time.perf_counter()
    references = PTBTokenizer().tokenize({image["imageId"]: [{"caption": text} for text in image["references"]] for image in images})
    candidates = PTBTokenizer().tokenize({image["imageId"]: [{"caption": image["candidate"]}] for image in images})
    tokenize_seconds = time.perf_counter() - began
else:
    references = {image["imageId"]: image["referencesTokens"] for image in images}
    candidates = {image["imageId"]: [image["candidateTokens"]] for image in images}
    tokenize_seconds = None

began = time.perf_counter()
metrics = {}
bleu, _ = Bleu(4).compute_score(references, candidates, verbose=0)
metrics.update({f"Bleu_{order + 1}": float(score) for order, score in enumerate(bleu)})
metrics["ROUGE_L"] = float(Rouge().compute_score(references, candidates)[0])
metrics["CIDEr"] = float(Cider().compute_score(references, candidates)[0])
score_seconds = time.perf_counter() - began
versions = {"python": platform.python_version(), "pycocoevalcap": version("pycocoevalcap"), "numpy": version("numpy")}
print(json.dumps({"tokenizeSeconds": tokenize_seconds, "scoreSeconds": score_seconds, "metrics": metrics, "versions": versions}))
