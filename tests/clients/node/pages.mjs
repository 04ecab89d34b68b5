// A person with a real browser: registers, reads the mail, signs in, adds an authenticator app and a
// passkey, signs in with each, recovers, and signs out elsewhere. Every page on the way is looked at
// by axe-core, in light and dark, and photographed in light, dark and on a phone.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const { BASE, ISSUER, AUTHORIZE, REDIRECT, SHOTS, CHROMIUM } = process.env;
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const EMAIL = 'grace@example.com';
const [FIRST, SECOND] = ['a compiler for the navy 1952', 'nanoseconds of wire 1970'];
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

mkdirSync(SHOTS, { recursive: true });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
const errors = [];
const seen = new Set();

// What was to be seen when something else was waited for, and what was asked and answered before.
const log = [];
const note = (what, request) => {
  const { pathname, search } = new URL(request.url());
  log.push(`${new Date().toISOString()} ${what} ${request.method()} ${pathname}${search.slice(0, 24)}`);
};
process.on('uncaughtException', async (error) => {
  console.error(error);
  console.error(log.slice(-40).join('\n'));
  for (const page of browser.contexts().flatMap((context) => context.pages())) {
    const typed = await page.locator('input').evaluateAll((all) => all.map((i) => `${i.name} ${i.value.length}`))
      .catch(String);
    console.error(page.url(), typed, await page.locator('body').innerText().catch(String));
  }
  process.exit(1);
});

// A browser of its own, with an authenticator that has a fingerprint.
async function person() {
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-US' });
  // Other tests keep the machine busy.
  context.setDefaultTimeout(120_000);
  // The application: it only has to be there.
  await context.route(`${REDIRECT}**`, (route) => route.fulfill({ body: 'the application' }));
  const page = await context.newPage();
  // Chromium drops what is clicked before a page was painted for the first time: nobody could aim.
  // Each click here leads to another page, which is there when it is done.
  const click = page.click.bind(page);
  page.click = async (selector) => {
    await page.waitForSelector(selector);
    await page.waitForFunction(() => performance.getEntriesByType('paint').length > 0);
    await page.evaluate(() => { window.clicked = true; });
    await click(selector);
    await page.waitForFunction(() => !window.clicked && document.readyState === 'complete');
  };
  page.on('request', (request) => note('asks', request));
  page.on('requestfailed', (request) => note(request.failure().errorText, request));
  page.on('response', (answer) => note(answer.status(), answer.request()));
  page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
  page.on('console', (line) => {
    // Answers such as 401 are said in the console as well.
    if (line.type() === 'error' && !line.text().includes('Failed to load resource')) {
      errors.push(`${page.url()}: ${line.text()}`);
    }
  });
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  return { context, page, devtools, authenticatorId };
}

// Photographs a page once, and has its accessibility looked at.
async function look(page, name) {
  if (seen.has(name)) return;
  seen.add(name);
  for (const [scheme, size, suffix] of [
    ['light', WIDE, ''], ['dark', WIDE, '-dark'], ['light', PHONE, '-phone'],
  ]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize(size);
    if (suffix !== '-phone') {
      await page.evaluate(axeSource);
      const found = await page.evaluate(() => axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }));
      const bad = found.violations.map(
        (v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`,
      );
      assert.deepEqual(bad, [], `${name}${suffix}`);
    } else {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= PHONE.width, `${name} is ${wide} wide on a phone`);
    }
    await page.screenshot({ path: join(SHOTS, `${name}${suffix}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize(WIDE);
}
const { readFileSync } = await import('node:fs');
const axeSource = readFileSync(axe, 'utf8');

const heading = (page) => page.locator('h1').innerText();
const step = (text) => console.log(text);

// The newest message to somebody with this subject, waited for.
async function message(to, subject) {
  for (let n = 0; n < 100; n += 1) {
    const answer = await fetch(`${BASE}/dev/mail`, { headers: { accept: 'application/json' } });
    const mail = (await answer.json()).find((m) => m.to === to && m.subject === subject);
    if (mail) return mail;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no mail: ${subject}`);
}

const link = async (subject) => (await message(EMAIL, subject)).link;
const digits = (text) => text.match(/\d{4} \d{4}/)[0];

// RFC 6238 with the secret that the page shows.
function code(secret, at = Date.now()) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const c of secret.replace(/\s/g, '')) bits += alphabet.indexOf(c).toString(2).padStart(5, '0');
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', Buffer.from(bytes)).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function signIn(page, password) {
  await page.fill('#email', EMAIL);
  await page.fill('#password', password);
  await page.click('#sign-in');
}

const arrived = (page) => page.waitForURL((url) => url.href.startsWith(REDIRECT) && url.search.includes('code='));

const me = await person();
const { page } = me;

step('registers');
await page.goto(AUTHORIZE);
await look(page, 'sign-in');
await signIn(page, 'not the password');
await look(page, 'sign-in-wrong');
await page.click('#register');
await look(page, 'register');
await page.fill('#name', 'Grace Hopper');
await page.fill('#email', EMAIL);
await page.fill('#password', 'password1');
await page.click('#register');
await look(page, 'register-weak');
await page.fill('#password', FIRST);
await page.click('#register');
assert.equal(await heading(page), 'Look into your mail');
await look(page, 'register-sent');
const confirm = await link('Confirm your e-mail address');
await page.goto(`${BASE}/dev/mail`);
await look(page, 'dev-mail');
await page.goto(confirm);
await look(page, 'register-confirm');
await page.click('#confirm');
assert.equal(await heading(page), 'Your account is ready');
await look(page, 'register-done');

step('signs in with the password');
await page.goto(AUTHORIZE);
await signIn(page, FIRST);
await page.waitForSelector('#consent-form');
await look(page, 'consent');
await page.click('#allow');
await arrived(page);

step('looks at the account');
await page.goto(`${ISSUER}/account`);
assert.equal(await heading(page), 'Your account');
await look(page, 'account');
for (const tab of ['profile', 'password', 'passkeys', 'sessions', 'applications', 'events', 'recovery_codes']) {
  await page.click(`#menu-${tab}`);
  if (tab === 'password') {
    // Who has nothing else proves more with a mail.
    await look(page, 'factor-email_code');
    await page.click('#send');
    await look(page, 'factor-email_code-sent');
    await page.fill('#code', digits((await message(EMAIL, 'Your code')).text));
    await page.click('#prove');
  }
  await look(page, `account-${tab}`);
}

step('sets up an authenticator app');
await page.click('#menu-totp');
await look(page, 'account-totp');
const secret = await page.innerText('#secret');
await page.fill('#code', '000000');
await page.click('#save');
await page.waitForSelector('#problem');
await look(page, 'account-totp-wrong');
const typed = await page.innerText('#secret');
assert.equal(typed, secret, 'the app that was scanned goes on working');
const usedAt = Date.now();
await page.fill('#code', code(secret));
await page.click('#save');
await page.click('#make');
const codes = (await page.innerText('#codes')).trim().split(/\s+/);
assert.equal(codes.length, 10);
await look(page, 'account-recovery_codes-new');

step('adds a passkey');
await page.click('#menu-passkeys');
await page.fill('#name', 'My laptop');
await page.click('#passkey');
await page.waitForSelector('#passkeys');
assert.match(await page.innerText('#passkeys'), /My laptop/);
await look(page, 'account-passkeys-one');

step('adds a phone number');
await page.click('#menu-phone');
await look(page, 'account-phone');
await page.fill('#number', '0151 1234');
await page.click('#send');
await look(page, 'account-phone-wrong');
await page.fill('#number', '+49 151 12345678');
await page.click('#send');
await look(page, 'account-phone-code');
await page.fill('#code', digits((await message('+4915112345678', 'SMS')).text));
await page.click('#save');
await page.click('#menu-phone');
await look(page, 'account-phone-one');

step('asks for another address');
await page.click('#menu-profile');
await page.click('#change-email');
await look(page, 'account-email');
await page.fill('#email', 'grace.hopper@example.com');
await page.click('#save');
await look(page, 'account-email-asked');
const reader = await person();
await reader.page.goto(await link('Change your e-mail address?'));
await look(reader.page, 'confirm-email-old');
await reader.page.click('#confirm');
await look(reader.page, 'confirm-email-agreed');
await reader.page.goto((await message('grace.hopper@example.com', 'Confirm your new e-mail address')).link);
await look(reader.page, 'confirm-email-new');

step('signs out');
await page.click('#sign-out');
await look(page, 'sign-out');
await page.click('#sign-out');
await look(page, 'signed-out');

step('signs in with the passkey alone');
await page.goto(AUTHORIZE);
// Either the browser suggests it, or the button asks for it.
await Promise.race([arrived(page), page.click('#passkey').then(() => arrived(page))]).catch(() => arrived(page));
const { credentials } = await me.devtools.send('WebAuthn.getCredentials', { authenticatorId: me.authenticatorId });
assert.equal(credentials.length, 1);

step('signs in elsewhere with the password and the app');
const other = await person();
await other.page.goto(AUTHORIZE);
await signIn(other.page, FIRST);
assert.equal(await heading(other.page), 'One more step');
await look(other.page, 'factor-passkey');
await other.page.click('#use-totp');
await look(other.page, 'factor-totp');
await other.page.fill('#code', '000000');
await other.page.click('#prove');
await look(other.page, 'factor-totp-wrong');
// The code that set the app up does not count again.
while (Math.floor(Date.now() / 30_000) === Math.floor(usedAt / 30_000)) {
  await new Promise((done) => setTimeout(done, 500));
}
await other.page.fill('#code', code(secret));
await other.page.check('#remember');
await other.page.click('#prove');
await arrived(other.page);

step('signs in with a recovery code');
const third = await person();
await third.page.goto(AUTHORIZE);
await signIn(third.page, FIRST);
await third.page.click('#use-sms_code');
await look(third.page, 'factor-sms_code');
await third.page.click('#send');
await look(third.page, 'factor-sms_code-sent');
await third.page.goBack();
await third.page.goBack();
await third.page.click('#use-recovery_code');
await look(third.page, 'factor-recovery_code');
await third.page.fill('#code', codes[0]);
await third.page.click('#prove');
await arrived(third.page);

step('signs in with the link of a mail');
const fourth = await person();
await fourth.page.goto(AUTHORIZE);
await fourth.page.fill('#email', EMAIL);
await fourth.page.click('#email-code');
await look(fourth.page, 'email-code');
await fourth.page.fill('#code', '0000 0000');
await fourth.page.click('#sign-in');
await look(fourth.page, 'email-code-wrong');
const direct = await link('Your code to sign in');
await reader.page.goto(direct);
await look(reader.page, 'confirm-sign-in-elsewhere');
await fourth.page.goto(direct);
await look(fourth.page, 'confirm-sign-in');
await fourth.page.click('#confirm');
await fourth.page.click('#use-recovery_code');
await fourth.page.fill('#code', codes[1]);
await fourth.page.click('#prove');
await arrived(fourth.page);

step('sees and ends sessions');
await page.goto(`${ISSUER}/account`);
await page.click('#menu-sessions');
assert.equal(await page.locator('#sessions li').count(), 4);
await look(page, 'account-sessions-three');
await page.click('#end-others');
assert.equal(await page.locator('#sessions li').count(), 1);
await other.page.goto(`${ISSUER}/account`);
assert.equal(await heading(other.page), 'Sign in');

step('recovers');
// From here on the authenticator is left at home: the sign-in page would be left at once.
await me.devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: me.authenticatorId });
await other.page.click('#forgot');
await look(other.page, 'forgot');
await other.page.fill('#email', EMAIL);
await other.page.click('#send');
await look(other.page, 'forgot-sent');
await other.page.goto(await link('Set a new password'));
await look(other.page, 'new-password');
await other.page.fill('#password', SECOND);
await other.page.click('#save');
assert.equal(await heading(other.page), 'Your password is changed');
await look(other.page, 'new-password-done');
await page.goto(`${ISSUER}/account`);
assert.equal(await heading(page), 'Sign in');

step('ends the account, and keeps it after all');
await page.goto(`${ISSUER}/account/delete`);
await signIn(page, SECOND);
await page.click('#use-recovery_code');
await page.fill('#code', codes[2]);
await page.click('#prove');
await look(page, 'account-delete');
await page.click('#delete');
await look(page, 'account-delete-planned');
await page.goto(`${ISSUER}/account`);
await signIn(page, SECOND);
await page.click('#use-recovery_code');
await page.fill('#code', codes[3]);
await page.click('#prove');
await look(page, 'account-ending');
await page.click('#ending a');
await look(page, 'account-delete-keep');
await page.click('#keep');
await look(page, 'account-kept');

step('looks at the rest');
await page.goto(`${ISSUER}/`);
await look(page, 'tenant-home');
await page.goto(`${BASE}/`);
await look(page, 'platform-home');
await page.goto(`${ISSUER}/account/link?token=nothing`);
await look(page, 'error');

assert.deepEqual(errors, []);
await browser.close();
console.log(`${seen.size} pages`);
