"""The geometry that networks and pipeline share: windows, strides, and the channels of a score map."""

RECEPTIVE_FIELD = 32
"""Side of the network's window, px."""

STRIDE = 4
"""Distance between neighbouring windows, px."""

CHANNELS = 15

EDGE_UNIT = 8.0
"""Pixels at which an edge channel is 0."""

MAX_LOG_EDGE = 2.5
"""exp(2.5) * 8 px = 97 px, three windows: no digit that the window can see is larger."""

REFINER_WINDOW = 56
"""Side of the network's window, px."""
