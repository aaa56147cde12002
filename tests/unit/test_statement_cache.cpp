// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What eviction tells the server is in test_statement_sharing.cpp.
// Proves R-Q1.
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/session.hpp"

namespace pgstride::test {
namespace {

struct Fixture {
  Session session;
  StatementCache cache{2};

  StatementRef add(std::string_view sql, std::vector<Oid> types = {}) {
    StatementRef statement = session.new_statement(sql, types);
    cache.insert(statement);
    return statement;
  }
  bool has(std::string_view sql, std::vector<Oid> types = {}) { return cache.find(sql, types) != nullptr; }
};

/// Tells when its statement is gone.
class Mourner final : public Statement::Attachment {
 public:
  explicit Mourner(int& deaths) : deaths_(deaths) {}
  ~Mourner() override { ++deaths_; }

 private:
  int& deaths_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(statement_cache, Fixture)

BOOST_AUTO_TEST_CASE(text_and_types_are_the_key) {
  const StatementRef plain = add("select $1");
  const StatementRef typed = add("select $1", {23});
  BOOST_TEST(cache.find("select $1", {}) == plain.get());
  const Oid int4[] = {23}, int8[] = {20}, both[] = {23, 20};
  BOOST_TEST(cache.find("select $1", int4) == typed.get());
  BOOST_TEST(!cache.find("select $1", int8));
  BOOST_TEST(!cache.find("select $1", both));
  BOOST_TEST(!cache.find("select $1 ", {}));
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_goes_first) {
  add("a"), add("b");
  BOOST_TEST(has("a"));
  add("c");
  BOOST_TEST(!has("b"));
  BOOST_TEST(has("a"));
  BOOST_TEST(has("c"));
  BOOST_TEST(cache.size() == 2u);
}

BOOST_AUTO_TEST_CASE(asking_whether_one_is_held_is_no_use_of_it) {
  const StatementRef oldest = add("a");
  add("b");
  BOOST_TEST(cache.holds(*oldest));
  add("c");
  BOOST_TEST(!cache.holds(*oldest));
}

BOOST_AUTO_TEST_CASE(a_namesake_takes_the_place) {
  const StatementRef old = add("a");
  add("b");
  const StatementRef fresh = add("a");
  BOOST_TEST(cache.size() == 2u);
  BOOST_TEST(!cache.holds(*old));
  BOOST_TEST(cache.holds(*fresh));
  BOOST_TEST(cache.find("a", {}) == fresh.get());
  cache.erase(*old);  // is not in there any more
  BOOST_TEST(cache.find("a", {}) == fresh.get());
  cache.insert(fresh);  // again
  BOOST_TEST(cache.size() == 2u);
  BOOST_TEST(cache.find("a", {}) == fresh.get());
  cache.erase(*fresh);
  BOOST_TEST(!has("a"));
  BOOST_TEST(cache.size() == 1u);
}

BOOST_AUTO_TEST_CASE(it_can_be_switched_off_and_resized) {
  cache.resize(0);
  add("a");
  BOOST_TEST(cache.size() == 0u);
  cache.resize(10);
  for (const auto* sql : {"a", "b", "c", "d"}) add(sql);
  cache.resize(1);
  BOOST_TEST(cache.size() == 1u);
  BOOST_TEST(has("d"));
  cache.clear();
  BOOST_TEST(!has("d"));
}

BOOST_AUTO_TEST_CASE(it_is_only_one_of_the_holders) {
  int deaths = 0;
  StatementRef held = add("a");
  held->attach(std::make_unique<Mourner>(deaths));
  add("b")->attach(std::make_unique<Mourner>(deaths));
  cache.clear();
  BOOST_TEST(deaths == 1);
  const StatementRef other = held;
  held = {};
  BOOST_TEST(deaths == 1);
  BOOST_TEST(other->sql() == "a");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
