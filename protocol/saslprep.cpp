// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
#include "pgstride/protocol/saslprep.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgstride/protocol/ascii.hpp"
#include "pgstride/protocol/codec/text.hpp"
#include "pgstride/protocol/saslprep_table.hpp"

namespace pgstride::inline v0 {
namespace {

using saslprep_table::Treatment;
using CodePoints = std::vector<char32_t, WipingAllocator<char32_t>>;

/// `text` is_utf8().
CodePoints decode_utf8(std::string_view text) {
  CodePoints codes;
  codes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    const std::size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t code = more == 0 ? lead : lead & (0x3FU >> more);
    for (std::size_t i = 0; i < more; ++i)
      code = (code << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
    codes.push_back(code);
  }
  return codes;
}

Secret encode_utf8(const CodePoints& codes) {
  std::string text;
  text.reserve(4 * codes.size());  // so that it never grows and leaves a part of the secret behind
  const auto put = [&text](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  for (const char32_t code : codes) {
    if (code < 0x80) {
      put(code);
      continue;
    }
    if (code < 0x800) {
      put(0xC0U | (code >> 6U));
    } else {
      if (code < 0x10000) {
        put(0xE0U | (code >> 12U));
      } else {
        put(0xF0U | (code >> 18U));
        put(0x80U | ((code >> 12U) & 0x3FU));
      }
      put(0x80U | ((code >> 6U) & 0x3FU));
    }
    put(0x80U | (code & 0x3FU));
  }
  return Secret(std::move(text));
}

/// The run that `code` is in: the last one that does not begin after it; null before the first.
template <class Run>
const Run* find_run(std::span<const Run> runs, char32_t code) noexcept {
  const auto after = std::upper_bound(runs.begin(), runs.end(), code,
                                      [](char32_t wanted, const Run& run) { return wanted < run.first; });
  return after == runs.begin() ? nullptr : &*(after - 1);
}

Treatment treatment(char32_t code) noexcept {
  return static_cast<Treatment>(find_run(saslprep_table::treatments, code)->treatment);
}

unsigned combining_class(char32_t code) noexcept {
  return find_run(saslprep_table::combining_classes, code)->combining_class;
}

namespace hangul {

constexpr char32_t syllables = 0xAC00, leads = 0x1100, vowels = 0x1161, tails = 0x11A7;
constexpr char32_t lead_count = 19, vowel_count = 21, tail_count = 28;

bool is_syllable(char32_t code) noexcept {
  return code >= syllables && code - syllables < lead_count * vowel_count * tail_count;
}

void decompose(char32_t syllable, CodePoints& out) {
  const char32_t index = syllable - syllables;
  out.push_back(leads + index / (vowel_count * tail_count));
  out.push_back(vowels + index / tail_count % vowel_count);
  if (index % tail_count != 0) out.push_back(tails + index % tail_count);
}

/// The syllable made of both, or 0.
char32_t compose(char32_t first, char32_t second) noexcept {
  if (first >= leads && first - leads < lead_count && second >= vowels && second - vowels < vowel_count)
    return syllables + ((first - leads) * vowel_count + (second - vowels)) * tail_count;
  if (is_syllable(first) && (first - syllables) % tail_count == 0 && second > tails &&
      second - tails < tail_count)
    return first + (second - tails);
  return 0;
}

}  // namespace hangul

void decompose(char32_t code, CodePoints& out) {
  if (hangul::is_syllable(code)) return hangul::decompose(code, out);
  const auto* run = find_run(saslprep_table::decompositions, code);
  if (run == nullptr || code - run->first >= run->count) return out.push_back(code);
  const auto text =
      saslprep_table::decomposed.subspan(run->offset + (code - run->first) * run->length, run->length);
  out.insert(out.end(), text.begin(), text.end());
}

/// The one character that stands for both, or 0.
char32_t compose(char32_t first, char32_t second) noexcept {
  const auto found = std::lower_bound(
      saslprep_table::compositions.begin(), saslprep_table::compositions.end(), second,
      [first](const saslprep_table::Composition& composition, char32_t wanted) {
        return composition.first != first ? composition.first < first : composition.second < wanted;
      });
  if (found != saslprep_table::compositions.end() && found->first == first && found->second == second)
    return found->composite;
  return hangul::compose(first, second);
}

/// Sorts each row of combining marks by class. By insertion, since std::stable_sort would leave a
/// copy of the secret in memory that nobody wipes.
void order_marks(CodePoints& codes) {
  for (std::size_t i = 1; i < codes.size(); ++i) {
    const char32_t code = codes[i];
    const unsigned own_class = combining_class(code);
    if (own_class == 0) continue;
    std::size_t at = i;
    for (; at > 0 && combining_class(codes[at - 1]) > own_class; --at) codes[at] = codes[at - 1];
    codes[at] = code;
  }
}

void compose_in_place(CodePoints& codes) {
  if (codes.empty()) return;
  std::size_t starter = 0;
  std::size_t end = 1;
  unsigned class_before = 0;  // of what stands between the starter and here; 0 when nothing does
  for (std::size_t i = 1; i < codes.size(); ++i) {
    const char32_t code = codes[i];
    const unsigned own_class = combining_class(code);
    const bool adjacent = end == starter + 1;
    if (adjacent || class_before < own_class) {
      if (const char32_t composite = compose(codes[starter], code); composite != 0) {
        codes[starter] = composite;
        continue;
      }
    }
    if (own_class == 0) starter = end;
    class_before = own_class;
    codes[end++] = code;
  }
  codes.resize(end);
}

CodePoints normalize_nfkc(const CodePoints& codes) {
  CodePoints out;
  out.reserve(codes.size());
  for (const char32_t code : codes) decompose(code, out);
  order_marks(out);
  compose_in_place(out);
  return out;
}

/// RFC 4013 §2.1; false when nothing is left.
bool map(CodePoints& codes) {
  std::size_t kept = 0;
  for (const char32_t code : codes) {
    const Treatment how = treatment(code);
    if (how != Treatment::to_nothing) codes[kept++] = how == Treatment::to_space ? U' ' : code;
  }
  codes.resize(kept);
  return kept > 0;
}

/// RFC 4013 §2.3 to §2.5.
bool is_acceptable(const CodePoints& codes) {
  bool left_to_right = false;
  bool right_to_left = false;
  for (const char32_t code : codes) {
    switch (treatment(code)) {
      case Treatment::prohibit: return false;
      case Treatment::left_to_right: left_to_right = true; break;
      case Treatment::right_to_left: right_to_left = true; break;
      default: break;
    }
  }
  if (!right_to_left) return true;
  return !left_to_right && treatment(codes.front()) == Treatment::right_to_left &&
         treatment(codes.back()) == Treatment::right_to_left;
}

}  // namespace

Secret saslprep(const Secret& password) {
  const std::string_view text = password.reveal();
  if (is_ascii(as_bytes(text)) || !is_utf8(as_bytes(text))) return password;
  CodePoints codes = decode_utf8(text);
  if (!map(codes)) return password;
  // PostgreSQL looks for prohibited characters before it normalizes, the RFC after. The server's
  // stored keys were made PostgreSQL's way, so that is the way here.
  if (!is_acceptable(codes)) return password;
  return encode_utf8(normalize_nfkc(codes));
}

}  // namespace pgstride::inline v0
