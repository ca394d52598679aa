#include "api/client.h"
#include "api/identity.h"
#include "base/encode.h"
#include "crypto/pem.h"
#include "pki/backup.h"
#include "store/file.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/*
 * `state backup` and `state restore`: files and the passphrase are this side's matter; a backup is
 * made by a request, a restoration works on a directory that need not hold anything yet.
 */
enum { MAX_PASSPHRASE = 1024, SHORT = 12, MAX_CERT = 64 << 10, MAX_BACKUP = BUF_MAX - 1 };

/* ---- the passphrase ---- */

static struct termios *volatile terminal_before; /* what a signal must put back */
static int volatile terminal_fd = -1;

static void restore_terminal(int signal)
{
    if (terminal_before)
        (void)tcsetattr(terminal_fd, TCSAFLUSH, terminal_before);
    (void)raise(signal); /* SA_RESETHAND: ends us now */
}

/* One line from the terminal, up to its end, into a locked page. */
static int read_line(int fd, struct secret *line, struct err *e)
{
    size_t len = 0;
    ssize_t n;

    if (secret_alloc(line, MAX_PASSPHRASE, e))
        return -1;
    while (len < MAX_PASSPHRASE && (n = read(fd, line->ptr + len, 1)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, "read the passphrase");
        if (line->ptr[len] == '\n')
            break;
        len++;
    }
    if (len == MAX_PASSPHRASE)
        return err_set(e, ERR_LIMIT, "a passphrase has at most %d bytes", MAX_PASSPHRASE - 1);
    line->len = len;
    return 0;
}

static int say(int fd, const char *text)
{
    return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int ask(int fd, const char *prompt, struct secret *line, struct err *e)
{
    struct termios before, quiet;
    struct sigaction action = { .sa_handler = restore_terminal, .sa_flags = (int)SA_RESETHAND };
    struct sigaction old;
    int rc;

    if (tcgetattr(fd, &before))
        return err_errno(e, "the terminal");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    terminal_fd = fd;
    terminal_before = &before;
    (void)sigaction(SIGINT, &action, &old);
    if (tcsetattr(fd, TCSAFLUSH, &quiet) || say(fd, prompt))
        rc = err_errno(e, "the terminal");
    else
        rc = read_line(fd, line, e);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    (void)sigaction(SIGINT, &old, NULL);
    terminal_before = NULL;
    (void)say(fd, "\n");
    return rc;
}

static int ask_twice(struct secret *passphrase, bool once, struct err *e)
{
    CLEANUP(fd_closep) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    CLEANUP(secret_clear) struct secret again = { 0 };

    if (fd < 0)
        return err_set(e, ERR_INVALID,
                       "there is no terminal to ask for a passphrase: give --passphrase-file FILE "
                       "or --recipient CERT");
    if (ask(fd, "Passphrase of the backup: ", passphrase, e))
        return -1;
    if (once)
        return 0;
    if (ask(fd, "Once more: ", &again, e))
        return -1;
    if (!slice_eq_secret(secret_slice(passphrase), secret_slice(&again)))
        return err_set(e, ERR_INVALID, "the two passphrases differ");
    return 0;
}

/* The first line of a file: a pipe is fine. */
static int passphrase_of_file(const char *path, struct secret *passphrase, struct err *e)
{
    CLEANUP(buf_clear) struct buf bytes = { 0 };
    struct slice rest, line;

    if (file_read(&bytes, path, MAX_PASSPHRASE * 4, e))
        return err_wrap(e, "passphrase file");
    rest = buf_slice(&bytes);
    if (!slice_cut(&rest, '\n', &line))
        line = rest;
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 || line.len >= MAX_PASSPHRASE)
        return err_set(e, ERR_INVALID, "the first line of '%s' is no passphrase: %s", path,
                       line.len ? "it is too long" : "it is empty");
    return secret_copy(passphrase, line, e);
}

static int get_passphrase(const struct json_value *args, bool making, struct secret *passphrase,
                          struct err *e)
{
    const char *file = json_text(json_get(args, "passphrase_file"));

    if (file ? passphrase_of_file(file, passphrase, e) : ask_twice(passphrase, !making, e))
        return -1;
    if (passphrase->len == 0)
        return err_set(e, ERR_INVALID, "the passphrase is empty");
    if (!utf8_valid(secret_slice(passphrase)) || slice_has_nul(secret_slice(passphrase)))
        return err_set(e, ERR_INVALID, "a passphrase is UTF-8 text without NUL");
    return 0;
}

/* ---- backup ---- */

static void warn_short(const struct client *client, const struct secret *passphrase)
{
    if (passphrase->len < SHORT && client->warn)
        client->warn("a passphrase this short is soon guessed by who finds the file", client->ctx);
}

static int write_request(const struct client *client, struct buf *body,
                         const struct json_value *args, struct err *e)
{
    CLEANUP(secret_clear) struct secret passphrase = { 0 };
    CLEANUP(buf_clear) struct buf cert = { 0 };
    const char *recipient = json_text(json_get(args, "recipient"));
    struct json_writer w;

    if (recipient && json_get(args, "passphrase_file"))
        return err_set(e, ERR_INVALID, "give --recipient or --passphrase-file, not both");
    if (recipient ? file_read(&cert, recipient, MAX_CERT, e)
                  : get_passphrase(args, true, &passphrase, e))
        return recipient ? err_wrap(e, "recipient") : -1;
    json_writer_init(&w, body, false);
    json_put_object(&w, NULL);
    if (recipient) {
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf pem = { 0 };

        if (pem_or_der(&der, buf_slice(&cert), "CERTIFICATE", e))
            return err_wrap(e, "recipient '%s'", recipient);
        pem_write(&pem, "CERTIFICATE", buf_slice(&der));
        json_put_slice(&w, "recipient", buf_slice(&pem));
    } else {
        warn_short(client, &passphrase);
        json_put_slice(&w, "passphrase", secret_slice(&passphrase));
    }
    json_put_end(&w);
    return buf_check(body, e);
}

int client_state_backup(struct client *client, const struct json_value *args,
                        struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(buf_clear) struct buf body = { 0 };
    CLEANUP(buf_clear) struct buf cms = { 0 };
    CLEANUP(json_freep) struct json *answer = NULL;
    bool force = json_bool(json_get(args, "force"), false);
    const char *file;
    struct stat st;

    (void)result;
    if (json_want_text(args, "file", &file, e))
        return -1;
    if (!force && lstat(file, &st) == 0) /* asked before any work is done, and again when writing */
        return err_set(e, ERR_CONFLICT, "there is a file '%s' already: --force replaces it", file);
    if (write_request(client, &body, args, e) ||
        client_call(client, HTTP_POST, "/v1/state/backup", buf_slice(&body), &answer, e) ||
        base64_decode(&cms, json_slice(json_get(json_root(answer), "cms")), e))
        return -1;
    if (force ? file_replace(file, buf_slice(&cms), 0600, e)
              : file_create(file, buf_slice(&cms), 0600, e))
        return -1;
    json_put_text(reply, "file", file);
    json_put_int(reply, "bytes", (int64_t)cms.len);
    json_put_value(reply, "manifest", json_get(json_root(answer), "manifest"));
    return 0;
}

/* ---- restore ---- */

struct unlocking {
    struct buf cms, cert, key, recipient;
    struct secret passphrase;
    struct backup_source source;
};

static void unlocking_clear(struct unlocking *u)
{
    buf_clear(&u->cms);
    buf_clear(&u->cert);
    buf_clear(&u->key);
    buf_clear(&u->recipient);
    secret_clear(&u->passphrase);
}

static int read_key_pair(struct unlocking *u, const char *recipient, const char *key, struct err *e)
{
    if (file_read(&u->cert, recipient, MAX_CERT, e) || file_read(&u->key, key, MAX_CERT, e))
        return -1;
    if (pem_or_der(&u->recipient, buf_slice(&u->cert), "CERTIFICATE", e))
        return err_wrap(e, "recipient '%s'", recipient);
    u->source.recipient = buf_slice(&u->recipient);
    u->source.recipient_key = buf_slice(&u->key);
    return 0;
}

static int read_unlocking(struct unlocking *u, const struct json_value *args, const char *file,
                          struct err *e)
{
    const char *recipient = json_text(json_get(args, "recipient"));
    const char *key = json_text(json_get(args, "key"));

    if (!recipient != !key || (recipient && json_get(args, "passphrase_file")))
        return err_set(e, ERR_INVALID,
                       "give --passphrase-file FILE, or --recipient CERT and --key KEY");
    if (file_read(&u->cms, file, MAX_BACKUP, e))
        return -1;
    u->source.cms = buf_slice(&u->cms);
    if (recipient)
        return read_key_pair(u, recipient, key, e);
    if (get_passphrase(args, false, &u->passphrase, e))
        return -1;
    u->source.passphrase = &u->passphrase;
    return 0;
}

int client_state_restore(struct client *client, const struct json_value *args,
                         struct json_writer *reply, struct client_result *result, struct err *e)
{
    CLEANUP(unlocking_clear) struct unlocking u = { .source = { .passphrase = NULL } };
    CLEANUP(identity_leave) struct identity id = { 0 };
    CLEANUP(buf_clear) struct buf manifest = { 0 };
    CLEANUP(json_freep) struct json *doc = NULL;
    static const struct json_limits limits = { .bytes = 64 << 20, .depth = 8 };
    bool list = json_bool(json_get(args, "list"), false);
    bool replace = json_bool(json_get(args, "replace"), false);
    const char *file;
    int rc;

    (void)result;
    if (json_want_text(args, "file", &file, e) || read_unlocking(&u, args, file, e))
        return -1;
    if (list)
        rc = backup_read_manifest(&u.source, &manifest, e);
    else
        rc = identity_enter(&id, client->state, e) ||
             backup_restore(client->state, replace, &u.source, &manifest, e);
    if (rc)
        return err_wrap(e, "'%s'", file);
    if (json_parse(&doc, buf_slice(&manifest), &limits, e))
        return -1;
    json_put_text(reply, "file", file);
    json_put_bool(reply, "restored", !list);
    if (!list)
        json_put_text(reply, "state", client->state);
    json_put_value(reply, "manifest", json_root(doc));
    return 0;
}
