"""What the pages for browsers share: their look, how they draw boxes, and the policy that they run under."""
