// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Text in another client_encoding than UTF-8: whatever is text as a whole goes through a str.
#include <algorithm>

#include "pgstride/protocol/ascii.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/derived.hpp"

namespace pgstride::python {
namespace {

const TranscodedCodec& of(const TypeCodec& codec) noexcept {
  return static_cast<const TranscodedCodec&>(codec);
}

PyObject* decode_transcoded(Bytes bytes, const TypeCodec& codec) {
  const TypeCodec& base = *of(codec).base;
  if (is_ascii(bytes)) return base.decode(bytes, base);
  const Ref text = of(codec).encoding->decode(as_text(bytes));
  Py_ssize_t size = 0;
  const char* utf8 = text ? PyUnicode_AsUTF8AndSize(text.get(), &size) : nullptr;
  return utf8 ? base.decode(as_bytes({utf8, static_cast<std::size_t>(size)}), base) : nullptr;
}

bool encode_transcoded(PyObject* object, WriteBuffer& out, const TypeCodec& codec) {
  const TypeCodec& base = *of(codec).base;
  WriteBuffer utf8;
  if (!base.encode(object, utf8, base)) return false;
  const Ref text = Ref::steal(make_text(utf8.pending()));
  const Ref bytes = text ? of(codec).encoding->encode(text.get()) : Ref();
  if (!bytes) return false;
  out.text({PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))});
  return true;
}

bool is_text(const TypeCodec& codec) noexcept {
  if (codec.decode == decode_transcoded) return false;  // a domain's is its base type's
  return codec.format == Format::text || codec.decode == decode_text || codec.decode == decode_versioned_text;
}

CodecRef transcoded_hstore(const CodecRef& codec, const std::shared_ptr<const TextEncoding>& encoding) {
  auto made = std::make_shared<DerivedCodec>();
  static_cast<TypeCodec&>(*made) = *codec;
  made->parts = {codec, transcoded({CodecRef(), codec->element}, encoding)};
  made->element = made->parts.back().get();
  return made;
}

}  // namespace

CodecRef transcoded(CodecRef codec, const std::shared_ptr<const TextEncoding>& encoding) {
  if (codec->decode == decode_hstore) return transcoded_hstore(codec, encoding);
  if (!is_text(*codec)) return codec;
  auto made = std::make_shared<TranscodedCodec>();
  static_cast<TypeCodec&>(*made) = *codec;
  made->decode = decode_transcoded;
  if (made->encode != nullptr) made->encode = encode_transcoded;
  made->base = std::move(codec);
  made->encoding = encoding;
  return made;
}

}  // namespace pgstride::python
