"""Images in and out: decoding, cropping, drawing."""
