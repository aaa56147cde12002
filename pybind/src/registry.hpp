// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Which codec a type has on one connection: the user's own, the built-in one, or one made from what
// the catalogs say. It never asks the server itself: it tells what should be asked (exchange.hpp).
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "pgstride/protocol/type_info.hpp"
#include "pgstride/pybind/src/codec.hpp"
#include "pgstride/pybind/src/encoding.hpp"
#include "pgstride/pybind/src/python.hpp"

namespace pgstride::python {

/// What the catalogs were asked and have answered. The connections of a pool may share one.
class TypeCatalog {
 public:
  /// Null for types that do not exist, or were not asked for.
  const TypeInfo* find(Oid type) const noexcept;
  bool was_asked(Oid type) const noexcept { return types_.contains(type); }
  void add(std::span<const Oid> asked, std::vector<TypeInfo> found);
  /// Something was created, altered or dropped: nothing is known any more.
  void clear() noexcept;
  /// Changes whenever what was known may have become wrong.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  std::unordered_map<Oid, std::unique_ptr<TypeInfo>> types_;  // null: there is none
  std::uint64_t generation_ = 0;
};

class Registry {
 public:
  /// `plain` is a registry without the user's codecs, for what cannot do with them; null: this is one.
  explicit Registry(Registry* plain = nullptr);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  const std::shared_ptr<TypeCatalog>& catalog() const noexcept { return catalog_; }
  void share(const std::shared_ptr<TypeCatalog>& catalog) noexcept;

  /// Adds to `unknown` the types that only the server can explain.
  void note_unknown(Oid type, std::vector<Oid>& unknown) const;

  /// The codec of a type that is not unknown (any other is text); null with a Python error set.
  CodecRef find(Oid type);
  /// What a value that names its own type is read with: always binary. Null when there is none; when
  /// the server was not asked yet, the type is kept for take_missing(). A Python error may be set.
  CodecRef find_binary(Oid type);
  /// The unknown types that values were met of.
  std::vector<Oid> take_missing() noexcept { return std::exchange(missing_, {}); }
  bool has_missing() const noexcept { return !missing_.empty(); }

  /// The user's own codec, in place of any other; null takes it away. Codecs made of it are made anew.
  void set_user_codec(Oid type, CodecRef codec);
  /// As if the user had no codecs; for making one that stands on another. It reads and writes UTF-8.
  CodecRef find_without_user(Oid type) { return plain().find_utf8(type); }
  /// What a codec of the user's for this type stands on: the same, but the parts of a composite type are read and
  /// written as they are elsewhere.
  CodecRef find_base(Oid type);

  /// How text is sent and read; null is UTF-8.
  const std::shared_ptr<const TextEncoding>& encoding() const noexcept { return encoding_; }
  void set_encoding(const std::shared_ptr<const TextEncoding>& encoding);

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  Registry& plain() noexcept { return plain_ ? *plain_ : *this; }
  void follow_catalog();
  /// As find(), of what reads and writes UTF-8; its parts are find()'s.
  CodecRef find_utf8(Oid type);
  /// What it makes tuples of was made for another encoding.
  bool is_outdated(const TypeCodec& user_codec) const noexcept;
  CodecRef find_user_codec(Oid type, CodecRef& codec);
  template <class Make>
  CodecRef one_deeper(Oid type, Make make);
  CodecRef make(Oid type, const TypeCodec* builtin);
  CodecRef make_from(const TypeInfo& info);
  CodecRef find_base_of(const TypeInfo& domain);
  CodecRef in_binary_as_well(Oid type, const CodecRef& as_text);
  CodecRef make_binary_array(const CodecRef& as_text);
  CodecRef make_array(const TypeCodec& like, const TypeInfo* info, Oid element);
  CodecRef make_composite(const TypeInfo& info);
  /// `builtin` is the range's as it is, or null.
  CodecRef make_range(const TypeInfo& info, const TypeCodec* builtin);

  Registry* plain_;
  std::shared_ptr<TypeCatalog> catalog_;
  std::shared_ptr<const TextEncoding> encoding_;
  std::uint64_t generation_ = 0;  // of the catalog that made_ was made from
  std::unordered_map<Oid, CodecRef> user_;
  std::unordered_map<Oid, CodecRef> made_;
  std::vector<Oid> missing_;
  TypeCodec record_;  // anonymous records and arrays of any type, which look types up here
  TypeCodec any_array_;
  int depth_ = 0;
};

/// For a value that says itself of which type it is. Always in binary: what a user reads as text came in
/// binary all the same. The registry may be null.
CodecRef codec_of_binary(Oid type, Registry* registry);

}  // namespace pgstride::python
