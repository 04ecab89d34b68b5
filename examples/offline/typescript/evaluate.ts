// Decides by signed snapshots of a tenant: with Cedar's WebAssembly, and without asking the server
// again.
//
//   npm install && npm run build
//   ISSUER=http://localhost:8080/t/demo CLIENT_ID=asker CLIENT_SECRET=... npm start -- requests.json
//
// The file is a list of {"principal": {type, id}, "action", "resource": {type, id}, "context"}. What
// is printed is a list of "allow" and "deny" in the same order.
import { readFileSync } from 'node:fs';
import * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import { createRemoteJWKSet, jwtVerify } from 'jose';

interface Reference {
  type: string;
  id: string;
}

interface Ask {
  principal: Reference;
  action: string;
  resource: Reference;
  context?: cedar.Context;
}

/** What is signed, as far as it is needed to decide. */
interface Snapshot {
  policies: cedar.PolicySet;
  entities: cedar.Entities;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}`);
  return value;
}

const issuer = setting('ISSUER');
const clientId = setting('CLIENT_ID');
const basic = Buffer.from(`${clientId}:${setting('CLIENT_SECRET')}`).toString('base64');
const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

/** The snapshot for a principal and resources, when the tenant signed it for us. */
async function snapshot(principal: Reference, resources: Reference[]): Promise<Snapshot> {
  const answer = await fetch(`${issuer}/authz/snapshot`, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, 'content-type': 'application/json' },
    body: JSON.stringify({ principal, resources }),
  });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  const { payload } = await jwtVerify<Snapshot>(await answer.text(), keys, {
    issuer,
    audience: clientId,
    typ: 'authz-snapshot+jwt',
    algorithms: ['ES256'],
  });
  return payload;
}

const name = (of: Reference): string => JSON.stringify([of.type, of.id]);

const asks: Ask[] = JSON.parse(readFileSync(process.argv[2] ?? '/dev/stdin', 'utf8'));
const resources = new Map<string, Map<string, Reference>>();
for (const { principal, resource } of asks) {
  const known = resources.get(name(principal)) ?? new Map<string, Reference>();
  resources.set(name(principal), known.set(name(resource), resource));
}

const entities = new Map<string, cedar.Entities>();
for (const [principal, named] of resources) {
  const [type, id] = JSON.parse(principal);
  const { policies, entities: slice } = await snapshot({ type, id }, [...named.values()]);
  // Parsed once for each principal, and not for each decision.
  const parsed = cedar.preparsePolicySet(principal, policies);
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
  entities.set(principal, slice);
}

const decisions = asks.map(({ principal, action, resource, context }) => {
  const answer = cedar.statefulIsAuthorized({
    principal,
    action: { type: 'Action', id: action },
    resource,
    context: context ?? {},
    preparsedPolicySetId: name(principal),
    entities: entities.get(name(principal)) ?? [],
  });
  if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
  return answer.response.decision;
});
console.log(JSON.stringify(decisions));
