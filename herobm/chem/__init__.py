"""Chemistry of a mapping: its molecule graph, interchangeable atoms, stereo, backbones."""
