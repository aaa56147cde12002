// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Giving up a request while its answer is on its way: every order in which that can happen (CX-4). Six events,
//
//   r  a row arrives                g  the owner gives up
//   c  CommandComplete, or an error e  the server closes the cancel connection
//   z  ReadyForQuery                n  somebody asks for something else
//
// where r, c, z keep their order and e comes after g: 60 orders.
#include <algorithm>

#include "tests/support/open_channel.hpp"

using namespace pgstride;
using namespace pgstride::test;
using namespace std::chrono_literals;

namespace {

struct Ending {
  std::string_view name;
  std::string (*message)();
  std::string_view outcome;  // for an owner who has waited
};

const Ending endings[] = {
    {"it ends well", [] { return command_complete("SELECT 1"); }, "[1] SELECT 1"},
    {"it is cancelled", [] { return error_response("57014"); }, "57014"},
};

/// One order of events, and what must hold after each of them.
class Race : OpenChannel {
 public:
  Race(const Ending& ending, bool by_timeout) : ending_(ending), by_timeout_(by_timeout) {
    ask(victim_, by_timeout ? Duration(1s) : Duration::max());
    server.hears();
  }
  ~Race() { channel.reset(); }

  void run(std::string_view order) {
    for (const char event : order) {
      happen(event);
      loop.run_until_idle();
      check();
    }
    BOOST_TEST(!channel->tainted());
    BOOST_TEST(!channel->cancelling());
    BOOST_TEST(closed == 0);
    check_usable();
  }

 private:
  void happen(char event) {
    switch (event) {
      case 'r': return server.says(row_description({"x"}), data_row({"1"}));
      case 'c': return server.says(ending_.message());
      case 'z': return end_victim();
      case 'g': return give_up();
      case 'e': return messenger_.hangs_up();
      default: return ask_for_more();
    }
  }
  void ask_for_more() {
    ask(next_);
    asked_ = true;
  }
  void give_up() {
    given_up_ = victim_.pending();
    failed_ = victim_.failure() != nullptr;  // the first failure is the one that is told
    // A neighbour on the wire could be hit, and what has ended needs no end.
    is_asked_to_cancel_ = given_up_ && !asked_;
    if (by_timeout_) {
      loop.advance(1s);
    } else {
      channel->cancel(victim_);
    }
    BOOST_TEST(cancels.is_called() == is_asked_to_cancel_);
    if (!is_asked_to_cancel_) return;
    messenger_ = cancels.accepts();
    loop.run_until_idle();
    BOOST_TEST(messenger_.hears() == "Cancel(7, abcd)");
  }
  void end_victim() {
    server.says(ready_for_query());
    ended_ = true;
  }

  void check() {
    // Whoever waited has the whole answer; who gave up has nothing of it.
    if (!ended_ && !given_up_) BOOST_TEST(victim_.ended == 0);
    if (ended_ && !given_up_) BOOST_TEST(victim_.outcome() == ending_.outcome);
    if (given_up_) BOOST_TEST(victim_.ended == (by_timeout_ ? 1 : 0));
    if (given_up_ && by_timeout_) BOOST_TEST(victim_.outcome() == (failed_ ? "57014" : "deadline passed"));

    heard_ += server.hears();
    const bool fenced = is_asked_to_cancel_ && !(ended_ && messenger_left());
    BOOST_TEST(channel->cancelling() == fenced);
    const bool sent = asked_ && !fenced;
    BOOST_TEST(heard_ == (sent ? "Query(select 'next')" : ""));
    if (!sent || !ended_ || answered_) return;
    answered_ = true;
    server.says(answer("next"));
    loop.run_until_idle();
    BOOST_TEST(next_.outcome() == "[next] SELECT 1");
    BOOST_TEST(next_.ended == 1);
  }
  bool messenger_left() { return !messenger_.socket().is_open(); }

  const Ending& ending_;
  bool by_timeout_;
  Request victim_{"select pg_sleep(60)"};
  Request next_{"select 'next'"};
  Peer messenger_;
  std::string heard_;
  bool asked_ = false, given_up_ = false, failed_ = false, ended_ = false, answered_ = false;
  bool is_asked_to_cancel_ = false;
};

bool is_possible(std::string_view order) {
  const auto place = [order](char event) { return order.find(event); };
  return place('r') < place('c') && place('c') < place('z') && place('g') < place('e');
}

void in_all_orders(bool by_timeout) {
  int orders = 0;
  std::string order = "cegnrz";
  do {
    if (!is_possible(order)) continue;
    ++orders;
    for (const Ending& ending : endings) {
      BOOST_TEST_CONTEXT(order << ", " << ending.name) { Race(ending, by_timeout).run(order); }
    }
  } while (std::next_permutation(order.begin(), order.end()));
  BOOST_TEST(orders == 60);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(cancel_races)

BOOST_AUTO_TEST_CASE(cancelled) { in_all_orders(false); }  // CX-4, R-C5, R-C6

BOOST_AUTO_TEST_CASE(timed_out) { in_all_orders(true); }  // CX-4

BOOST_AUTO_TEST_SUITE_END()
