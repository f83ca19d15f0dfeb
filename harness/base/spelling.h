#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ring3::harness {

// The one of `known` that `word` was probably meant to be: the nearest by letters added, left out,
// changed or swapped with their neighbour (Damerau), if that is at most a third of the word; empty
// when none is.
std::string_view nearest_word(std::string_view word, std::span<const std::string> known);

}  // namespace ring3::harness
