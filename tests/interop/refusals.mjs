// What must not open the API that Mintery protects, nor Mintery itself, and what its users are told: with what is no key any
// more, with what never was one, and with one too many.

import http from "node:http";

import { runInPage, withPagesAt } from "./browser.mjs";

const INVALID = { status: 401, code: "err_unauthorised", says: /malformed, expired, revoked/ };
const MISSING = { status: 401, code: "err_unauthorised", says: /X-API-Key/i };
const TWO = { status: 400, code: "err_invalid_request", says: /two credentials|given twice/ };
const IN_URI = { status: 400, code: "err_invalid_request", says: /URI/ };
const OVER_LIMIT = { status: 429, code: "err_rate_limited" };

const inHeader = (key) => [["X-API-Key", key]];
const asBearer = (key) => [["Authorization", `Bearer ${key}`]];

/** Sends a request as it stands: `headers` is a list of names and values, and a name may repeat. */
function send(url, headers, body = null) {
  const values = { Host: new URL(url).host };
  for (const [name, value] of headers) (values[name] ??= []).push(value);
  return new Promise((resolve) => {
    const options = { method: body === null ? "GET" : "POST", headers: values };
    const request = http.request(url, options, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    request.on("error", (error) => resolve({ body: String(error) })).end(body);
  });
}

/** What is wrong with an answer that should refuse. */
function wrongWith({ status, headers, body }, expected) {
  if (status !== expected.status) return `status ${status}, not ${expected.status}: ${body}`;
  let problem;
  try {
    problem = JSON.parse(body);
  } catch {
    return `no JSON: ${body}`;
  }
  const { code, message, error } = problem;
  if (code !== expected.code || error?.code !== code) return `another code: ${body}`;
  if (problem.status !== status || !message || error.message !== message) return `no message: ${body}`;
  if (headers["content-type"] !== "application/problem+json") return `it is ${headers["content-type"]}`;
  const challenge = headers["www-authenticate"] ?? "";
  if ([401, 403].includes(status) && !challenge.startsWith("Bearer ")) return "no challenge";
  if (status === 429 && !(Number(headers["retry-after"]) > 0)) return "no Retry-After";
  return expected.says && !expected.says.test(message) ? `it says ${message}` : null;
}

/** What is good, and what is not, each with its name. */
async function credentials(work) {
  const owner = work.environment.OWNER;
  const key = (more) => work.mint("key create", { name: "x", owner, ...more });
  const good = work.environment.API_KEY;
  const expiring = key({ expires: "1" }).key;
  const expiry = new Promise((resolve) => setTimeout(resolve, 1000));

  const [disabled, revoked] = [key(), key()];
  work.mint(`key disable ${disabled.id}`);
  work.mint(`key revoke ${revoked.id}`);
  const gone = work.mint("client create", { name: "gone", scope: "servers:read" });
  const ofGone = key({ owner: gone.client_id });
  work.mint(`client disable ${gone.client_id}`);
  const worker = work.mint("client create", { name: "worker", scope: "servers:read" });
  const token = await tokenOf(work, worker);
  const bound = key({ allow: "192.0.2.0/24" }).key;
  const none = [
    ["a wrong checksum", good.slice(0, -1) + (good.endsWith("x") ? "y" : "x")],
    ["a key cut short", good.slice(0, -1)],
    ["another prefix", good.replace("mtk_", "acme_")],
    ["a word that is no key", "none"],
    ["a revoked key", revoked.key],
    ["a disabled key", disabled.key],
    ["a key of a disabled client", ofGone.key],
    ["a test key", key({ env: "test" }).key],
    ["a key for another address", bound],
    ["a client secret", worker.client_secret],
    ["10 KB", "x".repeat(10_000)],
    ["10 KB that begin as a key", good + "x".repeat(10_000)],
    ["a token that was changed", `${token.slice(0, -4)}AAAA`],
  ];
  const lesser = key({ scope: "tasks:read" }).key;
  const limited = key({ "rate-limit": "1" }).key;
  return { good, none, expiring, expiry, bound, lesser, limited, worker, token, revoked: revoked.key };
}

async function tokenOf(work, { client_id, client_secret }) {
  const form = new URLSearchParams({ grant_type: "client_credentials", client_id, client_secret });
  const answer = await fetch(`${work.mintery}/oauth/token`, { method: "POST", body: form });
  return (await answer.json()).access_token;
}

export async function refusals(work, browser, report) {
  const mine = await credentials(work);
  const places = [
    ["the API", `${work.api}/servers`],
    ["Mintery", `${work.mintery}/api/v1/users/me`],
  ];
  const refuses = async (name, url, headers, expected, body = null) =>
    report(name, wrongWith(await send(url, headers, body), expected));
  for (const [place, url] of places) {
    await whatIsPresented(place, url, mine, refuses, report);
    await howItIsPresented(place, url, mine, refuses);
  }
  await whatItAllows(work, mine, refuses);
  await whatIsSent(work, mine, refuses);
  await mine.expiry;
  for (const [place, url] of places) {
    await refuses(`${place} refuses an expired key`, url, inHeader(mine.expiring), INVALID);
  }
  await withinASecond(work, mine, report);
  await fromAnotherPage(work, browser, mine, report);
}

async function whatIsPresented(place, url, { good, none, token }, refuses, report) {
  for (const present of [inHeader, asBearer]) {
    const [[header]] = present(good);
    for (const [what, presented] of none) {
      await refuses(`${place} refuses ${what} in ${header}`, url, present(presented), INVALID);
    }
    const { status, body } = await send(url, present(good));
    report(`${place} takes a good key in ${header}`, status === 200 ? null : body);
  }
  const { status, body } = await send(url, asBearer(token));
  report(`${place} takes a good token`, status === 200 ? null : body);
  await refuses(`${place} refuses a token as a key`, url, inHeader(token), INVALID);
}

/** 6750-2, 6750-5, SEC-1 */
async function howItIsPresented(place, url, { good, bound, token }, refuses) {
  await refuses(`${place} asks for a key`, url, [], MISSING);
  await refuses(`${place} refuses another scheme`, url, [["Authorization", `Token ${good}`]], {
    ...MISSING,
    says: null,
  });
  const twice = { "two headers": asBearer(good), "two keys": inHeader(good) };
  for (const [what, more] of Object.entries(twice)) {
    await refuses(`${place} refuses ${what}`, url, [...inHeader(good), ...more], TWO);
  }
  await refuses(`${place} refuses two bearers`, url, [...asBearer(good), ...asBearer(token)], TWO);
  for (const name of ["api_key", "X-API-Key", "access_token"]) {
    await refuses(`${place} refuses ${name} in the URI`, `${url}?${name}=${good}`, [], IN_URI);
  }
  const beside = `${url}?api_key=${good}`;
  await refuses(`${place} refuses a key in the URI beside a good one`, beside, inHeader(good), IN_URI);
  const elsewhere = ["X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.7", "X-Real-IP: 192.0.2.7"];
  const forwarded = elsewhere.map((header) => header.split(": "));
  await refuses(
    `${place} believes nobody who says where they are`,
    url,
    [...inHeader(bound), ...forwarded],
    INVALID,
  );
}

async function whatItAllows({ api, mintery }, { lesser, limited }, refuses) {
  const denied = { status: 403, code: "err_no_permission", says: /servers:read/ };
  await refuses("the API names the missing scope", `${api}/servers`, inHeader(lesser), denied);
  const check = `${mintery}/auth/check?scope=servers:read`;
  await refuses("Mintery names the missing scope", check, inHeader(lesser), denied);
  const me = `${mintery}/api/v1/users/me`;
  await send(me, inHeader(limited));
  await refuses("Mintery says when a key is good again", me, inHeader(limited), OVER_LIMIT);
  await refuses("the API says when a key is good again", `${api}/servers`, inHeader(limited), OVER_LIMIT);
}

async function whatIsSent({ api, mintery }, { good, revoked }, refuses) {
  const tasks = `${api}/v1/tasks`;
  const typed = ["Content-Type", "application/json"];
  const wrong = { status: 400, code: "err_invalid_request" };
  await refuses(
    "the API reads nothing that a stranger sends",
    tasks,
    [...asBearer(revoked), typed],
    INVALID,
    "{",
  );
  await refuses("the API tells a caller what is wrong", tasks, [...asBearer(good), typed], wrong, "{");
  const nothing = { status: 404, code: "err_not_found" };
  await refuses("the API has nothing elsewhere", `${api}/elsewhere`, asBearer(good), nothing);
  const both = [...inHeader(good), ...asBearer(good)];
  const named = { ...INVALID, says: TWO.says };
  await refuses("Mintery names two credentials at a check", `${mintery}/auth/check`, both, named);
}

/** A key that the API has just taken is refused within a second after it was revoked; a token, after its client was disabled. */
async function withinASecond(work, { worker, token }, report) {
  const key = work.mint("key create", { name: "leaky", owner: work.environment.OWNER });
  for (const [what, headers, takeBack] of [
    ["a revoked key", inHeader(key.key), `key revoke ${key.id}`],
    ["a token of a disabled client", asBearer(token), `client disable ${worker.client_id}`],
  ]) {
    const status = async () => (await send(`${work.api}/servers`, headers)).status;
    const before = await status();
    work.mint(takeBack);
    const since = Date.now();
    let after = before;
    while (after === 200 && Date.now() - since < 2000) after = await status();
    const took = Date.now() - since;
    const isRight = before === 200 && after === 401 && took < 1000;
    report(
      `the API refuses ${what} within a second`,
      isRight ? null : `${before}, ${after} after ${took} ms`,
    );
  }
}

/** SEC-7: a page of an origin that nobody named learns nothing, from either. */
async function fromAnotherPage(work, browser, { good }, report) {
  const name = "a page of another origin is kept out";
  if (!browser) {
    console.log(`not run  ${name}: the browser is missing`);
    return;
  }
  const stranger = work.pages.replace("localhost", "127.0.0.1");
  const script = `
    for (const url of ["${work.mintery}/api/v1/users/me", "${work.api}/servers"]) {
      await fetch(url, { headers: { "X-API-Key": document.querySelector("#token").value } })
        .then(() => console.log("let in"), (error) => console.log("kept out: " + error.name));
    }`;
  const isEnough = (printed) => printed.split("\n").length === 2;
  const { printed, failure } = await withPagesAt(stranger, () =>
    runInPage(browser, stranger, good, script, isEnough),
  );
  const isRight = printed === "kept out: TypeError\nkept out: TypeError";
  report(name, failure ?? (isRight ? null : printed));
}
