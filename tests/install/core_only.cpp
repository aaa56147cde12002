// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <pgstride/driver/pgstride.hpp>

int main() {
  pgstride::ConnectOptions options("postgres://app@localhost:6432/shop");
  pgstride::OptionError error;
  return options.complete(error) && options.hosts[0].port == 6432 ? 0 : 1;
}
