// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/pybind/src/registry.hpp"

#include <algorithm>
#include <utility>

#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/pybind/src/codecs/conversions.hpp"
#include "pgstride/pybind/src/codecs/derived.hpp"
#include "pgstride/pybind/src/codecs/user.hpp"
#include "pgstride/pybind/src/failure.hpp"
#include "pgstride/pybind/src/record.hpp"

namespace pgstride::python {
namespace {

constexpr int deepest_type = 64;  // types that consist of types that consist of …

/// Not owned: it lives for ever, or as long as the registry.
CodecRef refer_to(const TypeCodec& codec) { return {CodecRef(), &codec}; }

void describe(DerivedCodec& codec, const TypeInfo& info, const char* kind) {
  codec.type = info.oid;
  codec.own_name = info.name;
  codec.own_schema = info.schema;
  codec.name = codec.own_name.c_str();
  codec.schema = codec.own_schema.c_str();
  codec.kind = kind;
  codec.delimiter = info.delimiter;
}

/// A range or composite is only known in binary, so its parts must be.
CodecRef refuse_text_part(const TypeInfo& info, const char* kind) {
  const Ref module = Ref::steal(PyImport_ImportModule("pgstride._failures"));
  Ref error = module ? Ref::steal(PyObject_CallMethod(module.get(), "text_part", "sss", info.schema.c_str(),
                                                      info.name.c_str(), kind))
                     : Ref();
  if (error) restore_error(std::move(error));
  return nullptr;
}

PyObject* decode_unversioned(Bytes bytes, const TypeCodec& codec) {
  Bytes text;
  if (!parse_versioned_text(bytes, text)) return malformed(bytes, codec);
  const CodecRef& as_text = static_cast<const DerivedCodec&>(codec).parts.front();
  return as_text->decode(text, *as_text);
}

/// Reads what stands behind a version in binary as its text.
CodecRef unversioned(const CodecRef& as_text) {
  auto codec = std::make_shared<DerivedCodec>();
  static_cast<TypeCodec&>(*codec) = *as_text;
  codec->format = Format::binary;
  codec->decode = decode_unversioned;
  codec->encode = nullptr;
  codec->parts = {as_text};
  return codec;
}

/// The Python error that is set says so.
bool is_unsupported() {
  const KeepError keep;
  const Ref type = exception_type("UnsupportedClientFeatureError");
  return type && keep.matches(type.get());
}

Ref tuple_of_names(const std::vector<TypeInfo::Attribute>& attributes) {
  Ref names = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(attributes.size())));
  for (std::size_t i = 0; names && i < attributes.size(); ++i) {
    const std::string& text = attributes[i].name;
    PyObject* name = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
    if (name == nullptr) return {};
    PyUnicode_InternInPlace(&name);
    PyTuple_SET_ITEM(names.get(), static_cast<Py_ssize_t>(i), name);
  }
  return names;
}

}  // namespace

// --- TypeCatalog --------------------------------------------------------------------------------

const TypeInfo* TypeCatalog::find(Oid type) const noexcept {
  const auto entry = types_.find(type);
  return entry != types_.end() ? entry->second.get() : nullptr;
}

void TypeCatalog::add(std::span<const Oid> asked, std::vector<TypeInfo> found) {
  try {
    for (const Oid type : asked) types_.try_emplace(type);
    for (TypeInfo& info : found) {
      std::unique_ptr<TypeInfo>& entry = types_[info.oid];
      entry = std::make_unique<TypeInfo>(std::move(info));
    }
  } catch (...) {  // no memory: half of it would be taken for all there is
    clear();
    throw;
  }
}

void TypeCatalog::clear() noexcept {
  types_.clear();
  ++generation_;
}

// --- Registry -----------------------------------------------------------------------------------

Registry::Registry(Registry* plain)
    : plain_(plain),
      catalog_(plain ? plain->catalog_ : std::make_shared<TypeCatalog>()),
      record_(*find_codec(oid::record)),
      any_array_(*find_codec(oid::anyarray)) {
  record_.registry = any_array_.registry = this;
}

void Registry::share(const std::shared_ptr<TypeCatalog>& catalog) noexcept {
  catalog_ = catalog;
  generation_ = catalog->generation();
  made_.clear();
  if (plain_) plain_->share(catalog);
}

void Registry::note_unknown(Oid type, std::vector<Oid>& unknown) const {
  if (find_codec(type) != nullptr || catalog_->was_asked(type)) return;
  if (const auto codec = user_.find(type); codec != user_.end() && !is_outdated(*codec->second)) return;
  if (std::find(unknown.begin(), unknown.end(), type) == unknown.end()) unknown.push_back(type);
}

CodecRef Registry::find(Oid type) {
  CodecRef codec = find_utf8(type);
  return encoding_ && codec ? transcoded(std::move(codec), encoding_) : codec;
}

CodecRef Registry::find_utf8(Oid type) {
  follow_catalog();
  if (const auto codec = user_.find(type); codec != user_.end()) return find_user_codec(type, codec->second);
  if (type == oid::record) return refer_to(record_);
  if (type == oid::anyarray) return refer_to(any_array_);
  if (const auto codec = made_.find(type); codec != made_.end()) return codec->second;
  const TypeCodec* builtin = find_codec(type);
  // Nothing that is built in stands on what is not, unless the user has put something there.
  if (builtin != nullptr && builtin->element == nullptr) return refer_to(*builtin);
  CodecRef codec = one_deeper(type, [&] { return make(type, builtin); });
  // Nobody has asked for a type: what stands for it is not to last until somebody does.
  if (codec && (builtin != nullptr || catalog_->was_asked(type))) made_.emplace(type, codec);
  return codec;
}

// A catalog may say that a type is a part of itself.
template <class Make>
CodecRef Registry::one_deeper(Oid type, Make make) {
  if (depth_ == deepest_type) {
    PyErr_Format(PyExc_RecursionError, "the type with OID %u is nested too deeply", unsigned{type});
    return nullptr;
  }
  struct Level {
    explicit Level(int& d) noexcept : depth(d) { ++depth; }
    ~Level() { --depth; }
    int& depth;
  };
  const Level deeper(depth_);
  return make();
}

CodecRef Registry::find_binary(Oid type) {
  std::vector<Oid> unknown;
  note_unknown(type, unknown);
  if (!unknown.empty()) {
    missing_.push_back(type);
    return nullptr;
  }
  CodecRef codec = find(type);
  if (codec && codec->format == Format::binary) return codec;
  PyErr_Clear();
  if (codec && std::string_view(codec->kind) == "array") return make_binary_array(codec);
  if (CodecRef own = codec ? in_binary_as_well(type, codec) : nullptr) return own;
  codec = plain().find(type);
  if (!codec || codec->format == Format::binary) return codec;
  // It is asked for as text, but came in binary: for many of these types, citext say, that is the same.
  if (std::string_view(codec->kind) == "array") return make_binary_array(codec);
  if (!is_text(type) || std::string_view(codec->kind) != "scalar") return nullptr;
  return encoding_ ? transcoded(refer_to(text_codec()), encoding_) : refer_to(text_codec());
}

// The user's function for a type's text can do with what comes in binary where that is the text: json, say.
CodecRef Registry::in_binary_as_well(Oid type, const CodecRef& as_text) {
  const CodecRef utf8 = find_utf8(type);
  const UserCodec* user = utf8 ? as_user_codec(*utf8) : nullptr;
  if (user == nullptr || user->base->format == Format::text) return nullptr;
  if (user->base->decode == decode_text) return as_text;
  return user->base->decode == decode_versioned_text ? unversioned(as_text) : nullptr;
}

CodecRef Registry::make_binary_array(const CodecRef& as_text) {
  const CodecRef element = find_binary(as_text->element->type);
  if (!element) return nullptr;
  auto codec = std::make_shared<DerivedCodec>();
  static_cast<TypeCodec&>(*codec) = *as_text;
  codec->format = Format::binary;
  codec->decode = decode_array;
  codec->encode = nullptr;
  codec->element = element.get();
  codec->parts = {element, as_text};  // whose name it has
  return codec;
}

CodecRef Registry::find_base(Oid type) {
  const TypeInfo* info = catalog_->find(type);
  const bool is_composite = info != nullptr && info->kind == TypeInfo::Kind::composite;
  if (!is_composite) return find_without_user(type);
  return one_deeper(type, [&] { return make_composite(*info); });
}

void Registry::set_user_codec(Oid type, CodecRef codec) {
  made_.clear();
  if (codec) {
    user_[type] = std::move(codec);
  } else {
    user_.erase(type);
  }
}

void Registry::set_encoding(const std::shared_ptr<const TextEncoding>& encoding) {
  encoding_ = encoding;
  made_.clear();
  if (plain_) plain_->set_encoding(encoding);
}

bool Registry::is_outdated(const TypeCodec& codec) const noexcept {
  const UserCodec* user = as_user_codec(codec);
  return user != nullptr && user->exchange == UserCodec::Exchange::tuple && user->encoding != encoding_;
}

CodecRef Registry::find_user_codec(Oid type, CodecRef& codec) {
  if (!is_outdated(*codec)) return codec;
  const CodecRef base = find_base(type);
  if (!base || !has_tuple_form(*base)) return base ? codec : nullptr;
  const UserCodec& user = *as_user_codec(*codec);
  return codec = make_user_codec(base, user.exchange, user.encoder.get(), user.decoder.get(), encoding_);
}

void Registry::follow_catalog() {
  if (generation_ == catalog_->generation()) return;
  generation_ = catalog_->generation();
  made_.clear();
}

CodecRef Registry::make(Oid type, const TypeCodec* builtin) {
  if (builtin != nullptr && std::string_view(builtin->kind) == "array") {
    const CodecRef element = find(builtin->element->type);
    if (!element) return nullptr;
    if (element.get() == builtin->element) return refer_to(*builtin);
    return make_array(*builtin, nullptr, element->type);
  }
  if (builtin != nullptr) {
    TypeInfo info;
    info.oid = type;
    info.name = builtin->name;
    info.schema = builtin->schema;
    info.part = builtin->element->type;
    const bool is_range = std::string_view(builtin->kind) == "range";
    info.kind = is_range ? TypeInfo::Kind::range : TypeInfo::Kind::multirange;
    return make_range(info, builtin);
  }
  const TypeInfo* info = catalog_->find(type);
  return info != nullptr ? make_from(*info) : refer_to(text_codec());
}

CodecRef Registry::make_from(const TypeInfo& info) {
  switch (info.kind) {
    case TypeInfo::Kind::domain: return find_base_of(info);
    case TypeInfo::Kind::composite: return make_composite(info);
    case TypeInfo::Kind::range:
    case TypeInfo::Kind::multirange: return make_range(info, nullptr);
    case TypeInfo::Kind::array: return make_array(text_codec(), &info, info.part);
    case TypeInfo::Kind::enumeration:
    case TypeInfo::Kind::base:
    case TypeInfo::Kind::pseudo: break;
  }
  auto codec = std::make_shared<DerivedCodec>();
  describe(*codec, info, "scalar");
  codec->format = info.kind == TypeInfo::Kind::enumeration ? Format::binary : Format::text;
  codec->decode = decode_text;
  codec->encode = encode_text;
  return codec;
}

// Past a domain of domains there may be a codec for the one in between: that is for its own values.
CodecRef Registry::find_base_of(const TypeInfo& domain) {
  const TypeInfo* base = catalog_->find(domain.part);
  if (base == nullptr || base->kind != TypeInfo::Kind::domain) return find(domain.part);
  return one_deeper(base->oid, [&] { return find_base_of(*base); });
}

CodecRef Registry::make_array(const TypeCodec& like, const TypeInfo* info, Oid element_type) {
  CodecRef element = find(element_type);
  const bool is_binary = element && element->format == Format::binary;
  if (element && !is_binary) element = find_utf8(element_type);  // its text is part of the array's
  if (!element) return nullptr;
  auto codec = std::make_shared<DerivedCodec>();
  static_cast<TypeCodec&>(*codec) = like;
  if (info != nullptr) {
    describe(*codec, *info, "array");
    const TypeInfo* known = catalog_->find(element_type);  // a domain's name is its own, its codec is not
    codec->own_name = (known != nullptr ? known->name : element->name) + std::string("[]");
    codec->name = codec->own_name.c_str();
  }
  codec->format = element->format;
  codec->decode = is_binary ? decode_array : decode_array_literal;
  codec->encode = element->encode == nullptr ? nullptr : is_binary ? encode_array : encode_array_literal;
  codec->element = element.get();
  codec->atomic = false;
  codec->parts = {element};
  return codec;
}

CodecRef Registry::make_composite(const TypeInfo& info) {
  auto codec = std::make_shared<CompositeCodec>();
  describe(*codec, info, "composite");
  for (const TypeInfo::Attribute& attribute : info.attributes) {
    const CodecRef part = find(attribute.type);
    if (!part) return nullptr;
    if (part->format == Format::text) return refuse_text_part(info, "composite");
    codec->types.push_back(attribute.type);
    codec->parts.push_back(part);
  }
  codec->decode = decode_composite;
  codec->encode = encode_composite;
  codec->atomic = false;
  codec->names = tuple_of_names(info.attributes);
  if (codec->names) codec->layout = make_layout(codec->names.get(), false);
  return codec->layout ? codec : nullptr;
}

CodecRef Registry::make_range(const TypeInfo& info, const TypeCodec* builtin) {
  const bool is_range = info.kind == TypeInfo::Kind::range;
  const CodecRef part = find(info.part);
  // A multirange is refused for the same reason as its range, but by its own name.
  if (!part && (is_range || !is_unsupported())) return nullptr;
  if (!part) {
    PyErr_Clear();
    return refuse_text_part(info, "range");
  }
  if (builtin != nullptr && part.get() == builtin->element) return refer_to(*builtin);
  if (part->format == Format::text) return refuse_text_part(info, "range");
  auto codec = std::make_shared<DerivedCodec>();
  describe(*codec, info, is_range ? "range" : "multirange");
  codec->decode = is_range ? decode_range : decode_multirange;
  codec->encode = is_range ? encode_range : encode_multirange;
  codec->element = part.get();
  codec->atomic = false;
  codec->parts = {part};
  return codec;
}

int Registry::traverse(visitproc visit, void* arg) const {
  for (const auto& [type, codec] : user_) {
    const UserCodec* user = as_user_codec(*codec);
    if (!user) continue;
    if (const int stop = user->encoder.visit(visit, arg)) return stop;
    if (const int stop = user->decoder.visit(visit, arg)) return stop;
  }
  return 0;
}

void Registry::clear() noexcept {
  made_.clear();
  user_.clear();
}

CodecRef codec_of_binary(Oid type, Registry* registry) {
  if (registry != nullptr) return registry->find_binary(type);
  const TypeCodec* codec = find_codec(type);
  return {CodecRef(), codec != nullptr && codec->format == Format::binary ? codec : nullptr};
}

}  // namespace pgstride::python
