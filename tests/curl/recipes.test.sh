# shellcheck shell=bash disable=SC2154 # `scratch` is lib.sh's.
# The configurations of docs/recipes/nginx.md and caddy.md protect an API: run with the real proxies, where they are installed.

upstream_port=$(free_port)
proxy_port=$(free_port)
helpers=()
trap 'kill "${helpers[@]}" 2>/dev/null; clean_up' EXIT

# An API that prints the headers it receives.
api() {
  python3 - "$upstream_port" <<'PYTHON' >"$scratch/api.log" 2>&1 &
import http.server, sys
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers).encode())
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
PYTHON
  helpers+=($!)
}

# The first block of LANGUAGE on the page of a recipe, at the addresses of this test.
recipe() {
  awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } inside && /^```$/ { exit } inside' "$REPOSITORY/docs/recipes/$1.md" |
    sed "s|127.0.0.1:8080|$MINTERY_LISTEN|; s|127.0.0.1:9000|127.0.0.1:$upstream_port|; s|^api.example.com|http://127.0.0.1:$proxy_port|"
}

start_nginx() {
  mkdir -p "$scratch/nginx"
  {
    echo "daemon off; pid $scratch/nginx/pid; error_log stderr; events {}"
    echo "http { access_log off; client_body_temp_path $scratch/nginx; proxy_temp_path $scratch/nginx; fastcgi_temp_path $scratch/nginx;"
    echo "uwsgi_temp_path $scratch/nginx; scgi_temp_path $scratch/nginx; server { listen 127.0.0.1:$proxy_port;"
    recipe nginx
    echo '} }'
  } >"$scratch/nginx.conf"
  nginx -c "$scratch/nginx.conf" >"$scratch/proxy.log" 2>&1 &
  helpers+=($!)
}

start_caddy() {
  { printf '{\nadmin off\nauto_https off\n}\n'; recipe caddy; } >"$scratch/Caddyfile"
  caddy run --config "$scratch/Caddyfile" --adapter caddyfile >"$scratch/proxy.log" 2>&1 &
  helpers+=($!)
}

# token SCOPE RESOURCE
token() {
  curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials -d "scope=$1" -d "resource=$2" "$URL/oauth/token" |
    jq -er .access_token
}

protects() {
  local proxy=http://127.0.0.1:$proxy_port/servers attempt
  for attempt in {1..100}; do
    ! port_is_taken "$proxy_port" || break
    sleep 0.1
  done
  [[ $attempt -lt 100 ]] || fail "$1 did not start" "$(cat "$scratch/proxy.log")"
  expect_status 401 "$proxy"
  expect_header WWW-Authenticate '^Bearer realm="mintery"'
  expect_status 401 -H "Authorization: Bearer $(token read "$URL")" "$proxy"
  expect_status 403 -H "Authorization: Bearer $(token servers:write https://api.example.com)" "$proxy"
  expect_status 200 -H "Authorization: Bearer $(token servers:read https://api.example.com)" -H 'X-Auth-Subject: forged' "$proxy"
  expect grep -qi "^x-auth-subject: $CLIENT_ID" "$scratch/body"
  expect grep -qi '^x-auth-scope: servers:read' "$scratch/body"
  expect_status 200 -H "X-API-Key: $near" "$proxy"
  expect_status 401 -H "X-API-Key: $far" -H 'X-Forwarded-For: 192.0.2.7' "$proxy"
}

start_server MINTERY_TRUSTED_PROXIES=127.0.0.1
api
mintery api create --resource https://api.example.com --name Servers --scope 'servers:read servers:write' >/dev/null 2>&1
created=$(mintery client create --name caller --scope 'read servers:read servers:write' --resource https://api.example.com -o json)
CLIENT_ID=$(jq -r .client_id <<<"$created")
CLIENT_SECRET=$(jq -r .client_secret <<<"$created")
near=$(mintery key create --name near --owner "$CLIENT_ID" --scope servers:read --allow 127.0.0.0/8 2>/dev/null)
far=$(mintery key create --name far --owner "$CLIENT_ID" --scope servers:read --allow 192.0.2.0/24 2>/dev/null)

it 'has the recipes of both proxies'
expect test -n "$(recipe nginx)"
expect test -n "$(recipe caddy)"

for program in nginx caddy; do
  PATH=$PATH:/usr/sbin
  if ! command -v "$program" >/dev/null; then
    echo "not run: $program is not installed"
    continue
  fi
  proxy_port=$(free_port)
  it "protects an API behind $program as the recipe shows"
  "start_$program"
  protects "$program"
done

# The proxies and the API answered, not Mintery: their answers need no X-Request-Id.
end_case
rm -f "$scratch/requests" "$scratch/nameless"
