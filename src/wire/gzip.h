#ifndef WIRE_GZIP_H
#define WIRE_GZIP_H

#include "base/buf.h"

/* Appends the bytes as one gzip member (RFC 1952). ERR_INTERNAL: there is no zlib here. */
int gzip_pack(struct buf *out, struct slice bytes, struct err *e) MUST_CHECK;

/* Loads zlib now: for a process that is about to lose the right to open files. */
void gzip_warm(void);

#endif
