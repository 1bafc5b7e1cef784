"""Holds every name, number and type in api/ to the public wire format.

Arguments: the descriptor sets of //api:envoy_proto, :grpc_proto and :outrigger_proto.
What is public comes from the packages xds-protos, grpcio-health-checking and grpcio-reflection.
"""

import importlib
import sys
import unittest

from google.protobuf import descriptor_pb2

# The one field of ours in a public message.
OUR_FIELD = "envoy.config.bootstrap.v3.Bootstrap.outrigger"
OUR_FIELD_NUMBER = 50000

GRPC_MODULES = {
    "grpc/health/v1/health.proto": "grpc_health.v1.health_pb2",
    "grpc/reflection/v1alpha/reflection.proto": "grpc_reflection.v1alpha.reflection_pb2",
    # The package has v1alpha alone; the public v1 is the same but for its name.
    "grpc/reflection/v1/reflection.proto": "grpc_reflection.v1alpha.reflection_pb2",
}


def public_file(path):
    """The public FileDescriptorProto of a file in api/."""
    module = GRPC_MODULES.get(path) or path.removesuffix(".proto").replace("/", ".") + "_pb2"
    proto = descriptor_pb2.FileDescriptorProto()
    importlib.import_module(module).DESCRIPTOR.CopyToProto(proto)
    if path == "grpc/reflection/v1/reflection.proto":
        text = proto.SerializeToString().replace(b"reflection.v1alpha", b"reflection.v1xxxxx")
        proto.ParseFromString(text)
        rename(proto, "v1xxxxx", "v1")
    return proto


def rename(message, old, new):
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in value if field.is_repeated else [value]:
                rename(item, old, new)
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, value.replace(old, new))


def by_name(items):
    return {item.name: item for item in items}


def oneof_of(message, field):
    return message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None


def field_facts(message, field):
    return {
        "number": field.number,
        "type": field.type,
        "type name": field.type_name,
        "label": field.label,
        "oneof": oneof_of(message, field),
        "optional": field.proto3_optional,
        "packed": field.options.packed if field.options.HasField("packed") else None,
    }


def compare_messages(scope, ours, public, differences):
    public_messages = by_name(public)
    for message in ours:
        name = f"{scope}.{message.name}"
        other = public_messages.get(message.name)
        if other is None:
            differences.append(f"{name}: no such public message")
            continue
        public_fields = by_name(other.field)
        for field in message.field:
            path = f"{name}.{field.name}"
            if path == OUR_FIELD:
                continue
            if field.name not in public_fields:
                differences.append(f"{path}: no such public field")
                continue
            mine = field_facts(message, field)
            theirs = field_facts(other, public_fields[field.name])
            for fact, value in mine.items():
                if value != theirs[fact]:
                    differences.append(f"{path}: {fact} is {value}, public {theirs[fact]}")
        if message.options.map_entry != other.options.map_entry:
            differences.append(f"{name}: map entry or not")
        compare_enums(name, message.enum_type, other.enum_type, differences)
        compare_messages(name, message.nested_type, other.nested_type, differences)


def compare_enums(scope, ours, public, differences):
    public_enums = by_name(public)
    for enum in ours:
        name = f"{scope}.{enum.name}"
        if enum.name not in public_enums:
            differences.append(f"{name}: no such public enum")
            continue
        values = {value.name: value.number for value in public_enums[enum.name].value}
        for value in enum.value:
            if values.get(value.name) != value.number:
                differences.append(
                    f"{name}.{value.name}: {value.number}, public {values.get(value.name)}")


def compare_services(scope, ours, public, differences):
    public_services = by_name(public)
    for service in ours:
        methods = by_name(public_services[service.name].method) if (
            service.name in public_services) else {}
        for method in service.method:
            theirs = methods.get(method.name)
            facts = lambda m: (m.input_type, m.output_type, m.client_streaming, m.server_streaming)
            if theirs is None or facts(theirs) != facts(method):
                differences.append(f"{scope}.{service.name}.{method.name}: differs")


def compare_file(ours, public):
    """A list of sentences, one for each difference."""
    differences = []
    if ours.package != public.package:
        differences.append(f"{ours.name}: package {ours.package}, public {public.package}")
    if ours.syntax != public.syntax:
        differences.append(f"{ours.name}: syntax {ours.syntax}, public {public.syntax}")
    compare_messages(ours.package, ours.message_type, public.message_type, differences)
    compare_enums(ours.package, ours.enum_type, public.enum_type, differences)
    compare_services(ours.package, ours.service, public.service, differences)
    return differences


class FieldNumbersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = {}
        for path in DESCRIPTOR_SETS:
            with open(path, "rb") as stream:
                parsed = descriptor_pb2.FileDescriptorSet.FromString(stream.read())
            cls.files.update({file.name: file for file in parsed.file})
        cls.public_copies = [
            file for name, file in cls.files.items() if name.startswith(("envoy/", "grpc/"))
        ]

    def test_every_message_is_the_public_one(self):
        self.assertGreater(len(self.public_copies), 35)
        differences = []
        for file in self.public_copies:
            differences += compare_file(file, public_file(file.name))
        self.assertEqual(differences, [])

    def test_our_one_field_in_a_public_message_is_far_from_public_numbers(self):
        file = self.files["envoy/config/bootstrap/v3/bootstrap.proto"]
        ours = by_name(by_name(file.message_type)["Bootstrap"].field)["outrigger"]
        public = by_name(public_file(file.name).message_type)["Bootstrap"]
        self.assertEqual(ours.number, OUR_FIELD_NUMBER)
        self.assertLess(max(field.number for field in public.field) + 10000, OUR_FIELD_NUMBER)

    def test_our_own_packages_carry_our_name(self):
        for name, file in self.files.items():
            if file not in self.public_copies:
                self.assertTrue(file.package.startswith("outrigger."), name)

    def test_each_kind_of_mistake_is_found(self):
        name = "envoy/config/core/v3/address.proto"
        mistakes = {
            "number": lambda message: setattr(message.field[0], "number", 77),
            "type": lambda message: setattr(message.field[1], "type", 12),
            "label": lambda message: setattr(message.field[1], "label", 3),
            "field": lambda message: setattr(message.field[1], "name", "adress"),
            "oneof": lambda message: setattr(message.oneof_decl[0], "name", "port"),
            "Protocol.UDP": lambda message: setattr(message.enum_type[0].value[1], "number", 2),
            "message": lambda message: setattr(message, "name", "SocketAdress"),
        }
        for word, mistake in mistakes.items():
            file = descriptor_pb2.FileDescriptorProto.FromString(
                self.files[name].SerializeToString())
            mistake(by_name(file.message_type)["SocketAddress"])
            found = compare_file(file, public_file(name))
            self.assertTrue(found and word in found[0], f"{word}: {found}")


if __name__ == "__main__":
    DESCRIPTOR_SETS = sys.argv[1:]
    unittest.main(argv=sys.argv[:1], verbosity=2)
