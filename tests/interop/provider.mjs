// An OpenID provider on a free port of loopback, for the tests beside this file. It is the npm package `oidc-provider`,
// certified by the OpenID Foundation, with as few settings of ours as possible: what it refuses, we got wrong.
//
// Needs Node.js 18 or newer, as Debian 12 has it. That is why the package is at 8.8.1: its version 9 wants Node.js 22.
//
//     node provider.mjs SETTINGS      SETTINGS is JSON: { clients, claims_in_id_token?, client_auth_methods?, port? }
//
// `clients` are as in RFC 7591. Prints `issuer URL` once it listens, and ends when its standard input does, so that it
// never outlives a test.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

// Who can sign in; the name in the login form is the subject, and any password is right.
const PEOPLE = {
  ada: {
    email: 'ada@example.org',
    email_verified: true,
    name: 'Ada Lovelace',
    picture: 'https://pictures.example.org/ada.png',
  },
  // An address that anybody could have typed in.
  mallory: { email: 'ada@example.org', email_verified: false, name: 'Not Ada' },
  nemo: { name: 'Nobody' },
};

const settings = JSON.parse(process.argv[2]);

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

const server = createServer();
server.listen(settings.port ?? 0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration()).callback());
  console.log(`issuer ${issuer}`);
});

function configuration() {
  return {
    clients: settings.clients,
    clientAuthMethods: settings.client_auth_methods ?? ['client_secret_basic', 'client_secret_post', 'none'],
    // By the standard the claims of scopes stand in the userinfo answer alone (OpenID Connect Core, section 5.4); many
    // providers put them into the id_token too.
    conformIdTokenClaims: !settings.claims_in_id_token,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
    scopes: ['openid', 'email', 'profile'],
    pkce: { required: () => true },
    // All that the package has, and the one that it leaves out by default.
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] },
    // The pages for login and consent are the package's own too.
    features: { devInteractions: { enabled: true } },
    findAccount: (_, accountId) =>
      Object.hasOwn(PEOPLE, accountId)
        ? { accountId, claims: () => ({ sub: accountId, ...PEOPLE[accountId] }) }
        : undefined,
    // New ones with every start, so that a provider that is started again has changed its keys.
    jwks: { keys: [key('rsa', { modulusLength: 2048 }), key('ec', { namedCurve: 'P-256' }), key('ed25519')] },
    cookies: { keys: [key('ed25519').d] },
  };
}

function key(type, options) {
  return generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
}
