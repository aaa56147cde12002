// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <pgstride/driver/pgstride.hpp>

int main() { return pgstride::ConnectOptions("postgres://localhost:6432").hosts[0].port == 6432 ? 0 : 1; }
