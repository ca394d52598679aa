#include "wire/gzip.h"

#include "base/library.h"
#include "wire/libz.h"

static const char *const names[] = {
#define LIBZ_NAME(name) #name,
    LIBZ_FUNCTIONS(LIBZ_NAME)
#undef LIBZ_NAME
};

static struct libz loaded;
static struct library library = { .file = "libz.so.1",
                                  .package = "zlib1g",
                                  .names = names,
                                  .count = ARRAY_LEN(names),
                                  .functions = &loaded };

_Static_assert(sizeof loaded == sizeof(void *) * ARRAY_LEN(names), "pointers and nothing else");

int libz_load(const struct libz **ret, struct err *e)
{
    if (library_need(&library, e))
        return -1;
    *ret = &loaded;
    return 0;
}

/* 15 is the largest window, 16 more ask for gzip's header and trailer. Speed before size: what we
 * send is read once. */
enum { LEVEL = 3, WINDOW_GZIP = 15 + 16, MEMORY = 8 };

int gzip_pack(struct buf *out, struct slice bytes, struct err *e)
{
    const struct libz *z;
    z_stream stream = { 0 };
    size_t bound;

    if (libz_load(&z, e))
        return -1;
    if (bytes.len > BUF_MAX ||
        z->deflateInit2_(&stream, LEVEL, Z_DEFLATED, WINDOW_GZIP, MEMORY, Z_DEFAULT_STRATEGY,
                         ZLIB_VERSION, (int)sizeof stream) != Z_OK)
        return err_set(e, ERR_INTERNAL, "zlib does not start");
    bound = z->deflateBound(&stream, bytes.len);
    stream.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    stream.avail_in = (uInt)bytes.len;
    stream.next_out = buf_room(out, bound);
    stream.avail_out = (uInt)bound;
    if (!stream.next_out || z->deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        (void)z->deflateEnd(&stream);
        return err_set(e, ERR_INTERNAL, "zlib does not end");
    }
    out->len += stream.total_out;
    (void)z->deflateEnd(&stream);
    return 0;
}

void gzip_warm(void)
{
    const struct libz *z;

    (void)!libz_load(&z, NULL);
}
