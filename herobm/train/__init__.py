"""Training: dataset file, batches, loss, loop. Needs torch, e3nn, numpy, pydantic, safetensors."""
