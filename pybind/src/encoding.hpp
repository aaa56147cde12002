// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// TextEncoding: how text travels on a connection whose client_encoding is not UTF-8, by Python's codecs.
// A connection in UTF-8 has none, and nothing asks for it per value: plans are made with other codecs.
#pragma once

#include <memory>
#include <string_view>

#include "pgstride/protocol/type_info.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

class TextEncoding {
 public:
  /// Null when `client_encoding` means UTF-8.
  static std::shared_ptr<const TextEncoding> of(std::string_view client_encoding);

  /// False: Python has no codec for it. No values are exchanged then, and SQL has to be ASCII.
  bool is_known() const noexcept { return is_known_; }

  /// A str; `errors` as in Python. None with a Python error set.
  Ref decode(std::string_view text, const char* errors = "strict") const;
  /// The bytes of a str. None with a Python error set.
  Ref encode(PyObject* text) const;
  /// The same for what the server looks for quotes in: nothing becomes something else, as the yen sign becomes
  /// a backslash in Shift JIS (R-E4).
  Ref encode_sql(PyObject* text) const;
  /// What a catalog says, in UTF-8.
  void translate(TypeInfo& info) const;

 private:
  std::string_view in_utf8(std::string_view text, Ref& keep) const;

  const char* codec_ = nullptr;  // Python's name for it
  bool is_known_ = false;
};

/// The bytes that are sent of a str that holds SQL; `encoding` may be null. `keep` holds them, unless the str
/// does. False with a Python error set.
bool sql_of(PyObject* text, const TextEncoding* encoding, std::string_view& sql, Ref& keep);

}  // namespace pgstride::python
