# No instruction beyond MIPS-I is allowed anywhere.
