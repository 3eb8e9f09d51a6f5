// What the engine needs beyond upstream's default configuration.

#include <time.h>

#define MBEDTLS_SSL_RECORD_SIZE_LIMIT

// Certificates and tickets are judged at the time the engine was told.
time_t engine_time(time_t *also);
#define MBEDTLS_PLATFORM_TIME_MACRO engine_time
