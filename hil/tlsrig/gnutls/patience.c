/* Lets gnutls-cli try a handshake for as long as HIL_HANDSHAKE_MS says: preloaded, see patience.py.
 *
 * The program tells the library "the default", which is 40 s; for DTLS the library gives up after
 * 60 s beside that. Both are told the number instead, by the library's own functions for it. The
 * first time-out of a flight stays the default, 1 s (RFC 6347 4.2.4.1).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

#define FIRST_TIMEOUT_MS 1000

void gnutls_handshake_set_timeout(void *session, unsigned int ms);

void gnutls_handshake_set_timeout(void *session, unsigned int ms) {
    void (*of_all)(void *, unsigned int);
    void (*of_datagrams)(void *, unsigned int, unsigned int);
    const char *told = getenv("HIL_HANDSHAKE_MS");

    *(void **)&of_all = dlsym(RTLD_NEXT, "gnutls_handshake_set_timeout");
    *(void **)&of_datagrams = dlsym(RTLD_NEXT, "gnutls_dtls_set_timeouts");
    if (!of_all || !of_datagrams) {
        abort(); /* another library than it is for */
    }
    if (told) {
        ms = (unsigned int)strtoul(told, NULL, 10);
        of_datagrams(session, FIRST_TIMEOUT_MS, ms);
    }
    of_all(session, ms);
}
