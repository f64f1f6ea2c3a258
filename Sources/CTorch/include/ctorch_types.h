// The C ABI of Perennial over libtorch. Every function returns 0, or -1 with a thread-local error.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;

// An at::Scalar: an integer keeps an integer tensor an integer tensor.
typedef struct {
  int64_t integer;
  double floating;
  bool is_integer;
} ct_scalar;

// What kind of mistake an error reports.
typedef enum {
  CT_OTHER = 0,
  CT_SHAPE = 1,
  CT_DTYPE = 2,
  CT_DEVICE = 3,
  CT_MEMORY = 4,
  CT_INDEX = 5,
  CT_UNSUPPORTED = 6,
  CT_AUTOGRAD = 7,
} ct_error_kind;
