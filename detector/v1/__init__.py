"""Generated from protos/detector/v1/detector.proto by scripts/generate_protos.py; never edited."""
