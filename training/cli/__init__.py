"""The command line `digit-detector-train`: one module for each command, the classifiers' together."""
