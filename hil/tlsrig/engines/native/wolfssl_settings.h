// What wolfSSL is built with: TLS 1.2 and 1.3 and DTLS of both, and all that the peer declares.

#include <time.h>

#define WOLFSSL_LINUX
#define SINGLE_THREADED
#define WOLFSSL_SP_MATH_ALL
#define TFM_TIMING_RESISTANT
#define ECC_TIMING_RESISTANT
#define WC_RSA_BLINDING
#define WOLFSSL_NO_OPTIONS_H

// Versions.
#define WOLFSSL_TLS13
#define WOLFSSL_DTLS
#define WOLFSSL_DTLS13
#define WOLFSSL_DTLS_CID
#define WOLFSSL_DTLS_CH_FRAG
#define WOLFSSL_DTLS_DROP_STATS
#define NO_OLD_TLS
#define WOLFSSL_EXTRA_ALERTS

// Extensions.
#define HAVE_TLS_EXTENSIONS
#define HAVE_SUPPORTED_CURVES
#define HAVE_SNI
#define HAVE_ALPN
#define HAVE_MAX_FRAGMENT
#define HAVE_EXTENDED_MASTER
#define HAVE_SERVER_RENEGOTIATION_INFO
#define HAVE_SESSION_TICKET
#define HAVE_RPK
#define WOLFSSL_SEND_HRR_COOKIE

// External keys, alone too.
#define WOLFSSL_STATIC_PSK

// Groups and signatures.
#define HAVE_ECC
#define HAVE_ECC_ENCRYPT
#define HAVE_ECC384
#define HAVE_ECC521
#define HAVE_ALL_CURVES
#define HAVE_CURVE25519
#define HAVE_ED25519
#define HAVE_CURVE448
#define HAVE_ED448
#define HAVE_FFDHE_2048
#define HAVE_FFDHE_3072
#define HAVE_FFDHE_4096
#define HAVE_DH_DEFAULT_PARAMS
#define SP_INT_BITS 8192
#define WC_RSA_PSS

// Suites.
#define HAVE_AESGCM
#define HAVE_AESCCM
#define WOLFSSL_AES_COUNTER
#define WOLFSSL_AES_DIRECT
#define HAVE_CHACHA
#define HAVE_POLY1305
#define HAVE_ONE_TIME_AUTH
#define HAVE_HKDF
#define WOLFSSL_SHA224
#define WOLFSSL_SHA384
#define WOLFSSL_SHA512
#define WOLFSSL_SHA3
#define WOLFSSL_SHAKE256
#define NO_DES3
#define NO_RC4
#define NO_MD4

// What the engine takes note of: secrets, keying material, alerts.
#define OPENSSL_EXTRA
#define HAVE_SECRET_CALLBACK
#define HAVE_KEYING_MATERIAL
#define HAVE_EX_DATA

// Certificates and tickets are judged at the time the engine was told.
time_t engine_time(time_t *also);
#define XTIME(also) engine_time(also)
long long engine_time_ms(void);
#define XTIME_MS(unused) engine_time_ms()
