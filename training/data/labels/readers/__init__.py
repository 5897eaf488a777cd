"""The parsers of the formats: each turns its files into pictures, problems and notes."""
