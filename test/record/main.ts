// npm run record -- <provider> [<recording>] [--live <tokens.json>]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { auth0 } from './auth0.ts'
import { azure } from './azure.ts'
import type { RecordedProvider } from './declaration.ts'
import { github } from './github.ts'
import { google } from './google.ts'
import { introspection } from './introspection.ts'
import { oidc } from './oidc.ts'
import { okta } from './okta.ts'
import { record } from './record.ts'
import { recordingUrl } from './recording.ts'
import { userinfo } from './userinfo.ts'

const recorded: readonly RecordedProvider[] = [auth0, azure, github, google, introspection, oidc, okta, userinfo]

const usage = `npm run record -- <provider> [<recording>] [--live <tokens.json>]
providers: ${recorded.map(({ provider, recordings }) => `${provider} (${recordings.map(({ name }) => name)})`).join(', ')}
see docs/recording.md`

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { live: { type: 'string' } } })
const [name, only] = positionals
const provider = recorded.find(candidate => candidate.provider === name) ?? fail(usage)
const recordings = provider.recordings.filter(recording => only === undefined || recording.name === only)
if (recordings.length === 0) fail(usage)
// The environment is set up in one way only.
if (values.live !== undefined && recordings.length > 1) fail(`Name one recording.\n${usage}`)

for (const recording of recordings) {
  const live = values.live && { env: process.env, tokens: JSON.parse(readFileSync(values.live, 'utf8')) }
  try {
    const file = await record(provider, recording, live || undefined)
    const url = recordingUrl(provider.provider, recording.name)
    mkdirSync(new URL('.', url), { recursive: true })
    writeFileSync(url, `${JSON.stringify(file, null, 2)}\n`)
    console.log(`${Object.keys(file.tokens).length} tokens, ${file.exchanges.length} requests: ${url.pathname}`)
  } catch (error) {
    fail((error as Error).message)
  }
}
