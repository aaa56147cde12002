// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// libpq with prepared statements and binary results, read by hand.
#include "pgstride/bench/libpq.hpp"

#include "pgstride/bench/client.hpp"
#include "pgstride/protocol/bytes.hpp"

namespace bench {
namespace {

template <class T>
T number(const char* value) {
  return pgstride::load_big_endian<T>(reinterpret_cast<const std::byte*>(value));
}

void read_row(RowKind kind, const PGresult* result, int row, Digest& digest) {
  constexpr std::int64_t postgres_epoch = 946'684'800'000'000;  // 2000-01-01, microseconds since 1970
  const auto value = [&](int column) { return PQgetvalue(result, row, column); };
  ++digest.rows;
  digest.add(number<std::int32_t>(value(0)));
  if (kind == RowKind::single_int) return;
  digest.add(number<std::int64_t>(value(1)) + postgres_epoch);
  const int length = PQgetlength(result, row, 2);
  digest.add(length + value(2)[length - 1]);
  digest.add(number<std::int64_t>(value(3)));
  const char* numeric = value(4);
  std::int64_t sum = 0;
  for (int i = 0; i < number<std::int16_t>(numeric); ++i) sum += number<std::int16_t>(numeric + 8 + 2 * i);
  digest.add(sum);
  digest.add(static_cast<unsigned char>(value(5)[0]) + static_cast<unsigned char>(value(5)[15]));
}

class Libpq final : public Client {
 public:
  explicit Libpq(const std::string& dsn) : connection_(dsn) {}

  Digest run(const Work& work) override {
    if (work.pipelined) return pipeline(work);
    Digest digest;
    const char* name = connection_.prepared(work.sql).c_str();
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      std::byte argument[4];
      pgstride::store_big_endian(argument, work.argument.value_or(0));
      const char* const values[] = {reinterpret_cast<const char*>(argument)};
      const int lengths[] = {sizeof argument}, formats[] = {1};
      const auto result = connection_.check(
          PQexecPrepared(connection_.get(), name, work.argument ? 1 : 0, values, lengths, formats, 1),
          PGRES_TUPLES_OK);
      for (int row = 0; row < PQntuples(result.get()); ++row) read_row(work.row, result.get(), row, digest);
    }
    return digest;
  }

 private:
  Digest pipeline(const Work& work) {
    Digest digest;
    const char* name = connection_.prepared(work.sql).c_str();
    std::byte argument[4];
    pgstride::store_big_endian(argument, work.argument.value_or(0));
    const char* const values[] = {reinterpret_cast<const char*>(argument)};
    const int lengths[] = {sizeof argument}, formats[] = {1};
    PGconn* const connection = connection_.get();
    PQenterPipelineMode(connection);
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      for (int j = 0; j < pipelined_at_once; ++j)
        PQsendQueryPrepared(connection, name, 1, values, lengths, formats, 1);
      PQpipelineSync(connection);
      for (int j = 0; j < pipelined_at_once; ++j) {
        const auto result = connection_.check(PQgetResult(connection), PGRES_TUPLES_OK);
        for (int row = 0; row < PQntuples(result.get()); ++row) read_row(work.row, result.get(), row, digest);
        PQgetResult(connection);  // the null between two queries
      }
      connection_.check(PQgetResult(connection), PGRES_PIPELINE_SYNC);
    }
    PQexitPipelineMode(connection);
    return digest;
  }

  LibpqConnection connection_;
};

}  // namespace

std::unique_ptr<Client> make_libpq(const std::string& dsn) { return std::make_unique<Libpq>(dsn); }

}  // namespace bench
