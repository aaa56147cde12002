// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/auth_methods.hpp"

#include <algorithm>
#include <iterator>

namespace pgstride::inline v0 {

const char* AuthMethods::parse(std::string_view list) noexcept {
  std::uint8_t seen = 0;
  const bool excludes = list.starts_with('!');
  while (true) {
    const auto comma = list.find(',');
    auto name = list.substr(0, comma);
    if (name.starts_with('!') != excludes) return "must not mix methods with and without a \"!\"";
    if (excludes) name.remove_prefix(1);
    const auto* found = std::find(std::begin(auth_method_names), std::end(auth_method_names), name);
    if (found == std::end(auth_method_names))
      return "must be a list of: password, md5, gss, sspi, scram-sha-256, oauth, none";
    const auto method = bit(static_cast<AuthMethod>(found - std::begin(auth_method_names)));
    if ((seen & method) != 0) return "names a method more than once";
    seen |= method;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  allowed_ = excludes ? static_cast<std::uint8_t>(all & ~seen) : seen;
  named_ = excludes ? std::uint8_t{0} : seen;
  return nullptr;
}

}  // namespace pgstride::inline v0
