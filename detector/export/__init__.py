"""A model for other programs: its networks as files, and the pipeline around them as one."""
