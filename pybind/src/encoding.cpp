// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/encoding.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace pgstride::python {
namespace {

struct Name {
  std::string_view server;  // in capitals, without punctuation
  const char* python;
};

constexpr std::array names{
    Name{"BIG5", "big5"},
    Name{"EUCCN", "gb2312"},
    Name{"EUCJIS2004", "euc_jis_2004"},
    Name{"EUCJP", "euc_jp"},
    Name{"EUCKR", "euc_kr"},
    Name{"GB18030", "gb18030"},
    Name{"GBK", "gbk"},
    Name{"ISO88595", "iso8859_5"},
    Name{"ISO88596", "iso8859_6"},
    Name{"ISO88597", "iso8859_7"},
    Name{"ISO88598", "iso8859_8"},
    Name{"JOHAB", "johab"},
    Name{"KOI8R", "koi8_r"},
    Name{"KOI8U", "koi8_u"},
    Name{"LATIN1", "latin_1"},
    Name{"LATIN2", "iso8859_2"},
    Name{"LATIN3", "iso8859_3"},
    Name{"LATIN4", "iso8859_4"},
    Name{"LATIN5", "iso8859_9"},
    Name{"LATIN6", "iso8859_10"},
    Name{"LATIN7", "iso8859_13"},
    Name{"LATIN8", "iso8859_14"},
    Name{"LATIN9", "iso8859_15"},
    Name{"LATIN10", "iso8859_16"},
    Name{"SHIFTJIS2004", "shift_jis"},  // as far as that goes: Python's own takes a backslash for a yen sign
    Name{"SJIS", "cp932"},              // which has all that the server has of it; shift_jis lacks a ninth
    Name{"UHC", "cp949"},
    Name{"WIN866", "cp866"},
    Name{"WIN874", "cp874"},
    Name{"WIN1250", "cp1250"},
    Name{"WIN1251", "cp1251"},
    Name{"WIN1252", "cp1252"},
    Name{"WIN1253", "cp1253"},
    Name{"WIN1254", "cp1254"},
    Name{"WIN1255", "cp1255"},
    Name{"WIN1256", "cp1256"},
    Name{"WIN1257", "cp1257"},
    Name{"WIN1258", "cp1258"},
};

/// As PostgreSQL compares names of encodings.
std::string bare(std::string_view name) {
  std::string letters;
  for (const char c : name) {
    if (c >= 'a' && c <= 'z') letters += static_cast<char>(c - 'a' + 'A');
    if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) letters += c;
  }
  return letters;
}

std::string_view content_of(const Ref& bytes) noexcept {
  return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

}  // namespace

std::shared_ptr<const TextEncoding> TextEncoding::of(std::string_view client_encoding) {
  const std::string name = bare(client_encoding);
  // SQL_ASCII is whatever it was when it was written, which is mostly this.
  if (name.empty() || name == "UTF8" || name == "UNICODE" || name == "SQLASCII") return nullptr;
  auto encoding = std::make_shared<TextEncoding>();
  const auto* known =
      std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.server == name; });
  encoding->is_known_ = known != names.end();
  encoding->codec_ = encoding->is_known_ ? known->python : "ascii";
  return encoding;
}

Ref TextEncoding::decode(std::string_view text, const char* errors) const {
  return Ref::steal(PyUnicode_Decode(text.data(), static_cast<Py_ssize_t>(text.size()), codec_, errors));
}

Ref TextEncoding::encode(PyObject* text) const {
  return Ref::steal(PyUnicode_AsEncodedString(text, codec_, nullptr));
}

Ref TextEncoding::encode_sql(PyObject* text) const {
  Ref bytes = encode(text);
  if (!bytes) return {};
  const Ref back = decode(content_of(bytes));
  if (!back) return {};
  const int same = PyObject_RichCompareBool(text, back.get(), Py_EQ);
  if (same == 0) PyErr_Format(PyExc_ValueError, "the text means something else in the encoding '%s'", codec_);
  return same == 1 ? bytes : Ref();
}

bool sql_of(PyObject* text, const TextEncoding* encoding, std::string_view& sql, Ref& keep) {
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (!utf8) return false;
  sql = {utf8, static_cast<std::size_t>(size)};
  if (!encoding) return true;
  keep = encoding->encode_sql(text);
  if (keep) sql = content_of(keep);
  return static_cast<bool>(keep);
}

std::string_view TextEncoding::in_utf8(std::string_view text, Ref& keep) const {
  keep = decode(text, "replace");
  Py_ssize_t size = 0;
  const char* utf8 = keep ? PyUnicode_AsUTF8AndSize(keep.get(), &size) : nullptr;
  if (utf8) return {utf8, static_cast<std::size_t>(size)};
  PyErr_Clear();
  return text;
}

void TextEncoding::translate(TypeInfo& info) const {
  Ref keep;
  info.name = in_utf8(info.name, keep);
  info.schema = in_utf8(info.schema, keep);
  for (TypeInfo::Attribute& attribute : info.attributes) attribute.name = in_utf8(attribute.name, keep);
}

}  // namespace pgstride::python
