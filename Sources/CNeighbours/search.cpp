#include <algorithm>
#include <limits>
#include <queue>
#include <thread>
#include <vector>

#include "cneighbours.h"
#include "half.h"

// A query is compared with keys of a byte a number first, which is a quarter of the memory of single precision and therefore
// a quarter of the time. How far such a product can be from the true one is known for each key (Cauchy and Schwarz), so the
// few keys that may be among the nearest are known for certain, and those are compared in full.

namespace {

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
#define VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define VECTORIZED
#endif

/// So many bytes ahead are fetched: processors do not look beyond a page of 4096 by themselves, and wait for memory at each.
constexpr int64_t ahead = 4096;

/// Σ aᵢ bᵢ of each of `count` rows.
VECTORIZED void products(const int8_t *rows, int64_t count, int64_t width, const int16_t *query, int32_t *sums) {
  for (int64_t row = 0; row < count; row++) {
    const int8_t *a = rows + row * width;
    for (int64_t i = 0; i < width; i += 64) __builtin_prefetch(a + i + ahead);
    int32_t sum = 0;
    for (int64_t i = 0; i < width; i++) sum += static_cast<int32_t>(a[i]) * static_cast<int32_t>(query[i]);
    sums[row] = sum;
  }
}

struct Query {
  const float *values;
  std::vector<int16_t> codes;
  double step = 0, error = 0, length = 0, square = 0;

  Query(const float *values, int64_t width) : values(values), codes(width) {
    // So coarse that no sum of products with bytes leaves 32 bits.
    const double limit = std::min<double>(32767, 2147483647.0 / (127.0 * static_cast<double>(std::max<int64_t>(width, 1))));
    double largest = 0;
    for (int64_t i = 0; i < width; i++) largest = std::max<double>(largest, std::fabs(values[i]));
    step = largest / std::floor(limit);
    for (int64_t i = 0; i < width; i++) {
      codes[i] = step > 0 ? static_cast<int16_t>(std::nearbyint(values[i] / step)) : 0;
      const double rest = values[i] - codes[i] * step;
      error += rest * rest;
      square += static_cast<double>(values[i]) * values[i];
    }
    error = std::sqrt(error);
    length = std::sqrt(square);
  }
};

struct Candidate {
  double least;
  int64_t place;
};

/// What one thread found for one query: the k smallest upper bounds, and all rows that may still belong to the nearest.
struct Found {
  std::priority_queue<double> bounds;
  std::vector<Candidate> candidates;
  size_t next = 1024;

  void drop(double bound) {
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                    [&](const Candidate &one) { return one.least > bound; }),
                     candidates.end());
    next = std::max<size_t>(1024, 2 * candidates.size());
  }
};

void screen(const cn_rows &rows, const uint8_t *allowed, const std::vector<Query> &queries, size_t k, int64_t begin,
            int64_t end, std::vector<Found> &found) {
  constexpr int64_t block = 512;
  int32_t sums[block];
  for (int64_t start = begin; start < end; start += block) {
    const int64_t count = std::min(block, end - start);
    for (size_t q = 0; q < queries.size(); q++) {
      const Query &query = queries[q];
      Found &own = found[q];
      products(rows.codes + start * rows.width, count, rows.width, query.codes.data(), sums);
      double bound = own.bounds.size() < k ? std::numeric_limits<double>::infinity() : own.bounds.top();
      for (int64_t i = 0; i < count; i++) {
        const float *facts = rows.facts + 3 * (start + i);
        const double product = static_cast<double>(sums[i]) * facts[0] * query.step;
        const double key = std::sqrt(static_cast<double>(facts[2]));
        const double off = facts[1] * query.length + (key + facts[1]) * query.error;
        const double distance = facts[2] - 2 * product + query.square;
        // The facts are in single precision.
        const double slack = 2 * off * (1 + 1e-6) + 1e-6 * (facts[2] + query.square) + 1e-30;
        if (distance - slack > bound || (allowed && !allowed[start + i])) continue;
        own.candidates.push_back({distance - slack, start + i});
        if (distance + slack < bound) {
          own.bounds.push(distance + slack);
          if (own.bounds.size() > k) own.bounds.pop();
          if (own.bounds.size() == k) bound = own.bounds.top();
        }
      }
      if (own.candidates.size() > own.next) own.drop(bound);
    }
  }
}

double exact(const uint16_t *key, const float *query, int64_t width) {
  double sum = 0;
  for (int64_t i = 0; i < width; i++) {
    const double difference = static_cast<double>(halfValue(key[i])) - query[i];
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

void cn_encode(const uint16_t *keys, int64_t count, int64_t width, int8_t *codes, float *facts) {
  for (int64_t row = 0; row < count; row++) {
    const uint16_t *key = keys + row * width;
    float largest = 0;
    for (int64_t i = 0; i < width; i++) largest = std::max(largest, std::fabs(halfValue(key[i])));
    const float step = largest / 127;
    double error = 0, square = 0;
    for (int64_t i = 0; i < width; i++) {
      const double value = halfValue(key[i]);
      const double code = step > 0 ? std::min(std::max(std::nearbyint(value / step), -127.0), 127.0) : 0;
      codes[row * width + i] = static_cast<int8_t>(code);
      error += (value - code * step) * (value - code * step);
      square += value * value;
    }
    facts[3 * row] = step;
    facts[3 * row + 1] = static_cast<float>(std::sqrt(error));
    facts[3 * row + 2] = static_cast<float>(square);
  }
}

void cn_search(cn_rows rows, const uint8_t *allowed, const float *queries, int64_t count, int64_t k, int32_t threads,
               float *distances, int64_t *places) {
  std::fill(distances, distances + count * k, std::numeric_limits<float>::infinity());
  std::fill(places, places + count * k, -1);
  if (k <= 0 || count <= 0 || rows.count <= 0) return;
  std::vector<Query> asked;
  asked.reserve(count);
  for (int64_t q = 0; q < count; q++) asked.emplace_back(queries + q * rows.width, rows.width);
  // A thread costs more to start than a few thousand rows do to compare.
  const int64_t work = rows.count * rows.width * count;
  const int64_t crew = std::max<int64_t>(1, std::min<int64_t>(threads, work / 4'000'000));
  std::vector<std::vector<Found>> parts(crew, std::vector<Found>(count));
  std::vector<std::thread> running;
  auto part = [&](int64_t number) {
    screen(rows, allowed, asked, k, rows.count * number / crew, rows.count * (number + 1) / crew, parts[number]);
  };
  for (int64_t number = 1; number < crew; number++) running.emplace_back(part, number);
  part(0);
  for (auto &thread : running) thread.join();

  for (int64_t q = 0; q < count; q++) {
    std::priority_queue<double> bounds;
    for (auto &found : parts) {
      for (auto &own = found[q].bounds; !own.empty(); own.pop()) {
        bounds.push(own.top());
        if (bounds.size() > static_cast<size_t>(k)) bounds.pop();
      }
    }
    const bool isFull = bounds.size() == static_cast<size_t>(k);
    const double bound = isFull ? bounds.top() : std::numeric_limits<double>::infinity();
    std::vector<std::pair<double, int64_t>> nearest;
    for (const auto &found : parts) {
      for (const auto &one : found[q].candidates) {
        if (one.least > bound) continue;
        nearest.emplace_back(exact(rows.keys + one.place * rows.width, asked[q].values, rows.width), one.place);
      }
    }
    const size_t kept = std::min<size_t>(k, nearest.size());
    std::partial_sort(nearest.begin(), nearest.begin() + kept, nearest.end());
    for (size_t i = 0; i < kept; i++) {
      distances[q * k + i] = static_cast<float>(nearest[i].first);
      places[q * k + i] = nearest[i].second;
    }
  }
}
