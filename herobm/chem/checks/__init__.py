"""Whether a mapping agrees with chemistry, and with a structure of its molecule."""
