"""The common parts of pages for browsers: their look, how they draw boxes, and the policy that they run under."""
