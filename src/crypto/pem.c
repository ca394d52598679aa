#include "crypto/pem.h"
#include "base/encode.h"

static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ", dashes[] = "-----";

void pem_block_clear(struct pem_block *block)
{
    buf_clear(&block->der);
    *block = (struct pem_block){ 0 };
}

/* One line off the front, without its end (LF or CRLF) and outer white space. */
static bool next_line(struct slice *rest, struct slice *line)
{
    if (rest->len == 0)
        return false;
    if (!slice_cut(rest, '\n', line)) {
        *line = *rest;
        *rest = slice_of(rest->ptr + rest->len, 0);
    }
    *line = slice_trim(*line);
    return true;
}

/* "-----BEGIN LABEL-----": the label, of printable characters as RFC 7468 section 3 has it. */
static bool read_mark(struct slice line, const char *mark, struct slice *label)
{
    size_t front = strlen(mark), back = sizeof dashes - 1;

    if (!slice_starts(line, mark) || !slice_ends(line, dashes) || line.len < front + back)
        return false;
    *label = slice_of(line.ptr + front, line.len - front - back);
    for (size_t i = 0; i < label->len; i++) {
        if (label->ptr[i] < 0x20 || label->ptr[i] > 0x7e)
            return false;
    }
    return label->len <= 64;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Appends what is not white space. */
static void add_packed(struct buf *text, struct slice line)
{
    size_t from = 0;

    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && !is_space(line.ptr[i]))
            continue;
        buf_add(text, line.ptr + from, i - from);
        from = i + 1;
    }
}

/* From behind the BEGIN line through the END line. */
static int read_body(struct slice *rest, struct slice label, struct buf *der, struct err *e)
{
    CLEANUP(buf_clear) struct buf text = { 0 };
    struct slice line, end;

    while (next_line(rest, &line)) {
        if (read_mark(line, end_mark, &end)) {
            if (!slice_eq(end, label))
                return err_set(e, ERR_INVALID, "PEM block '" SLICE_FMT "' ends as another",
                               SLICE_ARG(label));
            buf_reset(der);
            if (text.len == 0)
                return err_set(e, ERR_INVALID, "PEM block '" SLICE_FMT "' is empty",
                               SLICE_ARG(label));
            if (base64_decode(der, buf_slice(&text), e))
                return err_wrap(e, "PEM block '" SLICE_FMT "'", SLICE_ARG(label));
            return 1;
        }
        if (line.len && memchr(line.ptr, ':', line.len))
            return err_set(e, ERR_INVALID,
                           "PEM block '" SLICE_FMT "' has headers: an encrypted key is not read",
                           SLICE_ARG(label));
        if (line.len > PEM_MAX_BLOCK * 2 - text.len)
            return err_set(e, ERR_LIMIT, "a PEM block holds more than %d bytes", PEM_MAX_BLOCK);
        add_packed(&text, line);
        if (buf_check(&text, e))
            return -1;
        if (text.len / 4 * 3 > PEM_MAX_BLOCK + 2)
            return err_set(e, ERR_LIMIT, "a PEM block holds more than %d bytes", PEM_MAX_BLOCK);
    }
    return err_set(e, ERR_INVALID, "PEM block '" SLICE_FMT "' has no end", SLICE_ARG(label));
}

int pem_next(struct slice *rest, struct pem_block *block, struct err *e)
{
    struct slice left = *rest, line, label;
    int rc;

    while (next_line(&left, &line)) {
        if (!slice_starts(line, dashes))
            continue;
        if (read_mark(line, end_mark, &label))
            return err_set(e, ERR_INVALID, "PEM end '" SLICE_FMT "' without a beginning",
                           SLICE_ARG(label));
        if (!slice_starts(line, begin_mark))
            continue;
        if (!read_mark(line, begin_mark, &label) || label.len == 0)
            return err_set(e, ERR_INVALID, "a PEM block begins with a broken label");
        rc = read_body(&left, label, &block->der, e);
        if (rc > 0) {
            block->label = label;
            *rest = left;
        }
        return rc;
    }
    return 0;
}

void pem_write(struct buf *out, const char *label, struct slice der)
{
    CLEANUP(buf_clear) struct buf text = { 0 };

    base64_encode(&text, der);
    out->failed |= text.failed;
    buf_addf(out, "%s%s%s\n", begin_mark, label, dashes);
    for (size_t at = 0; at < text.len; at += 64) {
        buf_add(out, text.ptr + at, text.len - at < 64 ? text.len - at : 64);
        buf_add_byte(out, '\n');
    }
    buf_addf(out, "%s%s%s\n", end_mark, label, dashes);
}

/* RFC 7468 section 7: some tools still write the older label of a CSR. */
static bool label_fits(struct slice label, const char *want)
{
    return slice_eq_str(label, want) || (strcmp(want, "CERTIFICATE REQUEST") == 0 &&
                                         slice_eq_str(label, "NEW CERTIFICATE REQUEST"));
}

int pem_or_der(struct buf *der, struct slice bytes, const char *label, struct err *e)
{
    CLEANUP(pem_block_clear) struct pem_block block = { 0 };
    CLEANUP(pem_block_clear) struct pem_block second = { 0 };
    int rc;

    if (bytes.len && bytes.ptr[0] == 0x30) {
        if (bytes.len > PEM_MAX_BLOCK)
            return err_set(e, ERR_LIMIT, "more than %d bytes of DER", PEM_MAX_BLOCK);
        buf_add_slice(der, bytes);
        return buf_check(der, e);
    }
    rc = pem_next(&bytes, &block, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, ERR_INVALID, "neither PEM nor DER: a '%s' block is expected", label);
    if (!label_fits(block.label, label))
        return err_set(e, ERR_INVALID, "PEM block '" SLICE_FMT "' where '%s' is expected",
                       SLICE_ARG(block.label), label);
    rc = pem_next(&bytes, &second, e);
    if (rc < 0)
        return -1;
    if (rc > 0)
        return err_set(e, ERR_INVALID, "more than one PEM block where one '%s' is expected", label);
    buf_add_slice(der, buf_slice(&block.der));
    return buf_check(der, e);
}
