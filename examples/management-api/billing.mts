/**
 * Sets up a named credential over the management API, and makes a callout with it: plain HTTP with `fetch`, no dependencies, Node 20 or newer.
 *
 * Run it twice: the second time changes nothing. It asks the resources below `/api/v1`, whose refusals say what to do next.
 *
 *     export SORTIE_URL=http://127.0.0.1:8586 SORTIE_KEY=sortie_... BILLING_PASSWORD=...
 *     npx tsc --strict --target es2022 --module es2022 --lib es2022,dom billing.mts
 *     node billing.mjs https://billing.example.com robot Callers
 *
 * With SORTIE_GATEWAY (http://127.0.0.1:8585) and SORTIE_CALLER_KEY it also calls callout:Billing/invoices as that caller.
 */

// What is used of Node, so that no package with its types is needed.
declare const process: { argv: string[]; env: Record<string, string | undefined>; exitCode?: number };

/** A problem of RFC 9457, as Sortie writes it. */
interface Problem {
  status: number;
  /** Stable: `not_permitted`. */
  code: string;
  detail: string;
  /** What to do. */
  next: string;
  request_id?: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

interface Principal {
  principalName: string;
  principalType: "NamedPrincipal" | "PerUserPrincipal" | "AwsStsPrincipal";
  sequenceNumber: number;
}

interface ExternalCredential {
  developerName: string;
  masterLabel: string;
  authenticationProtocol: string;
  principals: Principal[];
}

interface NamedCredential {
  developerName: string;
  masterLabel: string;
  type: "SecuredEndpoint";
  calloutUrl: string;
  externalCredentials: { developerName: string }[];
  calloutOptions: { allowMergeFieldsInBody: boolean; allowMergeFieldsInHeader: boolean; generateAuthorizationHeader: boolean };
}

interface StoredCredential {
  credentials: Record<string, { encrypted: boolean; revision?: number; value?: string }>;
}

interface Change {
  object: string;
  name: string;
  action: "created" | "updated" | "deleted" | "unchanged" | "left_alone";
}

interface CredentialReport {
  status: "Configured" | "NotConfigured" | "Unknown";
  principals: { name: string; missing: { code: string; message: string }[] }[];
}

/** Sortie refuses. Never what was sent: it may hold a secret. */
class Refused extends Error {
  constructor(readonly asked: string, readonly problem: Problem) {
    const faults = (problem.errors ?? []).map((fault) => ` ${fault.pointer || "the body"} ${fault.detail};`).join("");
    super(`${asked}: ${problem.code}: ${problem.detail}${faults} next: ${problem.next}`);
  }
}

/** What was seen, and in which version. */
interface Seen<T> {
  value: T;
  etag: string | null;
}

class Management {
  constructor(private readonly url: string, private readonly key: string) {}

  async get<T>(path: string): Promise<Seen<T>> {
    return this.ask<T>("GET", path);
  }

  /** `undefined` if there is none. */
  async find<T>(path: string): Promise<Seen<T> | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 404) return undefined;
      throw error;
    }
  }

  async post<T>(path: string, body: unknown): Promise<Seen<T>> {
    // By this key the server does it once, also if its answer is lost and it is asked again.
    return this.ask<T>("POST", path, body, { "Idempotency-Key": crypto.randomUUID() });
  }

  /** In place of what was seen. If somebody has changed it since, it is refused with `precondition_failed`. */
  async put<T>(path: string, body: unknown, seen?: Seen<unknown>): Promise<Seen<T>> {
    return this.ask<T>("PUT", path, body, seen?.etag ? { "If-Match": seen.etag } : {});
  }

  /** Makes something, or brings what is there to what it should be. */
  async settle<T>(collection: string, name: string, wanted: T): Promise<Seen<T>> {
    const seen = await this.find<T>(`${collection}/${encodeURIComponent(name)}`);
    return seen ? this.put<T>(`${collection}/${encodeURIComponent(name)}`, wanted, seen) : this.post<T>(collection, wanted);
  }

  private async ask<T>(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Seen<T>> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.key}`, ...more };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const send = () =>
      fetch(`${this.url}/api/v1${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        // The key goes to this server and to nobody else.
        redirect: "error",
        signal: AbortSignal.timeout(75_000),
      });
    // `fetch` rejects with a TypeError if there is no answer. What changes nothing, or has a key, may be asked again.
    const isSafeTwice = method === "GET" || "Idempotency-Key" in headers;
    const answer = await send().catch((error: unknown) => {
      if (isSafeTwice && error instanceof TypeError) return send();
      throw error;
    });
    const text = await answer.text();
    if (!answer.ok) {
      const isOurs = answer.headers.has("sortie-error");
      if (!isOurs) throw new Error(`${method} ${path}: status ${answer.status}, and not from Sortie`);
      throw new Refused(`${method} ${path}`, JSON.parse(text) as Problem);
    }
    return { value: (text === "" ? undefined : JSON.parse(text)) as T, etag: answer.headers.get("etag") };
  }
}

/** A callout. What the service answers is an answer, whatever its status; what Sortie refuses is an error. */
async function call(gateway: string, key: string, target: string): Promise<Response> {
  const path = target.replace(/^callout:/, "");
  const answer = await fetch(`${gateway}/callout/${path}`, { headers: { Authorization: `Bearer ${key}` }, redirect: "manual" });
  if (answer.headers.has("sortie-error")) throw new Refused(target, (await answer.json()) as Problem);
  return answer;
}

async function setUp(management: Management, url: string, username: string, password: string, permissionSet: string): Promise<string> {
  await management.settle<ExternalCredential>("/named-credentials/external-credentials", "Billing", {
    developerName: "Billing",
    masterLabel: "Billing",
    authenticationProtocol: "Basic",
    principals: [{ principalName: "Service", principalType: "NamedPrincipal", sequenceNumber: 1 }],
  });

  const place = { externalCredential: "Billing", principalName: "Service", principalType: "NamedPrincipal" };
  const credential = "/named-credentials/credential";
  const stored = await management.get<StoredCredential>(`${credential}?${new URLSearchParams(place)}`);
  const values = { ...place, credentials: { username: { value: username }, password: { value: password, encrypted: true } } };
  const isFirst = Object.keys(stored.value.credentials).length === 0;
  await (isFirst ? management.post<StoredCredential>(credential, values) : management.put<StoredCredential>(credential, values));

  await management.settle<NamedCredential>("/named-credentials/named-credential-setup", "Billing", {
    developerName: "Billing",
    masterLabel: "Billing",
    type: "SecuredEndpoint",
    calloutUrl: url,
    externalCredentials: [{ developerName: "Billing" }],
    calloutOptions: { allowMergeFieldsInBody: false, allowMergeFieldsInHeader: false, generateAuthorizationHeader: true },
  });

  await management.post<Change>("/principal-access", { external_credential: "Billing", principal: "Service", permission_set: permissionSet });

  const report = await management.get<CredentialReport>("/status/Billing");
  const missing = report.value.principals.flatMap((principal) => principal.missing).map((step) => `\n  next: ${step.message}`);
  return `callout:Billing is ${report.value.status}${missing.join("")}`;
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

async function main([url, username, permissionSet, ...rest]: string[]): Promise<void> {
  if (!url || !username || !permissionSet || rest.length > 0) throw new Error("usage: node billing.mjs URL USERNAME PERMISSION_SET");
  const management = new Management(required("SORTIE_URL").replace(/\/$/, ""), required("SORTIE_KEY"));
  console.log(await setUp(management, url, username, required("BILLING_PASSWORD"), permissionSet));
  const { SORTIE_GATEWAY: gateway, SORTIE_CALLER_KEY: callerKey } = process.env;
  if (gateway && callerKey) {
    const answer = await call(gateway, callerKey, "callout:Billing/invoices");
    console.log(`${answer.status} ${await answer.text()}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
