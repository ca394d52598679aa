#include "crypto/pem.h"
#include <assert.h>

/* Property: each block, written again, reads back as itself and alone. */
static void check_block(const struct pem_block *block)
{
    CLEANUP(pem_block_clear) struct pem_block again = { 0 };
    CLEANUP(buf_clear) struct buf pem = { 0 };
    char label[65];
    struct slice rest;

    assert(block->label.len < sizeof label && block->der.len <= PEM_MAX_BLOCK + 2);
    memcpy(label, block->label.ptr, block->label.len);
    label[block->label.len] = '\0';
    pem_write(&pem, label, buf_slice(&block->der));
    rest = buf_slice(&pem);
    if (pem_next(&rest, &again, NULL) != 1)
        abort();
    assert(slice_eq(again.label, block->label) && rest.len == 0);
    assert(slice_eq(buf_slice(&again.der), buf_slice(&block->der)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    CLEANUP(buf_clear) struct buf der = { 0 };
    struct slice rest = slice_of(data, len);
    struct err e = { 0 };
    size_t count = 0;
    int rc;

    while ((rc = pem_next(&rest, &block, &e)) > 0) {
        assert(rest.ptr + rest.len == data + len);
        check_block(&block);
        count++;
    }
    assert(rc == 0 || e.code == ERR_INVALID || e.code == ERR_LIMIT);
    if (pem_or_der(&der, slice_of(data, len), "CERTIFICATE", NULL) == 0)
        assert(count == 1 || data[0] == 0x30);
    return 0;
}
