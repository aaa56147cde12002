// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The C++ head as its users write it.
#include <bit>
#include <optional>
#include <string_view>
#include <vector>

#include "pgstride/bench/client.hpp"
#include "pgstride/bench/head_bulk.hpp"
#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace bench {
namespace {

using namespace pgstride;

std::int64_t sum_of_digits(const Field& field) {
  NumericView number;
  std::int64_t sum = 0;
  if (parse_numeric(field.bytes, number))
    for (int i = 0; i < number.ndigits; ++i) sum += number.digit(i);
  return sum;
}

void read_row(RowKind kind, const RowView& row, Digest& digest) {
  ++digest.rows;
  digest.add(row.get<std::int32_t>(0));
  if (kind == RowKind::single_int) return;
  digest.add(row.get<std::chrono::sys_time<std::chrono::microseconds>>(1).time_since_epoch().count());
  const auto text = row.get<std::string_view>(2);
  digest.add(static_cast<std::int64_t>(text.size()) + text.back());
  digest.add(std::bit_cast<std::int64_t>(row.get<double>(3)));
  digest.add(sum_of_digits(row.field(4)));
  const auto uuid = row.get<Uuid>(5);
  digest.add(std::to_integer<int>(uuid.bytes[0]) + std::to_integer<int>(uuid.bytes[15]));
}

class Head final : public Client {
 public:
  Head(const std::string& dsn, bool keep)
      : dsn_(dsn), keep_(keep), connection_(pgstride::run(loop_, connect(loop_, dsn))) {}

  std::optional<Digest> run(const Work& work) override {
    if (!keep_ && work.kind != Kind::rows && work.kind != Kind::pipelined) return std::nullopt;
    return pgstride::run(loop_, start(work));
  }

 private:
  Task<Digest> start(const Work& work) {
    switch (work.kind) {
      case Kind::pipelined: return pipeline(work);
      case Kind::batch: return batch(work);
      case Kind::pool:
        if (!pool_) pgstride::run(loop_, open_pool());
        return ask_on_pool(*pool_, work);
      case Kind::copy_in: return copy_in(connection_, work);
      case Kind::copy_out: return copy_out(connection_, work);
      default: return keep_ ? keep(work) : look(work);
    }
  }

  // It resets nothing, as the others' pools do not.
  Task<> open_pool() {
    PoolOptions options(dsn_);
    options.limits.max_size = options.limits.min_size = options.limits.max_connecting = pool_size;
    options.reset_script = "";
    pool_.emplace(loop_, options);
    std::vector<Lease> all;
    for (int i = 0; i < pool_size; ++i) all.push_back(co_await pool_->acquire());
  }

  Task<Digest> keep(const Work& work) {
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      Query query = work.argument ? connection_.query(work.sql, *work.argument) : connection_.query(work.sql);
      const Result result = co_await query;
      for (const Row row : result) read_row(work.row, row, digest);
    }
    co_return digest;
  }

  Task<Digest> look(const Work& work) {
    Digest digest;
    const auto each = [&](const RowView& row) { read_row(work.row, row, digest); };
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      if (work.argument) {
        co_await connection_.each(each, work.sql, *work.argument);
      } else {
        co_await connection_.each(each, work.sql);
      }
    }
    co_return digest;
  }

  Task<Digest> pipeline(const Work& work) {
    Digest digest;
    std::vector<std::unique_ptr<Query>> under_way(executed_at_once);
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      for (auto& query : under_way) query.reset(new Query(connection_.query(work.sql, *work.argument)));
      for (auto& query : under_way) {
        const Result result = co_await *query;
        for (const Row row : result) read_row(work.row, row, digest);
      }
    }
    co_return digest;
  }

  Task<Digest> batch(const Work& work) {
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      Batch batch = connection_.batch();
      for (int j = 0; j < executed_at_once; ++j) batch.add(work.sql, *work.argument);
      const std::vector<Result> results = co_await batch.run();
      for (const Result& result : results)
        for (const Row row : result) read_row(work.row, row, digest);
    }
    co_return digest;
  }

  std::string dsn_;
  bool keep_;
  UvLoop loop_;
  Connection connection_;
  std::optional<Pool> pool_;
};

}  // namespace

std::unique_ptr<Client> make_looking(const std::string& dsn) { return std::make_unique<Head>(dsn, false); }
std::unique_ptr<Client> make_keeping(const std::string& dsn) { return std::make_unique<Head>(dsn, true); }

}  // namespace bench
