import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { lock } from 'proper-lockfile'
import { z } from 'zod'
import { jsonObject } from '../json-object.ts'
import { writeWhole } from '../replace-file.ts'
import { pick, type SignIn, type SignInStore, withLast } from './sign-ins.ts'

/** The file cannot be used. The message names it and says what to do. */
export class TokenFileError extends Error {
  override name = 'TokenFileError'
}

const signInSchema = z.object({
  issuer: z.string(),
  client: z
    .object({
      clientId: z.string(),
      clientSecret: z.string().optional(),
      tokenEndpointAuthMethod: z.string().optional(),
      origin: z.enum(['given', 'metadata-document', 'dynamic']),
      redirectUri: z.string().optional(),
    })
    .optional(),
  tokens: z
    .object({
      accessToken: z.string(),
      tokenType: z.string(),
      refreshToken: z.string().optional(),
      scopes: z.array(z.string()),
      expiresAt: z.number().optional(),
    })
    .optional(),
  proofKey: z.object({ alg: z.string(), jwk: z.record(z.string(), z.unknown()) }).optional(),
})
const fileSchema = z.object({ version: z.literal(1), servers: z.record(z.string(), z.array(signInSchema)) })
type Content = z.output<typeof fileSchema>

export interface TokenFile extends SignInStore {
  /** MCP servers with a sign-in. */
  servers(): Promise<string[]>
}

// A sign-in that is renewed has to wait for a provider; a process that was killed leaves its lock for so long.
const STALE_MILLISECONDS = 30_000
const RETRIES = { forever: true, minTimeout: 20, maxTimeout: 250, maxRetryTime: 60_000 } as const

/**
 * Sign-ins in a file that only its owner can read (mode 0600), written whole and then renamed, so that it is never half there.
 * Processes that run at once wait for each other.
 *
 * @throws {TokenFileError} It cannot be read or written, or something else than this program wrote it.
 */
export function createTokenFile(path: string): TokenFile {
  async function read(): Promise<Content> {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { version: 1, servers: {} }
      throw unusable(error)
    }
    const parsed = fileSchema.safeParse(jsonObject(text))
    if (parsed.success) return parsed.data
    throw new TokenFileError(`${path} is not a file of sign-ins; move it away, and sign in again`)
  }

  async function change(server: string, next: (signIns: SignIn[]) => SignIn[]): Promise<void> {
    await locked(path, async () => {
      const { servers } = await read()
      const signIns = next(servers[server] ?? [])
      const { [server]: _before, ...others } = servers
      const content = { version: 1, servers: { ...others, ...(signIns.length > 0 && { [server]: signIns }) } }
      try {
        await writeWhole(path, `${JSON.stringify(content, null, 2)}\n`, 0o600)
      } catch (error) {
        throw unusable(error)
      }
    })
  }

  async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(error => {
      throw unusable(error)
    })
    let release: () => Promise<void>
    try {
      release = await lock(file, { realpath: false, stale: STALE_MILLISECONDS, retries: RETRIES })
    } catch (error) {
      throw unusable(error)
    }
    try {
      return await work()
    } finally {
      await release()
    }
  }

  const unusable = (error: unknown) =>
    new TokenFileError(`${path} cannot be used (${(error as NodeJS.ErrnoException).code}); IDPLUG_TOKENS names another`)

  return {
    load: async (server, issuer) => pick((await read()).servers[server], issuer),
    save: (server, signIn) => change(server, signIns => withLast(signIns, signIn) as never),
    remove: server => change(server, () => []),
    servers: async () => Object.keys((await read()).servers),
    exclusively: (server, work) =>
      locked(`${path}.${createHash('sha256').update(server).digest('hex').slice(0, 16)}`, work),
  }
}
