"""Data in: official formats, people's own labels, downloads; scenes out."""
