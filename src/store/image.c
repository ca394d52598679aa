#include "store/engine.h"
#include "store/file.h"
#include <assert.h>

/*
 * The present schema, in the order in which SQLite would make it: object N has its root on page N
 * + 2. Bodies are long, so rows live under a number and the indexes stay narrow. The body is the
 * last column: those before it are read without its overflow pages. An expiry of "never" is the
 * last time.
 */
/* clang-format off */
#define TABLE(name, columns)      { name, name, "CREATE TABLE " name " (" columns ")", TABLE_LEAF }
#define INDEX(name, table, rest)  { name, table, "CREATE INDEX " name " ON " table " " rest, INDEX_LEAF }
#define UNIQUE(name, table, rest) { name, table, "CREATE UNIQUE INDEX " name " ON " table " " rest, INDEX_LEAF }

const struct schema_object schema_objects[] = {
    TABLE("record", "id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,"
          " scope TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, schema INTEGER NOT NULL,"
          " created INTEGER NOT NULL, updated INTEGER NOT NULL, expires INTEGER NOT NULL,"
          " issuer_serial TEXT, fingerprint TEXT, body TEXT NOT NULL"),
    { "sqlite_autoindex_record_1", "record", NULL, INDEX_LEAF }, /* of UNIQUE */
    UNIQUE("record_name", "record", "(kind, scope, name)"),
    INDEX("record_expires", "record", "(kind, expires, uid)"),
    INDEX("record_scope_expires", "record", "(kind, scope, expires, uid)"),
    INDEX("record_created", "record", "(kind, scope, created, uid)"),
    INDEX("record_issuer_serial", "record", "(issuer_serial) WHERE issuer_serial IS NOT NULL"),
    INDEX("record_fingerprint", "record", "(fingerprint) WHERE fingerprint IS NOT NULL"),
    TABLE("change", "sequence INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL, kind TEXT NOT NULL,"
          " scope TEXT NOT NULL, operation INTEGER NOT NULL, time INTEGER NOT NULL"),
    { "sqlite_sequence", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)", TABLE_LEAF },
    { "setting", "setting", "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL)"
      " WITHOUT ROWID", INDEX_LEAF },
    TABLE("audit", "id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, chain TEXT NOT NULL,"
          " sequence INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL, signature BLOB"),
    UNIQUE("audit_sequence", "audit", "(kind, chain, sequence)"),
};
/* clang-format on */
const size_t schema_object_count = ARRAY_LEN(schema_objects);

/*
 * An empty store is its first page and an empty page an object, so we write it as it is. SQLite's
 * own way there, CREATE by CREATE through a rollback journal and into WAL mode, costs a millisecond
 * of CPU and five waits for the disk. The format is promised for good:
 * https://www.sqlite.org/fileformat2.html
 */
enum { PAGE = 4096, FILE_HEADER = 100, LEAF_HEADER = 8, PAGES = ARRAY_LEN(schema_objects) + 1 };

static void put16(uint8_t *at, size_t n)
{
    at[0] = (uint8_t)(n >> 8);
    at[1] = (uint8_t)n;
}

static void put32(uint8_t *at, uint32_t n)
{
    put16(at, n >> 16);
    put16(at + 2, n & 0xffff);
}

/* Section 1.6, variable-length integers; ours have two bytes at most. */
static void add_varint(struct buf *out, size_t n)
{
    assert(n < 1 << 14);
    if (n > 127)
        buf_add_byte(out, (uint8_t)(0x80 | n >> 7));
    buf_add_byte(out, n & 0x7f);
}

static size_t text_type(const char *text)
{
    return text ? strlen(text) * 2 + 13 : 0;
}

/* Sections 1.6 and 2.1: a cell of a table's leaf with a row (type, name, tbl_name, rootpage, sql).
 */
static void add_cell(struct buf *out, const struct schema_object *object, uint8_t number)
{
    const char *type =
        object->sql && strncmp(object->sql, "CREATE TABLE", 12) == 0 ? "table" : "index";
    const char *const texts[] = { type, object->name, object->table, object->sql };
    CLEANUP(buf_clear) struct buf types = { 0 };
    size_t body = 1;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (i == 3)
            add_varint(&types, 1); /* rootpage: an integer of one byte */
        add_varint(&types, text_type(texts[i]));
        body += texts[i] ? strlen(texts[i]) : 0;
    }
    add_varint(out, 1 + types.len + body);
    add_varint(out, number);
    add_varint(out, 1 + types.len); /* the record's header, its own length included */
    buf_add_slice(out, buf_slice(&types));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (i == 3)
            buf_add_byte(out, (uint8_t)(number + 1));
        buf_add_slice(out, slice_str(texts[i]));
    }
}

/* Section 1.6, the header of a leaf: what it is, how many cells, where the first of them starts. */
static void put_leaf(uint8_t *at, enum schema_leaf leaf, size_t cells, size_t start)
{
    at[0] = (uint8_t)leaf;
    put16(at + 3, cells);
    put16(at + 5, start);
}

/* Section 1.3, the header of the file. Numbers that are 0 need no word. */
static void put_file_header(uint8_t *page)
{
    enum { WAL = 2, UTF8 = 1, FORMAT = 4 };

    memcpy(page, "SQLite format 3", 16);
    put16(page + 16, PAGE);
    page[18] = page[19] = WAL;
    page[21] = 64; /* fractions of payload, fixed */
    page[22] = page[23] = 32;
    put32(page + 24, 1); /* change counter */
    put32(page + 28, PAGES);
    put32(page + 40, 1); /* schema cookie */
    put32(page + 44, FORMAT);
    put32(page + 56, UTF8);
    put32(page + 60, STORE_SCHEMA);
    put32(page + 68, STORE_APPLICATION_ID);
    put32(page + 92, 1); /* the change counter for which the next number holds */
    put32(page + 96, (uint32_t)sqlite3_libversion_number());
}

static void put_schema(uint8_t *page)
{
    size_t start = PAGE;

    for (size_t i = 0; i < ARRAY_LEN(schema_objects); i++) {
        CLEANUP(buf_clear) struct buf cell = { 0 };

        add_cell(&cell, &schema_objects[i], (uint8_t)(i + 1));
        start -= cell.len;
        assert(start > FILE_HEADER + LEAF_HEADER + 2 * ARRAY_LEN(schema_objects));
        memcpy(page + start, cell.ptr, cell.len);
        put16(page + FILE_HEADER + LEAF_HEADER + 2 * i, start);
    }
    put_leaf(page + FILE_HEADER, TABLE_LEAF, ARRAY_LEN(schema_objects), start);
}

int schema_create(const char *path, struct err *e)
{
    CLEANUP(buf_clear) struct buf image = { 0 };
    struct err conflict = { 0 };
    uint8_t *page = buf_room(&image, PAGES * PAGE);

    if (!page)
        return buf_check(&image, e);
    image.len = PAGES * PAGE;
    memset(page, 0, image.len);
    put_file_header(page);
    put_schema(page);
    for (size_t i = 0; i < ARRAY_LEN(schema_objects); i++)
        put_leaf(page + (i + 1) * PAGE, schema_objects[i].leaf, 0, PAGE);
    if (file_create(path, buf_slice(&image), 0600, &conflict) == 0)
        return 0;
    if (conflict.code == ERR_CONFLICT) /* another process was faster: theirs is as good */
        return 0;
    if (e)
        *e = conflict;
    return -1;
}
