#!/usr/bin/env bash
# verify-audit.sh TRAIL [HEAD]: verifies an audit trail without poterne, with openssl 3 and jq.
# TRAIL is what 'poterne audit export' printed; HEAD what 'poterne audit head' printed earlier.
set -euo pipefail
fail() { echo "verify-audit: $*" >&2 && exit 1; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
head -n 1 "$1" | jq -er 'select(.type == "audit-export" and .v == 1).key' >"$dir/key" || fail "'$1' is no audit export"
trail=$(head -n 1 "$1" | jq -r '.installation + "/" + .chain')
tail -n +2 "$1" | cat - "${@:2:1}" | jq -r '(.head // .) | . as $line | (.bytes // .statement) as $text | $text | fromjson |
    "\(.type // "record") \(.seq + 0) \(.prev // .hash) \(.installation)/\(.chain) \($text | @base64) \($line.signature)"
    ' >"$dir/rows" || fail "a line is damaged"
declare -A hash=([0]=$(printf '0%.0s' {1..64}))
last=0 records=0 covered=0
while read -r type seq link from text signature; do
    [[ $from == "$trail" ]] || fail "$type $seq is of another trail"
    base64 -d <<<"$text" >"$dir/text"
    if [[ $type == record ]]; then
        [[ $seq == $((last + 1)) && $link == "${hash[$last]}" ]] ||
            fail "record $((last + 1)), or the one before it, is changed, missing or misplaced"
        hash[$seq]=$(sha256sum <"$dir/text" | cut -c -64) last=$seq records=$((records + 1)) && continue
    fi
    base64 -d <<<"$signature" >"$dir/signature"
    openssl pkeyutl -verify -pubin -inkey "$dir/key" -rawin -in "$dir/text" -sigfile "$dir/signature" &>/dev/null ||
        fail "the $type of record $seq has a bad signature"
    [[ $type != tombstone || $records != 0 ]] || { hash[$seq]=$link && last=$seq; }
    [[ ${hash[$seq]-} == "$link" ]] || fail "record $seq, of which there is a $type, is changed or gone"
    covered=$((seq > covered ? seq : covered))
done <"$dir/rows"
((records > 0 && covered == last)) || fail "record $last is the last one, and no checkpoint covers it"
echo "good: $records records, the last is number $last"
