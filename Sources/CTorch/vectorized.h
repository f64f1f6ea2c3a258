// Loops over floats are compiled for several processors, and the one at hand chooses. Products and sums are rounded one by
// one on all of them, so that results do not depend on the choice.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
#define VECTORIZED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORIZED
#endif
#pragma clang fp contract(off)
