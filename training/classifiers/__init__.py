"""The course notes' classifiers: ten recipes, their data, training and results."""
