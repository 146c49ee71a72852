"""The equivariant network: graph, frames, density, readout."""
