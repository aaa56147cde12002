// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Repeats: columns mostly say again what they have said before (a state, a day, a price, a customer). Of
// the values of a long result that are the same bytes, one object is made, as Arrow does: less memory, and
// less time than it takes to make another. Only of immutable objects that are dearer to make than to find.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "pgstride/pybind/src/codec.hpp"

namespace pgstride::python {

class Repeats {
 public:
  /// Results below this many rows are not worth the tables.
  static constexpr int first_row = 64;

  explicit Repeats(const std::vector<const TypeCodec*>& columns);

  /// What the column's codec makes of `value`, or made of the same bytes in a row before: a new reference;
  /// null with a Python error set.
  PyObject* decode(std::size_t column, Bytes value, const TypeCodec& codec) {
    Table* table = tables_[column].get();
    if (table == nullptr || value.size() < shortest || value.size() > longest)
      return codec.decode(value, codec);
    return table->is_waste() ? give_up(column, value, codec) : table->decode(value, codec);
  }

 private:
  static constexpr std::size_t shortest = 2;  // Python has the strings of one character ready
  static constexpr std::size_t longest = 16;  // two words, which overlap when it is fewer

  struct Key {
    explicit Key(Bytes value) noexcept;
    bool operator==(const Key&) const noexcept = default;
    std::size_t place() const noexcept;

    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::size_t size = 0;
  };

  /// Of one column: a value has one place, and whoever came there last.
  class Table {
   public:
    Table() = default;
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table();

    PyObject* decode(Bytes value, const TypeCodec& codec);
    /// Asked now and then: nearly every value is another one.
    bool is_waste() const noexcept { return asked_ == window && found_ < window / 4; }

   private:
    static constexpr std::uint32_t window = 512;
    struct Entry {
      Key key{Bytes()};
      PyObject* object = nullptr;  // owned
    };
    friend struct Key;
    static constexpr int bits = 7;
    std::array<Entry, std::size_t{1} << bits> entries_;
    std::uint32_t asked_ = 0;  // in this window
    std::uint32_t found_ = 0;
  };

  PyObject* give_up(std::size_t column, Bytes value, const TypeCodec& codec);

  std::vector<std::unique_ptr<Table>> tables_;  // null: a column whose values are made one by one
};

}  // namespace pgstride::python
