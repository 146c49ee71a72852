"""Shape of the network."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ContactsConfig(BaseModel):
    """How a bead sees sketched atoms (see `herobm.nn.contacts`).

    Attributes
    ----------
    radius : Å, how far each atom of a bead sees others.
    n_nearest : atoms that a bead sees at most, those nearest to the middle of its own.
    n_radial : Bessel functions of the distance.
    n_channels : natures that atoms are told apart by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius: float = Field(default=5.0, gt=0)
    n_nearest: int = Field(default=40, ge=1)
    n_radial: int = Field(default=8, ge=2)
    n_channels: int = Field(default=16, ge=1)


class SecondConfig(ContactsConfig):
    """Hyperparameters of the second look (see `herobm.nn.second`).

    Attributes
    ----------
    times : how often it looks, each time at what it made of the sketch before.
    hidden : widths of the hidden layers.
    n_blocks : residual layers.
    readout : width of what the readout of each type sees.
    dropout : share of the hidden values that are left out at random while training.
    """

    times: int = Field(default=1, ge=1)
    hidden: int = Field(default=320, ge=8)
    n_blocks: int = Field(default=2, ge=0)
    readout: int = Field(default=160, ge=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class RoundsConfig(ContactsConfig):
    """Hyperparameters of the rounds of messages (see `herobm.nn.rounds`).

    Attributes
    ----------
    count : number of rounds.
    contacts : rounds, the last ones, in which beads look at what lies around their atoms.
    hidden : width of what a bead holds.
    message : width of what it is told by another.
    dropout : share of the hidden values that are left out at random while training.
    """

    count: int = Field(default=4, ge=1)
    contacts: int = Field(default=2, ge=0)
    hidden: int = Field(default=192, ge=8)
    message: int = Field(default=128, ge=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class RotorsConfig(BaseModel):
    """Hyperparameters of the shares of torsion angles (see `herobm.nn.rotors`).

    Attributes
    ----------
    hidden : widths of the hidden layers.
    dropout : share of the hidden values that are left out at random while training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hidden: int = Field(default=192, ge=8)
    dropout: float = Field(default=0.1, ge=0, lt=1)


class ModelConfig(BaseModel):
    """Hyperparameters that, with the vocabulary of bead types, fix every tensor of the network.

    Attributes
    ----------
    cutoff : Å, how far a bead sees others besides those in its fixed places.
    n_neighbours : beads that it sees there at most, the nearest ones.
    n_single : of beads that have nothing to place (they are one atom, or none), it sees so many
        of the nearest, and `n_neighbours` of the others; None where all count alike.
    l_max : highest degree of the spherical harmonics of the density.
    n_radial : Bessel functions of the distance.
    n_channels : channels of the density.
    type_width : width of the embedding of bead types.
    hidden : widths of the hidden layers.
    n_blocks : residual layers.
    readout : width of what the readout of each type sees.
    dropout : share of the hidden values that are left out at random while training.
    second : of the second look; None where there is none.
    rounds : of the rounds of messages, which come after the looks; None where there are none.
    rotors : of the shares of torsion angles; None where none are told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cutoff: float = Field(default=8.0, gt=0)
    n_neighbours: int = Field(default=32, ge=1)
    n_single: int | None = Field(default=None, ge=1)
    l_max: int = Field(default=2, ge=1, le=4)
    n_radial: int = Field(default=8, ge=2)
    n_channels: int = Field(default=32, ge=1)
    type_width: int = Field(default=8, ge=1)
    hidden: int = Field(default=320, ge=8)
    n_blocks: int = Field(default=2, ge=0)
    readout: int = Field(default=160, ge=8)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    second: SecondConfig | None = None
    rounds: RoundsConfig | None = None
    rotors: RotorsConfig | None = None
