// Handles, errors, the run time and what the table of operators cannot say.
#pragma once
#include "ctorch_operators.h"
#include "ctorch_types.h"

#ifdef __cplusplus
extern "C" {
#endif

// The error of the last call on this thread that returned -1.
const char *ct_error_message(void);
ct_error_kind ct_error_last_kind(void);

// Tensors.
void ct_tensor_free(ct_tensor tensor);
void ct_tensor_list_free(ct_tensor *list);
int32_t ct_tensor_from_bytes(const void *bytes, size_t count, const int64_t *shape, size_t rank, int32_t dtype,
                             ct_tensor *result);
int32_t ct_tensor_from_mapping(void *bytes, const int64_t *shape, size_t rank, int32_t dtype, void *context,
                               void (*release)(void *context), ct_tensor *result);
int32_t ct_tensor_copy_bytes(ct_tensor tensor, void *bytes, size_t count);
int32_t ct_tensor_data(ct_tensor tensor, void **result);
int64_t ct_tensor_rank(ct_tensor tensor);
void ct_tensor_sizes(ct_tensor tensor, int64_t *sizes);
void ct_tensor_strides(ct_tensor tensor, int64_t *strides);
int64_t ct_tensor_count(ct_tensor tensor);
int32_t ct_tensor_dtype(ct_tensor tensor);
bool ct_tensor_defined(ct_tensor tensor);
int32_t ct_tensor_device(ct_tensor tensor, char *text, size_t capacity);

// Autograd.
bool ct_grad_mode(void);
void ct_set_grad_mode(bool enabled);
int32_t ct_gradients(const ct_tensor *outputs, size_t output_count, const ct_tensor *inputs, size_t input_count,
                     const ct_tensor *seeds, bool retain_graph, bool create_graph, bool allow_unused,
                     ct_tensor *results);

// A value that was computed without a graph, and a call that gives the gradients of its inputs (null for none) when the
// backward pass needs them: a block that is run again instead of being remembered. The call says in `message` why it
// failed. `release` is called when the graph lets go of the context, also when this function fails.
typedef int32_t (*ct_recompute)(void *context, ct_tensor upstream, ct_tensor *gradients, char *message, size_t capacity);
int32_t ct_checkpoint(ct_tensor value, const ct_tensor *inputs, size_t input_count, void *context,
                      ct_recompute recompute, void (*release)(void *context), ct_tensor *result);

// Random generators.
int32_t ct_generator_new(uint64_t seed, const char *device, ct_generator *result);
void ct_generator_free(ct_generator generator);
int32_t ct_generator_state(ct_generator generator, ct_tensor *result);
int32_t ct_generator_set_state(ct_generator generator, ct_tensor state);

// The run time.
const char *ct_version(void);
int32_t ct_configuration(char *text, size_t capacity);
int32_t ct_threads(void);
void ct_set_threads(int32_t count);
// Those that the shim's own loops run on.
int32_t ct_loop_threads(void);
void ct_tune_allocator(void);
int32_t ct_cuda_device_count(void);
int32_t ct_cuda_synchronize(void);
bool ct_has_onednn(void);

// Multiplications in matrix products and convolutions of this thread between the two calls, which do not nest.
int32_t ct_count_begin(void);
int64_t ct_count_end(void);

// TorchScript modules, for teachers that arrive as files (forward of one tensor to one tensor): in evaluation mode, and
// nothing of them requires gradients.
typedef struct ct_script_s *ct_script;
int32_t ct_script_load(const char *path, const char *device, int32_t dtype, ct_script *result);
void ct_script_free(ct_script script);
int32_t ct_script_forward(ct_script script, ct_tensor input, ct_tensor *result);

#ifdef __cplusplus
}
#endif
