"""The gate in front of the FCN: its recipe, what it is shown, and its command."""
