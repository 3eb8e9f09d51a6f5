// Configuration of the images with Mbed TLS: that of `unix`, and memory for Mbed TLS in the heap.

#include "../unix/mpconfigvariant.h"

#define MICROPY_TRACKED_ALLOC (1)
