// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Codecs that are made while running, for types that only the catalogs know or that the user reads
// and writes himself. They own what a TypeCodec only points to.
#pragma once

#include <string>
#include <vector>

#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/encoding.hpp"
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
  CodecRef base;                                 // of the type as it is without the user's functions
  std::shared_ptr<const TextEncoding> encoding;  // of its parts
  Ref encoder;
  Ref decoder;
};

/// What is text on the wire, in another encoding than the UTF-8 that `base` reads and writes.
struct TranscodedCodec final : DerivedCodec {
  CodecRef base;
  std::shared_ptr<const TextEncoding> encoding;
};

/// `codec`, or one around it when its values are text.
CodecRef transcoded(CodecRef codec, const std::shared_ptr<const TextEncoding>& encoding);

}  // namespace pgstride::python
