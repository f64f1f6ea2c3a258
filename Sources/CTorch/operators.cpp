// Written by Scripts/generate-ctorch from operators.txt: change the table, not this file.
#include "support.h"
#include "include/ctorch_operators.h"
#include "kernels.h"

using namespace ctorch;

int32_t ct_zeros(const int64_t *size, size_t size_count, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::zeros(size_, options(dtype_, device_))); });
}

int32_t ct_ones(const int64_t *size, size_t size_count, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::ones(size_, options(dtype_, device_))); });
}

int32_t ct_full(const int64_t *size, size_t size_count, ct_scalar value, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&value_ = scalar(value); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::full(size_, value_, options(dtype_, device_))); });
}

int32_t ct_empty(const int64_t *size, size_t size_count, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::empty(size_, options(dtype_, device_))); });
}

int32_t ct_arange(ct_scalar start, ct_scalar end, ct_scalar step, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&start_ = scalar(start); auto &&end_ = scalar(end); auto &&step_ = scalar(step); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::arange(start_, end_, step_, options(dtype_, device_))); });
}

int32_t ct_linspace(double start, double end, int64_t steps, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&start_ = start; auto &&end_ = end; auto &&steps_ = steps; auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::linspace(start_, end_, steps_, options(dtype_, device_))); });
}

int32_t ct_eye(int64_t n, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&n_ = n; auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::eye(n_, options(dtype_, device_))); });
}

int32_t ct_zeros_like(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::zeros_like(self_)); });
}

int32_t ct_ones_like(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::ones_like(self_)); });
}

int32_t ct_empty_like(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::empty_like(self_)); });
}

int32_t ct_full_like(ct_tensor self, ct_scalar value, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&value_ = scalar(value); *result = own(at::full_like(self_, value_)); });
}

int32_t ct_clone(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(self_.clone()); });
}

int32_t ct_contiguous(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(self_.contiguous()); });
}

int32_t ct_channels_last(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(self_.contiguous(at::MemoryFormat::ChannelsLast)); });
}

int32_t ct_detach(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(self_.detach()); });
}

int32_t ct_to_dtype(ct_tensor self, int32_t dtype, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dtype_ = static_cast<at::ScalarType>(dtype); *result = own(self_.to(dtype_)); });
}

int32_t ct_to_device(ct_tensor self, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&device_ = std::string(device); *result = own(self_.to(at::Device(device_))); });
}

int32_t ct_rand(const int64_t *size, size_t size_count, ct_generator generator, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&generator_ = maybe(generator); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::rand(size_, generator_, options(dtype_, device_))); });
}

int32_t ct_randn(const int64_t *size, size_t size_count, ct_generator generator, int32_t dtype, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&size_ = at::IntArrayRef(size, size_count); auto &&generator_ = maybe(generator); auto &&dtype_ = static_cast<at::ScalarType>(dtype); auto &&device_ = std::string(device); *result = own(at::randn(size_, generator_, options(dtype_, device_))); });
}

int32_t ct_randint(int64_t low, int64_t high, const int64_t *size, size_t size_count, ct_generator generator, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&low_ = low; auto &&high_ = high; auto &&size_ = at::IntArrayRef(size, size_count); auto &&generator_ = maybe(generator); auto &&device_ = std::string(device); *result = own(at::randint(low_, high_, size_, generator_, options(at::kLong, device_))); });
}

int32_t ct_randperm(int64_t n, ct_generator generator, const char *device, ct_tensor *result) {
  return guarded([&] { auto &&n_ = n; auto &&generator_ = maybe(generator); auto &&device_ = std::string(device); *result = own(at::randperm(n_, generator_, options(at::kLong, device_))); });
}

int32_t ct_uniform_(ct_tensor self, double low, double high, ct_generator generator) {
  return guarded([&] { auto &&self_ = ref(self); auto &&low_ = low; auto &&high_ = high; auto &&generator_ = maybe(generator); mut(self_).uniform_(low_, high_, generator_); });
}

int32_t ct_normal_(ct_tensor self, double mean, double std, ct_generator generator) {
  return guarded([&] { auto &&self_ = ref(self); auto &&mean_ = mean; auto &&std_ = std; auto &&generator_ = maybe(generator); mut(self_).normal_(mean_, std_, generator_); });
}

int32_t ct_bernoulli_(ct_tensor self, double p, ct_generator generator) {
  return guarded([&] { auto &&self_ = ref(self); auto &&p_ = p; auto &&generator_ = maybe(generator); mut(self_).bernoulli_(p_, generator_); });
}

int32_t ct_bernoulli(ct_tensor self, ct_generator generator, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&generator_ = maybe(generator); *result = own(at::bernoulli(self_, generator_)); });
}

int32_t ct_multinomial(ct_tensor self, int64_t count, bool replacement, ct_generator generator, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&count_ = count; auto &&replacement_ = replacement; auto &&generator_ = maybe(generator); *result = own(at::multinomial(self_, count_, replacement_, generator_)); });
}

int32_t ct_reshape(ct_tensor self, const int64_t *shape, size_t shape_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&shape_ = at::IntArrayRef(shape, shape_count); *result = own(at::reshape(self_, shape_)); });
}

int32_t ct_view(ct_tensor self, const int64_t *shape, size_t shape_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&shape_ = at::IntArrayRef(shape, shape_count); *result = own(self_.view(shape_)); });
}

int32_t ct_as_strided(ct_tensor self, const int64_t *size, size_t size_count, const int64_t *stride, size_t stride_count, int64_t offset, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&size_ = at::IntArrayRef(size, size_count); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&offset_ = offset; *result = own(at::as_strided(self_, size_, stride_, offset_)); });
}

int32_t ct_permute(ct_tensor self, const int64_t *dims, size_t dims_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); *result = own(at::permute(self_, dims_)); });
}

int32_t ct_transpose(ct_tensor self, int64_t dim0, int64_t dim1, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim0_ = dim0; auto &&dim1_ = dim1; *result = own(at::transpose(self_, dim0_, dim1_)); });
}

int32_t ct_squeeze(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::squeeze(self_, dim_)); });
}

int32_t ct_unsqueeze(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::unsqueeze(self_, dim_)); });
}

int32_t ct_expand(ct_tensor self, const int64_t *size, size_t size_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&size_ = at::IntArrayRef(size, size_count); *result = own(self_.expand(size_)); });
}

int32_t ct_repeat(ct_tensor self, const int64_t *repeats, size_t repeats_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&repeats_ = at::IntArrayRef(repeats, repeats_count); *result = own(self_.repeat(repeats_)); });
}

int32_t ct_repeat_interleave(ct_tensor self, int64_t repeats, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&repeats_ = repeats; auto &&dim_ = dim; *result = own(at::repeat_interleave(self_, repeats_, dim_)); });
}

int32_t ct_flatten(ct_tensor self, int64_t start, int64_t end, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&start_ = start; auto &&end_ = end; *result = own(at::flatten(self_, start_, end_)); });
}

int32_t ct_flip(ct_tensor self, const int64_t *dims, size_t dims_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); *result = own(at::flip(self_, dims_)); });
}

int32_t ct_roll(ct_tensor self, const int64_t *shifts, size_t shifts_count, const int64_t *dims, size_t dims_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&shifts_ = at::IntArrayRef(shifts, shifts_count); auto &&dims_ = at::IntArrayRef(dims, dims_count); *result = own(at::roll(self_, shifts_, dims_)); });
}

int32_t ct_cat(const ct_tensor *tensors, size_t tensors_count, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&tensors_ = list(tensors, tensors_count); auto &&dim_ = dim; *result = own(at::cat(tensors_, dim_)); });
}

int32_t ct_stack(const ct_tensor *tensors, size_t tensors_count, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&tensors_ = list(tensors, tensors_count); auto &&dim_ = dim; *result = own(at::stack(tensors_, dim_)); });
}

int32_t ct_split(ct_tensor self, int64_t size, int64_t dim, ct_tensor **result, size_t *result_count) {
  return guarded([&] { auto &&self_ = ref(self); auto &&size_ = size; auto &&dim_ = dim; give(at::split(self_, size_, dim_), result, result_count); });
}

int32_t ct_split_with_sizes(ct_tensor self, const int64_t *sizes, size_t sizes_count, int64_t dim, ct_tensor **result, size_t *result_count) {
  return guarded([&] { auto &&self_ = ref(self); auto &&sizes_ = at::IntArrayRef(sizes, sizes_count); auto &&dim_ = dim; give(at::split_with_sizes(self_, sizes_, dim_), result, result_count); });
}

int32_t ct_chunk(ct_tensor self, int64_t chunks, int64_t dim, ct_tensor **result, size_t *result_count) {
  return guarded([&] { auto &&self_ = ref(self); auto &&chunks_ = chunks; auto &&dim_ = dim; give(at::chunk(self_, chunks_, dim_), result, result_count); });
}

int32_t ct_unbind(ct_tensor self, int64_t dim, ct_tensor **result, size_t *result_count) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; give(at::unbind(self_, dim_), result, result_count); });
}

int32_t ct_pad(ct_tensor self, const int64_t *padding, size_t padding_count, const char *mode, double value, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&padding_ = at::IntArrayRef(padding, padding_count); auto &&mode_ = std::string(mode); auto &&value_ = value; *result = own(at::pad(self_, padding_, mode_, value_)); });
}

int32_t ct_tril(ct_tensor self, int64_t diagonal, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&diagonal_ = diagonal; *result = own(at::tril(self_, diagonal_)); });
}

int32_t ct_triu(ct_tensor self, int64_t diagonal, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&diagonal_ = diagonal; *result = own(at::triu(self_, diagonal_)); });
}

int32_t ct_diagonal(ct_tensor self, int64_t offset, int64_t dim1, int64_t dim2, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&offset_ = offset; auto &&dim1_ = dim1; auto &&dim2_ = dim2; *result = own(at::diagonal(self_, offset_, dim1_, dim2_)); });
}

int32_t ct_diag_embed(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::diag_embed(self_)); });
}

int32_t ct_select(ct_tensor self, int64_t dim, int64_t index, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = index; *result = own(at::select(self_, dim_, index_)); });
}

int32_t ct_slice(ct_tensor self, int64_t dim, int64_t start, int64_t end, int64_t step, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&start_ = start; auto &&end_ = end; auto &&step_ = step; *result = own(at::slice(self_, dim_, start_, end_, step_)); });
}

int32_t ct_narrow(ct_tensor self, int64_t dim, int64_t start, int64_t length, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&start_ = start; auto &&length_ = length; *result = own(at::narrow(self_, dim_, start_, length_)); });
}

int32_t ct_index_select(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); *result = own(at::index_select(self_, dim_, index_)); });
}

int32_t ct_gather(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); *result = own(at::gather(self_, dim_, index_)); });
}

int32_t ct_scatter(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor source, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&source_ = ref(source); *result = own(at::scatter(self_, dim_, index_, source_)); });
}

int32_t ct_scatter_add(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor source, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&source_ = ref(source); *result = own(at::scatter_add(self_, dim_, index_, source_)); });
}

int32_t ct_scatter_value(ct_tensor self, int64_t dim, ct_tensor index, ct_scalar value, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&value_ = scalar(value); *result = own(at::scatter(self_, dim_, index_, value_)); });
}

int32_t ct_index_add(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor source, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&source_ = ref(source); *result = own(at::index_add(self_, dim_, index_, source_)); });
}

int32_t ct_index_copy_(ct_tensor self, int64_t dim, ct_tensor index, ct_tensor source) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&source_ = ref(source); mut(self_).index_copy_(dim_, index_, source_); });
}

int32_t ct_index_fill_(ct_tensor self, int64_t dim, ct_tensor index, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&index_ = ref(index); auto &&value_ = scalar(value); mut(self_).index_fill_(dim_, index_, value_); });
}

int32_t ct_masked_fill(ct_tensor self, ct_tensor mask, ct_scalar value, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&mask_ = ref(mask); auto &&value_ = scalar(value); *result = own(at::masked_fill(self_, mask_, value_)); });
}

int32_t ct_masked_fill_(ct_tensor self, ct_tensor mask, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&mask_ = ref(mask); auto &&value_ = scalar(value); mut(self_).masked_fill_(mask_, value_); });
}

int32_t ct_masked_select(ct_tensor self, ct_tensor mask, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&mask_ = ref(mask); *result = own(at::masked_select(self_, mask_)); });
}

int32_t ct_where_self(ct_tensor condition, ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&condition_ = ref(condition); auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::where(condition_, a_, b_)); });
}

int32_t ct_nonzero(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::nonzero(self_)); });
}

int32_t ct_one_hot(ct_tensor self, int64_t classes, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&classes_ = classes; *result = own(at::one_hot(self_, classes_)); });
}

int32_t ct_bincount(ct_tensor self, int64_t minlength, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&minlength_ = minlength; *result = own(at::bincount(self_, {}, minlength_)); });
}

int32_t ct_searchsorted(ct_tensor sorted, ct_tensor values, bool right, ct_tensor *result) {
  return guarded([&] { auto &&sorted_ = ref(sorted); auto &&values_ = ref(values); auto &&right_ = right; *result = own(at::searchsorted(sorted_, values_, /*out_int32=*/false, right_)); });
}

int32_t ct_unique(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto [a, b, c] = at::_unique2(self_, true, true, true); give(result, a, b, c); });
}

int32_t ct_copy_(ct_tensor self, ct_tensor source) {
  return guarded([&] { auto &&self_ = ref(self); auto &&source_ = ref(source); mut(self_).copy_(source_); });
}

int32_t ct_fill_(ct_tensor self, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&value_ = scalar(value); mut(self_).fill_(value_); });
}

int32_t ct_zero_(ct_tensor self) {
  return guarded([&] { auto &&self_ = ref(self); mut(self_).zero_(); });
}

int32_t ct_add_(ct_tensor self, ct_tensor other, ct_scalar alpha) {
  return guarded([&] { auto &&self_ = ref(self); auto &&other_ = ref(other); auto &&alpha_ = scalar(alpha); mut(self_).add_(other_, alpha_); });
}

int32_t ct_sub_(ct_tensor self, ct_tensor other, ct_scalar alpha) {
  return guarded([&] { auto &&self_ = ref(self); auto &&other_ = ref(other); auto &&alpha_ = scalar(alpha); mut(self_).sub_(other_, alpha_); });
}

int32_t ct_mul_(ct_tensor self, ct_tensor other) {
  return guarded([&] { auto &&self_ = ref(self); auto &&other_ = ref(other); mut(self_).mul_(other_); });
}

int32_t ct_div_(ct_tensor self, ct_tensor other) {
  return guarded([&] { auto &&self_ = ref(self); auto &&other_ = ref(other); mut(self_).div_(other_); });
}

int32_t ct_add_scalar_(ct_tensor self, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&value_ = scalar(value); mut(self_).add_(value_); });
}

int32_t ct_mul_scalar_(ct_tensor self, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&value_ = scalar(value); mut(self_).mul_(value_); });
}

int32_t ct_clamp_(ct_tensor self, const double *low, const double *high) {
  return guarded([&] { auto &&self_ = ref(self); auto &&low_ = maybe(low); auto &&high_ = maybe(high); mut(self_).clamp_(scalar(low_), scalar(high_)); });
}

int32_t ct_addcmul_(ct_tensor self, ct_tensor a, ct_tensor b, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&value_ = scalar(value); mut(self_).addcmul_(a_, b_, value_); });
}

int32_t ct_addcdiv_(ct_tensor self, ct_tensor a, ct_tensor b, ct_scalar value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&value_ = scalar(value); mut(self_).addcdiv_(a_, b_, value_); });
}

int32_t ct_lerp_(ct_tensor self, ct_tensor end, ct_scalar weight) {
  return guarded([&] { auto &&self_ = ref(self); auto &&end_ = ref(end); auto &&weight_ = scalar(weight); mut(self_).lerp_(end_, weight_); });
}

int32_t ct_add(ct_tensor a, ct_tensor b, ct_scalar alpha, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&alpha_ = scalar(alpha); *result = own(at::add(a_, b_, alpha_)); });
}

int32_t ct_sub(ct_tensor a, ct_tensor b, ct_scalar alpha, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&alpha_ = scalar(alpha); *result = own(at::sub(a_, b_, alpha_)); });
}

int32_t ct_mul(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::mul(a_, b_)); });
}

int32_t ct_div(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::div(a_, b_)); });
}

int32_t ct_floor_divide(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::floor_divide(a_, b_)); });
}

int32_t ct_remainder(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::remainder(a_, b_)); });
}

int32_t ct_add_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::add(a_, b_)); });
}

int32_t ct_sub_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::sub(a_, b_)); });
}

int32_t ct_rsub_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::rsub(a_, b_)); });
}

int32_t ct_mul_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::mul(a_, b_)); });
}

int32_t ct_div_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::div(a_, b_)); });
}

int32_t ct_rdiv_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::mul(at::reciprocal(a_), b_)); });
}

int32_t ct_remainder_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::remainder(a_, b_)); });
}

int32_t ct_pow_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::pow(a_, b_)); });
}

int32_t ct_pow(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::pow(a_, b_)); });
}

int32_t ct_neg(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::neg(self_)); });
}

int32_t ct_abs(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::abs(self_)); });
}

int32_t ct_sign(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::sign(self_)); });
}

int32_t ct_exp(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::exp(self_)); });
}

int32_t ct_expm1(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::expm1(self_)); });
}

int32_t ct_log(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::log(self_)); });
}

int32_t ct_log1p(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::log1p(self_)); });
}

int32_t ct_log2(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::log2(self_)); });
}

int32_t ct_sqrt(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::sqrt(self_)); });
}

int32_t ct_rsqrt(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::rsqrt(self_)); });
}

int32_t ct_square(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::square(self_)); });
}

int32_t ct_reciprocal(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::reciprocal(self_)); });
}

int32_t ct_sin(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::sin(self_)); });
}

int32_t ct_cos(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::cos(self_)); });
}

int32_t ct_cosh(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::cosh(self_)); });
}

int32_t ct_erf(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::erf(self_)); });
}

int32_t ct_erfinv(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::erfinv(self_)); });
}

int32_t ct_floor(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::floor(self_)); });
}

int32_t ct_ceil(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::ceil(self_)); });
}

int32_t ct_round(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::round(self_)); });
}

int32_t ct_clamp(ct_tensor self, const double *low, const double *high, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&low_ = maybe(low); auto &&high_ = maybe(high); *result = own(at::clamp(self_, scalar(low_), scalar(high_))); });
}

int32_t ct_maximum(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::maximum(a_, b_)); });
}

int32_t ct_minimum(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::minimum(a_, b_)); });
}

int32_t ct_addcmul(ct_tensor self, ct_tensor a, ct_tensor b, ct_scalar value, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&value_ = scalar(value); *result = own(at::addcmul(self_, a_, b_, value_)); });
}

int32_t ct_lerp(ct_tensor self, ct_tensor end, ct_scalar weight, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&end_ = ref(end); auto &&weight_ = scalar(weight); *result = own(at::lerp(self_, end_, weight_)); });
}

int32_t ct_isnan(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::isnan(self_)); });
}

int32_t ct_isfinite(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::isfinite(self_)); });
}

int32_t ct_nan_to_num(ct_tensor self, double nan, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&nan_ = nan; *result = own(at::nan_to_num(self_, nan_)); });
}

int32_t ct_eq(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::eq(a_, b_)); });
}

int32_t ct_ne(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::ne(a_, b_)); });
}

int32_t ct_lt(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::lt(a_, b_)); });
}

int32_t ct_le(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::le(a_, b_)); });
}

int32_t ct_gt(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::gt(a_, b_)); });
}

int32_t ct_ge(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::ge(a_, b_)); });
}

int32_t ct_eq_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::eq(a_, b_)); });
}

int32_t ct_ne_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::ne(a_, b_)); });
}

int32_t ct_lt_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::lt(a_, b_)); });
}

int32_t ct_le_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::le(a_, b_)); });
}

int32_t ct_gt_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::gt(a_, b_)); });
}

int32_t ct_ge_scalar(ct_tensor a, ct_scalar b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = scalar(b); *result = own(at::ge(a_, b_)); });
}

int32_t ct_logical_and(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::logical_and(a_, b_)); });
}

int32_t ct_logical_or(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::logical_or(a_, b_)); });
}

int32_t ct_logical_not(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::logical_not(a_)); });
}

int32_t ct_isin(ct_tensor elements, ct_tensor values, ct_tensor *result) {
  return guarded([&] { auto &&elements_ = ref(elements); auto &&values_ = ref(values); *result = own(at::isin(elements_, values_)); });
}

int32_t ct_equal(ct_tensor a, ct_tensor b, bool *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = at::equal(a_, b_); });
}

int32_t ct_allclose(ct_tensor a, ct_tensor b, double rtol, double atol, bool *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&rtol_ = rtol; auto &&atol_ = atol; *result = at::allclose(a_, b_, rtol_, atol_); });
}

int32_t ct_sum_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::sum(self_)); });
}

int32_t ct_sum(ct_tensor self, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::sum(self_, dims_, keepdim_)); });
}

int32_t ct_mean_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::mean(self_)); });
}

int32_t ct_mean(ct_tensor self, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::mean(self_, dims_, keepdim_)); });
}

int32_t ct_prod_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::prod(self_)); });
}

int32_t ct_var(ct_tensor self, const int64_t *dims, size_t dims_count, int64_t correction, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&correction_ = correction; auto &&keepdim_ = keepdim; *result = own(at::var(self_, at::OptionalIntArrayRef(dims_), correction_, keepdim_)); });
}

int32_t ct_std(ct_tensor self, const int64_t *dims, size_t dims_count, int64_t correction, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&correction_ = correction; auto &&keepdim_ = keepdim; *result = own(at::std(self_, at::OptionalIntArrayRef(dims_), correction_, keepdim_)); });
}

int32_t ct_amax(ct_tensor self, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::amax(self_, dims_, keepdim_)); });
}

int32_t ct_amin(ct_tensor self, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::amin(self_, dims_, keepdim_)); });
}

int32_t ct_max_dim(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; auto [a, b] = at::max(self_, dim_, keepdim_); give(result, a, b); });
}

int32_t ct_min_dim(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; auto [a, b] = at::min(self_, dim_, keepdim_); give(result, a, b); });
}

int32_t ct_argmax(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; *result = own(at::argmax(self_, dim_, keepdim_)); });
}

int32_t ct_argmin(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; *result = own(at::argmin(self_, dim_, keepdim_)); });
}

int32_t ct_any_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::any(self_)); });
}

int32_t ct_all_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::all(self_)); });
}

int32_t ct_any(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; *result = own(at::any(self_, dim_, keepdim_)); });
}

int32_t ct_all(ct_tensor self, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&keepdim_ = keepdim; *result = own(at::all(self_, dim_, keepdim_)); });
}

int32_t ct_logaddexp(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::logaddexp(a_, b_)); });
}

int32_t ct_logsumexp(ct_tensor self, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::logsumexp(self_, dims_, keepdim_)); });
}

int32_t ct_norm_all(ct_tensor self, ct_scalar p, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&p_ = scalar(p); *result = own(at::norm(self_, p_)); });
}

int32_t ct_norm(ct_tensor self, ct_scalar p, const int64_t *dims, size_t dims_count, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&p_ = scalar(p); auto &&dims_ = at::IntArrayRef(dims, dims_count); auto &&keepdim_ = keepdim; *result = own(at::norm(self_, p_, dims_, keepdim_)); });
}

int32_t ct_cumsum(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::cumsum(self_, dim_)); });
}

int32_t ct_cumprod(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::cumprod(self_, dim_)); });
}

int32_t ct_dot(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::dot(a_, b_)); });
}

int32_t ct_median_all(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::median(self_)); });
}

int32_t ct_quantile(ct_tensor self, double q, int64_t dim, bool keepdim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&q_ = q; auto &&dim_ = dim; auto &&keepdim_ = keepdim; *result = own(at::quantile(self_, q_, dim_, keepdim_)); });
}

int32_t ct_sort(ct_tensor self, int64_t dim, bool descending, bool stable, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&descending_ = descending; auto &&stable_ = stable; auto [a, b] = at::sort(self_, stable_, dim_, descending_); give(result, a, b); });
}

int32_t ct_argsort(ct_tensor self, int64_t dim, bool descending, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; auto &&descending_ = descending; *result = own(at::argsort(self_, /*stable=*/true, dim_, descending_)); });
}

int32_t ct_topk(ct_tensor self, int64_t k, int64_t dim, bool largest, bool sorted, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&k_ = k; auto &&dim_ = dim; auto &&largest_ = largest; auto &&sorted_ = sorted; auto [a, b] = at::topk(self_, k_, dim_, largest_, sorted_); give(result, a, b); });
}

int32_t ct_matmul(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::matmul(a_, b_)); });
}

int32_t ct_mm(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::mm(a_, b_)); });
}

int32_t ct_bmm(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::bmm(a_, b_)); });
}

int32_t ct_addmm(ct_tensor bias, ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&bias_ = ref(bias); auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::addmm(bias_, a_, b_)); });
}

int32_t ct_outer(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::outer(a_, b_)); });
}

int32_t ct_kron(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::kron(a_, b_)); });
}

int32_t ct_einsum(const char *equation, const ct_tensor *operands, size_t operands_count, ct_tensor *result) {
  return guarded([&] { auto &&equation_ = std::string(equation); auto &&operands_ = list(operands, operands_count); *result = own(at::einsum(equation_, operands_)); });
}

int32_t ct_cdist(ct_tensor a, ct_tensor b, double p, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&p_ = p; *result = own(at::cdist(a_, b_, p_)); });
}

int32_t ct_linalg_solve(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(at::linalg_solve(a_, b_)); });
}

int32_t ct_linalg_inv(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::linalg_inv(a_)); });
}

int32_t ct_linalg_cholesky(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::linalg_cholesky(a_)); });
}

int32_t ct_cholesky_solve(ct_tensor b, ct_tensor factor, ct_tensor *result) {
  return guarded([&] { auto &&b_ = ref(b); auto &&factor_ = ref(factor); *result = own(at::cholesky_solve(b_, factor_)); });
}

int32_t ct_linalg_eigh(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto [a, b] = at::linalg_eigh(a_); give(result, a, b); });
}

int32_t ct_linalg_qr(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto [a, b] = at::linalg_qr(a_); give(result, a, b); });
}

int32_t ct_linalg_svd(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto [a, b, c] = at::linalg_svd(a_, /*full_matrices=*/false); give(result, a, b, c); });
}

int32_t ct_linalg_lstsq(ct_tensor a, ct_tensor b, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); *result = own(std::get<0>(at::linalg_lstsq(a_, b_))); });
}

int32_t ct_linalg_det(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::linalg_det(a_)); });
}

int32_t ct_pinverse(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::linalg_pinv(a_)); });
}

int32_t ct_trace(ct_tensor a, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); *result = own(at::trace(a_)); });
}

int32_t ct_relu(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::relu(self_)); });
}

int32_t ct_relu6(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::relu6(self_)); });
}

int32_t ct_leaky_relu(ct_tensor self, double slope, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&slope_ = slope; *result = own(at::leaky_relu(self_, slope_)); });
}

int32_t ct_elu(ct_tensor self, double alpha, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&alpha_ = alpha; *result = own(at::elu(self_, alpha_)); });
}

int32_t ct_gelu(ct_tensor self, bool approximate, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&approximate_ = approximate; *result = own(perennial::gelu(self_, approximate_)); });
}

int32_t ct_silu(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::silu(self_)); });
}

int32_t ct_mish(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::mish(self_)); });
}

int32_t ct_sigmoid(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::sigmoid(self_)); });
}

int32_t ct_log_sigmoid(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::log_sigmoid(self_)); });
}

int32_t ct_tanh(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::tanh(self_)); });
}

int32_t ct_softplus(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::softplus(self_)); });
}

int32_t ct_hardtanh(ct_tensor self, double low, double high, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&low_ = low; auto &&high_ = high; *result = own(at::hardtanh(self_, low_, high_)); });
}

int32_t ct_hardswish(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(at::hardswish(self_)); });
}

int32_t ct_softmax(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::softmax(self_, dim_)); });
}

int32_t ct_log_softmax(ct_tensor self, int64_t dim, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&dim_ = dim; *result = own(at::log_softmax(self_, dim_)); });
}

int32_t ct_plain_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = ref(weight); auto &&bias_ = maybe(bias); *result = own(at::linear(input_, weight_, bias_)); });
}

int32_t ct_conv1d(ct_tensor input, ct_tensor weight, ct_tensor bias, const int64_t *stride, size_t stride_count, const int64_t *padding, size_t padding_count, const int64_t *dilation, size_t dilation_count, int64_t groups, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = ref(weight); auto &&bias_ = maybe(bias); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); auto &&dilation_ = at::IntArrayRef(dilation, dilation_count); auto &&groups_ = groups; *result = own(at::conv1d(input_, weight_, bias_, stride_, padding_, dilation_, groups_)); });
}

int32_t ct_conv2d(ct_tensor input, ct_tensor weight, ct_tensor bias, const int64_t *stride, size_t stride_count, const int64_t *padding, size_t padding_count, const int64_t *dilation, size_t dilation_count, int64_t groups, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = ref(weight); auto &&bias_ = maybe(bias); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); auto &&dilation_ = at::IntArrayRef(dilation, dilation_count); auto &&groups_ = groups; *result = own(at::conv2d(input_, weight_, bias_, stride_, padding_, dilation_, groups_)); });
}

int32_t ct_conv_transpose2d(ct_tensor input, ct_tensor weight, ct_tensor bias, const int64_t *stride, size_t stride_count, const int64_t *padding, size_t padding_count, const int64_t *output_padding, size_t output_padding_count, int64_t groups, const int64_t *dilation, size_t dilation_count, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = ref(weight); auto &&bias_ = maybe(bias); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); auto &&output_padding_ = at::IntArrayRef(output_padding, output_padding_count); auto &&groups_ = groups; auto &&dilation_ = at::IntArrayRef(dilation, dilation_count); *result = own(at::conv_transpose2d(input_, weight_, bias_, stride_, padding_, output_padding_, groups_, dilation_)); });
}

int32_t ct_max_pool2d(ct_tensor input, const int64_t *kernel, size_t kernel_count, const int64_t *stride, size_t stride_count, const int64_t *padding, size_t padding_count, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&kernel_ = at::IntArrayRef(kernel, kernel_count); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); *result = own(at::max_pool2d(input_, kernel_, stride_, padding_)); });
}

int32_t ct_avg_pool2d(ct_tensor input, const int64_t *kernel, size_t kernel_count, const int64_t *stride, size_t stride_count, const int64_t *padding, size_t padding_count, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&kernel_ = at::IntArrayRef(kernel, kernel_count); auto &&stride_ = at::IntArrayRef(stride, stride_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); *result = own(at::avg_pool2d(input_, kernel_, stride_, padding_)); });
}

int32_t ct_adaptive_avg_pool2d(ct_tensor input, const int64_t *size, size_t size_count, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&size_ = at::IntArrayRef(size, size_count); *result = own(at::adaptive_avg_pool2d(input_, size_)); });
}

int32_t ct_adaptive_max_pool2d(ct_tensor input, const int64_t *size, size_t size_count, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&size_ = at::IntArrayRef(size, size_count); *result = own(std::get<0>(at::adaptive_max_pool2d(input_, size_))); });
}

int32_t ct_batch_norm(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, bool training, double momentum, double eps, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = maybe(weight); auto &&bias_ = maybe(bias); auto &&mean_ = maybe(mean); auto &&variance_ = maybe(variance); auto &&training_ = training; auto &&momentum_ = momentum; auto &&eps_ = eps; *result = own(at::batch_norm(input_, weight_, bias_, mean_, variance_, training_, momentum_, eps_, /*cudnn=*/true)); });
}

int32_t ct_layer_norm(ct_tensor input, const int64_t *shape, size_t shape_count, ct_tensor weight, ct_tensor bias, double eps, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&shape_ = at::IntArrayRef(shape, shape_count); auto &&weight_ = maybe(weight); auto &&bias_ = maybe(bias); auto &&eps_ = eps; *result = own(at::layer_norm(input_, shape_, weight_, bias_, eps_)); });
}

int32_t ct_group_norm(ct_tensor input, int64_t groups, ct_tensor weight, ct_tensor bias, double eps, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&groups_ = groups; auto &&weight_ = maybe(weight); auto &&bias_ = maybe(bias); auto &&eps_ = eps; *result = own(at::group_norm(input_, groups_, weight_, bias_, eps_)); });
}

int32_t ct_rms_norm(ct_tensor input, const int64_t *shape, size_t shape_count, ct_tensor weight, const double *eps, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&shape_ = at::IntArrayRef(shape, shape_count); auto &&weight_ = maybe(weight); auto &&eps_ = maybe(eps); *result = own(at::rms_norm(input_, shape_, weight_, eps_)); });
}

int32_t ct_embedding(ct_tensor weight, ct_tensor indices, int64_t padding, ct_tensor *result) {
  return guarded([&] { auto &&weight_ = ref(weight); auto &&indices_ = ref(indices); auto &&padding_ = padding; *result = own(at::embedding(weight_, indices_, padding_)); });
}

int32_t ct_scaled_dot_product_attention(ct_tensor q, ct_tensor k, ct_tensor v, ct_tensor mask, bool causal, const double *scale, ct_tensor *result) {
  return guarded([&] { auto &&q_ = ref(q); auto &&k_ = ref(k); auto &&v_ = ref(v); auto &&mask_ = maybe(mask); auto &&causal_ = causal; auto &&scale_ = maybe(scale); *result = own(at::scaled_dot_product_attention(q_, k_, v_, mask_, 0.0, causal_, scale_)); });
}

int32_t ct_pixel_shuffle(ct_tensor self, int64_t factor, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&factor_ = factor; *result = own(at::pixel_shuffle(self_, factor_)); });
}

int32_t ct_upsample_nearest2d(ct_tensor self, const int64_t *size, size_t size_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&size_ = at::IntArrayRef(size, size_count); *result = own(at::upsample_nearest2d(self_, size_)); });
}

int32_t ct_upsample_bilinear2d(ct_tensor self, const int64_t *size, size_t size_count, bool align, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&size_ = at::IntArrayRef(size, size_count); auto &&align_ = align; *result = own(at::upsample_bilinear2d(self_, size_, align_)); });
}

int32_t ct_grid_sample(ct_tensor input, ct_tensor grid, bool bilinear, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&grid_ = ref(grid); auto &&bilinear_ = bilinear; *result = own(at::grid_sampler(input_, grid_, bilinear_ ? 0 : 1, /*zeros*/ 0, /*align_corners=*/false)); });
}

int32_t ct_affine_grid(ct_tensor theta, const int64_t *size, size_t size_count, ct_tensor *result) {
  return guarded([&] { auto &&theta_ = ref(theta); auto &&size_ = at::IntArrayRef(size, size_count); *result = own(at::affine_grid_generator(theta_, size_, /*align_corners=*/false)); });
}

int32_t ct_im2col(ct_tensor self, const int64_t *kernel, size_t kernel_count, const int64_t *dilation, size_t dilation_count, const int64_t *padding, size_t padding_count, const int64_t *stride, size_t stride_count, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); auto &&kernel_ = at::IntArrayRef(kernel, kernel_count); auto &&dilation_ = at::IntArrayRef(dilation, dilation_count); auto &&padding_ = at::IntArrayRef(padding, padding_count); auto &&stride_ = at::IntArrayRef(stride, stride_count); *result = own(at::im2col(self_, kernel_, dilation_, padding_, stride_)); });
}

int32_t ct_cross_entropy(ct_tensor logits, ct_tensor target, ct_tensor weight, int64_t reduction, int64_t ignore, double smoothing, ct_tensor *result) {
  return guarded([&] { auto &&logits_ = ref(logits); auto &&target_ = ref(target); auto &&weight_ = maybe(weight); auto &&reduction_ = reduction; auto &&ignore_ = ignore; auto &&smoothing_ = smoothing; *result = own(at::cross_entropy_loss(logits_, target_, weight_, reduction_, ignore_, smoothing_)); });
}

int32_t ct_nll_loss(ct_tensor logp, ct_tensor target, ct_tensor weight, int64_t reduction, int64_t ignore, ct_tensor *result) {
  return guarded([&] { auto &&logp_ = ref(logp); auto &&target_ = ref(target); auto &&weight_ = maybe(weight); auto &&reduction_ = reduction; auto &&ignore_ = ignore; *result = own(at::nll_loss(logp_, target_, weight_, reduction_, ignore_)); });
}

int32_t ct_binary_cross_entropy_with_logits(ct_tensor logits, ct_tensor target, ct_tensor weight, ct_tensor positive, int64_t reduction, ct_tensor *result) {
  return guarded([&] { auto &&logits_ = ref(logits); auto &&target_ = ref(target); auto &&weight_ = maybe(weight); auto &&positive_ = maybe(positive); auto &&reduction_ = reduction; *result = own(at::binary_cross_entropy_with_logits(logits_, target_, weight_, positive_, reduction_)); });
}

int32_t ct_mse_loss(ct_tensor a, ct_tensor b, int64_t reduction, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&reduction_ = reduction; *result = own(at::mse_loss(a_, b_, reduction_)); });
}

int32_t ct_l1_loss(ct_tensor a, ct_tensor b, int64_t reduction, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&reduction_ = reduction; *result = own(at::l1_loss(a_, b_, reduction_)); });
}

int32_t ct_smooth_l1_loss(ct_tensor a, ct_tensor b, int64_t reduction, double beta, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&reduction_ = reduction; auto &&beta_ = beta; *result = own(at::smooth_l1_loss(a_, b_, reduction_, beta_)); });
}

int32_t ct_huber_loss(ct_tensor a, ct_tensor b, int64_t reduction, double delta, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&reduction_ = reduction; auto &&delta_ = delta; *result = own(at::huber_loss(a_, b_, reduction_, delta_)); });
}

int32_t ct_kl_div(ct_tensor input, ct_tensor target, int64_t reduction, bool log_target, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&target_ = ref(target); auto &&reduction_ = reduction; auto &&log_target_ = log_target; *result = own(at::kl_div(input_, target_, reduction_, log_target_)); });
}

int32_t ct_cosine_similarity(ct_tensor a, ct_tensor b, int64_t dim, double eps, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&dim_ = dim; auto &&eps_ = eps; *result = own(at::cosine_similarity(a_, b_, dim_, eps_)); });
}

int32_t ct_cosine_embedding_loss(ct_tensor a, ct_tensor b, ct_tensor target, double margin, int64_t reduction, ct_tensor *result) {
  return guarded([&] { auto &&a_ = ref(a); auto &&b_ = ref(b); auto &&target_ = ref(target); auto &&margin_ = margin; auto &&reduction_ = reduction; *result = own(at::cosine_embedding_loss(a_, b_, target_, margin_, reduction_)); });
}

int32_t ct_triplet_margin_loss(ct_tensor anchor, ct_tensor positive, ct_tensor negative, double margin, int64_t reduction, ct_tensor *result) {
  return guarded([&] { auto &&anchor_ = ref(anchor); auto &&positive_ = ref(positive); auto &&negative_ = ref(negative); auto &&margin_ = margin; auto &&reduction_ = reduction; *result = own(at::triplet_margin_loss(anchor_, positive_, negative_, margin_, 2, 1e-6, false, reduction_)); });
}

int32_t ct_requires_grad_(ct_tensor self, bool value) {
  return guarded([&] { auto &&self_ = ref(self); auto &&value_ = value; mut(self_).requires_grad_(value_); });
}

int32_t ct_requires_grad(ct_tensor self, bool *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.requires_grad(); });
}

int32_t ct_is_leaf(ct_tensor self, bool *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.is_leaf(); });
}

int32_t ct_backward(ct_tensor self, ct_tensor gradient, bool retain, bool create) {
  return guarded([&] { auto &&self_ = ref(self); auto &&gradient_ = maybe(gradient); auto &&retain_ = retain; auto &&create_ = create; self_.backward(gradient_.has_value() ? *gradient_ : at::Tensor(), retain_, create_); });
}

int32_t ct_grad(ct_tensor self, ct_tensor *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = own(self_.grad()); });
}

int32_t ct_set_grad(ct_tensor self, ct_tensor gradient) {
  return guarded([&] { auto &&self_ = ref(self); auto &&gradient_ = maybe(gradient); mut(self_).mutable_grad() = gradient_.has_value() ? *gradient_ : at::Tensor(); });
}

int32_t ct_is_contiguous(ct_tensor self, bool *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.is_contiguous(); });
}

int32_t ct_storage_offset(ct_tensor self, int64_t *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.storage_offset(); });
}

int32_t ct_item_double(ct_tensor self, double *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.item<double>(); });
}

int32_t ct_item_int(ct_tensor self, int64_t *result) {
  return guarded([&] { auto &&self_ = ref(self); *result = self_.item<int64_t>(); });
}

int32_t ct_fused_sgd_(ct_tensor parameter, ct_tensor gradient, ct_tensor momentum, double weight_decay, double momentum_factor, double lr, double dampening, bool nesterov, bool first) {
  return guarded([&] { auto &&parameter_ = ref(parameter); auto &&gradient_ = ref(gradient); auto &&momentum_ = maybe(momentum); auto &&weight_decay_ = weight_decay; auto &&momentum_factor_ = momentum_factor; auto &&lr_ = lr; auto &&dampening_ = dampening; auto &&nesterov_ = nesterov; auto &&first_ = first; fusedSGD(mut(parameter_), gradient_, momentum_, weight_decay_, momentum_factor_, lr_, dampening_, nesterov_, first_); });
}

int32_t ct_fused_adam_(ct_tensor parameter, ct_tensor gradient, ct_tensor mean, ct_tensor square, ct_tensor step, double lr, double beta1, double beta2, double weight_decay, double eps, bool decoupled) {
  return guarded([&] { auto &&parameter_ = ref(parameter); auto &&gradient_ = ref(gradient); auto &&mean_ = ref(mean); auto &&square_ = ref(square); auto &&step_ = ref(step); auto &&lr_ = lr; auto &&beta1_ = beta1; auto &&beta2_ = beta2; auto &&weight_decay_ = weight_decay; auto &&eps_ = eps; auto &&decoupled_ = decoupled; fusedAdam(mut(parameter_), gradient_, mean_, square_, step_, lr_, beta1_, beta2_, weight_decay_, eps_, decoupled_); });
}

int32_t ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, bool relu, int64_t backend, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&weight_ = ref(weight); auto &&bias_ = maybe(bias); auto &&relu_ = relu; auto &&backend_ = backend; *result = own(perennial::linear(input_, weight_, bias_, relu_, backend_)); });
}

int32_t ct_softened_divergence(ct_tensor student, ct_tensor teacher, int64_t first, double temperature, ct_tensor *result) {
  return guarded([&] { auto &&student_ = ref(student); auto &&teacher_ = ref(teacher); auto &&first_ = first; auto &&temperature_ = temperature; *result = own(perennial::softenedDivergence(student_, teacher_, first_, temperature_)); });
}

int32_t ct_dropout_mask(ct_tensor input, double probability, ct_generator generator, ct_tensor *result) {
  return guarded([&] { auto &&input_ = ref(input); auto &&probability_ = probability; auto &&generator_ = maybe(generator); *result = own(perennial::dropoutMask(input_, probability_, generator_)); });
}

int32_t ct_direct_backward(ct_tensor loss) {
  return guarded([&] { auto &&loss_ = ref(loss); perennial::directBackward(loss_); });
}

int32_t ct_add_quadratic_penalty_(ct_tensor gradient, ct_tensor parameter, ct_tensor precision, ct_tensor weighted, double scale) {
  return guarded([&] { auto &&gradient_ = ref(gradient); auto &&parameter_ = ref(parameter); auto &&precision_ = ref(precision); auto &&weighted_ = ref(weighted); auto &&scale_ = scale; perennial::addQuadraticPenalty(mut(gradient_), parameter_, precision_, weighted_, scale_); });
}

int32_t ct_add_path_integral_(ct_tensor integral, ct_tensor gradient, ct_tensor before, ct_tensor after) {
  return guarded([&] { auto &&integral_ = ref(integral); auto &&gradient_ = ref(gradient); auto &&before_ = ref(before); auto &&after_ = ref(after); perennial::addPathIntegral(mut(integral_), gradient_, before_, after_); });
}

int32_t ct_gather_normalized(ct_tensor data, ct_tensor index, ct_tensor scale, ct_tensor shift, ct_tensor *result) {
  return guarded([&] { auto &&data_ = ref(data); auto &&index_ = ref(index); auto &&scale_ = ref(scale); auto &&shift_ = ref(shift); *result = own(perennial::gatherNormalized(data_, index_, scale_, shift_)); });
}

int32_t ct_attach_gradients(ct_tensor value, const ct_tensor *inputs, size_t inputs_count, const ct_tensor *gradients, size_t gradients_count, ct_tensor *result) {
  return guarded([&] { auto &&value_ = ref(value); auto &&inputs_ = list(inputs, inputs_count); auto &&gradients_ = list(gradients, gradients_count); *result = own(perennial::attachGradients(value_, inputs_, gradients_)); });
}
