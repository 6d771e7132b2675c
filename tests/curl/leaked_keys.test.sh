# shellcheck shell=bash disable=SC2016,SC2154 # Filters of jq are not expanded; `scratch` is lib.sh's.
# Leaked keys as docs/guides/leaked-keys.md has it: what its regular expressions find, and what becomes of a key that a scanner tells of,
# which signs with openssl.

openssl ecparam -genkey -name prime256v1 -noout -out "$scratch/scanner.pem" 2>/dev/null
openssl ec -in "$scratch/scanner.pem" -pubout -out "$scratch/scanner.pub" 2>/dev/null
jq -n --rawfile key "$scratch/scanner.pub" '{public_keys: [{key_identifier: "scanner-1", key: $key, is_current: true}]}' >"$scratch/keys.json"
start_server MINTERY_LEAKS__PUBLIC_KEYS="$scratch/keys.json"
create_client leaky read

# report FOUND: tells of what was found, signed.
report() {
  jq -n --arg token "$1" '[{token: $token, type: "mintery_api_key", url: "https://example.com/a.txt", source: "content"}]' >"$scratch/found"
  openssl dgst -sha256 -sign "$scratch/scanner.pem" -out "$scratch/signature" "$scratch/found"
  expect_status "${2:-200}" -X POST -H 'Content-Type: application/json' -H 'GITHUB-PUBLIC-KEY-IDENTIFIER: scanner-1' \
    -H "GITHUB-PUBLIC-KEY-SIGNATURE: $(base64 -w0 "$scratch/signature")" --data-binary "@$scratch/found" "$URL/api/v1/keys/leaked"
}

# The regular expressions on the page in which WORD stands.
expressions() {
  awk -F"'''" '/^regex = /{print $2}' "$REPOSITORY/docs/guides/leaked-keys.md" | grep -F "$1"
  sed -nE "s/^ +(key|secret): '(.*)'\$/\\2/p" "$REPOSITORY/docs/guides/leaked-keys.md" | grep -F "$1"
  sed -nE 's/^\| (API key|client secret) \| `(.*)` \|$/\2/p' "$REPOSITORY/docs/guides/leaked-keys.md" | sed 's/\\|/|/g' | grep -F "$1"
}

# What a scanner reports that is given an expression and a line: the first group, where there is one.
scan() {
  python3 -c 'import re, sys; m = re.search(sys.argv[1], sys.argv[2]); print(m[min(1, m.re.groups)] if m else "")' "$1" "$2"
}

# Each expression finds all of the secret in a line, and nothing without its last digit.
expect_found() {
  local expression count=0
  while IFS= read -r expression; do
    count=$((count + 1))
    expect test "$(scan "$expression" "token = \"$2\"")" = "$2"
    expect test -z "$(scan "$expression" "x=${2%?};")"
  done < <(expressions "$1")
  expect test "$count" -eq 3
}

it 'has regular expressions that find what is made'
for environment in live test; do
  key=$(mintery key create --name found --owner "$CLIENT_ID" --env "$environment" 2>/dev/null)
  expect_found mtk_ "$key"
done
expect_found mts_ "$CLIENT_SECRET"

it 'revokes a key that a scanner has found'
made=$(mintery key create --name leaked --owner "$CLIENT_ID" -o json)
key=$(jq -r .key <<<"$made")
expect_status 200 -H "X-API-Key: $key" "$URL/api/v1/users/me"
report "$key"
expect_json '. == [{token_raw: $key, token_type: "mintery_api_key", label: "true_positive"}]' --arg key "$key"
expect_status 401 -H "X-API-Key: $key" "$URL/api/v1/users/me"
mintery event list --kind api_key.leaked -o json >"$scratch/body"
expect_json '.[0].subject == $id and .[0].details.url == "https://example.com/a.txt"' --arg id "$(jq -r .id <<<"$made")"
expect test "$(grep -c "$key" "$scratch/body" "$scratch/server.log" | grep -vc ':0$')" -eq 0
report "$key"
expect_json '.[0].label == "false_positive"'

it 'believes nobody else'
expect_status 403 -X POST -d '[]' "$URL/api/v1/keys/leaked"
openssl ecparam -genkey -name prime256v1 -noout -out "$scratch/scanner.pem" 2>/dev/null
report "$key" 403

it 'marks a key where the settings say so'
stop_server
openssl ec -in "$scratch/scanner.pem" -pubout -out "$scratch/scanner.pub" 2>/dev/null
jq -n --rawfile key "$scratch/scanner.pub" '{public_keys: [{key_identifier: "scanner-1", key: $key}]}' >"$scratch/keys.json"
start_server MINTERY_LEAKS__PUBLIC_KEYS="$scratch/keys.json" MINTERY_LEAKS__POLICY=flag
made=$(mintery key create --name leaked --owner "$CLIENT_ID" -o json)
report "$(jq -r .key <<<"$made")"
expect_status 200 -H "X-API-Key: $(jq -r .key <<<"$made")" "$URL/api/v1/users/me"
expect test "$(mintery key show "$(jq -r .id <<<"$made")" -o json | jq '.leaked_at > 0')" = true
expect grep -q leaked <<<"$(mintery key list)"

it 'is not there without the setting'
start_server
report "$(jq -r .key <<<"$made")" 404
