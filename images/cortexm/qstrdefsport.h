// No QSTRs beyond those found in the sources.
