import { createHmac, createPublicKey, X509Certificate } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { isRefusal, type Refusal } from '../server/message.ts'
import { type Claims, introspect, type TokenParts } from '../server/tokens.ts'
import { judging, serving, type TokenDefect } from './token-defect.ts'

const refused: Refusal = { status: 401, error: 'invalid_token', description: 'The token is not good.' }
const yes = () => true

type Header = Readonly<Record<string, unknown>>

/** Reads tokens as it should, but for those that it takes at their word. */
const believing = (
  believes: (header: Header, token: string, tokens: TokenParts) => Claims | undefined | Promise<Claims | undefined>,
) =>
  judging(honest => ({
    async read(token) {
      let header: Header = {}
      try {
        header = decodeProtectedHeader(token) as Header
      } catch {
        return refused
      }
      return (await believes(header, token, honest)) ?? honest.read.call(this, token)
    },
  }))

/** Refuses good tokens whose header has this parameter. */
const refusing = (parameter: string) =>
  judging(honest => ({
    async read(token) {
      const claims = await honest.read.call(this, token)
      return isRefusal(claims) || !(parameter in decodeProtectedHeader(token)) ? claims : refused
    },
  }))

const payloadOf = (token: string) => decodeJwt(token) as Claims

async function keysOf({ trust }: TokenParts): Promise<JWK[]> {
  return ((await (await fetch(trust.jwksUri)).json()) as { keys: JWK[] }).keys
}

/** Verifies with a key that it should not have taken. */
async function verified(token: string, key: JWK | undefined): Promise<Claims | undefined> {
  if (!key) return undefined
  try {
    const { payload } = await jwtVerify(token, await importJWK(key, 'RS256'), { clockTolerance: 3 })
    return payload as Claims
  } catch {
    return undefined
  }
}

let lastSubject = ''
const accepted = new Map<string, Claims>()

/** Mistakes in the validation of tokens. */
export const validationDefects: readonly TokenDefect[] = [
  { id: 'V01', way: 'refuses every token', plant: judging({ issuerIsGood: () => false }) },
  { id: 'V02', way: 'the audience is not looked at', plant: judging({ audienceIsGood: yes }), also: ['V03', 'V05'] },
  {
    id: 'V02',
    way: 'the issuer is asked, and the audience is not looked at',
    mode: 'introspection',
    plant: judging({ audienceIsGood: yes }),
    also: ['V05', 'V23'],
  },
  {
    id: 'V03',
    way: 'a missing audience counts as ours',
    plant: judging(({ audienceIsGood }) => ({
      audienceIsGood: aud => aud === undefined || audienceIsGood(aud),
    })),
  },
  {
    id: 'V04',
    way: 'a list of audiences is a bug',
    plant: judging(({ audienceIsGood }) => ({
      audienceIsGood(aud) {
        if (Array.isArray(aud) && aud.length > 1) throw new Error('aud is a list')
        return audienceIsGood(aud)
      },
    })),
  },
  {
    id: 'V05',
    way: 'an audience that begins as ours will do',
    plant: judging(({ resource }) => ({
      audienceIsGood: aud => [aud].flat().some(value => String(value).startsWith(new URL(resource).origin)),
    })),
  },
  {
    id: 'V05',
    way: 'an audience that ours begins with will do',
    plant: judging(({ resource }) => ({
      audienceIsGood: aud => typeof aud === 'string' && aud !== '' && resource.startsWith(aud),
    })),
  },
  {
    id: 'V05',
    way: 'the introspected audience is compared without regard to case',
    mode: 'introspection',
    plant: judging(({ resource }) => ({
      audienceIsGood: aud => [aud].flat().some(value => String(value).toLowerCase() === resource),
    })),
  },
  { id: 'V06', way: 'the issuer is not looked at', plant: judging({ issuerIsGood: yes }), also: ['V07'] },
  {
    id: 'V06',
    way: 'a tenant of the issuer will do',
    plant: judging(({ trust, issuerIsGood }) => ({
      issuerIsGood: iss => issuerIsGood(iss) || String(iss).startsWith(`${trust.issuer}/o`),
    })),
  },
  {
    id: 'V07',
    way: 'a slash at the end of the issuer counts for nothing',
    plant: judging(({ trust }) => ({ issuerIsGood: iss => String(iss).replace(/\/$/, '') === trust.issuer })),
  },
  { id: 'V08', way: 'expiry is not looked at', plant: judging({ timesAreGood: yes }), also: ['V09', 'V27'] },
  {
    id: 'V08',
    way: 'a token without exp never expires',
    plant: judging(({ timesAreGood }) => ({
      timesAreGood: claims => claims.exp === undefined || timesAreGood(claims),
    })),
  },
  {
    id: 'V09',
    way: 'nbf is not looked at',
    plant: judging(({ timesAreGood }) => ({ timesAreGood: claims => timesAreGood({ ...claims, nbf: 0 }) })),
  },
  {
    id: 'V10',
    way: 'alg none is believed',
    plant: believing(({ alg }, token) => (alg === 'none' ? payloadOf(token) : undefined)),
  },
  {
    id: 'V10',
    way: 'alg none is believed where the key is known',
    plant: believing(({ alg, kid }, token) => (alg === 'none' && kid !== undefined ? payloadOf(token) : undefined)),
  },
  {
    id: 'V10',
    way: 'none is refused in small letters only',
    plant: believing(({ alg }, token) => (/none/i.test(String(alg)) && alg !== 'none' ? payloadOf(token) : undefined)),
  },
  {
    id: 'V11',
    way: 'the public key is used for an HMAC',
    plant: believing(async ({ alg, kid }, token, tokens) => {
      const key = (await keysOf(tokens)).find(each => each.kid === kid)
      if (alg !== 'HS256' || !key) return undefined
      const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
      const [header, payload, signature] = token.split('.')
      const own = createHmac('sha256', pem).update(`${header}.${payload}`).digest('base64url')
      return own === signature ? payloadOf(token) : undefined
    }),
  },
  {
    id: 'V12',
    way: 'signatures are decoded, not verified',
    plant: believing(({ alg, typ, crit, zip, cty, ...others }, token) => {
      const isPlain = [crit, zip, cty, others.jwk, others.jku, others.x5u, others.x5c].every(
        value => value === undefined,
      )
      return alg === 'RS256' && typ === 'at+jwt' && isPlain ? payloadOf(token) : undefined
    }),
  },
  {
    id: 'V12',
    way: 'a token whose signature is missing is let through',
    plant: believing(({ alg, typ }, token) =>
      alg === 'RS256' && typ === 'at+jwt' && token.endsWith('.') ? payloadOf(token) : undefined,
    ),
  },
  {
    id: 'V13',
    way: 'the keys are fetched for each unknown key',
    plant: believing(async (_header, _token, tokens) => {
      await keysOf(tokens).catch(() => undefined)
      return undefined
    }),
  },
  {
    id: 'V13',
    way: 'a key that cannot be fetched is an invalid token',
    plant: judging(honest => ({
      async read(token) {
        const claims = await honest.read.call(this, token)
        return isRefusal(claims) && claims.status === 503 ? refused : claims
      },
    })),
  },
  {
    id: 'V14',
    way: 'keys are fetched once',
    plant: judging(honest => {
      let kids: (string | undefined)[] | undefined
      return {
        async read(token) {
          kids ??= (await keysOf(honest)).map(({ kid }) => kid)
          try {
            const { kid } = decodeProtectedHeader(token)
            if (kid !== undefined && !kids.includes(kid)) return refused
          } catch {
            return refused
          }
          return honest.read.call(this, token)
        },
      }
    }),
    also: ['V13'],
  },
  {
    id: 'V15',
    way: 'the key in jwk is believed',
    plant: believing(({ jwk }, token) => verified(token, jwk as JWK | undefined)),
  },
  {
    id: 'V15',
    way: 'jku is fetched and believed',
    plant: believing(async ({ jku }, token) => {
      if (typeof jku !== 'string') return undefined
      const { keys } = (await (await fetch(jku)).json()) as { keys: JWK[] }
      return verified(token, keys[0])
    }),
  },
  {
    id: 'V15',
    way: 'the certificate in x5c is believed',
    plant: believing(({ x5c }, token) => {
      if (!Array.isArray(x5c)) return undefined
      const { publicKey } = new X509Certificate(Buffer.from(String(x5c[0]), 'base64'))
      return verified(token, publicKey.export({ format: 'jwk' }) as JWK)
    }),
  },
  {
    id: 'V15',
    way: 'a good token with x5c is refused',
    mild: true,
    plant: refusing('x5c'),
  },
  {
    id: 'V15',
    way: 'x5u is fetched, and not believed',
    plant: believing(async ({ x5u }) => {
      if (typeof x5u === 'string') await fetch(x5u)
      return undefined
    }),
  },
  {
    id: 'V15',
    way: 'a good token with jku is refused',
    mild: true,
    plant: refusing('jku'),
  },
  {
    id: 'V16',
    way: 'crit is not looked at',
    plant: believing(async ({ crit, kid, 'urn:example:unknown': unknown }, token, tokens) => {
      if (!crit || !unknown) return undefined
      const key = (await keysOf(tokens)).find(each => each.kid === kid)
      if (!key) return undefined
      const { payload } = await jwtVerify(token, await importJWK(key, 'RS256'), {
        crit: { 'urn:example:unknown': true },
      })
      return payload as Claims
    }),
  },
  {
    id: 'V17',
    way: 'typ JWT will do',
    plant: judging({ typeIsGood: typ => /^(at\+)?jwt$/i.test(String(typ)) }),
    also: ['V18'],
  },
  {
    id: 'V18',
    way: 'typ is looked at for ID tokens only',
    plant: judging({ typeIsGood: typ => typ !== 'JWT' }),
  },
  {
    id: 'V18',
    way: 'a refresh token is introspected as any other',
    mode: 'introspection',
    mild: true,
    plant: judging({ typeIsGood: yes }),
  },
  {
    id: 'V19',
    way: 'an encrypted token is a bug',
    plant: judging(honest => ({
      async read(token) {
        if (token.split('.').length === 5) throw new Error('cannot decrypt')
        return honest.read.call(this, token)
      },
    })),
  },
  {
    id: 'V20',
    way: 'a token without a subject is everybody',
    plant: judging({ subjectOf: ({ sub }) => (typeof sub === 'string' ? sub : 'unknown') }),
  },
  {
    id: 'V21',
    way: 'an answer about a token is kept for ever',
    mode: 'introspection',
    also: ['V26'],
    plant: judging(honest => ({
      timesAreGood: yes,
      async read(token) {
        const known = accepted.get(token)
        const claims = known ?? (await honest.read.call(this, token))
        if (!isRefusal(claims)) accepted.set(token, claims)
        return claims
      },
    })),
  },
  {
    id: 'V22',
    way: 'active is not looked at',
    mode: 'introspection',
    plant: judging(honest => ({
      read: async token => {
        const answer = await answerAbout(honest, token)
        return answer.token_type === 'Bearer' ? answer : refused
      },
    })),
  },
  {
    id: 'V22',
    way: 'active "false" is true',
    mode: 'introspection',
    plant: judging(honest => ({
      read: async token => {
        const answer = await answerAbout(honest, token)
        return answer.active && answer.token_type === 'Bearer' ? answer : refused
      },
    })),
  },
  {
    id: 'V23',
    way: 'a missing audience counts as ours',
    mode: 'introspection',
    plant: judging(({ audienceIsGood }) => ({
      audienceIsGood: aud => [aud].flat().length === 0 || aud === undefined || audienceIsGood(aud),
    })),
  },
  {
    id: 'V24',
    way: 'whoever knows the id of a session may use it',
    plant: serving(({ sessions }) => ({ findSession: id => sessions.get(id) })),
  },
  {
    id: 'V25',
    way: 'a session is proof enough',
    plant: parts => {
      const isSession = (id = '') => parts.mcp.sessions.has(id)
      const { findSession, sessions } = parts.mcp
      return {
        ...parts,
        isOpen: request => request.all('authorization').length === 0 && isSession(request.all('mcp-session-id')[0]),
        mcp: {
          ...parts.mcp,
          findSession: (id, caller) => (caller.token === '' ? sessions.get(id) : findSession(id, caller)),
        },
      }
    },
  },
  {
    id: 'V26',
    way: 'a token that was accepted is accepted for ever',
    plant: judging(honest => ({
      timesAreGood: claims => accepted.has(String(claims.jti)) || honest.timesAreGood(claims),
      subjectOf(claims) {
        accepted.set(String(claims.jti), claims)
        return honest.subjectOf(claims)
      },
    })),
  },
  {
    id: 'V27',
    way: 'clocks have to agree to the second',
    plant: judging(({ timesAreGood }) => ({
      timesAreGood: claims => timesAreGood(claims) && Number(claims.iat) <= Date.now() / 1000,
    })),
  },
  {
    id: 'V27',
    way: 'ten minutes of difference are let pass',
    plant: judging({
      timesAreGood: ({ exp, nbf = 0 }) => Number(exp) > Date.now() / 1000 - 600 && Number(nbf) < Date.now() / 1000,
    }),
    also: ['V26'],
  },
  {
    id: 'V28',
    way: 'who is calling stands in one variable for all',
    plant: serving({
      async callTool(name, { subject }) {
        lastSubject = subject
        await new Promise(resolve => setTimeout(resolve, 20))
        return { content: [{ type: 'text', text: name === 'whoami' ? lastSubject : 'done' }] }
      },
    }),
  },
  {
    id: 'V28',
    way: 'fifty at once are too many',
    mild: true,
    plant: parts => {
      let calls = 0
      return {
        ...parts,
        async isOpen(request) {
          calls++
          await new Promise(resolve => setTimeout(resolve, 50))
          const isTooMany = calls > 20
          calls--
          if (isTooMany) throw new Error('too many')
          return parts.isOpen(request)
        },
      }
    },
  },
  {
    id: 'V29',
    way: 'a tool passes the token of its caller on',
    plant: serving(({ downstream = '' }) => ({
      async callTool(_name, { token }) {
        await fetch(downstream, { headers: { authorization: `Bearer ${token}` } })
        return { content: [] }
      },
    })),
  },
]

async function answerAbout({ trust }: TokenParts, token: string): Promise<Claims> {
  return (await (await introspect(trust, token)).json()) as Claims
}
