"""Does with Python and server reflection what the documents ask of grpcurl, for machines that do not have it.

It understands the flags that the documents use, and like grpcurl knows nothing of our messages beforehand.
"""

import argparse
import sys
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main() -> None:
    parser = argparse.ArgumentParser(prog="grpcurl")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("-plaintext", action="store_true")
    how.add_argument("-cacert", type=Path)
    parser.add_argument("-H", dest="header", default="")
    parser.add_argument("-d", dest="data", default="{}")
    parser.add_argument("address")
    parser.add_argument("what")
    args = parser.parse_args()
    with _channel(args) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        if args.what == "list":
            print(*sorted(database.get_services()), sep="\n")
        else:
            text = sys.stdin.read() if args.data == "@" else args.data
            print(_call(channel, DescriptorPool(database), args.what, text))


def _channel(args: argparse.Namespace) -> grpc.Channel:
    if args.plaintext:
        return grpc.insecure_channel(args.address)
    credentials = grpc.ssl_channel_credentials(args.cacert.read_bytes())
    if args.header:
        token = args.header.removeprefix("authorization: Bearer ")
        call_credentials = grpc.access_token_call_credentials(token)
        credentials = grpc.composite_channel_credentials(credentials, call_credentials)
    return grpc.secure_channel(args.address, credentials)


def _call(channel: grpc.Channel, pool: DescriptorPool, method: str, text: str) -> str:
    service, _, name = method.partition("/")
    descriptor = pool.FindServiceByName(service).methods_by_name[name]
    request = json_format.Parse(text, GetMessageClass(descriptor.input_type)())
    call = channel.unary_unary(
        f"/{method}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(descriptor.output_type).FromString,
    )
    return json_format.MessageToJson(call(request, timeout=60), descriptor_pool=pool)


if __name__ == "__main__":
    main()
