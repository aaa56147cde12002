// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/codec/net.hpp"

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

/// The classes of module ipaddress for one family.
struct Family {
  PyObject* address = nullptr;
  PyObject* interface = nullptr;
  PyObject* network = nullptr;
};

// For the life of the process.
Family ipv4;
Family ipv6;
PyObject* ip_address = nullptr;
PyObject* ip_interface = nullptr;
PyObject* ip_network = nullptr;

PyObject* call_with_prefix(PyObject* type, PyObject* address, const InetView& value) {
  const Ref pair = Ref::steal(Py_BuildValue("(Oi)", address, int{value.prefix_length}));
  return pair ? PyObject_CallOneArg(type, pair.get()) : nullptr;
}

/// Of an object that has the attribute `packed`, like all of the module's addresses.
bool write_address(PyObject* address, int prefix_length, bool is_cidr, WriteBuffer& out) {
  const Ref packed = attribute(address, "packed");
  if (!packed) return false;
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(packed.get(), &data, &size) != 0) return false;
  const Bytes bytes = as_bytes({data, static_cast<std::size_t>(size)});
  if (prefix_length < 0) prefix_length = static_cast<int>(8 * bytes.size());
  write_inet(out, {is_cidr, static_cast<std::uint8_t>(prefix_length), bytes});
  return true;
}

bool get_prefix_length(PyObject* network, int& prefix_length) {
  const Ref length = attribute(network, "prefixlen");
  std::int32_t value = 0;
  if (!length || !to_integer(length.get(), value)) return false;
  prefix_length = value;
  return true;
}

}  // namespace

bool prepare_net() {
  const Ref module = Ref::steal(PyImport_ImportModule("ipaddress"));
  if (!module) return false;
  const auto get = [&](const char* name, PyObject*& object) {
    object = PyObject_GetAttrString(module.get(), name);
    return object != nullptr;
  };
  return get("IPv4Address", ipv4.address) && get("IPv4Interface", ipv4.interface) &&
         get("IPv4Network", ipv4.network) && get("IPv6Address", ipv6.address) &&
         get("IPv6Interface", ipv6.interface) && get("IPv6Network", ipv6.network) &&
         get("ip_address", ip_address) && get("ip_interface", ip_interface) && get("ip_network", ip_network);
}

PyObject* decode_inet(Bytes bytes, const TypeCodec& codec) {
  InetView value;
  if (!parse_inet(bytes, value)) return malformed(bytes, codec);
  const Family& family = value.is_ipv6() ? ipv6 : ipv4;
  const std::string_view packed = as_text(value.address);
  const Ref address =
      Ref::steal(PyBytes_FromStringAndSize(packed.data(), static_cast<Py_ssize_t>(packed.size())));
  if (!address) return nullptr;
  if (codec.type == oid::cidr) return call_with_prefix(family.network, address.get(), value);
  if (value.is_host()) return PyObject_CallOneArg(family.address, address.get());
  return call_with_prefix(family.interface, address.get(), value);
}

bool encode_inet(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref address = Ref::steal(PyObject_CallOneArg(ip_address, object));
  if (address) return write_address(address.get(), -1, false, out);
  if (!PyErr_ExceptionMatches(PyExc_ValueError)) return false;
  PyErr_Clear();
  const Ref interface = Ref::steal(PyObject_CallOneArg(ip_interface, object));
  const Ref network = interface ? attribute(interface.get(), "network") : Ref();
  int prefix_length = 0;
  return network && get_prefix_length(network.get(), prefix_length) &&
         write_address(interface.get(), prefix_length, false, out);
}

bool encode_cidr(PyObject* object, WriteBuffer& out, const TypeCodec&) {
  const Ref network = Ref::steal(PyObject_CallOneArg(ip_network, object));
  const Ref address = network ? attribute(network.get(), "network_address") : Ref();
  int prefix_length = 0;
  return address && get_prefix_length(network.get(), prefix_length) &&
         write_address(address.get(), prefix_length, true, out);
}

}  // namespace pgstride::python
