// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Values on their way into a Bind. The input chooses their types and what they are; a reader that shares
// nothing with the writer must find the same values in the message, and a value that its type cannot hold
// must end the writing there, without anything of it left. What is beyond 4 GiB is unit/test_write_buffer's.
// Proves FZ-5.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgstride/driver/stored_arguments.hpp"
#include "pgstride/protocol/codec/array_literal.hpp"
#include "pgstride/protocol/codec/chrono.hpp"
#include "pgstride/protocol/codec/geometry.hpp"
#include "pgstride/protocol/codec/numeric.hpp"
#include "pgstride/protocol/codec/range_value.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/codec/uuid.hpp"
#include "pgstride/protocol/frontend.hpp"

#include "tests/support/dice.hpp"
#include "tests/support/require.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

// --- what is drawn --------------------------------------------------------------------------------

std::uint64_t any_bits(Dice& dice) {
  std::uint64_t bits = 0;
  switch (dice.roll(4)) {
    case 0: return dice.roll(256);
    case 1: return ~std::uint64_t{dice.roll(256)};  // near zero from below, and near the largest
    case 2: return (std::uint64_t{1} << dice.roll(64)) - dice.roll(3);
    default:
      for (int i = 0; i < 8; ++i) bits = bits << 8 | dice.roll(256);
      return bits;
  }
}

template <class T>
T any_number(Dice& dice) {
  return static_cast<T>(any_bits(dice));
}
template <>
double any_number(Dice& dice) {
  return std::bit_cast<double>(any_bits(dice));
}
template <>
float any_number(Dice& dice) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(any_bits(dice)));
}
template <>
bool any_number(Dice& dice) {
  return dice.roll(2) == 1;
}

std::string any_text(Dice& dice) {
  std::string text(dice.roll(24), ' ');
  for (char& c : text) c = static_cast<char>(dice.roll(256));
  return text;
}

Numeric any_numeric(Dice& dice) {
  std::string digits(1 + dice.roll(40), '0');
  for (char& c : digits) c = "0123456789.e-"[dice.roll(13)];
  return Numeric::from_text(digits).value_or(Numeric(any_number<std::int64_t>(dice)));
}

template <class T>
std::vector<T> some(Dice& dice, const std::function<T(Dice&)>& draw) {
  std::vector<T> values(dice.roll(5));
  for (T& value : values) value = draw(dice);
  return values;
}

template <class T>
std::optional<T> perhaps(Dice& dice, const std::function<T(Dice&)>& draw) {
  return dice.roll(4) == 0 ? std::nullopt : std::optional<T>(draw(dice));
}

template <class T>
Range<T> any_range(Dice& dice, const std::function<T(Dice&)>& draw) {
  if (dice.roll(8) == 0) return Range<T>::make_empty();
  Range<T> range(perhaps(dice, draw), perhaps(dice, draw));
  range.lower_inclusive = range.lower && dice.roll(2) == 0;
  range.upper_inclusive = range.upper && dice.roll(2) == 0;
  return range;
}

// --- what is expected -----------------------------------------------------------------------------

/// One value: how it is written, and whether what was read is the same.
struct Value {
  Oid type;
  Format format;
  bool may_be_refused;  // its type does not hold all values of the C++ type
  std::function<void(WriteBuffer&)> write;
  std::function<bool(const Field&)> is_same;
};

// Not a number is not itself, but its bytes are.
template <class T>
bool same(const T& one, const T& other) {
  WriteBuffer first, second;
  encode_value(one, first);
  encode_value(other, second);
  return as_text(first.pending()) == as_text(second.pending()) && (one == other || !(one == one));
}

enum class Holds { all, some };

template <class T>
Value a_value(T value, Holds holds = Holds::all) {
  return {Codec<T>::oid, Codec<T>::format, holds == Holds::some,
          [value](WriteBuffer& out) { encode_value(value, out); },
          [value](const Field& field) {
            T again{};
            return decode_value(Codec<T>::oid, field, again) && same(value, again);
          }};
}

Value a_text(std::string text) {
  return {Codec<std::string>::oid, Codec<std::string>::format, false,
          [text](WriteBuffer& out) { encode_value(text, out); },
          [text](const Field& field) { return !field.null && as_text(field.bytes) == text; }};
}

Value some_texts(std::vector<std::optional<std::string>> texts) {
  using Texts = std::vector<std::optional<std::string>>;
  return {
      Codec<Texts>::oid, Codec<Texts>::format, false, [texts](WriteBuffer& out) { encode_value(texts, out); },
      [texts](const Field& field) {
        ArrayLiteralReader literal(as_text(field.bytes), ',');
        if (literal.next() != LiteralToken::open) return false;
        for (const auto& text : texts) {
          const LiteralToken token = literal.next();
          if (text ? token != LiteralToken::element || literal.text() != *text : token != LiteralToken::null)
            return false;
        }
        return literal.next() == LiteralToken::close && literal.next() == LiteralToken::end;
      }};
}

Value any_value(Dice& dice) {
  using std::chrono::microseconds;
  const std::function int4 = any_number<std::int32_t>;
  const std::function int8 = any_number<std::int64_t>;
  switch (dice.roll(26)) {
    case 0: return a_value(any_number<bool>(dice));
    case 1: return a_value(any_number<std::int16_t>(dice));
    case 2: return a_value(int4(dice));
    case 3: return a_value(int8(dice));
    case 4: return a_value(any_number<std::uint32_t>(dice));
    case 5: return a_value(any_number<std::uint64_t>(dice), Holds::some);
    case 6: return a_value(any_number<float>(dice));
    case 7: return a_value(any_number<double>(dice));
    case 8: return a_text(any_text(dice));
    case 9:
      return some_texts(some<std::optional<std::string>>(
          dice, [](Dice& from) { return perhaps<std::string>(from, any_text); }));
    case 10: return a_value(Json(std::string(dice.roll(40), '1')));
    case 11: {
      const std::string text = any_text(dice);
      const Bytes bytes = as_bytes(text);
      return a_value(std::vector<std::byte>(bytes.begin(), bytes.end()));
    }
    case 12: {
      Uuid uuid;
      for (std::byte& byte : uuid.bytes) byte = static_cast<std::byte>(dice.roll(256));
      return a_value(uuid);
    }
    case 13: return a_value(std::chrono::sys_days(std::chrono::days(int4(dice))), Holds::some);
    case 14: return a_value(std::chrono::sys_time<microseconds>(microseconds(int8(dice))), Holds::some);
    case 15: return a_value(std::chrono::local_time<microseconds>(microseconds(int8(dice))), Holds::some);
    case 16: return a_value(Time{int8(dice)}, Holds::some);
    case 17: return a_value(TimeTz{int8(dice), int4(dice)}, Holds::some);
    case 18: return a_value(Interval{int4(dice), int4(dice), int8(dice)}, Holds::some);
    case 19: return a_value(Point{any_number<double>(dice), any_number<double>(dice)});
    case 20: return a_value(any_numeric(dice));
    case 21: return a_value(any_range<std::int32_t>(dice, int4));
    case 22:
      return a_value(Multirange<Numeric>(
          some<Range<Numeric>>(dice, [](Dice& from) { return any_range<Numeric>(from, any_numeric); })));
    case 23:
      return a_value(
          some<std::optional<std::int64_t>>(dice, [&](Dice& from) { return perhaps(from, int8); }));
    case 24:
      return a_value(some<Range<std::int64_t>>(dice, [&](Dice& from) { return any_range(from, int8); }));
    default: return a_value(perhaps(dice, int4));
  }
}

/// Types that are known only now.
struct DrawnTypes {
  explicit DrawnTypes(const std::vector<Value>& values) {
    for (const Value& value : values) {
      oids.push_back(value.type);
      parameters.push_back({TypeName(), "a value", value.format});
    }
    types = {oids, parameters.data(), false};
  }
  DrawnTypes(const DrawnTypes&) = delete;
  DrawnTypes& operator=(const DrawnTypes&) = delete;

  std::vector<Oid> oids;
  std::vector<Parameter> parameters;
  ParameterTypes types{};
};

class Drawn final : public Arguments {
 public:
  /// Both outlive the arguments.
  Drawn(const DrawnTypes& drawn, const std::vector<Value>& values)
      : Arguments(drawn.types, &write_drawn), values_(values) {}

 private:
  static std::size_t write_drawn(const Arguments& self, WriteBuffer& out) {
    std::size_t written = 0;
    for (const Value& value : static_cast<const Drawn&>(self).values_) {
      value.write(out);
      if (out.failed()) break;
      ++written;
    }
    return written;
  }

  const std::vector<Value>& values_;
};

// --- reading it again -----------------------------------------------------------------------------

/// As a server reads a message, and on its own: no part of pgstride helps.
class Wire {
 public:
  explicit Wire(Bytes bytes) : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

  std::string_view take(std::size_t count) {
    require(count <= text_.size());
    const std::string_view taken = text_.substr(0, count);
    text_.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    for (const char c : take(static_cast<std::size_t>(bytes)))
      value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view string() {
    const std::string_view found = take(text_.find('\0'));
    require(take(1) == std::string_view("\0", 1));
    return found;
  }
  std::size_t left() const { return text_.size(); }

 private:
  std::string_view text_;
};

void read_bind(Bytes message, std::string_view portal, std::string_view statement,
               const std::vector<Value>& values) {
  Wire wire(message);
  require(wire.take(1) == "B");
  require(wire.number(4) == wire.left() + 4);
  require(wire.string() == portal && wire.string() == statement);
  require(wire.number(2) == values.size());
  for (const Value& value : values) require(wire.number(2) == (value.format == Format::binary ? 1 : 0));
  require(wire.number(2) == values.size());
  for (const Value& value : values) {
    const std::uint64_t length = wire.number(4);
    Field field;
    field.null = length == 0xffffffff;
    if (!field.null) field.bytes = as_bytes(wire.take(length));
    require(value.is_same(field));
  }
  require(wire.number(2) == 1 && wire.number(2) == 1 && wire.left() == 0);
}

void write_bind(const Arguments& arguments, std::string_view portal, std::string_view statement,
                WriteBuffer& out) {
  const Message message(out, 'B');
  out.cstr(portal);
  out.cstr(statement);
  out.u16(static_cast<std::uint16_t>(arguments.size()));
  for (std::size_t i = 0; i < arguments.size(); ++i)
    out.i16(static_cast<std::int16_t>(arguments.types().parameters[i].format));
  out.u16(static_cast<std::uint16_t>(arguments.size()));
  require(arguments.write(out) == arguments.size());
  frontend::all_binary(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteDice dice({reinterpret_cast<const std::byte*>(data), size});
  const std::string portal(dice.roll(3), 'p');
  const std::string statement(dice.roll(3), 's');
  std::vector<Value> values(dice.roll(6), Value{});
  for (Value& value : values) value = any_value(dice);

  // What cannot be sent ends the writing, there.
  WriteBuffer scratch;
  const std::size_t written = Drawn(DrawnTypes(values), values).write(scratch);
  require(scratch.take_failure() == (written < values.size()));
  if (written < values.size()) {
    require(values[written].may_be_refused);
    values.resize(written);
  }

  const DrawnTypes types(values);
  const Drawn drawn(types, values);
  WriteBuffer out;
  out.text("before");
  const std::uint64_t begin = out.position();
  write_bind(drawn, portal, statement, out);
  require(!out.failed());
  read_bind(out.pending().subspan(6), portal, statement, values);

  // What is stored for later is what would have been written at once.
  const StoredArguments stored(drawn, nullptr);
  const std::uint64_t second = out.position();
  write_bind(stored, portal, statement, out);
  const Bytes both = out.pending().subspan(static_cast<std::size_t>(begin));
  require(as_text(both.subspan(static_cast<std::size_t>(second - begin))) ==
          as_text(both.first(static_cast<std::size_t>(second - begin))));
  return 0;
}
