// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The C++ head, rows as objects: kept in a vector, or looked at.
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "pgstride/bench/client.hpp"
#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

namespace bench {
namespace {

using namespace pgstride;

/// What every contestant makes of a numeric.
struct DigitSum {
  std::int64_t sum = 0;
};

template <class Text>
struct Mixed {
  std::int32_t number;
  std::chrono::sys_time<std::chrono::microseconds> time;
  Text text;
  double part;
  DigitSum amount;
  Uuid uuid;
};

}  // namespace
}  // namespace bench

template <>
struct pgstride::Codec<bench::DigitSum> : pgstride::BinaryType<pgstride::oid::numeric> {
  static bool decode(Oid, Bytes bytes, bench::DigitSum& value) noexcept {
    NumericView number;
    if (!parse_numeric(bytes, number)) return false;
    for (int i = 0; i < number.ndigits; ++i) value.sum += number.digit(i);
    return true;
  }
};
template <class Text>
struct pgstride::RowNames<bench::Mixed<Text>> : pgstride::ByPosition {};

namespace bench {
namespace {

void add(Digest& digest, std::int32_t number) {
  ++digest.rows;
  digest.add(number);
}

template <class Text>
void add(Digest& digest, const Mixed<Text>& row) {
  add(digest, row.number);
  digest.add(row.time.time_since_epoch().count());
  digest.add(static_cast<std::int64_t>(row.text.size()) + row.text.back());
  digest.add(std::bit_cast<std::int64_t>(row.part));
  digest.add(row.amount.sum);
  digest.add(std::to_integer<int>(row.uuid.bytes[0]) + std::to_integer<int>(row.uuid.bytes[15]));
}

class Typed final : public Client {
 public:
  Typed(const std::string& dsn, bool keep)
      : keep_(keep), connection_(pgstride::run(loop_, connect(loop_, dsn))) {}

  std::optional<Digest> run(const Work& work) override {
    if (work.kind == Kind::pipelined && keep_) return pgstride::run(loop_, pipeline(work));
    if (work.kind != Kind::rows) return std::nullopt;
    return pgstride::run(loop_, work.row == RowKind::mixed ? read_mixed(work) : read_ints(work));
  }

 private:
  Task<Digest> read_mixed(const Work& work) {
    return keep_ ? read<Mixed<std::string>>(work) : look<Mixed<std::string_view>>(work);
  }
  Task<Digest> read_ints(const Work& work) {
    return keep_ ? read<std::int32_t>(work) : look<std::int32_t>(work);
  }

  template <class T>
  Task<Digest> look(const Work& work) {
    Digest digest;
    const auto each = [&](const T& row) { add(digest, row); };
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      if (work.argument) {
        co_await connection_.each<T>(each, work.sql, *work.argument);
      } else {
        co_await connection_.each<T>(each, work.sql);
      }
    }
    co_return digest;
  }

  template <class T>
  Task<Digest> read(const Work& work) {
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      QueryAs<T> query = work.argument ? connection_.query_as<T>(work.sql, *work.argument)
                                       : connection_.query_as<T>(work.sql);
      const std::vector<T> rows = co_await query;
      for (const T& row : rows) add(digest, row);
    }
    co_return digest;
  }

  Task<Digest> pipeline(const Work& work) {
    Digest digest;
    std::vector<std::unique_ptr<QueryOne<std::int32_t>>> under_way(executed_at_once);
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      for (auto& query : under_way)
        query.reset(
            new QueryOne<std::int32_t>(connection_.query_one<std::int32_t>(work.sql, *work.argument)));
      for (auto& query : under_way) {
        const std::int32_t number = co_await *query;
        add(digest, number);
      }
    }
    co_return digest;
  }

  bool keep_;
  UvLoop loop_;
  Connection connection_;
};

}  // namespace

std::unique_ptr<Client> make_typed(const std::string& dsn) { return std::make_unique<Typed>(dsn, true); }
std::unique_ptr<Client> make_typed_looking(const std::string& dsn) {
  return std::make_unique<Typed>(dsn, false);
}

}  // namespace bench
