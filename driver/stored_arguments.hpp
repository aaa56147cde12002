// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Arguments of a request that is made later, when there is a connection for it: encoded at once, so that
// the caller's values need not be kept.
#pragma once

#include <cstddef>
#include <exception>

#include "pgstride/driver/arguments.hpp"
#include "pgstride/protocol/type_names.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

class StoredArguments final : public Arguments {
 public:
  /// Uses `types` during this call only. Whether encoding failed is reported when they are written.
  StoredArguments(const Arguments& given, const TypeNames* types);

 private:
  static std::size_t write_stored(const Arguments& self, WriteBuffer& out);

  ParameterTypeList types_;  // of those whose types may go
  WriteBuffer values_;
  std::size_t written_ = 0;
  std::exception_ptr thrown_;
};

}  // namespace pgstride::inline v0
