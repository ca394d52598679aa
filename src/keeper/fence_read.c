#include "base/alloc.h"
#include "base/clock.h"
#include "keeper/fence_data.h"

/* Words of a set in JSON, as bits. */
struct word {
    const char *name;
    unsigned bit;
};
static const struct word eku_words[] = { { "server", EKU_SERVER },
                                         { "client", EKU_CLIENT },
                                         { 0 } };
static const struct word san_words[] = {
    { "dns", SAN_DNS }, { "ip", SAN_IP }, { "uri", SAN_URI }, { "email", SAN_EMAIL }, { 0 }
};
static const enum name_attr subject_attrs[] = { NAME_C, NAME_ST, NAME_L, NAME_OU };

void fence_free(struct fence *fence)
{
    if (!fence)
        return;
    json_free(fence->doc);
    free(fence);
}

/* An array member; ERR_INVALID when it is absent, something else, or longer than `most`. */
static int want_array(const struct json_value *object, const char *key, size_t most,
                      const struct json_value **array, struct err *e)
{
    const struct json_value *found = json_get(object, key);

    if (json_type(found) != JSON_ARRAY)
        return err_set(e, ERR_INVALID, "'%s' is not an array", key);
    if (json_len(found) > most)
        return err_set(e, ERR_INVALID, "'%s' has %zu elements, at most %zu are allowed", key,
                       json_len(found), most);
    *array = found;
    return 0;
}

static int read_set(const struct json_value *object, const char *key, const struct word *words,
                    unsigned *set, struct err *e)
{
    const struct json_value *array;
    unsigned found = 0;

    if (want_array(object, key, 8, &array, e))
        return -1;
    for (size_t i = 0; i < json_len(array); i++) {
        struct slice name = json_slice(json_at(array, i));
        const struct word *word = words;

        while (word->name && !slice_eq_str(name, word->name))
            word++;
        if (!word->name || found & word->bit)
            return err_set(e, ERR_INVALID,
                           "'%s' names '" SLICE_FMT "', which is unknown or repeated", key,
                           SLICE_ARG(name));
        found |= word->bit;
    }
    *set = found;
    return 0;
}

static int read_amount(const struct json_value *object, const char *key, int64_t most, int64_t *n,
                       struct err *e)
{
    int64_t found;

    if (json_want_int(object, key, &found, e))
        return -1;
    if (found < 1 || found > most)
        return err_set(e, ERR_INVALID, "'%s' is %lld, not within 1 to %lld", key, (long long)found,
                       (long long)most);
    *n = found;
    return 0;
}

/* An optional DNS name without a wildcard. */
static int read_dns(const struct json_value *object, const char *key, struct slice *name,
                    struct err *e)
{
    const struct json_value *found = json_get(object, key);
    struct slice text = json_slice(found);

    if (!found)
        return 0;
    if (!fence_dns_ok(text) || text.ptr[0] == '*')
        return err_set(e, ERR_INVALID, "'%s' is not a DNS name", key);
    *name = text;
    return 0;
}

static int read_part(const struct json_value *pair, struct fence_part *part, struct err *e)
{
    struct slice attr = json_slice(json_at(pair, 0)), value = json_slice(json_at(pair, 1));

    if (json_type(pair) != JSON_ARRAY || json_len(pair) != 2 || value.len == 0)
        return err_set(e, ERR_INVALID, "'subject' is not a list of [attribute, value]");
    for (size_t i = 0; i < ARRAY_LEN(subject_attrs); i++) {
        if (!slice_eq_str(attr, name_attr_label(subject_attrs[i])))
            continue;
        *part = (struct fence_part){ subject_attrs[i], value };
        return 0;
    }
    return err_set(e, ERR_INVALID, "'subject' may fix C, ST, L and OU, not '" SLICE_FMT "'",
                   SLICE_ARG(attr));
}

static int read_subject(struct fence *fence, const struct json_value *root, struct err *e)
{
    const struct json_value *array;

    if (want_array(root, "subject", FENCE_MAX_SUBJECT, &array, e))
        return -1;
    for (size_t i = 0; i < json_len(array); i++)
        if (read_part(json_at(array, i), &fence->subject[fence->subject_count++], e))
            return -1;
    return 0;
}

static int read_cn(struct fence_form *form, const struct json_value *v, struct err *e)
{
    const char *text;
    struct slice cn;

    if (json_want_text(v, "cn", &text, e))
        return -1;
    cn = json_slice(json_get(v, "cn"));
    if (cn.len == 0) {
        form->cn_kind = FENCE_CN_NONE;
        return 0;
    }
    if (slice_eq_str(cn, "*")) {
        form->cn_kind = FENCE_CN_ANY;
        return 0;
    }
    form->cn_kind = FENCE_CN_EXACT;
    if (slice_ends(cn, "*")) {
        form->cn_kind = FENCE_CN_PREFIX;
        cn.len--;
    }
    if (memchr(cn.ptr, '*', cn.len))
        return err_set(e, ERR_INVALID, "'cn' has a '*' that is not at its end");
    form->cn = cn;
    return fence_name_check(cn, "'cn'", e);
}

static int read_groups(struct fence_form *form, const struct json_value *v, struct err *e)
{
    const struct json_value *array;

    if (want_array(v, "o", FENCE_MAX_GROUPS, &array, e))
        return -1;
    form->groups_kind = FENCE_GROUPS_EXACT;
    if (json_len(array) == 1 && slice_eq_str(json_slice(json_at(array, 0)), "*")) {
        form->groups_kind = FENCE_GROUPS_ANY;
        return 0;
    }
    if (json_len(array) == 1 && slice_eq_str(json_slice(json_at(array, 0)), "!*")) {
        form->groups_kind = FENCE_GROUPS_PRIVILEGED;
        return form->privileged ? 0
                                : err_set(e, ERR_INVALID, "'o' is [\"!*\"] without 'privileged'");
    }
    for (size_t i = 0; i < json_len(array); i++) {
        struct slice group = json_slice(json_at(array, i));

        if (fence_name_check(group, "'o'", e))
            return -1;
        if (memchr(group.ptr, '*', group.len))
            return err_set(e, ERR_INVALID, "'o' has a '*' among its values");
        form->groups[form->group_count++] = group;
    }
    return 0;
}

/* A '*' at the end of nothing would take any URI: something must stand before it. */
static int read_uri(struct fence_form *form, const struct json_value *v, struct err *e)
{
    const struct json_value *found = json_get(v, "uri");
    struct slice text = json_slice(found);

    if (!found)
        return 0;
    if (form->san != SAN_URI)
        return err_set(e, ERR_INVALID, "'uri' without \"uri\" alone in 'san'");
    if (text.len == 0 || text.len > FENCE_MAX_URI || text.ptr[0] == '*')
        return err_set(e, ERR_INVALID, "'uri' is not a URI of at most %d bytes", FENCE_MAX_URI);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return err_set(e, ERR_INVALID, "'uri' holds what no URI may");
    form->uri = text;
    return 0;
}

static int read_form(struct fence_form *form, const struct fence *fence, const struct json_value *v,
                     struct err *e)
{
    static const char *const known[] = { "profile",      "eku",     "cn",         "o",   "san",
                                         "san_required", "max_ttl", "privileged", "uri", NULL };
    const struct json_value *privileged = json_get(v, "privileged");

    if (json_type(v) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "not an object");
    if (json_only(v, known, e) || json_want_text(v, "profile", &form->profile, e))
        return -1;
    if (fence_name_check(slice_str(form->profile), "'profile'", e))
        return -1;
    if (privileged && json_type(privileged) != JSON_BOOL)
        return err_set(e, ERR_INVALID, "'privileged' is neither true nor false");
    form->privileged = json_bool(privileged, false);
    if (read_set(v, "eku", eku_words, &form->eku, e) || read_cn(form, v, e) ||
        read_groups(form, v, e) || read_set(v, "san", san_words, &form->san, e) ||
        read_dns(v, "san_required", &form->san_required, e) || read_uri(form, v, e) ||
        read_amount(v, "max_ttl", TIME_MAX, &form->max_ttl, e))
        return -1;
    if (form->eku == 0 || form->eku & ~fence->eku)
        return err_set(e, ERR_INVALID, "'eku' is empty or beyond the authority's");
    if (form->san_required.len && !(form->san & SAN_DNS))
        return err_set(e, ERR_INVALID, "'san_required' without \"dns\" in 'san'");
    return 0;
}

static int read_forms(struct fence *fence, const struct json_value *root, struct err *e)
{
    const struct json_value *array;

    if (want_array(root, "forms", FENCE_MAX_FORMS, &array, e))
        return -1;
    if (json_len(array) == 0)
        return err_set(e, ERR_INVALID, "'forms' is empty: the authority could sign nothing");
    for (size_t i = 0; i < json_len(array); i++)
        if (read_form(&fence->forms[fence->form_count++], fence, json_at(array, i), e))
            return err_wrap(e, "form %zu", i + 1);
    return 0;
}

static int read_root(struct fence *fence, const struct json_value *root, struct err *e)
{
    static const char *const known[] = {
        "v", "cluster", "role", "eku", "subject", "reserved_san", "max_ttl", "rate", "forms", NULL
    };
    int64_t version;

    if (json_type(root) != JSON_OBJECT)
        return err_set(e, ERR_INVALID, "not an object");
    if (json_want_int(root, "v", &version, e))
        return -1;
    if (version != 1)
        return err_set(e, ERR_INVALID, "version %lld is not known to this program",
                       (long long)version);
    if (json_only(root, known, e) || json_want_text(root, "cluster", &fence->cluster, e) ||
        json_want_text(root, "role", &fence->role, e))
        return -1;
    if (fence_name_check(slice_str(fence->cluster), "'cluster'", e) ||
        fence_name_check(slice_str(fence->role), "'role'", e))
        return -1;
    if (read_set(root, "eku", eku_words, &fence->eku, e) || read_subject(fence, root, e) ||
        read_dns(root, "reserved_san", &fence->reserved_san, e) ||
        read_amount(root, "max_ttl", TIME_MAX, &fence->max_ttl, e) ||
        read_amount(root, "rate", INT64_MAX, &fence->rate, e))
        return -1;
    return read_forms(fence, root, e);
}

int fence_read(struct fence **ret, struct slice json, struct err *e)
{
    static const struct json_limits limits = { .bytes = FENCE_MAX_JSON, .depth = 6 };
    CLEANUP(fence_freep) struct fence *fence = xcalloc(1, sizeof *fence);

    if (json_parse(&fence->doc, json, &limits, e) || read_root(fence, json_root(fence->doc), e))
        return err_wrap(e, "fence");
    *ret = fence;
    fence = NULL;
    return 0;
}

const char *fence_cluster(const struct fence *fence)
{
    return fence->cluster;
}

int64_t fence_rate(const struct fence *fence)
{
    return fence->rate;
}
