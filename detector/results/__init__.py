"""Results and how to ask for them: detections, boxes, options, errors; all of it imports numpy at most."""
