// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pgstride/pybind/src/codecs/derived.hpp"

namespace pgstride::python {

/// The type's values can be exchanged as tuples.
bool has_tuple_form(const TypeCodec& base) noexcept;

/// Null when it is none.
const UserCodec* as_user_codec(const TypeCodec& codec) noexcept;

/// `base` is what the type has without the user's functions; for an exchange as tuples it has that form, and
/// its parts are in that encoding.
CodecRef make_user_codec(CodecRef base, UserCodec::Exchange exchange, PyObject* encoder, PyObject* decoder,
                         const std::shared_ptr<const TextEncoding>& encoding);

}  // namespace pgstride::python
