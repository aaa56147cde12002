// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A job queue: NOTIFY wakes the worker, SKIP LOCKED lets any number of workers share the table, and a job
// whose transaction did not commit is there again.
//
//     create table jobs (id serial primary key, payload text, done_at timestamptz);
//     insert into jobs (payload) values ('hello'); notify jobs;
//
// Run it with a connection string, and with a number to end after that many jobs.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

namespace {

struct Errand {
  int id;
  std::string payload;
};

// One job, if there is one. It is locked until the transaction ends, and skipped by other workers.
Task<bool> do_one(Connection& conn) {
  const auto body = [](Connection& c) -> Task<bool> {
    const auto job = co_await c.query_optional<Errand>(
        "select id, payload from jobs where done_at is null order by id limit 1 for update skip locked");
    if (!job) co_return false;
    std::printf("job %d: %s\n", job->id, job->payload.c_str());
    co_await c.execute("update jobs set done_at = now() where id = $1", job->id);
    co_return true;
  };
  co_return co_await transact(conn, body);
}

Task<> work(Loop& loop, ConnectOptions options, int jobs) {
  Connection conn = co_await connect(loop, options);
  std::vector<std::string> channels{"jobs"};
  auto events = listen(loop, options, channels);
  // Whatever the event is (listening, notification, reconnected), there may be something to do.
  while (co_await events.next() != nullptr) {
    for (; jobs > 0; --jobs) {
      const bool worked = co_await do_one(conn);
      if (!worked) break;
    }
    if (jobs == 0) break;
  }
  co_await conn.close();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    UvLoop loop;
    const int jobs = argc > 2 ? std::atoi(argv[2]) : std::numeric_limits<int>::max();
    run(loop, work(loop, ConnectOptions(argc > 1 ? argv[1] : ""), jobs));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
