#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Nearest neighbours of float queries among keys in half precision, by squared Euclidean distance.

/// Room for a message, with the final zero.
enum { CN_MESSAGE_LENGTH = 200 };

/// Keys as they are searched: rows in half precision, the same rounded to 8 bits, and three numbers a row.
typedef struct {
  /// `[count, width]`, the bits of IEEE half precision.
  const uint16_t *keys;
  /// `[count, width]`, what `cn_encode` gave.
  const int8_t *codes;
  /// `[count, 3]`: the step of the codes, how far the row is from its codes, the row's squared length.
  const float *facts;
  int64_t count, width;
} cn_rows;

/// Rounds rows of half precision to 8 bits each with its own step.
void cn_encode(const uint16_t *keys, int64_t count, int64_t width, int8_t *codes, float *facts);

/// The k nearest rows of each query, the nearest first, equal ones by place: exactly those that a comparison with every key
/// would find. `allowed`, if not null, has a byte for each row, 0 for rows that do not take part. `places` `[queries, k]` are
/// -1, and `distances` infinite, where there are fewer than k.
void cn_search(cn_rows rows, const uint8_t *allowed, const float *queries, int64_t count, int64_t k, int32_t threads,
               float *distances, int64_t *places);

/// A graph of keys that finds most of the nearest in a time that hardly grows with their number (Malkov & Yashunin 2018).
typedef struct cn_graph cn_graph;

/// `links` a key in the upper layers, twice as many at the bottom; `breadth` is how widely a new key looks for its own.
/// Null with a message when there is no memory.
cn_graph *cn_graph_make(int64_t width, int64_t links, int64_t breadth, char *message);
void cn_graph_free(cn_graph *graph);

/// Keys in the graph.
int64_t cn_graph_count(const cn_graph *graph);

/// Whether each of these labels is in the graph.
int32_t cn_graph_holds(const cn_graph *graph, const int64_t *labels, int64_t count);

/// Adds keys under labels that are not in use. With one thread the graph follows from what was done in which order. Returns
/// 0, or -1 with a message.
int32_t cn_graph_add(cn_graph *graph, const uint16_t *keys, const int64_t *labels, int64_t count, int32_t threads,
                     char *message);

/// Takes keys out: no search finds them from now on, and their values are overwritten. Returns 0, or -1 with a message.
int32_t cn_graph_remove(cn_graph *graph, const int64_t *labels, int64_t count, char *message);

/// The labels of about the k nearest keys of each query `[count, k]`, -1 where there are fewer. The greater the breadth, the
/// more of the nearest are found. Returns 0, or -1 with a message.
int32_t cn_graph_search(const cn_graph *graph, const float *queries, int64_t count, int64_t k, int64_t breadth,
                        int32_t threads, int64_t *labels, char *message);

/// The bytes of `cn_graph_save`.
int64_t cn_graph_size(const cn_graph *graph);
/// Writes everything needed to go on exactly.
void cn_graph_save(const cn_graph *graph, uint8_t *bytes);
/// A graph of keys of this width from saved bytes; null with a message for bytes that are none.
cn_graph *cn_graph_load(const uint8_t *bytes, int64_t size, int64_t width, char *message);

#ifdef __cplusplus
}
#endif
