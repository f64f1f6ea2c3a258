#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

/// The number that the bits of half precision stand for.
inline float halfValue(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16, exponent = (bits >> 10) & 31, fraction = bits & 0x3ff;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  const uint32_t word = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// The bits of the half precision number nearest to a finite value, ties to even.
inline uint16_t halfBits(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  const uint16_t sign = (word >> 16) & 0x8000;
  const float magnitude = std::fabs(value);
  if (!(magnitude < 65520.0f)) return sign | 0x7c00;
  if (magnitude < 0x1p-14f) return sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f));
  word &= 0x7fffffff;
  word += 0xfff + ((word >> 13) & 1);
  return sign | static_cast<uint16_t>((word >> 13) - (112 << 10));
}
