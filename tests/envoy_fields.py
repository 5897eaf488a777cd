"""Parses a configuration of Envoy by Envoy's own messages, from the package xds-protos; fails on what they lack."""

import sys
from importlib import import_module
from pathlib import Path

import yaml
from google.protobuf import json_format

for name in (
    "transport_sockets.tls.v3.tls_pb2",
    "filters.network.http_connection_manager.v3.http_connection_manager_pb2",
    "filters.http.rbac.v3.rbac_pb2",
    "filters.http.router.v3.router_pb2",
    "upstreams.http.v3.http_protocol_options_pb2",
):
    import_module(f"envoy.extensions.{name}")  # makes their types known by name
bootstrap = import_module("envoy.config.bootstrap.v3.bootstrap_pb2")
json_format.ParseDict(yaml.safe_load(Path(sys.argv[1]).read_text("utf-8")), bootstrap.Bootstrap())
