// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// The server's run-time parameters, as it reports them (ParameterStatus).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgstride::inline v0 {

class Parameters {
 public:
  /// The reported value; empty when the server has not reported this parameter.
  std::string_view get(std::string_view name) const noexcept {
    for (const auto& [key, value] : entries_)
      if (key == name) return value;
    return {};
  }

  /// False when the server has reported more than any real one does (R-M3).
  [[nodiscard]] bool set(std::string_view name, std::string_view value) {
    for (auto& [key, old] : entries_) {
      if (key != name) continue;
      size_ += value.size() - old.size();
      old = value;
      return size_ <= most_bytes;
    }
    entries_.emplace_back(name, value);
    size_ += name.size() + value.size();
    return entries_.size() <= most_names && size_ <= most_bytes;
  }

  auto begin() const noexcept { return entries_.begin(); }
  auto end() const noexcept { return entries_.end(); }

 private:
  static constexpr std::size_t most_names = 512;
  static constexpr std::size_t most_bytes = 1 << 20;

  std::vector<std::pair<std::string, std::string>> entries_;  // about fifteen: a scan beats a map
  std::size_t size_ = 0;
};

}  // namespace pgstride::inline v0
