// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// What the C++ contestants have in common: they are told what to run and show that they ran it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bench {

/// How rows are read: a single int, or the six columns of the mixed rows.
enum class RowKind { single_int, mixed };

enum class Kind {
  rows,       // of the statement, one execution after the other
  pipelined,  // each of `count` is executed_at_once executions, each of which ends by itself: a Sync each
  batch,      // the same, which end together: one Sync
  pool,       // by pool_tasks tasks that share a pool of pool_size connections
  copy_in,    // each of `count` is copied_rows records into a table; `sql` has its columns
  copy_out,   // of the statement, as text; the data are thrown away
};

inline constexpr int executed_at_once = 1000;
inline constexpr int pool_tasks = 64;
inline constexpr int pool_size = 8;
inline constexpr int copied_rows = 1'000'000;

struct Work {
  int count = 1;
  std::optional<int> argument;
  RowKind row = RowKind::single_int;
  Kind kind = Kind::rows;
  bool check = false;  // not measured: the digest is looked at
  std::string sql;
};

/// What was read, added up: cheap, and different when a value is.
struct Digest {
  std::uint64_t rows = 0;
  std::uint64_t sum = 0;

  void add(std::int64_t value) noexcept { sum = sum * 31 + static_cast<std::uint64_t>(value); }
};

class Client {
 public:
  virtual ~Client() = default;
  /// Does the work so many times; the digest of what came of the last one. Nothing: it does no such work.
  virtual std::optional<Digest> run(const Work& work) = 0;
};

/// pgstride, rows looked at in the receive buffer: Connection::each().
std::unique_ptr<Client> make_looking(const std::string& dsn);
/// pgstride, rows kept: Connection::query(); and COPY, and a pool.
std::unique_ptr<Client> make_keeping(const std::string& dsn);
/// pgstride, rows as C++ objects in a vector: Connection::query_as().
std::unique_ptr<Client> make_typed(const std::string& dsn);
/// pgstride, rows looked at as C++ objects: Connection::each<T>().
std::unique_ptr<Client> make_typed_looking(const std::string& dsn);
/// libpq, blocking: PQexecPrepared() with binary results; in pipeline mode; COPY in binary.
std::unique_ptr<Client> make_libpq(const std::string& dsn);
/// The same bytes through a socket; of the reply only its end is looked for. Its digest has no sum.
std::unique_ptr<Client> make_bare(const std::string& dsn);
/// libpqxx: exec_prepared() with its results, which are text; stream_to. Throws when built without it.
std::unique_ptr<Client> make_libpqxx(const std::string& dsn);

}  // namespace bench
