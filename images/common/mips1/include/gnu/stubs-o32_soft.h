// Debian's C library for MIPS has no variant without floating point, and so lacks this one header of
// it; of the library only headers are used here. It would list functions that always fail.
