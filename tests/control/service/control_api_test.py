"""The control API as stock gRPC clients see it: grpcio with its reflection and health packages.

Usage: control_api_test.py SERVER
"""

import os
import subprocess
import sys
import tempfile
import threading

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)

from tests.support.run_pytest import run_pytest

SERVER = os.path.abspath(sys.argv[1])
CONTROL = "outrigger.control.v1.Control"
TIMEOUT_S = 20


@pytest.fixture
def channel():
    # Not bazel's folder: the path of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="outrigger-") as folder:
        path = os.path.join(folder, "control.sock")
        with subprocess.Popen(
                [SERVER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout.readline() == b"ready\n"
            with grpc.insecure_channel(f"unix:{path}") as opened:
                yield opened
            server.stdin.close()
            assert server.wait(TIMEOUT_S) == 0
        assert not os.path.exists(path)


def caller(channel):
    """call(method, **fields): a unary call of Control, knowing only what reflection tells."""
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    service = pool.FindServiceByName(CONTROL)

    def call(name, timeout=TIMEOUT_S, **fields):
        method = service.methods_by_name[name]
        request = message_factory.GetMessageClass(method.input_type)
        reply = message_factory.GetMessageClass(method.output_type)
        return channel.unary_unary(
            f"/{CONTROL}/{name}", request_serializer=request.SerializeToString,
            response_deserializer=reply.FromString)(request(**fields), timeout=timeout)

    return call


def test_reflection_lists_the_services(channel):
    assert sorted(ProtoReflectionDescriptorDatabase(channel).get_services()) == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection", CONTROL]


def test_reflection_answers_each_request_while_the_stream_is_open(channel):
    asked = []

    def requests():
        for symbol in ("grpc.health.v1.Health", "no.Such", CONTROL):
            asked.append(symbol)
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
            # The next one is sent only once this one's reply was seen.
            assert replied.acquire(timeout=TIMEOUT_S)

    replied = threading.Semaphore(0)
    kinds = []
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    for reply in stub.ServerReflectionInfo(requests(), timeout=TIMEOUT_S):
        kinds.append(reply.WhichOneof("message_response"))
        assert len(kinds) == len(asked)
        replied.release()
    assert kinds == ["file_descriptor_response", "error_response", "file_descriptor_response"]


def test_a_client_that_knows_only_reflection_can_call(channel):
    call = caller(channel)
    status = call("Status")
    assert (status.version, status.state, status.total_requests) == ("1.2.3", 2, 12345678901)
    assert [(one.name, one.address) for one in status.listeners] == [("ingress", "127.0.0.1:10000")]
    plan = call("GetCpuPlan")
    assert (plan.control_cpus, plan.data_cpus, plan.allowance.quota) == ("0", "1-3", 2.5)
    assert call("Drain").accepted
    assert call("Status").state == 3


def test_errors_have_grpc_codes(channel):
    call = caller(channel)
    with pytest.raises(grpc.RpcError) as refused:
        call("Drain", drain_time={"seconds": -1})
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "drain_time" in refused.value.details()

    with pytest.raises(grpc.RpcError) as unknown:
        channel.unary_unary("/no.Such/Method")(b"", timeout=TIMEOUT_S)
    assert unknown.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert unknown.value.details() == "no method /no.Such/Method"

    large = channel.unary_unary(f"/{CONTROL}/Status")
    with pytest.raises(grpc.RpcError) as too_large:
        large(bytes(4 * 1024 * 1024 + 1), timeout=TIMEOUT_S)
    assert too_large.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_compressed_requests_are_refused(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.RpcError) as refused:
        stub.Check(health_pb2.HealthCheckRequest(service=200 * "x"), timeout=TIMEOUT_S,
                   compression=grpc.Compression.Gzip)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_health_follows_the_process(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest()
    assert stub.Check(request, timeout=TIMEOUT_S).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request, timeout=TIMEOUT_S)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    assert caller(channel)("Drain").accepted
    assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
    watch.cancel()
    with pytest.raises(grpc.RpcError) as unknown:
        stub.Check(health_pb2.HealthCheckRequest(service="no.Such"), timeout=TIMEOUT_S)
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND


def test_many_calls_at_once(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    futures = [stub.Check.future(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
               for _ in range(500)]
    assert {future.result().status for future in futures} == {
        health_pb2.HealthCheckResponse.SERVING}


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
