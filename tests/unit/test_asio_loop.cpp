// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <tuple>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/asio.hpp"

using Asios = std::tuple<pgstride::StandaloneAsio>;

#include "tests/unit/asio_loop_cases.hpp"
