// A small API that verifies Mintery's tokens by itself, follows what the issuer takes back (docs/reference/revocation-feed.md), and
// refuses that within a second. Node.js 18 or later, and nothing else:
//
//   ISSUER=http://127.0.0.1:8080 CLIENT_ID=… CLIENT_SECRET=… node examples/verifier.mjs
//   curl http://127.0.0.1:9001/whoami -H "Authorization: Bearer $TOKEN"
//
// CLIENT_ID and CLIENT_SECRET are those of a client of its own, which needs no scope. AUDIENCE is what must stand in `aud`,
// LISTEN where it listens, MAX_AGE how many seconds old the knowledge may be of what was taken back.

import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer } from 'node:http';

const issuer = process.env.ISSUER ?? 'http://127.0.0.1:8080';
const audience = process.env.AUDIENCE ?? issuer;
const listen = process.env.LISTEN ?? '127.0.0.1:9001';
const maxAge = Number(process.env.MAX_AGE ?? 10);
const skew = 10;

// ---- JWT: RFC 7515, RFC 8725 ----

const algorithms = { ES256: { kty: 'EC', crv: 'P-256', hash: 'sha256' }, RS256: { kty: 'RSA', hash: 'sha256' } };

class Refused extends Error {}

const check = (is, what) => { if (!is) throw new Refused(what); };

const decode = (part) => {
  const bytes = Buffer.from(part, 'base64url');
  check(bytes.toString('base64url') === part, 'base64url');
  return bytes;
};

const object = (part) => {
  const value = JSON.parse(decode(part).toString('utf8'));
  check(typeof value === 'object' && value !== null && !Array.isArray(value), 'no object');
  return value;
};

// The claims of a token or document of this type that the issuer signed.
async function open(jwt, typ, maxLength, interval) {
  const parts = jwt.split('.');
  check(jwt.length <= maxLength && parts.length === 3, 'no compact JWS');
  const header = object(parts[0]);
  check(header.typ === typ, 'another type');
  check(!['crit', 'jku', 'jwk', 'x5u', 'x5c'].some((name) => name in header), 'header');
  const { key, alg } = await keys.get(header.kid, interval);
  check(header.alg === alg, 'another algorithm');
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  check(verify(algorithms[alg].hash, signed, { key, dsaEncoding: 'ieee-p1363' }, decode(parts[2])), 'signature');
  const claims = object(parts[1]);
  check(claims.iss === issuer, 'another issuer');
  return claims;
}

// ---- the issuer's keys: RFC 8414, RFC 7517 ----

const fetchJson = async (url) => {
  const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(3000) });
  check(answer.status === 200, `${url}: ${answer.status}`);
  return answer.json();
};

let metadata;

const keys = {
  known: new Map(),
  fetchedAt: -Infinity,

  async get(kid, interval) {
    // A key that is not known makes the keys be fetched, but not at once again.
    if (!this.known.has(kid) && performance.now() - this.fetchedAt > interval) await this.fetch();
    check(this.known.has(kid), 'an unknown key');
    return this.known.get(kid);
  },

  async fetch() {
    this.fetchedAt = performance.now();
    const found = new Map();
    for (const jwk of (await fetchJson(metadata.jwks_uri)).keys) {
      const kind = algorithms[jwk.alg];
      if (kind && jwk.kty === kind.kty && jwk.crv === kind.crv) {
        found.set(jwk.kid, { key: createPublicKey({ key: jwk, format: 'jwk' }), alg: jwk.alg });
      }
    }
    this.known = found;
  },
};

// ---- what was taken back ----

const kinds = ['tokens', 'clients', 'credentials', 'apis', 'keys'];

const digest = (name) => createHash('sha256').update(name).digest().subarray(0, 15).toString('base64url');

const feed = {
  // Of each kind: digest -> [number of the event, end in seconds].
  known: Object.fromEntries(kinds.map((kind) => [kind, new Map()])),
  position: undefined, // { to, next }
  asOf: -Infinity,

  age() { return (performance.now() - this.asOf) / 1000; },

  // One question: all parts of a list, or what was taken back since the last one.
  async ask() {
    const list = [];
    let part, first, next = this.position?.next;
    for (;;) {
      const asked = performance.now();
      const nonce = randomBytes(16).toString('base64url');
      const query = new URLSearchParams({ nonce, ...(next && { after: next }), ...(next && !part && { wait: 1 }) });
      const encode = (text) => new URLSearchParams([['', text]]).toString().slice(1); // RFC 6749 §2.3.1
      const credentials = `${encode(process.env.CLIENT_ID)}:${encode(process.env.CLIENT_SECRET)}`;
      const answer = await fetch(`${feedUrl}?${query}`, {
        headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
        redirect: 'error',
        signal: AbortSignal.timeout(6000),
      });
      check(answer.status === 200, `the feed answers ${answer.status}`);
      const claims = await open(await answer.text(), 'revocations+jwt', 4 * 1024 * 1024, 0);
      const now = Date.now() / 1000;
      check(claims.aud === feedUrl, 'aud');
      check(claims.nonce === nonce, 'nonce');
      check(claims.iat <= now + skew && claims.exp > now - skew, 'clocks');
      check(Number.isSafeInteger(claims.to) && /^[A-Za-z0-9._~-]{1,256}$/.test(claims.next), 'to, next');
      const entries = kinds.flatMap((kind) => (claims[kind] ?? []).map((entry) => read(kind, entry)));
      if (claims.part === undefined || claims.part === 1) check(Number.isFinite(claims.as_of), 'as_of');
      const asOf = asked - Math.max(0, claims.iat - claims.as_of) * 1000;

      if (claims.snapshot !== true) {
        check(!part && this.position && claims.from === this.position.to && claims.to >= claims.from, 'a gap');
        check(entries.every(({ kind, number }) => kind === 'tokens' || number > claims.from), 'an old entry');
        this.takeOver(entries, claims, asOf);
        return { news: entries.length > 0, took: performance.now() - asked };
      }
      if (claims.part === 1) {
        list.length = 0;
        first = { to: claims.to, asOf };
      } else {
        check(part && claims.part === part + 1 && claims.to === first.to, 'parts');
      }
      for (const entry of entries) list.push(entry);
      if (claims.more !== true) {
        for (const kind of kinds) this.known[kind].clear();
        this.takeOver(list, claims, first.asOf);
        return { news: true, took: 0 };
      }
      part = claims.part;
      next = claims.next;
    }
  },

  takeOver(entries, { to, next }, asOf) {
    for (const { kind, name, number, end } of entries) {
      const [oldNumber, oldEnd] = this.known[kind].get(name) ?? [0, 0];
      this.known[kind].set(name, [Math.max(number, oldNumber), Math.max(end, oldEnd)]);
    }
    // Whoever stole a key could claim any number: the key itself has to go.
    if (entries.some(({ kind }) => kind === 'keys')) keys.fetch().catch(report);
    this.position = { to, next };
    this.asOf = asOf;
  },

  forget() {
    const now = Date.now() / 1000;
    for (const kind of kinds) {
      for (const [name, [, end]] of this.known[kind]) if (end <= now) this.known[kind].delete(name);
    }
  },

  isVoid({ jti, client_id: client, sub, aud }, kid) {
    const id = /^[A-Za-z0-9_-]{43}$/.test(jti) ? Buffer.from(jti, 'base64url') : undefined;
    const number = id ? Number(id.readBigUInt64BE(0)) : 0;
    const isCutOff = (kind, name) => number < (this.known[kind].get(name)?.[0] ?? 0);
    return this.known.tokens.has(digest(jti))
      || isCutOff('clients', digest(client))
      || isCutOff('clients', digest(sub)) // the owner of the API key that a token was made from
      || isCutOff('keys', digest(kid))
      || (id !== undefined && isCutOff('credentials', id.subarray(8, 16).toString('base64url')))
      || [aud].flat().some((api) => isCutOff('apis', digest(api)));
  },

  async follow() {
    for (let failures = 0; ;) {
      const began = performance.now();
      let pause;
      try {
        const { news, took } = await this.ask();
        failures = 0;
        // It waits at the issuer. Where that does not wait, it waits here.
        pause = news || took > 500 ? 100 : 1000;
      } catch (error) {
        report(error);
        // What was not understood will not be better: all of it, the next time.
        if (error instanceof Refused) this.position = undefined;
        pause = performance.now() - began + Math.min(5000, 500 * 2 ** failures++);
      }
      await new Promise((done) => setTimeout(done, began + pause - performance.now()));
    }
  },
};

function read(kind, entry) {
  check(Array.isArray(entry) && entry.length === (kind === 'tokens' ? 2 : 3), kind);
  const [name, number, end] = kind === 'tokens' ? [entry[0], 0, entry[1]] : entry;
  check(new RegExp(kind === 'credentials' ? '^[\\w-]{11}$' : '^[\\w-]{20}$').test(name), kind);
  check(Number.isSafeInteger(number) && number >= 0 && Number.isSafeInteger(end), kind);
  return { kind, name, number, end };
}

const report = (error) => console.error(error.message);

// ---- the API ----

// The claims of an access token (RFC 9068 §4).
async function authenticate(authorization) {
  const [, token] = /^Bearer ([A-Za-z0-9._-]+)$/i.exec(authorization ?? '') ?? [];
  check(token, 'no token');
  const claims = await open(token, 'at+jwt', 16 * 1024, 10_000);
  const now = Date.now() / 1000;
  check([claims.aud].flat().includes(audience), 'another audience');
  check(claims.exp > now && claims.iat <= now + skew && (claims.nbf ?? claims.iat) <= now + skew, 'time');
  check(['jti', 'client_id', 'sub'].every((name) => typeof claims[name] === 'string'), 'claims');
  // A token that was made from an API key for trying out opens nothing that matters.
  check((claims.environment ?? 'live') === 'live', 'another environment');
  check(!feed.isVoid(claims, object(token.split('.')[0]).kid), 'taken back');
  return claims;
}

const server = createServer(async (request, response) => {
  const answer = (status, body, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  try {
    const { sub, scope } = await authenticate(request.headers.authorization);
    if (feed.age() > maxAge) return answer(503, { error: 'temporarily_unavailable' }, { 'retry-after': '1' });
    answer(200, { sub, scope, revocations_age: feed.age() });
  } catch (error) {
    // Why is nobody's business but the operator's.
    report(error);
    answer(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
});

const { pathname, origin } = new URL(issuer);
const feedUrl = `${issuer.replace(/\/$/, '')}/oauth/revocations`;
metadata = await fetchJson(`${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`);
check(metadata.issuer === issuer, 'the metadata are of another issuer');
await keys.fetch();
setInterval(() => keys.fetch().catch(report), 300_000).unref();
setInterval(() => feed.forget(), 60_000).unref();
feed.follow();
const [host, port] = [listen.replace(/:\d+$/, ''), Number(listen.replace(/.*:/, ''))];
server.listen(port, host, () => console.log(`verifying tokens of ${issuer} at http://${listen}`));
