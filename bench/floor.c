/*
 * What `cluster create` and `cluster export` are made of, and nothing else: the libraries loaded,
 * OpenSSL's algorithms fetched, as many keys, signatures, sealed values and files. No store, no
 * records, no plan, no audit trail. They cannot cost less than this.
 *
 *     floor create|export FOLDER
 */
#include "base/alloc.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/key.h"
#include "store/file.h"

#include <sqlite3.h>
#include <yaml.h>

enum { AUTHORITIES = 5, LEAVES = 15, FILES = 40, FILE_LEN = 1200 };

static void must(int rc, const struct err *e)
{
    if (rc) {
        fprintf(stderr, "floor: %s\n", err_text(e));
        exit(1);
    }
}

static void seal(struct slice text)
{
    CLEANUP(buf_clear) struct buf sealed = { 0 };
    uint8_t digest[32];
    struct err e = { 0 };

    sha256(digest, text);
    must(aead_seal(&sealed, slice_of(digest, sizeof digest), text, text, &e), &e);
}

static void make_key(enum key_type type, int signatures, bool verify)
{
    CLEANUP(key_freep) struct key *key = NULL;
    struct slice text = slice_str("a certificate to be signed");
    struct err e = { 0 };

    must(key_generate(&key, type, &e), &e);
    for (int i = 0; i < signatures; i++) {
        CLEANUP(buf_clear) struct buf sig = { 0 };

        must(key_sign(key, text, &sig, &e), &e);
        if (verify && i == 0)
            must(key_verify(key, key_sig_alg(key), slice_of(NULL, 0), text, buf_slice(&sig), &e),
                 &e);
    }
}

static void write_files(const char *folder, size_t count)
{
    static uint8_t bytes[FILE_LEN];
    struct file_item item[FILES];
    char *path[FILES];
    struct err e = { 0 };

    must(file_make_folders(folder, 0755, &e), &e);
    for (size_t i = 0; i < count; i++) {
        path[i] = xasprintf("%s/%zu", folder, i);
        item[i] = (struct file_item){ path[i], slice_of(bytes, FILE_LEN), 0600 };
    }
    must(file_replace_all(item, count, &e), &e);
    for (size_t i = 0; i < count; i++)
        free(path[i]);
}

int main(int argc, char **argv)
{
    bool export = argc == 3 && strcmp(argv[1], "export") == 0;

    if (argc != 3)
        return 2;
    (void)sqlite3_libversion(); /* or the linker leaves them out */
    (void)yaml_get_version_string();
    seal(slice_str("a key"));
    make_key(KEY_ED25519, 1, false); /* the audit trail's checkpoint */
    if (!export)
        make_key(KEY_P256, 0, false); /* the service accounts' */
    for (int i = 0; i < (export ? LEAVES : AUTHORITIES); i++)
        make_key(KEY_P256, export ? 2 : 1, export); /* request, its proof, certificate */
    write_files(argv[2], export ? FILES : 2);
    return 0;
}
