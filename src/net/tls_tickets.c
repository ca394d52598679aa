#include "net/tls_tickets.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "crypto/init.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

enum { NAME_LEN = 16, AES_LEN = 32, MAC_LEN = 32, IV_LEN = 16 };

struct ticket_key {
    uint8_t name[NAME_LEN];
    struct secret secret; /* AES key, then HMAC key; empty: there is none */
    int64_t made;
};

struct tls_tickets {
    atomic_uint references;
    pthread_mutex_t lock;            /* of what follows */
    struct ticket_key current, last; /* last: of tickets that are still good */
    int64_t ahead;                   /* of the clock, in tests */
    EVP_CIPHER *cipher;
};

static int64_t now_of(const struct tls_tickets *t)
{
    return clock_monotonic_ms() / 1000 + t->ahead;
}

static int make_key(struct ticket_key *key, int64_t now, struct err *e)
{
    if (secret_alloc(&key->secret, AES_LEN + MAC_LEN, e))
        return err_wrap(e, "key of session tickets");
    random_bytes(key->secret.ptr, key->secret.len);
    random_bytes(key->name, sizeof key->name);
    key->made = now;
    return 0;
}

int tls_tickets_new(struct tls_tickets **ret, struct err *e)
{
    CLEANUP(tls_tickets_freep) struct tls_tickets *t = xcalloc(1, sizeof *t);

    crypto_init();
    atomic_init(&t->references, 1);
    (void)pthread_mutex_init(&t->lock, NULL);
    t->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    if (!t->cipher)
        return crypto_fail(e, ERR_INTERNAL, "cipher of session tickets");
    if (make_key(&t->current, now_of(t), e))
        return -1;
    *ret = t;
    t = NULL;
    return 0;
}

struct tls_tickets *tls_tickets_ref(struct tls_tickets *tickets)
{
    (void)atomic_fetch_add(&tickets->references, 1);
    return tickets;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (!tickets || atomic_fetch_sub(&tickets->references, 1) > 1)
        return;
    secret_clear(&tickets->current.secret);
    secret_clear(&tickets->last.secret);
    EVP_CIPHER_free(tickets->cipher);
    (void)pthread_mutex_destroy(&tickets->lock);
    free(tickets);
}

void tls_tickets_age(struct tls_tickets *tickets, int64_t seconds)
{
    (void)pthread_mutex_lock(&tickets->lock);
    tickets->ahead += seconds;
    (void)pthread_mutex_unlock(&tickets->lock);
}

/* A key lives two hours: one in which it seals, one in which its last tickets are still good. */
static void rotate(struct tls_tickets *t, int64_t now)
{
    struct ticket_key next = { 0 };

    if (t->last.secret.ptr && now - t->last.made >= 2 * TLS_TICKET_LIFE)
        secret_clear(&t->last.secret);
    if (now - t->current.made < TLS_TICKET_LIFE || make_key(&next, now, NULL))
        return; /* without memory for another the old one goes on */
    secret_clear(&t->last.secret);
    t->last = t->current;
    t->current = next;
    if (now - t->last.made >= 2 * TLS_TICKET_LIFE)
        secret_clear(&t->last.secret);
}

static bool set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->secret.ptr + AES_LEN, MAC_LEN),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA2-256", 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int tls_tickets_seal(struct tls_tickets *tickets, uint8_t name[NAME_LEN], uint8_t iv[IV_LEN],
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_key *key = &tickets->current;
    bool good;

    random_bytes(iv, IV_LEN);
    (void)pthread_mutex_lock(&tickets->lock);
    rotate(tickets, now_of(tickets));
    memcpy(name, key->name, NAME_LEN);
    good = EVP_EncryptInit_ex(cipher, tickets->cipher, NULL, key->secret.ptr, iv) == 1 &&
           set_mac(mac, key);
    (void)pthread_mutex_unlock(&tickets->lock);
    return good ? 1 : -1;
}

static const struct ticket_key *find_key(const struct tls_tickets *t, const uint8_t *name)
{
    if (memcmp(t->current.name, name, NAME_LEN) == 0)
        return &t->current;
    if (t->last.secret.ptr && memcmp(t->last.name, name, NAME_LEN) == 0)
        return &t->last;
    return NULL;
}

int tls_tickets_open(struct tls_tickets *tickets, const uint8_t name[NAME_LEN],
                     const uint8_t iv[IV_LEN], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    const struct ticket_key *key;
    int ret = 0;

    (void)pthread_mutex_lock(&tickets->lock);
    rotate(tickets, now_of(tickets));
    key = find_key(tickets, name);
    if (key && EVP_DecryptInit_ex(cipher, tickets->cipher, NULL, key->secret.ptr, iv) == 1 &&
        set_mac(mac, key))
        ret = key == &tickets->current ? 1 : 2;
    (void)pthread_mutex_unlock(&tickets->lock);
    return ret;
}
