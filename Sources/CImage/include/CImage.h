#pragma once
#include <stddef.h>

// Decodes JPEG without letting libjpeg's longjmp pass through Swift.

/// Room for a message, with the final zero.
enum { CIMAGE_MESSAGE_LENGTH = 200 };

/// Reads the size and the number of channels (1 grey, 3 colour) of a JPEG image. Returns 0, or -1 with a message.
int cimage_jpeg_size(
    const unsigned char *data, size_t length, int *width, int *height, int *channels, char *message);

/// Decodes a JPEG image into `pixels`, which holds width * height * channels bytes, rows from the top, channels
/// innermost. `channels` is 1 or 3. Returns 0, or -1 with a message; data that is cut off or damaged is an error.
int cimage_jpeg_decode(
    const unsigned char *data, size_t length, int channels, unsigned char *pixels, size_t capacity, char *message);
