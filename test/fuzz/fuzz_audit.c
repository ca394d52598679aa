#include "access/audit.h"
#include "base/alloc.h"
#include <assert.h>

/*
 * Whatever stands in the rows of the trail, verification ends with a verdict. The input is rows of
 * KIND SEQUENCE TIME LENGTH BYTES, one byte each but the last; what is left is the kept head. The
 * signature of these trails is the first byte of what it signs.
 */
static int sign(void *ctx, struct slice statement, struct buf *sig, struct err *e)
{
    (void)ctx;
    (void)e;
    buf_add(sig, statement.ptr, 1);
    return 0;
}

static int check(void *ctx, struct slice statement, struct slice sig, struct err *e)
{
    (void)ctx;
    if (sig.len && statement.len && sig.ptr[0] == statement.ptr[0])
        return 0;
    return err_set(e, ERR_CORRUPT, "does not fit");
}

static int verify(struct store_tx *tx, void *ctx, struct err *e)
{
    static const struct audit_signer signer = { sign, check, NULL };
    struct slice *in = ctx;
    struct audit_verdict verdict = { .good = true };

    while (in->len > 4 && in->ptr[0] < 3) {
        struct store_audit_row row = {
            .kind = in->ptr[0], .chain = "local", .sequence = in->ptr[1], .time = in->ptr[2]
        };
        size_t len = in->ptr[3] < in->len - 4 ? in->ptr[3] : in->len - 4;

        row.bytes = slice_of(in->ptr + 4, len);
        row.signature = slice_of(in->ptr + 4, len ? 1 : 0);
        if (store_audit_append(tx, &row, e) && e->code != ERR_CONFLICT)
            abort();
        *in = slice_of(in->ptr + 4 + len, in->len - 4 - len);
    }
    if (audit_verify(tx, "local", *in, &signer, &verdict, e) == 0)
        assert(verdict.good == !verdict.kind[0] && verdict.good == !verdict.text[0]);
    else
        assert(e->code == ERR_INVALID && in->len); /* only a head can be nonsense */
    return -1;                                     /* and all is taken back */
}

static struct store *store;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char folder[] = "/tmp/poterne-fuzz-XXXXXX";
    const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "" };
    struct err e = { 0 };

    (void)argc;
    (void)argv;
    if (!mkdtemp(folder))
        abort();
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(freep) char *path = xasprintf("%s/%s", folder, files[i]);

        if (i == 0 && store_open(&store, &(struct store_options){ path, true, 0 }, &e))
            abort();
        (void)remove(path); /* it lives on while open */
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice in = { data, len };
    struct err e = { 0 };

    if (len < 4096)
        assert(store_write(store, verify, &in, &e) == -1);
    return 0;
}
