// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <tuple>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/loop/boost_asio.hpp"

using Asios = std::tuple<pgstride::BoostAsio>;

#include "tests/unit/asio_loop_cases.hpp"
