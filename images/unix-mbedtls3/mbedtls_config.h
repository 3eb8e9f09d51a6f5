// Mbed TLS as MicroPython configures it for boards, its memory in MicroPython's heap included, and what
// the scenarios need beside that: TLS 1.3, X25519, ChaCha20-Poly1305, AES-CCM, RSASSA-PSS, PEM.

#define MICROPY_MBEDTLS_CONFIG_BARE_METAL (1)
#include "extmod/mbedtls/mbedtls_config_common.h"

// Random bytes come from this machine.
#undef MBEDTLS_ENTROPY_HARDWARE_ALT
#undef MBEDTLS_NO_PLATFORM_ENTROPY
#undef MBEDTLS_PLATFORM_NO_STD_FUNCTIONS

// TLS 1.3
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_SESSION_TICKETS  // or those that servers send would be an error
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_HKDF_C

// TLS 1.2 as its servers like it today (RFC 7627)
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET

#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_CCM_C
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
