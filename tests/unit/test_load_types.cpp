// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// load_types() and a server that does not answer as asked. What good ones say is in integration/test_named_types.cpp.
#include <optional>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/connection.hpp"
#include "pgstride/driver/load_types.hpp"

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

enum class Mood { sad, happy };

}  // namespace

template <>
struct pgstride::Codec<Mood> : pgstride::EnumCodec<Mood, "mood"> {};

BOOST_FIXTURE_TEST_SUITE(load_types, OpenChannel)

BOOST_AUTO_TEST_CASE(a_type_that_the_server_leaves_out_is_named) {
  Connection connection(std::move(channel));
  Task<> loading = pgstride::load_types<Mood>(connection);
  loading.start();
  server.hears();
  std::string columns = big_endian(5, 2);
  for (const std::uint32_t type : {oid::text, oid::oid, oid::oid, oid::oid_array, oid::text_array})
    columns += column("x", type, 1);
  server.says(parse_complete(), parameter_description({oid::text_array}), message('T', columns));
  server.says(bind_complete(), command_complete("SELECT 0"), ready_for_query());
  loop.run_until_idle();
  BOOST_REQUIRE(loading.done());
  BOOST_CHECK_EXCEPTION(loading.take(), Error, [](const Error& error) {
    return std::string_view(error.what()).find("nothing of type mood") != std::string_view::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
