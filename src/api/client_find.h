#ifndef API_CLIENT_FIND_H
#define API_CLIENT_FIND_H

#include "crypto/x509.h"
#include "wire/json.h"
#include <sys/types.h>

/*
 * Certificates and keys in files and folders, ours or not: PEM (several in a file), DER and
 * kubeconfigs. What is found is kept with where it was found; nothing is judged here.
 */
enum {
    FIND_MAX_FILES = 20000, /* looked at in all */
    FIND_MAX_CERTS = 10000,
    FIND_MAX_DEPTH = 16,
    FIND_MAX_SIZE = 4 << 20, /* bytes of a file; larger ones hold other things */
};

enum found_key_state {
    FOUND_KEY_NONE,   /* no key beside it */
    FOUND_KEY_HIDDEN, /* one that cannot be read: encrypted, or no right to */
    FOUND_KEY_FITS,
    FOUND_KEY_OTHER, /* the key that belongs there by its place is of another certificate */
};
struct found_cert {
    size_t target; /* index of the target that led here */
    size_t file;   /* certificates of one file, or of one entry in it, share this number */
    size_t place;  /* from 0 in that file */
    char *path;
    char *entry; /* "user NAME", "cluster NAME" of a kubeconfig, or NULL */
    struct buf der;
    struct x509_cert view; /* into der; only when `readable` */
    bool readable;
    bool repeated; /* a CA that is shown at another of its places */
    enum found_key_state key;
};
struct found_key {
    size_t target, file;
    char *path;
    char *entry;
    struct buf spki; /* empty: encrypted, or of a kind not known */
    mode_t mode;     /* of the file */
    bool named;      /* the file was a target itself */
};
/* What is worth a word and is no certificate. */
struct found_note {
    size_t target;
    char *path;
    const char *code; /* of finding_kinds */
    char *text;
};
struct found {
    struct found_cert *cert;
    size_t cert_count;
    struct found_key *key;
    size_t key_count;
    struct found_note *note;
    size_t note_count;
    struct file_id *seen; /* a file that is reached twice is read once */
    size_t seen_count;
    bool truncated;
};
void found_clear(struct found *f);

/* Adds what a file or folder holds. In a folder, what is no certificate is passed over; a file
 * that was named must hold something, or there is a note. Never fails for what it finds. */
void find_in(struct found *f, size_t target, const char *path);
/* After everything was added: certificates meet their keys; CAs that were found twice stay once. */
void find_pairs(struct found *f);

#endif
