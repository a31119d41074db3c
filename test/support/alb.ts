import { generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import type { JsonObject } from '../../emulators/core/keys.ts'

type Changes = { readonly header?: JsonObject; readonly claims?: JsonObject }

const arn = 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/mcp/50dc6c495c0c9188'
const issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI'
const clientId = '1example23456789'
const keyId = '12345678-1234-1234-1234-123456789012'
const keyUrl = `https://public-keys.auth.elb.eu-central-1.amazonaws.com/${keyId}`

/**
 * What an AWS Application Load Balancer sends in `X-Amzn-Oidc-Data`. Made from its documentation, not captured: docs.aws.amazon.com,
 * "Authenticate users using an Application Load Balancer" (header `alg kid signer iss client exp`, ES256, base64url with padding, the
 * claims of UserInfo, keys as PEM under their id), and awslabs/aws-jwt-verify (`alb-verifier.ts`, `alb-cache.ts`), 2026-11.
 */
export const alb = {
  arn,
  issuer,
  clientId,
  create(now = Date.now) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const asked: string[] = []
    let isDown = false
    return {
      asked,
      keyUrl,
      fail: () => {
        isDown = true
      },
      async sign({ header, claims }: Changes = {}): Promise<string> {
        const exp = Math.floor(now() / 1000) + 120
        const head = {
          typ: 'JWT',
          alg: 'ES256',
          kid: keyId,
          signer: arn,
          iss: issuer,
          client: clientId,
          exp,
          ...header,
        }
        const payload = { sub: '1234567890', name: 'Ada', email: 'ada@example.com', exp, iss: issuer, ...claims }
        return padded(head, payload, privateKey)
      },
      fetch: async (input: string | URL | Request): Promise<Response> => {
        asked.push(String(input))
        if (isDown) return new Response('', { status: 503 })
        if (String(input) !== keyUrl) return new Response('', { status: 403 })
        return new Response(publicKey.export({ type: 'spki', format: 'pem' }))
      },
    }
  },
}

/** base64url with the padding that RFC 7515 leaves out. */
function encoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}

/** The padding is signed as well. */
function padded(header: JsonObject, claims: JsonObject, key: KeyObject): string {
  const input = [header, claims].map(part => encoded(Buffer.from(JSON.stringify(part)))).join('.')
  return `${input}.${encoded(signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))}`
}
