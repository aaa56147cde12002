// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/driver/argument_list.hpp"

#include <utility>
#include <vector>

#include "pgstride/driver/exception.hpp"

namespace pgstride::inline v0 {

struct ArgumentList::Values {
  /// Encoded when it is sent: its place is in front of what is at `position` of the others.
  struct Kept {
    std::size_t index;  // of the argument
    std::uint64_t position;
    std::shared_ptr<const void> value;
    void (*encode)(const void* value, WriteBuffer& out);
  };

  void add(const Given& given) {
    const detail::ArgumentKind& kind = *given.kind;
    const std::size_t index = types.size();
    types.add(kind.oid, kind.parameter);
    if (kind.copy != nullptr) {
      kept.push_back({index, encoded.position(), kind.copy(given.value), kind.encode_one});
      return;
    }
    kind.encode_one(given.value, encoded);
    if (encoded.failed()) raise(unsendable_argument(types.types(), index, encoded));
  }
  /// Takes back what was added since there were so many, which ended there.
  void truncate(std::size_t size, std::uint64_t position) noexcept {
    types.truncate(size);
    while (!kept.empty() && kept.back().index >= size) kept.pop_back();
    encoded.truncate(position);
    encoded.take_failure();
  }

  ParameterTypeList types;
  WriteBuffer encoded;
  std::vector<Kept> kept;
};

ArgumentList::ArgumentList() = default;
ArgumentList::ArgumentList(ArgumentList&&) noexcept = default;
ArgumentList& ArgumentList::operator=(ArgumentList&&) noexcept = default;
ArgumentList::~ArgumentList() = default;

std::size_t ArgumentList::size() const noexcept { return values_ ? values_->types.size() : 0; }

ParameterTypes ArgumentList::types() const noexcept {
  return values_ ? values_->types.types() : ParameterTypes::of<>();
}

std::string ArgumentList::add_all(std::span<const Given> given) {
  if (given.size() > most_arguments - size())
    throw Error(Errc::invalid_argument, "a query takes " + std::to_string(most_arguments) +
                                            " arguments at most, and " +
                                            std::to_string(size() + given.size()) + " would be in the list");
  if (!values_) values_ = std::make_unique<Values>();
  const std::size_t before = size();
  const std::uint64_t position = values_->encoded.position();
  std::string placeholders;
  try {
    for (const Given& one : given) {
      values_->add(one);
      placeholders += (placeholders.empty() ? "$" : ", $") + std::to_string(size());
    }
  } catch (...) {
    values_->truncate(before, position);
    throw;
  }
  return placeholders;
}

std::size_t ArgumentList::write(WriteBuffer& out) const {
  if (!values_) return 0;
  const Bytes encoded = values_->encoded.pending();
  std::size_t written = 0;  // bytes
  for (const Values::Kept& kept : values_->kept) {
    const auto position = static_cast<std::size_t>(kept.position);
    out.append(encoded.subspan(written, position - written));
    written = position;
    kept.encode(kept.value.get(), out);
    if (out.failed()) return kept.index;
  }
  out.append(encoded.subspan(written));
  return size();
}

}  // namespace pgstride::inline v0
