// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Every row of tests/golden/values.tsv, which a server wrote: our reading of the binary form, shown as
// text, is the server's text; what we write for what we read are the server's bytes.
#include <arpa/inet.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/array_value.hpp"
#include "pgstride/protocol/codec/bits.hpp"
#include "pgstride/protocol/codec/chrono.hpp"
#include "pgstride/protocol/codec/composite.hpp"
#include "pgstride/protocol/codec/geometry.hpp"
#include "pgstride/protocol/codec/net.hpp"
#include "pgstride/protocol/codec/numeric.hpp"
#include "pgstride/protocol/codec/range.hpp"
#include "pgstride/protocol/codec/scalar.hpp"
#include "pgstride/protocol/codec/system.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/codec/uuid.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

namespace {

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  ((out += parts), ...);
  return out;
}

/// As the server shows floating point: shortest digits, an exponent from 10^limit on.
template <class Float>
std::string float_text(Float value, int limit) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char buffer[512];
  const auto scientific = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  std::string text(buffer, scientific.ptr);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  if (exponent < -4 || exponent >= limit) return text;
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  return {buffer, fixed.ptr};
}
std::string float_text(double value) { return float_text(value, 15); }

std::string point_text(const Point& p) { return concat("(", float_text(p.x), ",", float_text(p.y), ")"); }

std::string points_text(const PointsView& points, WriteBuffer& out) {
  std::string text;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i > 0) text += ',';
    text += point_text(points[i]);
    write_point(out, points[i]);
  }
  return text;
}

std::string inet_text(const InetView& value) {
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(value.is_ipv6() ? AF_INET6 : AF_INET, value.address.data(), buffer, sizeof buffer);
  std::string text = buffer;
  if (value.is_cidr || !value.is_host()) text += concat("/", std::to_string(value.prefix_length));
  return text;
}

std::string quoted(std::string_view text, std::string_view special, std::string_view escape_of_quote) {
  if (!text.empty() && text.find_first_of(special) == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += escape_of_quote;
    if (c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string array_item(std::string_view text, char delimiter) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (upper == "NULL") return concat("\"", std::string(text), "\"");
  return quoted(text, std::string("\"\\{} \t\n\r\v\f") + delimiter, "\\");
}

/// Reads one value with our views and Codecs, shows it and writes it again. False: it was refused.
bool transcode(Oid type, Bytes in, std::string& text, WriteBuffer& out);

template <class T, class Show>
bool through_codec(Oid type, Bytes in, std::string& text, WriteBuffer& out, Show show) {
  T value{};
  if (!Codec<T>::accepts(type) || !Codec<T>::decode(type, in, value)) return false;
  text += show(value);
  Codec<T>::encode(value, out);
  return true;
}

bool transcode_array(Oid type, Bytes in, std::string& text, WriteBuffer& out) {
  ArrayView array;
  if (!array.parse(in) || array.element_type() != element_of(type)) return false;
  const auto dimensions = array.dimensions();
  ArrayWriter again(out, array.element_type(), dimensions);
  ArrayElements elements(array);
  const char delimiter = array.element_type() == oid::box ? ';' : ',';
  std::vector<std::string> items;
  for (std::size_t i = 0; i < array.count(); ++i) {
    const Field element = elements.next();
    if (element.null) {
      items.push_back("NULL");
      again.null();
      continue;
    }
    std::string item;
    ValueLength length(out);
    if (!transcode(array.element_type(), element.bytes, item, out)) return false;
    items.push_back(array_item(item, delimiter));
  }
  if (!elements.done()) return false;

  if (type == oid::int2vector || type == oid::oidvector) {
    for (std::size_t i = 0; i < items.size(); ++i) text += concat(i > 0 ? " " : "", items[i]);
    return true;
  }
  bool ordinary = true;
  std::string bounds;
  for (const auto& d : dimensions) {
    ordinary = ordinary && d.lower_bound == 1;
    bounds +=
        concat("[", std::to_string(d.lower_bound), ":", std::to_string(d.lower_bound + d.size - 1), "]");
  }
  if (!ordinary) text += bounds + "=";
  if (items.empty()) {
    text += "{}";
    return true;
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    // Brace for each dimension that begins, and later ends, at this element.
    std::size_t size = 1;
    std::string opening, closing;
    for (auto d = dimensions.rbegin(); d != dimensions.rend(); ++d) {
      size *= static_cast<std::size_t>(d->size);
      if (i % size == 0) opening += '{';
      if ((i + 1) % size == 0) closing += '}';
    }
    if (i > 0) text += delimiter;
    text += opening + items[i] + closing;
  }
  return true;
}

bool transcode_range(Oid bound_type, const RangeView& range, std::string& text, WriteBuffer& out) {
  write_range_header(out, range);
  if (range.empty) {
    text += "empty";
    return true;
  }
  const auto bound = [&](bool present, Bytes bytes) {
    if (!present) return true;
    std::string shown;
    ValueLength length(out);
    if (!transcode(bound_type, bytes, shown, out)) return false;
    text += quoted(shown, "\"\\()[], \t\n", "\"");
    return true;
  };
  text += range.lower_inclusive ? '[' : '(';
  if (!bound(range.has_lower, range.lower)) return false;
  text += ',';
  if (!bound(range.has_upper, range.upper)) return false;
  text += range.upper_inclusive ? ']' : ')';
  return true;
}

bool transcode_multirange(Oid range_type, Bytes in, std::string& text, WriteBuffer& out) {
  MultirangeView ranges;
  if (!ranges.parse(in)) return false;
  write_multirange_header(out, ranges.count());
  text += '{';
  for (std::size_t i = 0; i < ranges.count(); ++i) {
    if (i > 0) text += ',';
    RangeView range;
    ValueLength length(out);
    if (!ranges.next(range) || !transcode_range(find_builtin_type(range_type)->element, range, text, out))
      return false;
  }
  text += '}';
  return ranges.done();
}

bool transcode_record(Bytes in, std::string& text, WriteBuffer& out) {
  CompositeView record;
  if (!record.parse(in)) return false;
  write_composite_header(out, record.count());
  text += '(';
  for (std::size_t i = 0; i < record.count(); ++i) {
    const auto [type, value] = record.next();
    if (i > 0) text += ',';
    out.u32(type);
    if (value.null) {
      out.i32(-1);
      continue;
    }
    std::string shown;
    ValueLength length(out);
    if (!transcode(type, value.bytes, shown, out)) return false;
    text += quoted(shown, "\"\\(), \t\n", "\"");
  }
  text += ')';
  return record.done();
}

bool transcode_snapshot(Bytes in, std::string& text, WriteBuffer& out) {
  SnapshotView snapshot;
  if (!parse_snapshot(in, snapshot)) return false;
  write_snapshot_header(out, snapshot.size(), snapshot.xmin, snapshot.xmax);
  text += concat(std::to_string(snapshot.xmin), ":", std::to_string(snapshot.xmax), ":");
  for (std::size_t i = 0; i < snapshot.size(); ++i) {
    text += concat(i > 0 ? "," : "", std::to_string(snapshot[i]));
    out.i64(snapshot[i]);
  }
  return true;
}

std::string lsn_text(std::uint64_t lsn) {
  char buffer[18];
  std::snprintf(buffer, sizeof buffer, "%X/%X", static_cast<unsigned>(lsn >> 32), static_cast<unsigned>(lsn));
  return buffer;
}

bool transcode(Oid type, Bytes in, std::string& text, WriteBuffer& out) {
  const auto number = [](auto value) { return std::to_string(value); };
  const auto lsn = [](FullTransactionId value) { return lsn_text(value.value); };
  const BuiltinType* known = find_builtin_type(type);
  if (known == nullptr) return false;
  if (known->kind == TypeKind::array) return transcode_array(type, in, text, out);
  if (known->kind == TypeKind::multirange) return transcode_multirange(known->element, in, text, out);
  if (known->kind == TypeKind::range) {
    RangeView range;
    return parse_range(in, range) && transcode_range(known->element, range, text, out);
  }
  if (is_text(type) || is_versioned_text(type)) {
    std::string_view value;
    if (!parse_text(type, in, value)) return false;
    text += value;
    is_text(type) ? out.text(value) : write_versioned_text(out, value);
    return true;
  }
  switch (type) {
    case oid::bool_: return through_codec<bool>(type, in, text, out, [](bool v) { return v ? "t" : "f"; });
    case oid::int2: return through_codec<std::int16_t>(type, in, text, out, number);
    case oid::int4: return through_codec<std::int32_t>(type, in, text, out, number);
    case oid::int8: return through_codec<std::int64_t>(type, in, text, out, number);
    case oid::oid:
    case oid::xid:
    case oid::cid: return through_codec<std::uint32_t>(type, in, text, out, number);
    case oid::xid8:
      return through_codec<FullTransactionId>(type, in, text, out, [&](auto v) { return number(v.value); });
    case oid::pg_lsn: return through_codec<FullTransactionId>(oid::xid8, in, text, out, lsn);  // as many bits
    case oid::float4:
      return through_codec<float>(type, in, text, out, [](float v) { return float_text(v, 6); });
    case oid::float8:
      return through_codec<double>(type, in, text, out, [](double v) { return float_text(v); });
    case oid::numeric: return through_codec<Numeric>(type, in, text, out, [](auto& v) { return v.text(); });
    case oid::bytea:
      return through_codec<Bytes>(type, in, text, out, [](Bytes v) { return concat("\\x", to_hex(v)); });
    case oid::uuid: return through_codec<Uuid>(type, in, text, out, [](auto& v) { return to_string(v); });
    case oid::time: return through_codec<Time>(type, in, text, out, time_to_text);
    case oid::timetz: return through_codec<TimeTz>(type, in, text, out, timetz_to_text);
    case oid::interval: return through_codec<Interval>(type, in, text, out, interval_to_text);
    case oid::point: return through_codec<Point>(type, in, text, out, point_text);
    case oid::line:
      return through_codec<Line>(type, in, text, out, [](const Line& v) {
        return concat("{", float_text(v.a), ",", float_text(v.b), ",", float_text(v.c), "}");
      });
    case oid::lseg:
      return through_codec<Segment>(type, in, text, out, [](const Segment& v) {
        return concat("[", point_text(v.from), ",", point_text(v.to), "]");
      });
    case oid::box:
      return through_codec<Box>(type, in, text, out,
                                [](const Box& v) { return point_text(v.high) + "," + point_text(v.low); });
    case oid::circle:
      return through_codec<Circle>(type, in, text, out, [](const Circle& v) {
        return concat("<", point_text(v.center), ",", float_text(v.radius), ">");
      });
    case oid::tid:
      return through_codec<TupleId>(type, in, text, out, [](const TupleId& v) {
        return concat("(", std::to_string(v.block), ",", std::to_string(v.offset), ")");
      });
    case oid::macaddr:
    case oid::macaddr8:
      text += to_hex(in, ":");
      out.bytes(in);
      return true;
    case oid::pg_snapshot:
    case oid::txid_snapshot: return transcode_snapshot(in, text, out);
    case oid::record: return transcode_record(in, text, out);
  }
  if (type == oid::date) {
    std::int32_t days = 0;
    if (!parse_date(in, days)) return false;
    text += date_to_text(days);
    write_date(out, days);
    return true;
  }
  if (type == oid::timestamp || type == oid::timestamptz) {
    std::int64_t micros = 0;
    if (!parse_timestamp(in, micros)) return false;
    text += type == oid::timestamp ? timestamp_to_text(micros) : timestamptz_to_text(micros);
    write_timestamp(out, micros);
    return true;
  }
  if (type == oid::inet || type == oid::cidr) {
    InetView value;
    if (!parse_inet(in, value)) return false;
    text += inet_text(value);
    write_inet(out, value);
    return true;
  }
  if (type == oid::bit || type == oid::varbit) {
    BitsView value;
    if (!parse_bits(in, value)) return false;
    for (std::size_t i = 0; i < value.count; ++i) text += value.bit(i) ? '1' : '0';
    write_bits(out, value);
    return true;
  }
  if (type == oid::path) {
    PathView path;
    if (!parse_path(in, path)) return false;
    write_path_header(out, path.closed, path.points.size());
    const std::string points = points_text(path.points, out);
    text += path.closed ? concat("(", points, ")") : concat("[", points, "]");
    return true;
  }
  if (type == oid::polygon) {
    PointsView points;
    if (!parse_polygon(in, points)) return false;
    write_polygon_header(out, points.size());
    text += concat("(", points_text(points, out), ")");
    return true;
  }
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_golden)

BOOST_AUTO_TEST_CASE(binary_to_text_and_back) {
  const auto rows = read_golden_values();
  BOOST_REQUIRE_GT(rows.size(), 300);
  std::set<Oid> types;
  for (const GoldenValue& row : rows) {
    BOOST_TEST_CONTEXT(row.type_name << " " << row.text) {
      types.insert(row.type);
      BOOST_TEST(type_name(row.type) == row.type_name);
      std::string text;
      WriteBuffer again;
      BOOST_TEST(transcode(row.type, as_bytes(row.binary), text, again));
      BOOST_TEST(text == row.text);
      BOOST_TEST(!again.failed());
      BOOST_TEST(to_hex(again.pending()) == to_hex(as_bytes(row.binary)));
    }
  }
  BOOST_TEST(types.size() > 80);
}

BOOST_AUTO_TEST_CASE(a_value_cut_short_or_with_a_byte_too_many_is_refused) {
  for (const GoldenValue& row : read_golden_values()) {
    // Their bytes have no length of their own to be checked against.
    if (is_text(row.type) || row.type == oid::bytea || row.type == oid::macaddr || row.type == oid::macaddr8)
      continue;
    BOOST_TEST_CONTEXT(row.type_name << " " << row.text) {
      for (std::size_t size = 0; size < row.binary.size(); ++size) {
        if (is_versioned_text(row.type) && size > 0) continue;
        std::string text;
        WriteBuffer again;
        BOOST_TEST(!transcode(row.type, as_bytes(row.binary).first(size), text, again));
      }
      if (is_versioned_text(row.type)) continue;
      std::string text;
      WriteBuffer again;
      BOOST_TEST(!transcode(row.type, as_bytes(row.binary + '\0'), text, again));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
