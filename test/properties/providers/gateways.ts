import { createPublicKey } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import {
  audience,
  bad,
  beginning,
  confirmation,
  expiry,
  harmless,
  ignored,
  issuer,
  oneOf,
  otherKinds,
  set,
  subject,
  unknownClaims,
} from '../changes/claims.ts'
import { answers, keySet, keySetEndpoints, NO_ANSWERS, page, text } from '../changes/endpoints.ts'
import { algorithms, forms, onlyRs256, parameters, signatures, tokenChanges, types } from '../changes/token.ts'
import { type Change, type ChangeFamily, jsonOf, type Members, type Presented, type Subject } from '../draft.ts'
import { type JwtDraft, jwtDraft, keys, signatureOf } from '../signing.ts'
import { NOW, neighborsOf, noText, oddDate } from '../values.ts'
import { ANY_TYPE } from './oidc.ts'

const example = (name: string) =>
  fileURLToPath(new URL(`../../../docs/examples/providers/${name}.json`, import.meta.url))

const ACCESS = 'https://acme.cloudflareaccess.com'
const ACCESS_KEYS = `${ACCESS}/cdn-cgi/access/certs`
const AUD = '32eafc7626e737873e2e6a6d2f0b1b5e'

/** Keys, and no metadata: nobody asks for any. */
function withKeysAt(jwksUri: string, draft: JwtDraft): Presented {
  const { signed } = signedAs(draft, plain)
  return {
    token: signed,
    endpoints: { [jwksUri]: draft.answers.keys ?? (() => Response.json({ keys: draft.keySet })) },
  }
}

const plain = (bytes: Buffer) => bytes.toString('base64url')
/** The padding that RFC 7515 leaves out. */
const padded = (bytes: Buffer) => bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')

function signedAs(draft: JwtDraft, encode: (bytes: Buffer) => string): { signed: string } {
  const { header, key, edits } = draft
  const payload = draft.payload ?? Buffer.from(jsonOf(draft.claims, draft))
  const input = `${encode(Buffer.from(JSON.stringify(header)))}.${encode(payload)}`
  const signature = draft.sign?.(input) ?? signatureOf(String(header.alg), Buffer.from(input), key)
  return { signed: edits.reduce((token, edit) => edit(token), `${input}.${encode(signature)}`) }
}

/** developers.cloudflare.com, "Application token". */
export const cloudflareAccess: Subject<JwtDraft> = {
  name: 'Cloudflare Access',
  weight: 0.5,
  env: {
    AUTH_CONFIG: example('cloudflare-access'),
    ACCESS_TEAM: 'acme',
    ACCESS_AUD: AUD,
    ACCESS_GRANT_SCOPES: 'notes:read',
  },
  draft: () =>
    jwtDraft({
      metadataUrl: ACCESS,
      issuer: ACCESS,
      header: { typ: 'JWT' },
      claims: {
        iss: ACCESS,
        aud: [AUD],
        sub: '7335d417-61da-459d-899c-0a01c76a2f94',
        type: 'app',
        email: 'ada@example.com',
        identity_nonce: '6ei69kawdKzMIAPF',
        country: 'US',
        iat: NOW - 10,
        nbf: NOW - 10,
        exp: NOW + 60,
      },
      expected: {
        issuer: ACCESS,
        subject: '7335d417-61da-459d-899c-0a01c76a2f94',
        clientId: 'cloudflare-access',
        scopes: ['notes:read'],
      },
    }),
  changes: [
    ...tokenChanges,
    ...types(ANY_TYPE),
    ...onlyRs256,
    ...keySetEndpoints,
    ...issuer(ACCESS, ['https://other.cloudflareaccess.com']),
    ...subject(),
    ...audience([AUD], ['https://mcp.example.com/mcp']),
    ...bad(oneOf('type', [undefined, null, '', 'org', 'App', 7, ['APP']], 'refused')),
    ...expiry({ required: true }),
    ...beginning(),
    ...confirmation,
    ...ignored('email', 'identity_nonce', 'country', 'policy_id', 'custom', 'groups'),
    ...unknownClaims,
  ],
  present: draft => withKeysAt(ACCESS_KEYS, draft),
}

const IAP = 'https://cloud.google.com/iap'
const IAP_AUDIENCE = '/projects/1/global/backendServices/2'

/** docs.cloud.google.com, "Securing your app with signed headers". */
export const googleIap: Subject<JwtDraft> = {
  name: 'Google IAP',
  weight: 0.5,
  env: { AUTH_CONFIG: example('google-iap'), IAP_AUDIENCE, IAP_GRANT_SCOPES: 'notes:read' },
  draft: () =>
    jwtDraft({
      metadataUrl: IAP,
      issuer: IAP,
      header: { typ: 'JWT' },
      key: keys.ec,
      claims: {
        iss: IAP,
        aud: IAP_AUDIENCE,
        sub: 'accounts.google.com:118133858486581853996',
        email: 'accounts.google.com:ada@example.com',
        hd: 'example.com',
        iat: NOW - 10,
        exp: NOW + 600,
      },
      expected: {
        issuer: IAP,
        subject: 'accounts.google.com:118133858486581853996',
        clientId: 'google-iap',
        scopes: ['notes:read'],
      },
    }),
  changes: [
    ...tokenChanges,
    ...types(ANY_TYPE),
    ...keySetEndpoints,
    ...issuer(IAP, ['https://accounts.google.com', 'accounts.google.com']),
    ...subject(),
    ...audience([IAP_AUDIENCE], ['/projects/1/global/backendServices/3', '/projects/1/apps/2']),
    ...expiry({ required: true }),
    ...beginning(),
    ...otherKinds,
    ...confirmation,
    ...ignored('email', 'hd', 'google', 'gcip'),
    ...unknownClaims,
  ],
  present: draft => withKeysAt('https://www.gstatic.com/iap/verify/public_key-jwk', draft),
}

const ALB = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'
const ARN = 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/mcp/50dc6c495c0c9188'
const ALB_KEY_ID = '12345678-1234-1234-1234-123456789012'
const ALB_KEY = `https://public-keys.auth.elb.eu-central-1.amazonaws.com/${ALB_KEY_ID}`

const inHeader = (
  name: string,
  value: unknown,
  verdict: Change['verdict'],
  claims: Members = {},
): Change<JwtDraft> => ({
  part: `header ${name}`,
  also: Object.keys(claims),
  name: `header: ${name} is ${value === undefined ? 'absent' : JSON.stringify(value)}, beside ${JSON.stringify(claims)}`,
  verdict,
  make(draft) {
    draft.header[name] = value
    Object.assign(draft.claims, claims)
  },
})

/** A parameter that must be this one, and that no claim can stand in for. */
const only = (name: string, good: string, others: readonly string[]): ChangeFamily<JwtDraft>[] =>
  bad(
    fc.oneof(noText, fc.constantFrom<unknown>(...neighborsOf(good), ...others)).map(value => {
      return inHeader(name, value, 'refused')
    }),
    fc.constantFrom(undefined, null).map(absent => inHeader(name, absent, 'refused', { [name]: good })),
  )

/** As `test/support/alb.ts` has it: made from the documentation. */
export const loadBalancer: Subject<JwtDraft> = {
  name: 'AWS Application Load Balancer',
  env: {
    AUTH_CONFIG: example('aws-alb'),
    ALB_REGION: 'eu-central-1',
    ALB_ARN: ARN,
    ALB_ISSUER: ALB,
    ALB_CLIENT_ID: '1example23456789',
    ALB_GRANT_SCOPES: 'notes:read',
  },
  draft() {
    const exp = NOW + 120
    return jwtDraft({
      metadataUrl: ALB,
      issuer: ALB,
      header: { typ: 'JWT', kid: ALB_KEY_ID, signer: ARN, iss: ALB, client: '1example23456789', exp },
      key: keys.ec,
      claims: { sub: '1234567890', name: 'Ada', email: 'ada@example.com', exp, iss: ALB },
      expected: {
        issuer: ALB,
        subject: '1234567890',
        clientId: '1example23456789',
        scopes: ['notes:read'],
        expiresAt: exp,
      },
    })
  },
  changes: [
    ...signatures,
    ...algorithms,
    // `iss` of the header means something here.
    ...parameters.map(({ verdict, arbitrary }) => ({
      verdict,
      arbitrary: arbitrary.filter(({ part }) => part !== 'iss'),
    })),
    ...forms,
    ...types(ANY_TYPE),
    ...only('signer', ARN, [ARN.replace('9188', '9189'), ARN.replace('123456789012', '210987654321')]),
    ...only('client', '1example23456789', ['another']),
    ...only('iss', ALB, [`${ALB}/`, 'https://evil.example']),
    ...harmless(
      fc.constantFrom(NOW + 1, NOW, NOW - 4, NOW + 3600).map(exp => {
        const { make, ...change } = inHeader('exp', exp, 'good')
        return {
          ...change,
          make(draft: JwtDraft) {
            make(draft)
            Object.assign(draft.expected, { expiresAt: exp })
          },
        }
      }),
    ),
    ...bad(
      fc.oneof(fc.constantFrom<unknown>(undefined, null, NOW - 5, NOW - 60, 0, 1), oddDate).map(exp => {
        return inHeader('exp', exp, 'refused', { exp: NOW + 3600 })
      }),
      fc
        .constantFrom<unknown>(undefined, null, '', 7, `../${ALB_KEY_ID}`, `${ALB_KEY_ID}/`, `${ALB_KEY_ID}?`, [
          ALB_KEY_ID,
        ])
        .map(kid => inHeader('kid', kid, 'refused')),
    ),
    // What UserInfo says may be called anything: none of it stands in for what the load balancer says.
    ...ignored('exp', 'iss', 'signer', 'client', 'client_id', 'azp', 'email', 'name', 'username'),
    ...harmless(fc.constantFrom<unknown>(undefined, null, 'other', ['other']).map(aud => set('aud', aud, 'good'))),
    ...subject(),
    ...beginning(),
    ...otherKinds,
    ...unknownClaims,
    ...answers(NO_ANSWERS, 'unknown', keySet, 'key: '),
    ...answers(
      [
        ['a key and more', text(200, `${pemOf()}x`)],
        ['a private key', text(200, keys.otherEc.export({ type: 'pkcs8', format: 'pem' }).toString())],
      ],
      'unknown',
      keySet,
      'key: ',
    ),
    ...answers(
      [
        ['404', text(404)],
        ['403 with a page', text(403, page)],
        ['another key', text(200, pemOf(keys.otherEc))],
        ['a key of another kind', text(200, pemOf(keys.rsa))],
      ],
      'refused',
      keySet,
      'key: ',
    ),
    ...answers([['400', text(400)]], 'ours', keySet, 'key: '),
  ],
  present(draft) {
    const { signed } = signedAs(draft, padded)
    return { token: signed, endpoints: { [ALB_KEY]: draft.answers.keys ?? (() => new Response(pemOf())) } }
  },
}

function pemOf(key = keys.ec): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
}
