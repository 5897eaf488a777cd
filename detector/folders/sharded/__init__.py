"""Folder jobs whose rows are written in shards, by many workers, to a folder or an object store.

Nothing here knows by which engine the workers are run.
"""
