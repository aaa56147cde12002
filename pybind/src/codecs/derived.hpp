// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Codecs that are made while running, for types that only the catalogs know or that the user reads
// and writes himself. They own what a TypeCodec only points to.
#pragma once

#include <string>
#include <vector>

#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

struct DerivedCodec : TypeCodec {
  std::string own_name;
  std::string own_schema;
  std::vector<CodecRef> parts;  // of an array or a range its element; of a composite its attributes
};

/// A named row type: a Record whose names are the attributes'.
struct CompositeCodec final : DerivedCodec {
  std::vector<Oid> types;  // of the attributes, as the server must announce them
  Ref names;               // tuple of str
  Ref layout;
};

/// What a user's functions make of a value.
struct UserCodec final : DerivedCodec {
  enum class Exchange : std::uint8_t {
    text,    // str, in text format
    binary,  // bytes, in binary format
    tuple,   // what base's tuple functions make of the bytes, in binary format
  };

  Exchange exchange = Exchange::text;
  CodecRef base;  // of the type as it is without the user's functions
  Ref encoder;
  Ref decoder;
};

}  // namespace pgstride::python
