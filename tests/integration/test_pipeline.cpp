// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Long pipelines whose requests fail at random places: each ends as it would have alone, and the table holds what
// has succeeded (DT-31, R-X4). A Query has a Sync of its own, a Batch one for all of its statements.
#include <algorithm>
#include <list>
#include <optional>
#include <random>
#include <vector>

#include "tests/integration/database.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

/// What is asked for, and what must come of it by the rules alone.
struct Unit {
  std::vector<int> tokens;  // inserted by one statement each
  std::vector<bool> fails;  // instead of being inserted
  bool is_batch = false;

  int divisor(std::size_t i) const { return fails[i] ? 0 : 1; }
  bool succeeds() const { return std::find(fails.begin(), fails.end(), true) == fails.end(); }
};

constexpr const char* insert = "insert into pipeline values ($1 / $2) returning a";

class Plan {
 public:
  explicit Plan(unsigned seed) : random_(seed) {}

  std::vector<Unit> make(int length) {
    std::vector<Unit> units(static_cast<std::size_t>(length));
    const int failing = roll(4) * 5;  // percent
    for (Unit& unit : units) {
      unit.is_batch = roll(3) == 0;
      for (int i = unit.is_batch ? 1 + roll(5) : 1; i > 0; --i) {
        unit.tokens.push_back(++last_token_);
        unit.fails.push_back(roll(100) < failing);
      }
    }
    return units;
  }

 private:
  int roll(int sides) { return std::uniform_int_distribution<>(0, sides - 1)(random_); }

  std::mt19937 random_;
  int last_token_ = 0;
};

struct Alone {
  Alone(Connection& conn, const Unit& unit) : query(conn.query(insert, unit.tokens[0], unit.divisor(0))) {}
  Query query;
};

struct Together {
  Together(Connection& conn, const Unit& unit) : batch(conn.batch()), run(filled(unit).run()) {}
  Batch& filled(const Unit& unit) {
    for (std::size_t i = 0; i < unit.tokens.size(); ++i) batch.add(insert, unit.tokens[i], unit.divisor(i));
    return batch;
  }
  Batch batch;
  BatchRun run;
};

/// A unit under way.
struct Running {
  Running(Connection& conn, const Unit& unit) {
    if (unit.is_batch) {
      together.emplace(conn, unit);
    } else {
      alone.emplace(conn, unit);
    }
  }
  std::optional<Alone> alone;
  std::optional<Together> together;
};

/// The tokens that a unit has returned; empty when it has failed as it may.
Task<std::vector<int>> outcome(Running& running) {
  std::vector<Result> results;
  std::string state;
  try {
    if (running.alone) {
      results.push_back(co_await running.alone->query);
    } else {
      results = co_await running.together->run;
    }
  } catch (const ServerException& e) {
    state = e.sqlstate();
  }
  BOOST_TEST((state.empty() || state == sqlstate::division_by_zero), state);
  std::vector<int> tokens;
  for (const Result& result : results) tokens.push_back(result.value<int>());
  co_return tokens;
}

Task<> play(Connection& conn, const std::vector<Unit>& units) {
  std::list<Running> pipeline;
  for (const Unit& unit : units) pipeline.emplace_back(conn, unit);
  std::vector<int> kept;
  auto unit = units.begin();
  for (Running& running : pipeline) {
    const std::vector<int> tokens = co_await outcome(running);
    BOOST_TEST((tokens == (unit->succeeds() ? unit->tokens : std::vector<int>())));
    kept.insert(kept.end(), tokens.begin(), tokens.end());
    ++unit;
  }
  const Result there = co_await conn.query("select a from pipeline order by a");
  std::vector<int> found;
  for (const auto& row : there) found.push_back(row.get<int>(0));
  BOOST_TEST((found == kept));
  co_await conn.execute("truncate pipeline");
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pipeline, Database)

BOOST_AUTO_TEST_CASE(errors_at_random_places) {  // DT-31, R-X4
  const unsigned seed = std::random_device()();
  BOOST_TEST_CONTEXT("seed " << seed) {
    go([seed](Connection& conn) -> Task<> {
      co_await conn.execute("create temp table pipeline (a int)");
      Plan plan(seed);
      for (const int length : {1, 2, 3, 7, 20, 50, 100, 200}) co_await play(conn, plan.make(length));
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
