// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// COPY's binary format: a signature, tuples that look like the bodies of DataRows, and a trailer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pgstride/protocol/bytes.hpp"
#include "pgstride/protocol/write_buffer.hpp"

namespace pgstride::inline v0 {

/// Begins the data. Each tuple is then its number of fields as u16, and the fields, each with its length
/// or the length −1 that means NULL.
void write_copy_header(WriteBuffer& out);
/// Ends the data.
void write_copy_trailer(WriteBuffer& out);

/// Finds the tuples in data that come cut anywhere. Everything is checked (R-Y3); nothing is sized by
/// what the data announce.
class BinaryCopyReader {
 public:
  enum class Next : std::uint8_t {
    tuple,
    more,       // feed() is to be called
    malformed,  // final
  };

  /// Tuples have this many fields.
  explicit BinaryCopyReader(std::size_t columns) noexcept : columns_(columns) {}

  /// More data, which stay where they are until next() has asked for more.
  void feed(Bytes data);
  /// A tuple as DataRow takes it, valid until feed().
  Next next(Bytes& tuple);
  /// The trailer has come. Data that end without it are not complete.
  bool complete() const noexcept { return state_ == State::complete; }

 private:
  enum class State : std::uint8_t { signature, extension, tuples, complete, malformed };

  bool read_header();
  Next read_tuple(Bytes& tuple);
  Next wait();
  Next refuse() noexcept;

  std::size_t columns_;
  Bytes in_;                       // not yet read
  std::vector<std::byte> pieces_;  // what in_ looks into when a tuple came in several
  std::size_t extension_ = 0;      // bytes left of it
  State state_ = State::signature;
};

}  // namespace pgstride::inline v0
