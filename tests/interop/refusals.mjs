// What must not open the API that Mintery protects, nor Mintery itself, and what its users are told: with what is no key any more, with
// what never was one, and with one too many.

import http from "node:http";

import { runInPage, withPagesAt } from "./browser.mjs";

/** Sends a request as it stands: `headers` is a list of names and values, and a name may repeat. */
function send(url, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { headers: { Host: new URL(url).host } }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    const values = {};
    for (const [name, value] of headers) (values[name] ??= []).push(value);
    for (const [name, value] of Object.entries(values)) request.setHeader(name, value);
    request.on("error", reject).end();
  });
}

const inHeader = (key) => [["X-API-Key", key]];
const asBearer = (key) => [["Authorization", `Bearer ${key}`]];

/** What is wrong with an answer that should refuse. */
function wrongWith({ status, headers, body }, expected) {
  if (status !== expected.status) return `status ${status}, not ${expected.status}: ${body}`;
  let problem;
  try {
    problem = JSON.parse(body);
  } catch {
    return `no JSON: ${body}`;
  }
  if (problem.code !== expected.code || problem.error?.code !== expected.code) return `another code: ${body}`;
  if (problem.status !== status || !problem.message || problem.error.message !== problem.message) return `no message: ${body}`;
  if (!/^application\/problem\+json/.test(headers["content-type"])) return `it is ${headers["content-type"]}`;
  if ([401, 403].includes(status) && !headers["www-authenticate"]?.startsWith("Bearer ")) return "no challenge";
  if (status === 429 && !(Number(headers["retry-after"]) > 0)) return "no Retry-After";
  return expected.says && !expected.says.test(problem.message) ? `it says ${problem.message}` : null;
}

const INVALID = { status: 401, code: "err_unauthorised", says: /malformed, expired, revoked/ };
const TWO = { status: 400, code: "err_invalid_request", says: /two credentials|given twice/ };
const IN_URI = { status: 400, code: "err_invalid_request", says: /URI/ };

export async function refusals(work, browser, report) {
  const owner = work.environment.OWNER;
  const key = (...flags) => work.mint("key", "create", "--name", "x", "--owner", owner, ...flags).key;
  const good = work.environment.API_KEY;
  const expiring = key("--expires", "1");
  const expiresAt = Date.now() + 1000;

  const disabled = work.mint("key", "create", "--name", "x", "--owner", owner);
  work.mint("key", "disable", disabled.id);
  const revoked = work.mint("key", "create", "--name", "x", "--owner", owner);
  work.mint("key", "revoke", revoked.id);
  const gone = work.mint("client", "create", "--name", "gone", "--scope", "servers:read");
  const ofGone = work.mint("key", "create", "--name", "x", "--owner", gone.client_id).key;
  work.mint("client", "disable", gone.client_id);
  const worker = work.mint("client", "create", "--name", "worker", "--scope", "servers:read");
  const answer = await fetch(`${work.mintery}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: worker.client_id, client_secret: worker.client_secret }),
  });
  const token = (await answer.json()).access_token;
  const lastDigit = good.at(-1) === "x" ? "y" : "x";
  const bound = key("--allow", "192.0.2.0/24");
  const refused = [
    ["a wrong checksum", good.slice(0, -1) + lastDigit, INVALID],
    ["a key cut short", good.slice(0, -1), INVALID],
    ["another prefix", good.replace("mtk_", "acme_"), INVALID],
    ["no key at all", "", INVALID],
    ["a revoked key", revoked.key, INVALID],
    ["a disabled key", disabled.key, INVALID],
    ["a key of a disabled client", ofGone, INVALID],
    ["a test key", key("--env", "test"), INVALID],
    ["a key for another address", bound, INVALID],
    ["a client secret", worker.client_secret, INVALID],
    ["10 KB", "x".repeat(10_000), INVALID],
    ["10 KB that begin as a key", good + "x".repeat(10_000), INVALID],
    ["a token that was changed", `${token.slice(0, -4)}AAAA`, INVALID],
  ];
  const places = [["the API", `${work.api}/servers`], ["Mintery", `${work.mintery}/api/v1/users/me`]];
  const tryOne = async (name, url, headers, expected) => {
    const answer = await send(url, headers).catch((error) => ({ body: String(error) }));
    report(name, wrongWith(answer, expected));
  };

  for (const [place, url] of places) {
    for (const present of [inHeader, asBearer]) {
      for (const [what, presented, expected] of refused) {
        await tryOne(`${place} refuses ${what} in ${present(presented)[0][0]}`, url, present(presented), expected);
      }
      const opened = await send(url, present(good));
      report(`${place} takes a good key in ${present(good)[0][0]}`, opened.status === 200 ? null : opened.body);
    }
    const forwarded = [["X-Forwarded-For", "192.0.2.7"], ["Forwarded", "for=192.0.2.7"], ["X-Real-IP", "192.0.2.7"]];
    await tryOne(`${place} does not believe who says where they are`, url, [...inHeader(bound), ...forwarded], INVALID);
    await tryOne(`${place} refuses a token as a key`, url, inHeader(token), INVALID);
    await tryOne(`${place} asks for a key`, url, [], { status: 401, code: "err_unauthorised", says: /X-API-Key/i });
    await tryOne(`${place} refuses another scheme`, url, [["Authorization", `Token ${good}`]], { status: 401, code: "err_unauthorised" });
    await tryOne(`${place} refuses two headers`, url, [...inHeader(good), ...asBearer(good)], TWO);
    await tryOne(`${place} refuses two keys`, url, [...inHeader(good), ...inHeader(good)], TWO);
    await tryOne(`${place} refuses two bearers`, url, [...asBearer(good), ...asBearer(token)], TWO);
    for (const name of ["api_key", "X-API-Key", "access_token"]) {
      await tryOne(`${place} refuses ${name} in the URI`, `${url}?${name}=${good}`, [], IN_URI);
    }
    await tryOne(`${place} refuses a key in the URI beside a good one`, `${url}?api_key=${good}`, inHeader(good), IN_URI);
  }

  const lesser = key("--scope", "tasks:read");
  const denied = { status: 403, code: "err_no_permission", says: /servers:read/ };
  await tryOne("the API names the scope that is missing", `${work.api}/servers`, inHeader(lesser), denied);
  await tryOne("Mintery names the scope that is missing", `${work.mintery}/auth/check?scope=servers:read`, inHeader(lesser), denied);

  const limited = key("--rate-limit", "1");
  await send(`${work.mintery}/api/v1/users/me`, inHeader(limited));
  const over = { status: 429, code: "err_rate_limited" };
  await tryOne("Mintery says when a key may be used again", `${work.mintery}/api/v1/users/me`, inHeader(limited), over);
  await tryOne("the API says when a key may be used again", `${work.api}/servers`, inHeader(limited), over);

  await new Promise((resolve) => setTimeout(resolve, Math.max(0, expiresAt + 50 - Date.now())));
  for (const [place, url] of places) await tryOne(`${place} refuses an expired key`, url, inHeader(expiring), INVALID);

  await withinASecond(work, report);
  await fromAnotherPage(work, browser, report, good);
}

/** A key that the API has just taken is refused within a second after it was revoked; and a token of a disabled client is, too. */
async function withinASecond(work, report) {
  const url = `${work.api}/servers`;
  const made = work.mint("key", "create", "--name", "leaky", "--owner", work.environment.OWNER);
  const before = await send(url, inHeader(made.key));
  // Over HTTP, to know when the answer came.
  const manager = work.mint("client", "create", "--name", "all", "--scope", `mintery:keys:write ${made.scope}`);
  const manage = work.mint("key", "create", "--name", "all", "--owner", manager.client_id, "--scope", `mintery:keys:write ${made.scope}`);
  const deleted = await fetch(`${work.mintery}/api/v1/keys/${made.id}`, { method: "DELETE", headers: { "X-API-Key": manage.key } });
  const since = Date.now();
  let after = before;
  while (after.status === 200 && Date.now() - since < 2000) {
    after = await send(url, inHeader(made.key));
  }
  const took = Date.now() - since;
  const isRight = before.status === 200 && deleted.status === 204 && after.status === 401 && took < 1000;
  report("the API refuses a revoked key within a second", isRight ? null : `${before.status} ${deleted.status} ${after.status} ${took} ms`);
}

/** A page of an origin that nobody named learns nothing, from either. */
async function fromAnotherPage(work, browser, report, key) {
  if (!browser) {
    console.log("not run  a page of another origin is kept out: the browser is missing");
    return;
  }
  const stranger = work.pages.replace("localhost", "127.0.0.1");
  const script = `
    for (const url of ["${work.mintery}/api/v1/users/me", "${work.api}/servers"]) {
      await fetch(url, { headers: { "X-API-Key": document.querySelector("#token").value } })
        .then(() => console.log("it was let in"), (error) => console.log("kept out: " + error.name));
    }`;
  const isEnough = (printed) => printed.split("\n").length === 2;
  const { printed, failure } = await withPagesAt(stranger, () => runInPage(browser, stranger, key, script, isEnough));
  report("a page of another origin is kept out", failure ?? (printed === "kept out: TypeError\nkept out: TypeError" ? null : printed));
}
