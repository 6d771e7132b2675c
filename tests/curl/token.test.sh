# shellcheck shell=bash disable=SC2016,SC2154 # Filters of jq are not expanded; `scratch` is lib.sh's.
# The token endpoint, and the routes that a token opens, as somebody with curl meets them.

start_server
create_client curl 'read write'
TOKEN_URL=$URL/oauth/token
basic=(-u "$CLIENT_ID:$CLIENT_SECRET")
form=(-d "client_id=$CLIENT_ID" -d "client_secret=$CLIENT_SECRET")
grant=(-d grant_type=client_credentials)

# 6749-13
expect_no_store() {
  expect_header Cache-Control '(^|[ ,])no-store($|[ ,])'
  expect_header Pragma '^no-cache$'
}

expect_oauth_error() {
  local code=$1 error=$2
  shift 2
  expect_status "$code" "$@"
  expect_header Content-Type '^application/json'
  expect_json '.error == $error' --arg error "$error"
  expect_no_store
}

expect_token() {
  expect_status 200 "$@"
  expect_header Content-Type '^application/json'
  expect_json '(.access_token | test("^eyJ[^.]+[.]eyJ[^.]+[.][^.]+$")) and .token_type == "Bearer" and .expires_in == 3600'
  expect_json 'has("refresh_token") | not'
  expect_no_store
}

# The header (0) or the claims (1) of a token.
part_of() {
  jq -Rr --argjson part "$2" 'split(".")[$part] | gsub("-"; "+") | gsub("_"; "/") | @base64d' <<<"$1"
}

it 'gives a token for a secret in Basic'
# 6749-11
expect_token "${basic[@]}" "${grant[@]}" -d scope='read write' "$TOKEN_URL"
expect_json '.scope | split(" ") | sort == ["read", "write"]'
token=$(json .access_token)

it 'gives a token for a secret in the form'
expect_token "${form[@]}" "${grant[@]}" "$TOKEN_URL"

it 'gives the default scopes where none is asked for'
# 6749-10
expect_token "${basic[@]}" "${grant[@]}" "$TOKEN_URL"
expect_json '.scope | split(" ") | sort == ["read", "write"]'
expect_token "${basic[@]}" "${grant[@]}" -d scope= "$TOKEN_URL"
expect_json '.scope | split(" ") | sort == ["read", "write"]'

it 'gives less than the client may have when asked for less'
expect_token "${basic[@]}" "${grant[@]}" -d scope=read "$TOKEN_URL"
expect_json '.scope == "read"'
read_token=$(json .access_token)

it 'makes the token a JWT by RFC 9068'
part_of "$token" 0 >"$scratch/body"
expect_json '.typ == "at+jwt" and .alg == "ES256" and (.kid | length > 0)'
kid=$(json .kid)
part_of "$token" 1 >"$scratch/body"
expect_json '.iss == $url and (.aud == $url or .aud == [$url])' --arg url "$URL"
expect_json '.sub == $id and .client_id == $id' --arg id "$CLIENT_ID"
expect_json '.exp - .iat == 3600 and .nbf <= .iat and (.jti | length > 0)'
expect_json '.scope | split(" ") | sort == ["read", "write"]'

it 'refuses a secret both in Basic and in the form'
# 6749-3
expect_oauth_error 400 invalid_request "${basic[@]}" "${form[@]}" "${grant[@]}" "$TOKEN_URL"

it 'accepts an equal client_id beside Basic, and no other'
# 6749-3
expect_token "${basic[@]}" -d "client_id=$CLIENT_ID" "${grant[@]}" "$TOKEN_URL"
expect_oauth_error 400 invalid_request "${basic[@]}" -d client_id=mc_0000000000000000000000 "${grant[@]}" "$TOKEN_URL"

it 'refuses a wrong secret and an unknown client alike'
# 6749-14
expect_oauth_error 401 invalid_client -u "$CLIENT_ID:mts_wrong" "${grant[@]}" "$TOKEN_URL"
expect_header WWW-Authenticate '^Basic '
cp "$scratch/body" "$scratch/wrong_secret"
expect_oauth_error 401 invalid_client -u mc_0000000000000000000000:mts_wrong "${grant[@]}" "$TOKEN_URL"
expect_header WWW-Authenticate '^Basic '
expect cmp "$scratch/body" "$scratch/wrong_secret"
expect_oauth_error 401 invalid_client -d "client_id=$CLIENT_ID" -d client_secret=mts_wrong "${grant[@]}" "$TOKEN_URL"
expect_header WWW-Authenticate '^Basic '

it 'refuses a request without any credential'
expect_oauth_error 401 invalid_client "${grant[@]}" "$TOKEN_URL"
expect_header WWW-Authenticate '^Basic '

it 'refuses credentials in the URL'
# 6749-2
expect_oauth_error 400 invalid_request "${grant[@]}" "$TOKEN_URL?client_id=$CLIENT_ID&client_secret=$CLIENT_SECRET"

it 'answers POST only'
# 6749-1
for method in GET PUT DELETE PATCH; do
  expect_status 405 -X "$method" "${basic[@]}" "$TOKEN_URL"
  expect_header Allow '(^|[ ,])POST($|[ ,])'
  expect_no_store
done

it 'refuses a request without a body'
# 6749-6
expect_oauth_error '400|415' invalid_request -X POST "${basic[@]}" "$TOKEN_URL"

it 'refuses a body that is not a form'
# 6749-6
expect_oauth_error '400|415' invalid_request "${basic[@]}" -H 'Content-Type: application/json' \
  -d '{"grant_type":"client_credentials"}' "$TOKEN_URL"

it 'accepts a form that names its charset'
# 6749-6
expect_token "${basic[@]}" -H 'Content-Type: application/x-www-form-urlencoded;charset=UTF-8' "${grant[@]}" "$TOKEN_URL"

it 'refuses bad escapes, NUL and bytes that are not UTF-8'
# 6749-6
for value in %zz %2 %00 %ff a%C3; do
  expect_oauth_error 400 invalid_request "${basic[@]}" "${grant[@]}" -d "scope=$value" "$TOKEN_URL"
done
printf 'grant_type=client_credentials&scope=\xff' >"$scratch/bytes"
expect_oauth_error 400 invalid_request "${basic[@]}" --data-binary "@$scratch/bytes" "$TOKEN_URL"

it 'refuses more than 64 parameters'
# 6749-6
many=()
for number in {1..64}; do
  many+=(-d "x$number=1")
done
expect_oauth_error 400 invalid_request "${basic[@]}" "${grant[@]}" "${many[@]}" "$TOKEN_URL"

it 'refuses a parameter that is given twice'
# 6749-4
expect_oauth_error 400 invalid_request "${basic[@]}" "${grant[@]}" -d scope=read -d scope=write "$TOKEN_URL"
expect_oauth_error 400 invalid_request "${basic[@]}" "${grant[@]}" "${grant[@]}" "$TOKEN_URL"

it 'ignores a parameter that it does not know'
# 6749-5
expect_token "${basic[@]}" "${grant[@]}" -d unheard=of -d empty= "$TOKEN_URL"

it 'refuses 10 MB'
# 6749-6
{ printf 'grant_type=client_credentials&x='; head -c 10485760 /dev/zero | tr '\0' a; } >"$scratch/large"
expect_status 413 "${basic[@]}" --data-binary "@$scratch/large" "$TOKEN_URL"
expect_no_store

it 'refuses a chunked body past 64 KiB'
# 6749-6
head -c 80000 "$scratch/large" >"$scratch/chunked"
expect_status 413 "${basic[@]}" -H 'Transfer-Encoding: chunked' --data-binary "@$scratch/chunked" "$TOKEN_URL"
expect_no_store

it 'still answers after that'
expect_token "${basic[@]}" "${grant[@]}" "$TOKEN_URL"

it 'accepts a chunked body that is small'
expect_token "${basic[@]}" -H 'Transfer-Encoding: chunked' "${grant[@]}" "$TOKEN_URL"

it 'refuses a scope that the client may not have, without repeating it'
expect_oauth_error 400 invalid_scope "${basic[@]}" "${grant[@]}" -d 'scope=read unheard-of' "$TOKEN_URL"
expect_json 'tostring | contains("unheard-of") | not'

it 'refuses scope names of other characters'
# 6749-9
for scope in 'read  write' ' read' 'read%09write' 'read%22' 'read%5C' 'r%C3%A9ad'; do
  expect_oauth_error 400 invalid_scope "${basic[@]}" "${grant[@]}" -d "scope=$scope" "$TOKEN_URL"
done

it 'tells the grants apart'
# 6749-15
expect_oauth_error 400 unsupported_grant_type "${basic[@]}" -d grant_type=password "$TOKEN_URL"
expect_oauth_error 400 invalid_request "${basic[@]}" -d scope=read "$TOKEN_URL"

it 'makes the request id itself'
expect_status 200 "${basic[@]}" "${grant[@]}" -H 'X-Request-Id: mine' "$TOKEN_URL"
expect_no_header X-Request-Id '^mine$'

it 'opens a protected route with a token'
# 6750-6
for scheme in Bearer bearer BEARER; do
  expect_status 200 -H "Authorization: $scheme $token" "$URL/api/v1/users/me"
  expect_json '.sub == $id and .kind == "client" and .name == "curl"' --arg id "$CLIENT_ID"
  expect_json '(.scope | split(" ") | sort == ["read", "write"]) and has("credential") and has("expires_at")'
done

it 'asks for a token where there is none'
# 6750-1
expect_status 401 "$URL/api/v1/users/me"
expect_header WWW-Authenticate '^Bearer.*resource_metadata='
expect_no_header WWW-Authenticate 'error='
expect_header Content-Type '^application/problem\+json'
expect_json '.status == 401 and .code == "err_unauthorised" and .title == "Authentication credentials are missing"'
expect_json 'has("type") and has("detail") and has("message")'

it 'refuses a token that was changed'
# 6750-3
signature=${token##*.}
first=A
[[ ${signature:0:1} != A ]] || first=B
for bad in "${token%.*}.$first${signature:1}" "${token%.*}." "${token}x" not.a.token; do
  expect_status 401 -H "Authorization: Bearer $bad" "$URL/api/v1/users/me"
  expect_header WWW-Authenticate '^Bearer.*error="invalid_token"'
  expect_json '.status == 401 and .code == "err_unauthorised"'
done

it 'refuses a token in the query'
# 6750-5
expect_status '400|401' "$URL/api/v1/users/me?access_token=$token"

it 'answers a proxy whether a request may pass'
for path in /auth/check /api/v1/auth/check; do
  expect_status 200 -H "Authorization: Bearer $token" "$URL$path?scope=read"
  expect_header X-Auth-Subject "^$CLIENT_ID\$"
  expect_header X-Auth-Kind '^client$'
  expect_header X-Auth-Scope '(^| )read( |$)'
  expect_status 200 -H "Authorization: Bearer $token" "$URL$path?scope=read+write"
  expect_status 200 -H "Authorization: Bearer $token" "$URL$path"
done

it 'answers a proxy that a scope is missing'
# 6750-4
expect_status 403 -H "Authorization: Bearer $read_token" "$URL/auth/check?scope=read+write"
expect_header WWW-Authenticate '^Bearer.*error="insufficient_scope"'
expect_header WWW-Authenticate 'scope="[^"]*write[^"]*"'
expect_json '.code == "err_no_permission"'
expect_no_header X-Auth-Subject

it 'answers a proxy that the token is missing or made for another API'
expect_status 401 "$URL/auth/check?scope=read"
expect_header WWW-Authenticate '^Bearer'
expect_no_header X-Auth-Subject
expect_status '401|403' -H "Authorization: Bearer $token" "$URL/auth/check?resource=https://other.example"

it 'describes itself, from its configuration'
# 8414-1
for host in "${URL#http://}" evil.example; do
  expect_status 200 -H "Host: $host" "$URL/.well-known/oauth-authorization-server"
  expect_header Content-Type '^application/json'
  expect_json '.issuer == $url and .token_endpoint == $url + "/oauth/token"' --arg url "$URL"
  expect_json '.jwks_uri == $url + "/.well-known/jwks.json"' --arg url "$URL"
done
expect_json '.grant_types_supported | index("client_credentials")'
expect_json '.token_endpoint_auth_methods_supported | index("client_secret_basic") and index("client_secret_post")'
expect_json '[.. | arrays | length > 0] | all'
expect_json '[to_entries[] | select(.key | test("auth_methods|alg_values")) | .value[]] | index("none") == null'

it 'publishes its keys, and nothing private'
# 7517-1
expect_status 200 "$URL/.well-known/jwks.json"
expect_header Cache-Control 'max-age=[0-9]+'
expect_json '.keys | length > 0 and all(.kid != "" and .use == "sig" and .alg != "" and .kty != "")'
expect_json '[.keys[] | keys[]] | any(. as $k | ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] | index($k)) | not'
expect_json '.keys[] | select(.kid == $kid) | .kty == "EC" and .crv == "P-256" and .alg == "ES256"' --arg kid "$kid"

it 'gives a client without scopes a token without scope'
# 6749-10
create_client bare
expect_token -u "$CLIENT_ID:$CLIENT_SECRET" "${grant[@]}" "$TOKEN_URL"
expect_json '(.scope // "") == ""'
