// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Queries whose rows become C++ objects while they lie in the receive buffer. What does not fit is
// reported once, before the first row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/query.hpp"
#include "pgstride/driver/row_type.hpp"

namespace pgstride::inline v0 {

/// Throws the Error about a result of the wrong size.
[[noreturn]] void refuse_row_count(const char* found, std::string_view sql);

/// What becomes of the rows: all of them, the only one, one or none.
template <class T>
struct AllRows {
  using Result = std::vector<T>;
  void add(const RowReader<T>& reader, Bytes values) {
    if (rows.size() == rows.capacity()) grow();
    if constexpr (std::is_same_v<typename Result::reference, T&>) {
      reader.read(values, rows.emplace_back());
    } else {
      rows.push_back(reader.read(values));  // std::vector<bool>
    }
  }
  Result take(std::string_view) { return std::move(rows); }

  std::vector<T> rows;

 private:
  // Fourfold, as long as that is not much: what a vector has outgrown was touched for the first time, and moved, as
  // well, and what it does not use of its memory costs nothing.
  void grow() {
    const std::size_t size = rows.capacity();
    rows.reserve(size == 0 ? 1 : size * (size * sizeof(T) < (32U << 20) ? 4 : 2));
  }
};

template <class T>
struct AtMostOneRow {
  using Result = std::optional<T>;
  void add(const RowReader<T>& reader, Bytes values) {
    if (++found == 1) reader.read(values, row);
  }
  Result take(std::string_view sql) {
    if (found > 1) refuse_row_count("more than one row", sql);
    return found == 1 ? Result(std::move(row)) : std::nullopt;
  }

  T row{};
  std::uint64_t found = 0;
};

template <class T>
struct OneRow : AtMostOneRow<T> {
  using Result = T;
  Result take(std::string_view sql) {
    if (this->found != 1) refuse_row_count(this->found == 0 ? "no row" : "more than one row", sql);
    return std::move(this->row);
  }
};

/// co_await → what `Rows` makes of the rows, each of them a T.
template <class T, class Rows>
class [[nodiscard]] TypedQuery final : ResultSink, public BoundExecute, public Request<TypedQuery<T, Rows>> {
 public:
  TypedQuery(Channel& channel, StatementRef statement, const Arguments& arguments)
      : BoundExecute(channel, std::move(statement), &arguments, this) {
    static_assert(
        !detail::has_view<T>(),
        "std::string_view and Bytes would point into the receive buffer, where the row does not stay; "
        "read std::string, or keep the Result of query() and look at its rows");
    submit();
  }

 private:
  friend Request<TypedQuery>;
  void on_columns(const Columns& columns) override {
    name_query([&] { reader_.bind(columns); });
  }
  bool on_row(DataRow row) override {
    name_query([&] { rows_.add(reader_, row.rest()); });
    return true;
  }
  bool keeps_rows() const noexcept override { return true; }
  void on_complete(CommandTag tag) override { completion_.add(tag); }
  std::string_view tag() const noexcept override { return completion_.tag(); }
  typename Rows::Result take() {
    check(sql());
    return rows_.take(sql());
  }

  RowReader<T> reader_;
  Rows rows_;
  Completion completion_;
};

template <class T, class Look>
using EachAs = Each<Look, RowReader<T>>;
template <class T>
using QueryAs = TypedQuery<T, AllRows<T>>;
template <class T>
using QueryOne = TypedQuery<T, OneRow<T>>;
template <class T>
using QueryOptional = TypedQuery<T, AtMostOneRow<T>>;

}  // namespace pgstride::inline v0
