// A token server on npm's oidc-provider (OpenID certified), loopback only, everything in memory: what Sortie's OAuth code is tested against.
// Nobody here wrote the OAuth side of it; ours is only the frame around it, by which a test looks in and breaks things.
//
//   PEERS=<directory that holds node_modules>  TOKEN_SECONDS=3600
//   CLIENTS='[{client_id, client_secret, token_endpoint_auth_method}, {client_id, jwks, token_endpoint_auth_method, token_endpoint_auth_signing_alg}]'
//   node oidc-provider.mjs
//
// The first line of standard output is {"issuer": …}. It ends when standard input does, so that it never outlives its test.
//
//   GET  /lab/log                 requests to the token endpoint so far, as they arrived, each with the status it was answered with
//   GET  /lab/me-log              the same of the user info endpoint
//   GET  /lab/revocation-log      the same of the revocation endpoint
//   POST /lab/dpop-nonce          from now on every DPoP proof must hold a nonce of the server's (RFC 9449, sections 8 and 9)
//   POST /lab/fault               {path, times, delayMs, status, headers, body, destroy}: the next `times` hits of `path` misbehave
//   POST /lab/expire              every token issued so far is dead
//   POST /lab/expired-status      {status}: what /api answers for a dead token (401 until told otherwise)
//   POST /lab/token-seconds       {seconds}: how long tokens issued from now on live
//   POST /lab/grace-seconds       {seconds}: for how long a refresh token that was used can be used again (0 until told otherwise: its second use ends the login)
//   POST /lab/visit               {url, account, answer}: what a browser would do that is sent to `url`: signs in as `account` on the server's own pages and
//                                 agrees (or, with answer "abort", does not); gives back {location}, where the browser would be sent in the end
//   ANY  /signed-api/…            a resource whose tokens are JWTs, signed by a client's key for the audience <issuer>/signed-api: what npm's jose read
//   ANY  /api/…                   the resource that the tokens are for: echoes the request as JSON
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const peers = createRequire(join(process.env.PEERS, 'package.json'));
const jose = await import(pathToFileURL(peers.resolve('jose')).href);
const { Provider, errors } = await import(pathToFileURL(peers.resolve('oidc-provider')).href);

// Standard output is closed once its first line has been read; notices of the library would end the process.
console.info = console.error;

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'EdDSA'];
const resources = ['urn:sortie:one', 'urn:sortie:two'];
const clients = JSON.parse(process.env.CLIENTS);
const clientKeys = jose.createLocalJWKSet({ keys: clients.flatMap((client) => client.jwks?.keys ?? []) });
const log = [];
const meLog = [];
const revocationLog = [];
let noncesRequired = false;
const faults = [];
const generationOf = new Map(); // token id -> the generation it was issued in; only the current generation is alive
let generation = 0;
let expiredStatus = 401;
let tokenSeconds = Number(process.env.TOKEN_SECONDS);
let graceSeconds = 0;

const server = http.createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(issuer, {
  // Clients with a redirect URI are those of people: code and refresh token. The others are their own users.
  clients: clients.map((client) => ({
    id_token_signed_response_alg: 'ES256',
    ...(client.redirect_uris
      ? { scope: 'openid offline_access profile read write', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] }
      : { scope: 'read write', grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }),
    ...client,
  })),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: id, email: `${id}@idp.test` }) }),
  claims: { openid: ['sub'], profile: ['preferred_username', 'email'] },
  conformIdTokenClaims: false,
  rotateRefreshToken: () => true,
  pkce: { required: () => true },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(24).toString('hex')] },
  scopes: ['openid', 'offline_access', 'profile', 'read', 'write'],
  ttl: { ClientCredentials: () => tokenSeconds, AccessToken: () => tokenSeconds, RefreshToken: 86400, AuthorizationCode: 60, Interaction: 600, Session: 3600, Grant: 86400, IdToken: 3600 },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: algorithms },
  features: {
    clientCredentials: { enabled: true },
    // The server's own pages to sign in and to agree.
    devInteractions: { enabled: false },
    revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
    rpInitiatedLogout: { enabled: false },
    // RFC 9126 and RFC 9449 are on by default; clients that do not use them need not.
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => noncesRequired },
    // RFC 8707: a client may say which of these its token is for, and nothing else.
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => {
        if (!resources.includes(resource)) throw new errors.InvalidTarget();
        return { scope: 'read write', audience: resource, accessTokenFormat: 'opaque' };
      },
    },
  },
});
// A window of grace is none of the library's options; what is not marked as used yet can be used.
const { consume } = provider.RefreshToken.prototype;
provider.RefreshToken.prototype.consume = async function () {
  if (graceSeconds) setTimeout(() => consume.call(this), graceSeconds * 1000).unref(); else await consume.call(this);
};
provider.on('client_credentials.saved', (token) => generationOf.set(token.jti, generation));
provider.on('access_token.saved', (token) => generationOf.set(token.jti, generation));
provider.on('server_error', (_, error) => console.error('server_error', error));
const oauth = provider.callback();

const json = (response, status, value, headers = {}) => {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify(value));
};
const pairsOf = ({ rawHeaders }) => rawHeaders.flatMap((name, index) => (index % 2 ? [] : [[name, rawHeaders[index + 1]]]));
const bodyOf = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

// What a browser does, without one: follows redirects, keeps cookies, fills in the server's own forms.
async function visit({ url, account, answer }) {
  const cookies = new Map();
  const open = async (address, form) => {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    const reply = await fetch(address, { redirect: 'manual', headers, ...(form && { method: 'POST', body: new URLSearchParams(form) }) });
    for (const cookie of reply.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value) cookies.set(name, value); else cookies.delete(name);
    }
    return reply;
  };
  let [address, form] = [url, undefined];
  for (let step = 0; step < 20; step += 1) {
    const reply = await open(address, form);
    const location = reply.headers.get('location') && new URL(reply.headers.get('location'), address).href;
    if (location && !location.startsWith(issuer)) return { location };
    if (location) { [address, form] = [location, undefined]; continue; }
    const page = await reply.text();
    const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
    if (reply.status !== 200 || !action) return { status: reply.status, page: page.slice(0, 2000) };
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    address = answer === 'abort' ? `${new URL(action, address).href}/abort` : new URL(action, address).href;
    form = answer === 'abort' ? undefined : { prompt, login: account, password: 'x' };
  }
  return { status: 508, page: 'it never ends' };
}

async function control(path, order, response) {
  if (path === '/lab/log') return json(response, 200, log);
  if (path === '/lab/me-log') return json(response, 200, meLog);
  if (path === '/lab/revocation-log') return json(response, 200, revocationLog);
  if (path === '/lab/visit') return json(response, 200, await visit(order));
  if (path === '/lab/fault') faults.push(order);
  else if (path === '/lab/dpop-nonce') noncesRequired = true;
  else if (path === '/lab/expire') generation += 1;
  else if (path === '/lab/expired-status') expiredStatus = order.status;
  else if (path === '/lab/token-seconds') tokenSeconds = order.seconds;
  else if (path === '/lab/grace-seconds') graceSeconds = order.seconds;
  else return json(response, 404, { error: `no control ${path}` });
  return json(response, 200, {});
}

// True when the fault has answered in the server's place.
async function misbehave(path, request, response) {
  const fault = faults.find((candidate) => candidate.path === path && candidate.times > 0);
  if (!fault) return false;
  fault.times -= 1;
  await sleep(fault.delayMs);
  if (fault.destroy) request.socket.destroy();
  else if (fault.status) response.writeHead(fault.status, fault.headers).end(fault.body);
  else return false;
  return true;
}

// RFC 6749, section 2.3.1: the id in the header is form-encoded. What does not decode is left to oidc-provider to refuse.
function idInHeader(request) {
  const header = (request.headers.authorization ?? '').replace(/^Basic /i, '');
  const [id] = Buffer.from(header, 'base64').toString().split(':');
  return new URLSearchParams(`id=${id}`).get('id');
}

// oidc-provider takes a secret from the header or the body alike; many servers do not. This one insists on the place the client registered.
function secretIsInTheWrongPlace(request, form) {
  const client = clients.find(({ client_id: id }) => id === (form.get('client_id') ?? idInHeader(request)));
  if (client?.token_endpoint_auth_method === 'client_secret_basic') return form.has('client_secret');
  return client?.token_endpoint_auth_method === 'client_secret_post' && request.headers.authorization !== undefined;
}

function note(log, request, response, body) {
  const entry = { target: request.url, headers: pairsOf(request), authorization: request.headers.authorization ?? null, contentType: request.headers['content-type'] ?? null, accept: request.headers.accept ?? null, body, status: null };
  log.push(entry);
  response.on('finish', () => { entry.status = response.statusCode; });
}

async function token(request, response) {
  const body = await bodyOf(request);
  const form = new URLSearchParams(body);
  note(log, request, response, body);
  if (await misbehave('/token', request, response)) return;
  if (secretIsInTheWrongPlace(request, form)) return json(response, 401, { error: 'invalid_client', error_description: 'the secret must arrive where the client registered it' });
  request.body = Object.fromEntries(form); // oidc-provider accepts a body that somebody has read already
  await oauth(request, response);
}

async function api(request, response) {
  const presented = /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const found = presented && ((await provider.ClientCredentials.find(presented)) ?? (await provider.AccessToken.find(presented)));
  if (!found || generationOf.get(found.jti) !== generation) {
    // RFC 6750, section 3.1: no error code when the request carried no token at all.
    return json(response, presented ? expiredStatus : 401, { error: 'invalid_token' }, { 'www-authenticate': presented ? 'Bearer error="invalid_token"' : 'Bearer' });
  }
  const { method, url: path } = request;
  const headers = pairsOf(request);
  return json(response, 200, { method, path, headers, body: await bodyOf(request), client: found.clientId, account: found.accountId ?? null, scope: found.scope ?? null, audience: found.aud ?? null });
}

const page = (response, content) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Provider</title><link rel="icon" href="data:,"></head><body><main>${content}</main></body></html>`);
};

// The two pages that a person sees here: who are you, and do you agree. No password: it is not what is tested. The library's own pages would load fonts from elsewhere.
async function interaction(request, response) {
  const { prompt, params, session, uid } = await provider.interactionDetails(request, response);
  const denied = { error: 'access_denied', error_description: 'the person said no' };
  if (request.url.endsWith('/abort')) return provider.interactionFinished(request, response, denied);
  if (request.method === 'GET' && prompt.name === 'login') return page(response, `<h1>Log in at the provider</h1><form method="post" action="/interaction/${uid}"><label>Name <input id="login" name="login"></label> <button id="ok">Log in</button></form>`);
  if (request.method === 'GET') return page(response, `<h1>Allow ${params.client_id}?</h1><form method="post" action="/interaction/${uid}"><button id="allow" name="answer" value="yes">Allow</button> <button id="deny" name="answer" value="no">Deny</button></form>`);
  const form = new URLSearchParams(await bodyOf(request));
  if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId: form.get('login') } });
  if (form.get('answer') === 'no') return provider.interactionFinished(request, response, denied);
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function signedApi(request, response) {
  const presented = /^Bearer ([\w.-]+)$/.exec(request.headers.authorization ?? '')?.[1];
  try {
    const { payload, protectedHeader } = await jose.jwtVerify(presented ?? '', clientKeys, { algorithms, audience: `${issuer}/signed-api`, typ: 'JWT', requiredClaims: ['exp', 'iss', 'sub'] });
    return json(response, 200, { header: protectedHeader, claims: payload });
  } catch (error) {
    return json(response, 401, { error: 'invalid_token', why: error.code ?? String(error) }, { 'www-authenticate': presented ? 'Bearer error="invalid_token"' : 'Bearer' });
  }
}

server.on('request', async (request, response) => {
  try {
    const { pathname } = new URL(request.url, issuer);
    if (pathname.startsWith('/lab/')) return await control(pathname, JSON.parse((await bodyOf(request)) || '{}'), response);
    if (pathname === '/token') return await token(request, response);
    if (pathname === '/me') note(meLog, request, response, '');
    if (pathname === '/token/revocation') note(revocationLog, request, response, '');
    if (await misbehave(pathname, request, response)) return undefined;
    if (pathname.startsWith('/interaction/')) return await interaction(request, response);
    if (pathname.startsWith('/signed-api')) return await signedApi(request, response);
    if (pathname.startsWith('/api')) return await api(request, response);
    return await oauth(request, response);
  } catch (error) {
    console.error(error);
    if (!response.headersSent) json(response, 500, { error: 'peer_defect', error_description: String(error) });
  }
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer }));
