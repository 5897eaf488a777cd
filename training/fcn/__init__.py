"""The training of the FCN."""
