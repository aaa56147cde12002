// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The result of a query: its rows, kept as they came, and how it ended. Independent values, which may
// outlive the query, the statement and the connection.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgstride/driver/row_arena.hpp"
#include "pgstride/driver/row_view.hpp"
#include "pgstride/protocol/error.hpp"
#include "pgstride/protocol/row.hpp"

namespace pgstride::inline v0 {

using Notice = std::shared_ptr<const ServerError>;

/// How commands ended, in the server's words. What its functions refer to lives as long as it.
class Completion {
 public:
  Completion() = default;

  /// Of the last command: "INSERT 0 5"; empty when there was none.
  const std::string& tag() const noexcept { return tag_; }
  /// Without its numbers: "INSERT".
  std::string_view command() const noexcept { return CommandTag(tag_).command(); }
  /// -1 when the command has no such number.
  std::int64_t affected_rows() const noexcept { return CommandTag(tag_).rows(); }
  /// Of a script: the tags of the commands before the last one.
  const std::vector<std::string>& earlier_tags() const noexcept { return earlier_; }

  /// The notices (NOTICE, WARNING, …) that the server sent while it ran this.
  const std::vector<Notice>& notices() const noexcept { return notices_; }

  void add(CommandTag tag);
  /// Dropped when there is no memory for it.
  void add(const Notice& notice) noexcept;

 private:
  std::vector<Notice> notices_;
  std::string tag_;
  std::vector<std::string> earlier_;
  bool any_ = false;
};

/// A row of a Result, valid as long as that.
class Row final : public RowView {
 public:
  using RowView::RowView;
};

class Result {
 public:
  class iterator;

  Result() = default;
  Result(std::shared_ptr<const Columns> columns, RowArena rows, Completion completion) noexcept
      : columns_(std::move(columns)), rows_(std::move(rows)), completion_(std::move(completion)) {}

  std::size_t size() const noexcept { return rows_.size(); }
  bool empty() const noexcept { return size() == 0; }
  const Columns& columns() const noexcept;

  // Rows point into the Result, so a temporary one does not give any.
  Row operator[](std::size_t i) const& noexcept { return Row(rows_[i], *columns_); }
  Row operator[](std::size_t) const&& = delete;
  iterator begin() const& noexcept;
  iterator end() const& noexcept;
  iterator begin() const&& = delete;
  iterator end() const&& = delete;
  /// The first row. Throws Error when there is none.
  Row front() const& {
    require_row();
    return (*this)[0];
  }
  Row front() const&& = delete;

  /// The first column of the first row. Throws Error when there is none.
  template <Decodable T>
  T value() const& {
    return front().get<T>(0);
  }
  template <Decodable T>
  T value() const&& {
    static_assert(!is_view<T>, "this would point into a Result that is gone; name the Result first");
    return value<T>();
  }

  const Completion& completion() const noexcept { return completion_; }
  const std::string& tag() const noexcept { return completion_.tag(); }
  std::string_view command() const noexcept { return completion_.command(); }
  std::int64_t affected_rows() const noexcept { return completion_.affected_rows(); }
  const std::vector<Notice>& notices() const noexcept { return completion_.notices(); }

 private:
  void require_row() const;

  std::shared_ptr<const Columns> columns_;
  RowArena rows_;
  Completion completion_;
};

class Result::iterator {
 public:
  using value_type = Row;
  using difference_type = std::ptrdiff_t;
  using reference = Row;
  using iterator_category = std::input_iterator_tag;  // as C++17 counts: its reference is a value
  using iterator_concept = std::random_access_iterator_tag;

  iterator() = default;
  iterator(const Result& result, std::size_t at) noexcept : result_(&result), at_(at) {}

  Row operator*() const noexcept { return (*result_)[at_]; }
  Row operator[](difference_type n) const noexcept { return *(*this + n); }
  iterator& operator++() noexcept { return *this += 1; }
  iterator operator++(int) noexcept { return iterator(*result_, at_++); }
  iterator& operator--() noexcept { return *this -= 1; }
  iterator operator--(int) noexcept { return iterator(*result_, at_--); }
  iterator& operator+=(difference_type n) noexcept {
    at_ += static_cast<std::size_t>(n);
    return *this;
  }
  iterator& operator-=(difference_type n) noexcept { return *this += -n; }
  friend iterator operator+(iterator it, difference_type n) noexcept { return it += n; }
  friend iterator operator+(difference_type n, iterator it) noexcept { return it += n; }
  friend iterator operator-(iterator it, difference_type n) noexcept { return it -= n; }
  friend difference_type operator-(const iterator& a, const iterator& b) noexcept {
    return static_cast<difference_type>(a.at_ - b.at_);
  }
  friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }
  friend auto operator<=>(const iterator& a, const iterator& b) noexcept { return a.at_ <=> b.at_; }

 private:
  const Result* result_ = nullptr;
  std::size_t at_ = 0;
};

inline Result::iterator Result::begin() const& noexcept { return {*this, 0}; }
inline Result::iterator Result::end() const& noexcept { return {*this, size()}; }

}  // namespace pgstride::inline v0
