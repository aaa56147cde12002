// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/codec/uuid.hpp"

#include "tests/support/golden_values.hpp"

using namespace pgstride;
using namespace pgstride::test;

BOOST_AUTO_TEST_SUITE(codec_text)

BOOST_AUTO_TEST_CASE(well_formed_utf8) {
  for (const char* hex : {"", "41", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080",
                          "f48fbfbf", "4142434445464748c3a94142434445464748"}) {
    BOOST_TEST(is_utf8(as_bytes(from_hex(hex))), hex);
  }
}

// HS-133
BOOST_AUTO_TEST_CASE(malformed_utf8) {
  for (const char* hex : {"80",
                          "bf",
                          "c0af",
                          "c1bf",
                          "c2",
                          "c241",
                          "e08080",
                          "e09fbf",
                          "eda080",
                          "edbfbf",
                          "e2",
                          "e282",
                          "e28241",
                          "f0808080",
                          "f08fbfbf",
                          "f4908080",
                          "f5808080",
                          "f8888080",
                          "ff",
                          "fe",
                          "f09f90",
                          "4142434445464748ff",
                          "41424344454647ff48"}) {
    BOOST_TEST(!is_utf8(as_bytes(from_hex(hex))), hex);
  }
}

BOOST_AUTO_TEST_CASE(invalid_text_is_refused) {  // R-P9
  std::string value;
  std::string_view view;
  const std::string bytes = from_hex("61ff");
  BOOST_TEST(!Codec<std::string>::decode(oid::text, as_bytes(bytes), value));
  BOOST_TEST(!Codec<std::string_view>::decode(oid::first_user_type, as_bytes(bytes), view));
}

BOOST_AUTO_TEST_CASE(views_point_into_what_was_read) {
  const std::string bytes = "abc";
  std::string_view text;
  BOOST_TEST(Codec<std::string_view>::decode(oid::varchar, as_bytes(bytes), text));
  BOOST_TEST(static_cast<const void*>(text.data()) == static_cast<const void*>(bytes.data()));
  Bytes raw;
  BOOST_TEST(Codec<Bytes>::decode(oid::bytea, as_bytes(bytes), raw));
  BOOST_TEST(static_cast<const void*>(raw.data()) == static_cast<const void*>(bytes.data()));
}

BOOST_AUTO_TEST_CASE(jsonb_has_a_version) {
  std::string text;
  BOOST_TEST(Codec<std::string>::decode(oid::jsonb, as_bytes("\1{}"), text));
  BOOST_TEST(text == "{}");
  BOOST_TEST(Codec<std::string>::decode(oid::json, as_bytes("{}"), text));
  BOOST_TEST(text == "{}");
  for (const std::string_view malformed : {"", "{}", "\2{}", "\xff{}"}) {
    BOOST_TEST(!Codec<std::string>::decode(oid::jsonb, as_bytes(malformed), text));
    BOOST_TEST(!Codec<std::string>::decode(oid::jsonpath, as_bytes(malformed), text));
  }
  Json json;
  BOOST_TEST(Codec<Json>::decode(oid::jsonb, as_bytes("\1[1]"), json));
  WriteBuffer out;
  Codec<Json>::encode(json, out);
  BOOST_TEST(as_text(out.pending()) == "\1[1]");
}

BOOST_AUTO_TEST_CASE(user_types_are_taken_for_text) {
  BOOST_TEST(Codec<std::string>::accepts(16384));
  BOOST_TEST(!Codec<std::string>::accepts(oid::bytea));
  BOOST_TEST(!Codec<std::string>::accepts(oid::numeric));
}

BOOST_AUTO_TEST_CASE(bytea_keeps_every_byte) {
  std::vector<std::byte> value;
  const std::string bytes = from_hex("0001ff00");
  BOOST_TEST(Codec<std::vector<std::byte>>::decode(oid::bytea, as_bytes(bytes), value));
  WriteBuffer out;
  encode_value(value, out);
  BOOST_TEST(to_hex(out.pending()) == "000000040001ff00");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(codec_uuid)

BOOST_AUTO_TEST_CASE(every_spelling) {
  const std::string canonical = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
  for (const char* spelling :
       {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"}) {
    Uuid value;
    BOOST_TEST(uuid_from_text(spelling, value), spelling);
    BOOST_TEST(to_string(value) == canonical);
  }
}

template <class T>
std::string sent(const T& value) {
  WriteBuffer out;
  encode_value(value, out);
  return to_hex(out.pending());
}

BOOST_AUTO_TEST_CASE(arrays_of_characters_end_at_their_nul_or_at_their_end) {
  char buffer[8] = "ab";
  const char code[2] = {'a', 'b'};
  BOOST_TEST(sent("ab") == "000000026162");
  BOOST_TEST(sent(buffer) == "000000026162");
  BOOST_TEST(sent(code) == "000000026162");
}

BOOST_AUTO_TEST_CASE(an_optional_of_what_is_null_is_null) {
  const std::optional<const char*> text("ab"), null(nullptr), none;
  BOOST_TEST(sent(text) == "000000026162");
  BOOST_TEST(sent(null) == "ffffffff");
  BOOST_TEST(sent(none) == "ffffffff");
  const std::optional<std::optional<const char*>> nested(null);
  BOOST_TEST(sent(nested) == "ffffffff");
}

BOOST_AUTO_TEST_CASE(no_uuid) {
  for (const char* text :
       {"", "a", "{}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g", "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
        "-a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0-eebc999c0b4ef8bb6d6bb9bd380a11"}) {
    Uuid value;
    BOOST_TEST(!uuid_from_text(text, value), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()
