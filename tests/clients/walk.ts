// A whole session by the client of docs/clients.md and the types that were generated beside it: register, add a second
// factor, sign in with it, refresh, look, sign out. The arguments are the server's address and a password. What is printed
// tells no secret.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { type Step, type Store, type Tokens, connect, finish, refresh, Refused } from './client.js';

const [, , address = '', password = ''] = process.argv;
const api = connect(address);
const email = 'ada@example.org';

const registered = await api.POST('/auth/register', { body: { email, password, username: 'ada' } });
assert.ok(registered.data, 'registering is refused');
// 202 is possible where addresses must be verified: `status` tells that apart, too.
assert.equal(registered.data.status, 'authenticated');
const first = await finish(api, registered.data, () => assert.fail('nothing is due after registering'));
assert.equal(first.user.role, 'user');

const headers = { Authorization: `Bearer ${first.access_token}` };
const enrolment = await api.POST('/users/me/mfa/totp', { headers });
assert.ok(enrolment.data, 'a fresh sign-in may add a second factor');
const { secret } = enrolment.data;
const now = Math.floor(Date.now() / 30_000);
const confirmed = await api.POST('/users/me/mfa/totp/confirm', { headers, body: { code: totp(secret, now) } });
assert.equal(confirmed.data?.backup_codes.length, 10);

const step = await api.POST('/auth/login', { body: { identifier: 'ada', password } });
assert.equal(step.data?.status, 'challenge');
const asked: string[] = [];
// A code works once, so the next one is sent. A wrong one before it leaves the challenge good.
const codes = ['000000', totp(secret, now + 1)];
const tokens = await finish(api, step.data, async ({ kind, methods }) => {
  asked.push(kind);
  assert.deepEqual(methods, ['totp', 'backup_code']);
  return { method: 'totp', code: codes.shift() ?? assert.fail('the right code is refused') };
});
assert.deepEqual(asked, ['mfa', 'mfa']);
assert.equal(tokens.user.mfa_enabled, true);

const store = memory(tokens);
const renewed = await refresh(api, store);
assert.notEqual(renewed.refresh_token, tokens.refresh_token);
assert.notEqual(renewed.access_token, tokens.access_token);
assert.deepEqual(await store.read(), renewed);

const mine = { Authorization: `Bearer ${renewed.access_token}` };
const me = await api.GET('/users/me', { headers: mine });
assert.equal(me.data?.email, email);
const sessions = await api.GET('/users/me/sessions', { headers: mine });
assert.deepEqual(sessions.data?.sessions.map((session) => session.current), [true, false]);
const refused = await api.PATCH('/users/me', { headers: mine, body: { username: 'admin' } });
assert.equal(refused.error?.error_code, 'validation_failed');
assert.deepEqual(refused.error.errors?.map(({ field }) => field), ['username']);

const signedOut = await api.POST('/auth/logout', { headers: mine });
assert.equal(signedOut.response.status, 204);
await assert.rejects(refresh(api, store), (error) => {
  assert.ok(error instanceof Refused);
  return error.problem.error_code === 'refresh_token_invalid';
});
console.log('walked');

/** The code of a time step (RFC 6238: six digits, SHA-1). */
function totp(base32: string, step: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...base32].map((symbol) => alphabet.indexOf(symbol).toString(2).padStart(5, '0')).join('');
  const bytes = bits.match(/.{8}/g)?.map((byte) => parseInt(byte, 2)) ?? [];
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', Buffer.from(bytes)).update(counter).digest();
  const offset = digest.readUInt8(digest.length - 1) & 15;
  return ((digest.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).toString().padStart(6, '0');
}

/** A store that lasts as long as the process: enough here, not for an app. */
function memory(tokens: Tokens): Store {
  return {
    read: async () => tokens,
    replace: async (sent, newer) => {
      if (tokens.refresh_token === sent) tokens = newer;
    },
  };
}

/** What the compiler has to know of a step without being told. Each `@ts-expect-error` fails if there is none. */
export function told(step: Step): string {
  // @ts-expect-error: before `status` was looked at, there may be no tokens.
  step.access_token;
  switch (step.status) {
    case 'authenticated': {
      // @ts-expect-error: nothing is due any more.
      step.challenge;
      const role: 'user' | 'admin' = step.user.role;
      const name: string | null = step.user.display_name;
      // @ts-expect-error: it may be `null`.
      step.user.email.length;
      // @ts-expect-error: not everybody gets a device token.
      step.device_token.length;
      return `${role} ${name}`;
    }
    case 'challenge': {
      const kind: 'mfa' | 'change_password' | 'verify_email' = step.challenge.kind;
      return kind;
    }
    default: {
      const nothing: never = step;
      return nothing;
    }
  }
}
