"""Labels in the formats of labelling tools, read strictly onto one type, `training.data.scenes.Scene`.

A format's module only parses: it turns its files into `Picture`s. What a box, a class and an image have to be is
the same for all formats and is judged in `judging`.
"""
