#include "CImage.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

// A progressive image may announce any number of scans, each of which costs a pass over all pixels.
enum { MAXIMUM_SCANS = 500 };

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
} error_manager;

static void fail(j_common_ptr info) {
  error_manager *errors = (error_manager *)info->err;
  info->err->format_message(info, errors->message);
  longjmp(errors->escape, 1);
}

// Damage that libjpeg would repair with grey comes here as a warning (level -1).
static void refuse_damage(j_common_ptr info, int level) {
  if (level < 0) fail(info);
}

static void limit_scans(j_common_ptr info) {
  error_manager *errors = (error_manager *)info->err;
  if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > MAXIMUM_SCANS) {
    snprintf(errors->message, sizeof errors->message, "more than %d scans", MAXIMUM_SCANS);
    longjmp(errors->escape, 1);
  }
}

static int run(
    const unsigned char *data, size_t length, int *width, int *height, int *channels, unsigned char *pixels,
    size_t capacity, char *message) {
  struct jpeg_decompress_struct info;
  struct jpeg_progress_mgr progress = {.progress_monitor = limit_scans};
  error_manager errors;
  memset(&info, 0, sizeof info);
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = fail;
  errors.base.emit_message = refuse_damage;
  errors.message[0] = 0;
  if (setjmp(errors.escape)) {
    snprintf(message, CIMAGE_MESSAGE_LENGTH, "%s", errors.message);
    jpeg_destroy_decompress(&info);
    return -1;
  }
  jpeg_create_decompress(&info);
  info.progress = &progress;
  jpeg_mem_src(&info, (unsigned char *)data, length);
  jpeg_read_header(&info, TRUE);
  if (!pixels) {
    *width = (int)info.image_width;
    *height = (int)info.image_height;
    *channels = info.num_components == 1 ? 1 : 3;
  } else {
    info.out_color_space = *channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info);
    size_t row = (size_t)info.output_width * (size_t)info.output_components;
    if (info.output_components != *channels || row * info.output_height > capacity) {
      snprintf(message, CIMAGE_MESSAGE_LENGTH, "the image does not fit in the memory given for it");
      jpeg_destroy_decompress(&info);
      return -1;
    }
    while (info.output_scanline < info.output_height) {
      JSAMPROW line = pixels + row * info.output_scanline;
      jpeg_read_scanlines(&info, &line, 1);
    }
    jpeg_finish_decompress(&info);
  }
  jpeg_destroy_decompress(&info);
  return 0;
}

int cimage_jpeg_size(
    const unsigned char *data, size_t length, int *width, int *height, int *channels, char *message) {
  return run(data, length, width, height, channels, NULL, 0, message);
}

int cimage_jpeg_decode(
    const unsigned char *data, size_t length, int channels, unsigned char *pixels, size_t capacity, char *message) {
  return run(data, length, NULL, NULL, &channels, pixels, capacity, message);
}
