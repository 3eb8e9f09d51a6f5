"""The programs of GnuTLS as a reference peer: how they are started and what they say."""
