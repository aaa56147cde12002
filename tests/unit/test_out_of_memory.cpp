// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// One allocation fails, each in turn: an error of that request, or the end of the connection; nobody gets another's
// answer, nobody waits for ever, nothing leaks (R-M8, LK-7, DT-22).
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/session.hpp"

#include "tests/support/failing_allocations.hpp"
#include "tests/support/honest_requests.hpp"
#include "tests/support/honest_server.hpp"

namespace pgstride::test {
namespace {

/// A session with an honest server, in which one allocation fails. What tests and server allocate does not count.
class Play {
 public:
  explicit Play(long nth) : one_(nth) {
    honest::Greeting greeting;
    BOOST_REQUIRE(session.submit(greeting));
    session.commit_write(session.pending_write().size());
    deliver(authentication(0));
    session.authenticated();
    deliver(ready_for_query());
    BOOST_REQUIRE(session.next_done() == &greeting);
  }

  template <class Asked, class... Arguments>
  void submit(Arguments&&... arguments) {
    auto request = std::make_unique<Asked>(static_cast<int>(requests_.size()) + 1,
                                           std::forward<Arguments>(arguments)...);
    try {
      if (one_.counting([&] { return session.submit(request->operation()); }))
        return requests_.push_back(std::move(request));
      BOOST_TEST(request->operation().failure());
    } catch (const std::bad_alloc&) {
    }
    BOOST_TEST(!request->operation().pending());
  }
  StatementRef statement(std::string_view sql) {
    try {
      return one_.counting([&] { return session.new_statement(sql); });
    } catch (const std::bad_alloc&) {
      return StatementRef();
    }
  }
  template <class Asked, class... Arguments>
  void submit_for(const StatementRef& statement, Arguments&&... arguments) {
    if (statement) submit<Asked>(statement, std::forward<Arguments>(arguments)...);
  }
  void walk_away(std::size_t from_the_end) {
    if (from_the_end < requests_.size())
      requests_.erase(requests_.end() - 1 - static_cast<std::ptrdiff_t>(from_the_end));
  }
  void exchange() {
    send();
    while (!server.said.empty() && !session.failure()) {
      if (session.paused()) one_.counting([&] { session.read_on(); });
      deliver(std::exchange(server.said, {}));
      send();
    }
    if (session.paused()) one_.counting([&] { session.read_on(); });
    finish();
  }
  void send() {
    for (;;) {
      const Bytes pending = one_.counting([&] { return session.pending_write(); });
      if (pending.empty() || session.failure()) return;
      server.hear(pending);
      session.commit_write(pending.size());
    }
  }
  void deliver(std::string_view bytes) {
    while (!bytes.empty() && !session.failure()) {
      const auto space = one_.counting([&] { return session.prepare_read(); });
      BOOST_REQUIRE(space.empty() == (session.failure() != nullptr));
      const std::size_t count = std::min(space.size(), bytes.size());
      if (count > 0) std::memcpy(space.data(), bytes.data(), count);
      one_.counting([&] { session.commit_read(count); });
      bytes.remove_prefix(count);
    }
  }

  /// Everything is over, in one way or the other. True: nothing had to fail.
  bool ends() {
    for (int i = 0; i < 40 && (!requests_.empty() || !session.quiescent()) && !session.failure(); ++i)
      exchange();
    finish();
    BOOST_TEST(requests_.empty());
    if (const Failure* failure = session.failure()) {
      BOOST_TEST((failure->code == std::errc::not_enough_memory), describe(*failure));
    } else {
      BOOST_TEST(session.quiescent());
      submit<honest::Query>("");
      for (int i = 0; i < 10 && !requests_.empty(); ++i) exchange();
      BOOST_TEST(requests_.empty());
      BOOST_TEST((!session.failure() || one_.happened()));
    }
    return !one_.happened();
  }

  Session session{SessionOptions{.statement_cache_size = 2, .statement_prefix = "s"}};
  HonestServer server;

 private:
  void finish() {
    while (Operation* awake = session.next_awake()) awake->stir();
    while (Operation* over = session.next_done()) {
      over->notify();
      const auto request = std::find_if(requests_.begin(), requests_.end(),
                                        [&](const auto& r) { return &r->operation() == over; });
      BOOST_REQUIRE((request != requests_.end()));
      (*request)->judge(true);
      requests_.erase(request);
    }
  }

  OneFails one_;
  std::vector<std::unique_ptr<honest::Request>> requests_;
};

/// Holds the conversation with every allocation failing, one by one.
void run_out(const std::function<void(Play&)>& conversation) {
  for (long nth = 1;; ++nth) {
    BOOST_TEST_CONTEXT("allocation " << nth) {
      BOOST_REQUIRE(nth < 5000);
      Play play(nth);
      conversation(play);
      if (play.ends()) return;
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(out_of_memory)

BOOST_AUTO_TEST_CASE(requests_of_every_kind) {
  run_out([](Play& play) {
    const StatementRef kept = play.statement("kept"), fresh = play.statement("fresh"),
                       bad = play.statement("fail");
    play.submit_for<honest::Preparation>(kept);
    play.exchange();
    play.submit<honest::Query>("");
    play.submit_for<honest::Execution>(kept, PortalStep());
    play.submit_for<honest::Execution>(fresh, PortalStep());
    play.submit_for<honest::Execution>(bad, PortalStep());
    if (kept && kept->ready()) play.submit_for<honest::Bulk>(kept, 20, 40);
    play.submit<honest::Query>("fail");
    play.exchange();
    play.submit<honest::CopyingOut>(1U);
    play.submit<honest::CopyingIn>(false, 9U, true);
    play.submit<honest::Query>("");
  });
}

BOOST_AUTO_TEST_CASE(owners_who_walk_away) {
  run_out([](Play& play) {
    play.submit<honest::CopyingIn>(false, 9U, true);
    play.submit<honest::Query>("");
    play.exchange();
    play.walk_away(1);
    play.submit<honest::Query>("");
    play.session.hold();
    play.submit<honest::Query>("");
    play.submit<honest::CopyingOut>(0U);
    play.walk_away(1);
    play.exchange();
    play.session.release();
    {
      const StatementRef dropped = play.statement("dropped");
      play.submit_for<honest::Execution>(dropped, PortalStep());
      play.exchange();
    }
    play.submit<honest::Query>("");
  });
}

BOOST_AUTO_TEST_CASE(what_comes_unasked) {
  run_out([](Play& play) {
    play.submit<honest::Query>("");
    play.deliver(
        notice_response("hello") + notification(7, "channel", "payload") +
        parameter_status("a_parameter_with_a_long_name", "and its value, longer than a short string"));
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pgstride::test
