// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/stored_arguments.hpp"

namespace pgstride::inline v0 {

StoredArguments::StoredArguments(const Arguments& given, const TypeNames* types)
    : Arguments(given.types(), &write_stored) {
  if (given.size() == 0) return;
  if (!given.types().lives_for_ever) {
    types_ = ParameterTypeList(given.types());
    Arguments::set_types(types_.types());
  }
  values_.set_types(types);
  try {
    written_ = given.write(values_);
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

std::size_t StoredArguments::write_stored(const Arguments& self, WriteBuffer& out) {
  const auto& stored = static_cast<const StoredArguments&>(self);
  if (stored.thrown_) std::rethrow_exception(stored.thrown_);
  out.append(stored.values_.pending());
  out.fail_as(stored.values_);
  return stored.written_;
}

}  // namespace pgstride::inline v0
