// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// libpq with prepared statements and binary results, read by hand.
#include "pgstride/bench/libpq.hpp"

#include <optional>
#include <vector>

#include "pgstride/bench/client.hpp"
#include "pgstride/bench/records.hpp"
#include "pgstride/protocol/binary_copy.hpp"
#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/write_buffer.hpp"

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

void write_record(const Record& record, pgstride::WriteBuffer& out) {
  constexpr auto postgres_epoch = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);
  out.u16(4);
  out.i32(4);
  out.i32(record.id);
  out.i32(static_cast<std::int32_t>(record.name.size()));
  out.text(record.name);
  out.i32(8);
  out.f64(record.x);
  out.i32(8);
  out.i64((record.at - postgres_epoch).count());
}

class Libpq final : public Client {
 public:
  explicit Libpq(const std::string& dsn) : connection_(dsn) {}

  std::optional<Digest> run(const Work& work) override {
    switch (work.kind) {
      case Kind::rows: return ask(work);
      case Kind::pipelined: return pipeline(work, /*sync_each=*/true);
      case Kind::batch: return pipeline(work, /*sync_each=*/false);
      case Kind::copy_in: return copy_in(work);
      case Kind::copy_out: return copy_out(work);
      default: return std::nullopt;  // it has no pool
    }
  }

 private:
  Digest ask(const Work& work) {
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

  Digest pipeline(const Work& work, bool sync_each) {
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
      for (int j = 0; j < executed_at_once; ++j) {
        PQsendQueryPrepared(connection, name, 1, values, lengths, formats, 1);
        if (sync_each) PQpipelineSync(connection);
      }
      if (!sync_each) PQpipelineSync(connection);
      for (int j = 0; j < executed_at_once; ++j) {
        const auto result = connection_.check(PQgetResult(connection), PGRES_TUPLES_OK);
        for (int row = 0; row < PQntuples(result.get()); ++row) read_row(work.row, result.get(), row, digest);
        PQgetResult(connection);  // the null between two queries
        if (sync_each) connection_.check(PQgetResult(connection), PGRES_PIPELINE_SYNC);
      }
      if (!sync_each) connection_.check(PQgetResult(connection), PGRES_PIPELINE_SYNC);
    }
    PQexitPipelineMode(connection);
    return digest;
  }

  void execute(const std::string& sql) {
    connection_.check(PQexec(connection_.get(), sql.c_str()), PGRES_COMMAND_OK);
  }

  // The rows of the next result: "COPY 5".
  std::uint64_t finish_copy() {
    const auto result = connection_.check(PQgetResult(connection_.get()), PGRES_COMMAND_OK);
    PQgetResult(connection_.get());
    return std::stoull(PQcmdTuples(result.get()));
  }

  void put(pgstride::WriteBuffer& out) {
    const pgstride::Bytes bytes = out.pending();
    const auto* data = reinterpret_cast<const char*>(bytes.data());
    if (PQputCopyData(connection_.get(), data, static_cast<int>(bytes.size())) != 1)
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    out.consume(bytes.size());
  }

  Digest copy_in(const Work& work) {
    static const std::vector<Record> records = make_records();
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      execute(make_table(work));
      connection_.check(PQexec(connection_.get(), "copy copied from stdin (format binary)"), PGRES_COPY_IN);
      pgstride::WriteBuffer out;
      pgstride::write_copy_header(out);
      for (int copied = 0; copied < copied_rows; copied += static_cast<int>(records.size())) {
        for (const Record& record : records) {
          write_record(record, out);
          put(out);
        }
      }
      pgstride::write_copy_trailer(out);
      put(out);
      PQputCopyEnd(connection_.get(), nullptr);
      digest.rows = finish_copy();
    }
    if (work.check) {
      const auto sum = connection_.check(PQexec(connection_.get(), sum_of_table), PGRES_TUPLES_OK);
      digest.sum = static_cast<std::uint64_t>(std::stoll(PQgetvalue(sum.get(), 0, 0)));
    }
    return digest;
  }

  Digest copy_out(const Work& work) {
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      const std::string sql = "copy (" + work.sql + ") to stdout";
      connection_.check(PQexec(connection_.get(), sql.c_str()), PGRES_COPY_OUT);
      char* data = nullptr;
      for (int size = 0; (size = PQgetCopyData(connection_.get(), &data, 0)) > 0; PQfreemem(data))
        digest.sum += static_cast<std::uint64_t>(size);
      digest.rows = finish_copy();
    }
    return digest;
  }

  LibpqConnection connection_;
};

}  // namespace

std::unique_ptr<Client> make_libpq(const std::string& dsn) { return std::make_unique<Libpq>(dsn); }

}  // namespace bench
