// What MicroPython's module sees of the system's configuration of Mbed TLS. The structures it shares
// with the libraries do not depend on this.

// Or it lets Mbed TLS tell every step of every connection on the console.
#undef MBEDTLS_DEBUG_C
