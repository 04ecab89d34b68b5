// openid-client does everything that an application does with its provider, and exits with 0 when
// every step holds. With CLIENT_SECRET it is a web application, without it a public client.
// Everything about the provider but its issuer comes from discovery.
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { Browser } from './browser.mjs';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, EMAIL, PASSWORD, REDIRECT_URI, POST_LOGOUT_URI } =
  process.env;
const confidential = Boolean(CLIENT_SECRET);

const step = (name) => console.log(`${confidential ? 'web' : 'public'}: ${name}`);

const config = await oidc.discovery(
  new URL(ISSUER),
  CLIENT_ID,
  undefined,
  confidential ? oidc.ClientSecretBasic(CLIENT_SECRET) : oidc.None(),
  { execute: [oidc.allowInsecureRequests] },
);
// Not only the TLS channel is trusted: every ID token's signature is checked against the JWKS.
oidc.enableNonRepudiationChecks(config);
assert.equal(config.serverMetadata().issuer, ISSUER);
step('discovered');

const browser = new Browser();

async function login(extra = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const nonce = oidc.randomNonce();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...extra,
  });
  const back = await browser.authorize(url, EMAIL, PASSWORD);
  assert.equal(back.origin + back.pathname, REDIRECT_URI);
  return oidc.authorizationCodeGrant(config, back, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
}

let tokens = await login();
const { sub, sid } = tokens.claims();
assert.ok(sub && sid && tokens.refresh_token && tokens.expires_in > 0);
step('signed in, ID token verified');

const again = await login({ prompt: 'none' });
assert.equal(again.claims().sub, sub);
step('signed in again without a page');

const me = await oidc.fetchUserInfo(config, tokens.access_token, sub);
assert.equal(me.email, EMAIL);
assert.equal(typeof me.email_verified, 'boolean');
step('userinfo');

const first = tokens;
tokens = await oidc.refreshTokenGrant(config, first.refresh_token);
assert.notEqual(tokens.refresh_token, first.refresh_token);
assert.equal(tokens.claims().sub, sub);
await oidc.fetchUserInfo(config, tokens.access_token, sub);
step('refreshed');

if (confidential) {
  const seen = await oidc.tokenIntrospection(config, tokens.access_token);
  assert.equal(seen.active, true);
  assert.equal(seen.client_id, CLIENT_ID);
  assert.equal(seen.sub, sub);
  step('introspected');
}

await oidc.tokenRevocation(config, tokens.refresh_token);
await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), (e) => {
  assert.equal(e.error, 'invalid_grant');
  return true;
});
if (confidential) {
  // The grant's access tokens go along with it.
  const seen = await oidc.tokenIntrospection(config, tokens.access_token);
  assert.deepEqual(seen, { active: false });
}
step('revoked');

const state = oidc.randomState();
const out = await browser.visit(
  oidc.buildEndSessionUrl(config, {
    id_token_hint: again.id_token,
    post_logout_redirect_uri: POST_LOGOUT_URI,
    state,
  }),
);
const done = new URL(POST_LOGOUT_URI);
done.searchParams.set('state', state);
assert.equal(String(out.left), String(done));
await assert.rejects(login({ prompt: 'none' }), (e) => {
  assert.equal(e.error, 'login_required');
  return true;
});
step('logged out');
