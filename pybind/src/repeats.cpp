// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/repeats.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "pgstride/pybind/src/codecs/conversions.hpp"

namespace pgstride::python {
namespace {

/// What these make cannot be changed, and takes longer to make than to find.
constexpr TypeCodec::Decode dear[] = {
    decode_text, decode_numeric,   decode_uuid,        decode_date,
    decode_time, decode_timestamp, decode_timestamptz, decode_interval,
};

template <class Word>
std::uint64_t load(const std::byte* p) noexcept {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace

Repeats::Key::Key(Bytes value) noexcept : size(value.size()) {
  const std::byte* first = value.data();
  const std::byte* end = first + size;
  if (size >= 8) {
    head = load<std::uint64_t>(first);
    tail = load<std::uint64_t>(end - 8);
  } else if (size >= 4) {
    head = load<std::uint32_t>(first);
    tail = load<std::uint32_t>(end - 4);
  } else if (size >= 2) {
    head = load<std::uint16_t>(first);
    tail = load<std::uint16_t>(end - 2);
  }
}

// Fibonacci hashing: the upper bits depend on all of them.
std::size_t Repeats::Key::place() const noexcept {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  const std::uint64_t mixed = (head * golden) ^ (tail + size);
  return static_cast<std::size_t>((mixed * golden) >> (64 - Table::bits));
}

Repeats::Table::~Table() {
  for (const Entry& entry : entries_) Py_XDECREF(entry.object);
}

PyObject* Repeats::Table::decode(Bytes value, const TypeCodec& codec) {
  if (asked_ == window) asked_ = found_ = 0;
  ++asked_;
  const Key key(value);
  Entry& entry = entries_[key.place()];
  if (entry.key == key) {
    ++found_;
    return Py_NewRef(entry.object);
  }
  PyObject* made = codec.decode(value, codec);
  if (made == nullptr) return nullptr;
  Py_XSETREF(entry.object, Py_NewRef(made));
  entry.key = key;
  return made;
}

Repeats::Repeats(const std::vector<const TypeCodec*>& columns) : tables_(columns.size()) {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (std::find(std::begin(dear), std::end(dear), columns[i]->decode) != std::end(dear))
      tables_[i] = std::make_unique<Table>();
}

PyObject* Repeats::give_up(std::size_t column, Bytes value, const TypeCodec& codec) {
  tables_[column].reset();
  return codec.decode(value, codec);
}

}  // namespace pgstride::python
