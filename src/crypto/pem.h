#ifndef CRYPTO_PEM_H
#define CRYPTO_PEM_H

#include "base/buf.h"

/* Textual encoding, RFC 7468 (lax about white space and text between blocks, strict about base64).
 * PEM headers (RFC 1421) are ERR_INVALID: they mean an encrypted key. */
struct pem_block {
    struct slice label; /* "CERTIFICATE" */
    struct buf der;
};
enum { PEM_MAX_BLOCK = 256 << 10, PEM_MAX_BLOCKS = 2048 };

void pem_block_clear(struct pem_block *block);
/* 1: a block was read and *rest moved behind it; 0: no more; -1: broken. Reuses block->der. */
int pem_next(struct slice *rest, struct pem_block *block, struct err *e) MUST_CHECK;
void pem_write(struct buf *out, const char *label, struct slice der); /* 64 characters a line */
/* Just one block of that label, nothing else but text around it; DER input (first byte 0x30) is
 * taken as it is. */
int pem_or_der(struct buf *der, struct slice bytes, const char *label, struct err *e) MUST_CHECK;

#endif
