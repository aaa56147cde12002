// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// libpqxx as its users write it: prepared statements outside a transaction block, values from text.
#include <bit>
#include <charconv>
#include <map>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <tuple>

#include "pgstride/bench/client.hpp"
#include "pgstride/bench/records.hpp"

namespace bench {
namespace {

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + at, text.data() + at + count, value);
  return value;
}

// "2026-01-01 00:00:07.000011+00"; the fraction may be shorter, or missing.
std::int64_t microseconds(std::string_view text) {
  using namespace std::chrono;
  const auto day = year(digits(text, 0, 4)) / digits(text, 5, 2) / digits(text, 8, 2);
  std::int64_t fraction = 0;
  if (text[19] == '.') {
    std::int64_t unit = 100'000;
    for (std::size_t i = 20; text[i] >= '0' && text[i] <= '9'; ++i, unit /= 10)
      fraction += (text[i] - '0') * unit;
  }
  const auto time = sys_days(day) + hours(digits(text, 11, 2)) + minutes(digits(text, 14, 2)) +
                    seconds(digits(text, 17, 2));
  return time.time_since_epoch() / 1us + fraction;
}

// To base 10000, as the binary form has them; two decimals are one such digit.
std::int64_t sum_of_digits(std::string_view numeric) {
  const std::size_t point = numeric.size() - 3;
  std::int64_t sum = digits(numeric, point + 1, 2) * 100, whole = digits(numeric, 0, point);
  for (; whole > 0; whole /= 10'000) sum += whole % 10'000;
  return sum;
}

int byte(std::string_view hex) {
  int value = 0;
  std::from_chars(hex.data(), hex.data() + 2, value, 16);
  return value;
}

void read_row(RowKind kind, const pqxx::row& row, Digest& digest) {
  ++digest.rows;
  digest.add(row[0].as<int>());
  if (kind == RowKind::single_int) return;
  digest.add(microseconds(row[1].c_str()));
  const auto text = row[2].as<std::string>();
  digest.add(static_cast<std::int64_t>(text.size()) + text.back());
  digest.add(std::bit_cast<std::int64_t>(row[3].as<double>()));
  digest.add(sum_of_digits(row[4].c_str()));
  const std::string_view uuid = row[5].c_str();
  digest.add(byte(uuid) + byte(uuid.substr(34)));
}

class Libpqxx final : public Client {
 public:
  explicit Libpqxx(const std::string& dsn) : connection_(dsn) {}

  std::optional<Digest> run(const Work& work) override {
    switch (work.kind) {
      case Kind::rows: return ask(work);
      case Kind::copy_in: return copy_in(work);
      default: return std::nullopt;  // no pool; its pipeline takes no arguments; COPY of tables only
    }
  }

 private:
  Digest ask(const Work& work) {
    Digest digest;
    const std::string name = prepared(work.sql);
    for (int i = 0; i < work.count; ++i) {
      digest = Digest();
      pqxx::nontransaction transaction(connection_);
      const pqxx::result result =
          work.argument ? transaction.exec_prepared(name, *work.argument) : transaction.exec_prepared(name);
      for (const pqxx::row& row : result) read_row(work.row, row, digest);
    }
    return digest;
  }

  Digest copy_in(const Work& work) {
    static const std::vector<Record> records = make_records();
    Digest digest;
    for (int i = 0; i < work.count; ++i) {
      pqxx::work transaction(connection_);
      transaction.exec(make_table(work));
      pqxx::stream_to stream(transaction, "copied");
      char at[] = "2026-01-01 00:00:00.000000+00";
      for (int copied = 0; copied < copied_rows; copied += static_cast<int>(records.size())) {
        for (const Record& record : records) {
          at[23] = static_cast<char>('0' + record.id / 100);
          at[24] = static_cast<char>('0' + record.id / 10 % 10);
          at[25] = static_cast<char>('0' + record.id % 10);
          stream << std::make_tuple(record.id, record.name, record.x, std::string(at));
        }
      }
      stream.complete();
      transaction.commit();
    }
    if (work.check) {
      pqxx::nontransaction transaction(connection_);
      const pqxx::row row = transaction.exec1("select count(*), sum(hashtext(c::text))::int8 from copied c");
      digest.rows = row[0].as<std::uint64_t>();
      digest.sum = static_cast<std::uint64_t>(row[1].as<std::int64_t>());
    }
    return digest;
  }

  const std::string& prepared(const std::string& sql) {
    const auto [known, is_new] = names_.try_emplace(sql, "statement_" + std::to_string(names_.size()));
    if (is_new) connection_.prepare(known->second, sql);
    return known->second;
  }

  pqxx::connection connection_;
  std::map<std::string, std::string> names_;
};

}  // namespace

std::unique_ptr<Client> make_libpqxx(const std::string& dsn) { return std::make_unique<Libpqxx>(dsn); }

}  // namespace bench
