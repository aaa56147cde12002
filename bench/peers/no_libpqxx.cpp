// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "pgstride/bench/client.hpp"

namespace bench {

std::unique_ptr<Client> make_libpqxx(const std::string&) {
  throw std::runtime_error("built without libpqxx");
}

}  // namespace bench
