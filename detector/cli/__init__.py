"""The command line `digit-detector`: one module for each command."""
