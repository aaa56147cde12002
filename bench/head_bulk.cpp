// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/bench/head_bulk.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "pgstride/bench/records.hpp"

namespace bench {
namespace {

using namespace pgstride;

Task<Digest> ask_in_turn(Pool& pool, const Work& work, int first, int step) {
  Digest digest;
  for (int i = first; i < work.count; i += step) {
    digest = Digest();
    const Result result = co_await pool.query(work.sql);
    for (const Row row : result) {
      ++digest.rows;
      digest.add(row.get<std::int32_t>(0));
    }
  }
  co_return digest;
}

}  // namespace

Task<Digest> ask_on_pool(Pool& pool, const Work& work) {
  const int step = std::min(pool_tasks, work.count);
  std::vector<Task<Digest>> tasks;
  for (int first = 0; first < step; ++first) tasks.push_back(ask_in_turn(pool, work, first, step));
  Task<std::vector<Digest>> all = when_all(std::move(tasks));
  const std::vector<Digest> digests = co_await all;
  co_return digests.front();
}

Task<Digest> copy_in(Connection& connection, const Work& work) {
  static const std::vector<Record> records = make_records();
  Digest digest;
  for (int i = 0; i < work.count; ++i) {
    const std::string prepare = make_table(work);
    co_await connection.execute(prepare);
    auto opening = connection.copy_rows_in<std::int32_t, std::string, double, decltype(Record::at)>(
        "copy copied from stdin (format binary)");
    auto rows = co_await opening;
    for (int copied = 0; copied < copied_rows; copied += static_cast<int>(records.size()))
      for (const Record& r : records) co_await rows.write(r.id, r.name, r.x, r.at);
    const Completion completion = co_await rows.finish();
    digest.rows = static_cast<std::uint64_t>(completion.affected_rows());
  }
  if (work.check)
    digest.sum = static_cast<std::uint64_t>(co_await connection.query_one<std::int64_t>(sum_of_table));
  co_return digest;
}

Task<Digest> copy_out(Connection& connection, const Work& work) {
  const std::string sql = "copy (" + work.sql + ") to stdout";
  Digest digest;
  for (int i = 0; i < work.count; ++i) {
    digest = Digest();
    CopyOutStream stream = co_await connection.copy_out(sql);
    while (const Bytes* chunk = co_await stream.next()) digest.sum += chunk->size();
    digest.rows = static_cast<std::uint64_t>(stream.completion().affected_rows());
  }
  co_return digest;
}

}  // namespace bench
