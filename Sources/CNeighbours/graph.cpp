#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <hnswlib/hnswlib.h>

#include "cneighbours.h"
#include "half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using Layers = hnswlib::HierarchicalNSW<float>;
using hnswlib::tableint;

float distance(const void *a, const void *b, const void *width) {
  const auto *x = static_cast<const uint16_t *>(a), *y = static_cast<const uint16_t *>(b);
  const size_t count = *static_cast<const size_t *>(width);
  float sum = 0;
  for (size_t i = 0; i < count; i++) {
    const float difference = halfValue(x[i]) - halfValue(y[i]);
    sum += difference * difference;
  }
  return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2,f16c"))) float vectorDistance(const void *a, const void *b, const void *width) {
  const auto *x = static_cast<const uint16_t *>(a), *y = static_cast<const uint16_t *>(b);
  const size_t count = *static_cast<const size_t *>(width), whole = count / 16 * 16;
  __m256 sums[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
  for (size_t i = 0; i < whole; i += 16) {
    for (size_t half = 0; half < 2; half++) {
      const size_t at = i + 8 * half;
      const __m256 difference =
          _mm256_sub_ps(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(x + at))),
                        _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(y + at))));
      sums[half] = _mm256_add_ps(sums[half], _mm256_mul_ps(difference, difference));
    }
  }
  float lanes[8], sum = 0;
  _mm256_storeu_ps(lanes, _mm256_add_ps(sums[0], sums[1]));
  for (float lane : lanes) sum += lane;
  const size_t rest = count - whole;
  return sum + distance(x + whole, y + whole, &rest);
}
#endif

/// Half precision, squared Euclidean distance.
struct HalfSpace : hnswlib::SpaceInterface<float> {
  size_t width;
  hnswlib::DISTFUNC<float> function = distance;

  explicit HalfSpace(size_t width) : width(width) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c")) function = vectorDistance;
#endif
  }
  size_t get_data_size() override { return width * sizeof(uint16_t); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return function; }
  void *get_dist_func_param() override { return &width; }
};

/// Numbers that look random and follow from `number` alone (SplitMix64).
uint64_t scattered(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

struct Header {
  uint64_t magic, width, links, breadth, count;
  int64_t top, entry;
};
constexpr uint64_t magic = 0x31687061726e6370;

void say(char *message, const char *text) { std::snprintf(message, CN_MESSAGE_LENGTH, "%s", text); }

template <typename Body>
int32_t guarded(char *message, Body body) {
  try {
    body();
    return 0;
  } catch (const std::exception &error) {
    say(message, error.what());
  }
  return -1;
}

/// Runs `body` for 0 ..< count, shared between threads; the first error ends it and is thrown.
void inParallel(int64_t count, int64_t threads, const std::function<void(int64_t)> &body) {
  std::atomic<int64_t> next{0};
  std::exception_ptr failure;
  std::mutex guard;
  auto work = [&] {
    for (int64_t i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(guard);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> crew;
  for (int64_t i = 1; i < std::min(threads, count); i++) crew.emplace_back(work);
  work();
  for (auto &thread : crew) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

struct cn_graph {
  HalfSpace space;
  std::unique_ptr<Layers> layers;
  /// Places whose keys were taken out, to be used again, the first one first.
  std::set<tableint> holes;

  cn_graph(size_t width, size_t links, size_t breadth, size_t room = 1024)
      : space(width), layers(std::make_unique<Layers>(&space, room, links, breadth)) {}

  int64_t count() const { return static_cast<int64_t>(layers->cur_element_count - holes.size()); }

  void add(const uint16_t *keys, const int64_t *labels, int64_t count, int32_t threads) {
    std::set<int64_t> fresh;
    for (int64_t i = 0; i < count; i++) {
      if (isThere(labels[i]) || !fresh.insert(labels[i]).second) {
        throw std::invalid_argument("the label " + std::to_string(labels[i]) + " is in the graph already");
      }
    }
    int64_t done = 0;
    for (; done < count && !holes.empty(); done++) fill(*holes.begin(), keys + done * space.width, labels[done]);
    const size_t needed = layers->cur_element_count + static_cast<size_t>(count - done);
    if (needed > layers->max_elements_) layers->resizeIndex(std::max(needed, 2 * layers->max_elements_));
    inParallel(count - done, threads, [&](int64_t i) {
      const int64_t place = done + i;
      // One thread: the height of a key follows from its label, whatever came before it.
      if (threads <= 1) layers->level_generator_.seed(scattered(static_cast<uint64_t>(labels[place])));
      layers->addPoint(keys + place * space.width, static_cast<size_t>(labels[place]));
    });
  }

  void remove(const int64_t *labels, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
      if (!isThere(labels[i])) throw std::invalid_argument("the label " + std::to_string(labels[i]) + " is not in the graph");
    }
    for (int64_t i = 0; i < count; i++) {
      const auto found = layers->label_lookup_.find(static_cast<size_t>(labels[i]));
      const tableint place = found->second;
      layers->markDeletedInternal(place);
      layers->label_lookup_.erase(found);
      holes.insert(place);
      forget(place);
    }
  }

  bool isThere(int64_t label) const { return layers->label_lookup_.count(static_cast<size_t>(label)) != 0; }

 private:
  /// A place of the graph gets another key; the graph is mended around it.
  void fill(tableint place, const uint16_t *key, int64_t label) {
    holes.erase(place);
    layers->unmarkDeletedInternal(place);
    layers->setExternalLabel(place, static_cast<size_t>(label));
    layers->label_lookup_[static_cast<size_t>(label)] = place;
    layers->updatePoint(key, place, 1);
  }

  /// What was taken out is gone: the place takes the key of a neighbour, so that searches still find through it.
  void forget(tableint place) {
    char *own = layers->getDataByInternalId(place);
    auto *list = layers->get_linklist0(place);
    const auto *others = reinterpret_cast<const tableint *>(list + 1);
    const size_t size = layers->getListCount(list);
    for (size_t i = 0; i < size; i++) {
      if (layers->isMarkedDeleted(others[i])) continue;
      std::memcpy(own, layers->getDataByInternalId(others[i]), layers->data_size_);
      return;
    }
    std::memset(own, 0, layers->data_size_);
  }
};

cn_graph *cn_graph_make(int64_t width, int64_t links, int64_t breadth, char *message) {
  cn_graph *graph = nullptr;
  guarded(message, [&] { graph = new cn_graph(width, links, breadth); });
  return graph;
}

void cn_graph_free(cn_graph *graph) { delete graph; }

int64_t cn_graph_count(const cn_graph *graph) { return graph->count(); }

int32_t cn_graph_holds(const cn_graph *graph, const int64_t *labels, int64_t count) {
  return std::all_of(labels, labels + count, [&](int64_t label) { return graph->isThere(label); });
}

int32_t cn_graph_add(cn_graph *graph, const uint16_t *keys, const int64_t *labels, int64_t count, int32_t threads,
                     char *message) {
  return guarded(message, [&] { graph->add(keys, labels, count, threads); });
}

int32_t cn_graph_remove(cn_graph *graph, const int64_t *labels, int64_t count, char *message) {
  return guarded(message, [&] { graph->remove(labels, count); });
}

int32_t cn_graph_search(const cn_graph *graph, const float *queries, int64_t count, int64_t k, int64_t breadth,
                        int32_t threads, int64_t *labels, char *message) {
  return guarded(message, [&] {
    std::fill(labels, labels + count * k, -1);
    if (graph->count() == 0) return;
    graph->layers->ef_ = static_cast<size_t>(std::max(breadth, k));
    const size_t width = graph->space.width;
    inParallel(count, threads, [&](int64_t q) {
      std::vector<uint16_t> query(width);
      for (size_t i = 0; i < width; i++) query[i] = halfBits(queries[q * width + i]);
      auto found = graph->layers->searchKnn(query.data(), k);
      for (int64_t place = static_cast<int64_t>(found.size()) - 1; place >= 0; place--, found.pop()) {
        labels[q * k + place] = static_cast<int64_t>(found.top().second);
      }
    });
  });
}

int64_t cn_graph_size(const cn_graph *graph) {
  const Layers &layers = *graph->layers;
  int64_t size = sizeof(Header) + layers.cur_element_count * (layers.size_data_per_element_ + sizeof(int32_t));
  for (size_t i = 0; i < layers.cur_element_count; i++) size += layers.element_levels_[i] * layers.size_links_per_element_;
  return size;
}

void cn_graph_save(const cn_graph *graph, uint8_t *bytes) {
  const Layers &layers = *graph->layers;
  auto put = [&](const void *from, size_t size) {
    std::memcpy(bytes, from, size);
    bytes += size;
  };
  const bool isEmpty = layers.cur_element_count == 0;
  const Header header{magic, graph->space.width, layers.M_, layers.ef_construction_, layers.cur_element_count,
                      layers.maxlevel_, isEmpty ? -1 : static_cast<int64_t>(layers.enterpoint_node_)};
  put(&header, sizeof header);
  put(layers.data_level0_memory_, layers.cur_element_count * layers.size_data_per_element_);
  for (size_t i = 0; i < layers.cur_element_count; i++) {
    const int32_t level = layers.element_levels_[i];
    put(&level, sizeof level);
    if (level > 0) put(layers.linkLists_[i], level * layers.size_links_per_element_);
  }
}

namespace {

/// Refuses links that lead nowhere.
void checkLinks(const Layers &layers, const void *list, size_t most, size_t place, size_t level) {
  uint32_t head;
  std::memcpy(&head, list, sizeof head);
  const size_t count = head & 0xffff;
  bool isRight = count <= most;
  for (size_t i = 0; isRight && i < count; i++) {
    tableint other;
    std::memcpy(&other, static_cast<const char *>(list) + sizeof head + i * sizeof other, sizeof other);
    isRight = other < layers.cur_element_count && layers.element_levels_[other] >= static_cast<int>(level);
  }
  if (!isRight) throw std::runtime_error("the links of key " + std::to_string(place) + " of the saved graph are damaged");
}

void restore(cn_graph &graph, const Header &header, const uint8_t *bytes, size_t size) {
  Layers &layers = *graph.layers;
  size_t left = size;
  auto take = [&](void *to, size_t count) {
    if (count > left) throw std::runtime_error("the saved graph is cut off");
    std::memcpy(to, bytes, count);
    bytes += count;
    left -= count;
  };
  take(layers.data_level0_memory_, header.count * layers.size_data_per_element_);
  // From here on the graph's own end frees what was made.
  for (size_t i = 0; i < header.count; i++) {
    int32_t level;
    take(&level, sizeof level);
    const size_t room = level > 0 ? static_cast<size_t>(level) * layers.size_links_per_element_ : 0;
    if (level < 0 || level > header.top || room > left) throw std::runtime_error("the saved graph has impossible layers");
    layers.element_levels_[i] = 0;
    layers.linkLists_[i] = nullptr;
    layers.cur_element_count = i + 1;
    if (level == 0) continue;
    layers.linkLists_[i] = static_cast<char *>(std::malloc(room + 1));
    if (!layers.linkLists_[i]) throw std::bad_alloc();
    layers.element_levels_[i] = level;
    take(layers.linkLists_[i], room);
  }
  if (left != 0) throw std::runtime_error("the saved graph has bytes too many");
  for (size_t i = 0; i < header.count; i++) {
    checkLinks(layers, layers.get_linklist0(i), layers.maxM0_, i, 0);
    for (int level = 1; level <= layers.element_levels_[i]; level++) {
      checkLinks(layers, layers.get_linklist(i, level), layers.maxM_, i, level);
    }
    if (layers.isMarkedDeleted(i)) {
      graph.holes.insert(i);
    } else if (!layers.label_lookup_.emplace(layers.getExternalLabel(i), i).second) {
      throw std::runtime_error("the saved graph has a label twice");
    }
  }
  layers.num_deleted_ = graph.holes.size();
  layers.maxlevel_ = static_cast<int>(header.top);
  layers.enterpoint_node_ = static_cast<tableint>(header.entry);
}

}  // namespace

cn_graph *cn_graph_load(const uint8_t *bytes, int64_t size, int64_t width, char *message) {
  std::unique_ptr<cn_graph> graph;
  const int32_t code = guarded(message, [&] {
    Header header;
    if (size < static_cast<int64_t>(sizeof header)) throw std::runtime_error("the saved graph is cut off");
    std::memcpy(&header, bytes, sizeof header);
    if (header.magic != magic) throw std::runtime_error("the bytes are no saved graph");
    if (header.width != static_cast<uint64_t>(width)) {
      throw std::runtime_error("the saved graph has keys of " + std::to_string(header.width) + " numbers");
    }
    const size_t rest = size - sizeof header;
    const bool isEmpty = header.count == 0;
    if (header.links < 2 || header.links > 1000 || header.breadth > 1'000'000 || header.count > rest ||
        header.top > 64 || (isEmpty ? rest != 0 : header.entry < 0 || header.entry >= static_cast<int64_t>(header.count))) {
      throw std::runtime_error("the head of the saved graph is damaged");
    }
    graph = std::make_unique<cn_graph>(width, header.links, header.breadth, std::max<size_t>(header.count, 1024));
    if (isEmpty) return;
    restore(*graph, header, bytes + sizeof header, rest);
    if (graph->layers->element_levels_[header.entry] != header.top) {
      throw std::runtime_error("the head of the saved graph is damaged");
    }
  });
  return code == 0 ? graph.release() : nullptr;
}
