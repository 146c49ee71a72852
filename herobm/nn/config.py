"""Shape of the network."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SecondConfig(BaseModel):
    """Hyperparameters of the second look (see `herobm.nn.second`).

    Attributes
    ----------
    times : how often it looks, each time at what it made of the sketch before.
    radius : Å, how far each atom of a bead sees others.
    n_nearest : atoms that a bead sees at most, those nearest to the middle of its own.
    n_radial : Bessel functions of the distance.
    n_channels : natures that atoms are told apart by.
    hidden : widths of the hidden layers.
    dropout : share of the hidden values that are left out at random while training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: int = Field(default=1, ge=1)
    radius: float = Field(default=5.0, gt=0)
    n_nearest: int = Field(default=40, ge=1)
    n_radial: int = Field(default=8, ge=2)
    n_channels: int = Field(default=16, ge=1)
    hidden: int = Field(default=320, ge=8)
    n_blocks: int = Field(default=2, ge=0)
    readout: int = Field(default=160, ge=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class ModelConfig(BaseModel):
    """Hyperparameters that, with the vocabulary of bead types, fix every tensor of the network.

    Attributes
    ----------
    cutoff : Å, how far a bead sees others besides those in its fixed places.
    n_neighbours : beads that it sees there at most, the nearest ones.
    l_max : highest degree of the spherical harmonics of the density.
    n_radial : Bessel functions of the distance.
    n_channels : channels of the density.
    type_width : width of the embedding of bead types.
    hidden : widths of the hidden layers.
    dropout : share of the hidden values that are left out at random while training.
    second : of the second look; None where the network looks once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: float = Field(default=8.0, gt=0)
    n_neighbours: int = Field(default=32, ge=1)
    l_max: int = Field(default=2, ge=1, le=4)
    n_radial: int = Field(default=8, ge=2)
    n_channels: int = Field(default=32, ge=1)
    type_width: int = Field(default=8, ge=1)
    hidden: int = Field(default=320, ge=8)
    n_blocks: int = Field(default=2, ge=0)
    readout: int = Field(default=160, ge=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    second: SecondConfig | None = None
