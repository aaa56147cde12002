// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#define BOOST_TEST_MODULE pgstride
#include <boost/test/unit_test.hpp>
