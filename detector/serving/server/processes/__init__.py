"""Serving processes: started, watched, told to reload or stop."""
